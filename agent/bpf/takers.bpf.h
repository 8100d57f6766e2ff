/* SPDX-License-Identifier: GPL-2.0-only */
/* Who took the pins of a frame, by pfn: the index of a tally. See count_pins.bpf.h. */
#define TAKERS_CHUNK 2048

struct takers_chunk {
	u16 tally[TAKERS_CHUNK]; /* 0: nobody */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set by user space */
	__type(key, u32);
	__type(value, struct takers_chunk);
} takers SEC(".maps");

/* How to look at a page. What is below these is a tally that takes it: as PAGES_TAKEN, and it is kept who. */
enum pages_how {
	PAGES_TAKEN = 1 << 16, /* from now on its release and its end are reported */
	PAGES_GIVEN,	       /* nothing is said of a page that was not reported as taken */
};

/* Where pages are and are kept: constants, read once before a loop. */
struct pages_base {
	u64 vmemmap;
	u64 mask;
};

static __always_inline struct pages_base pages_base(void)
{
	struct pages_base base = {shared.vmemmap_base, config.tracked_mask};

	return base;
}

/* `index` is the pfn, modulo config.tracked_mask + 1. */
static __always_inline u16 *taker_at(u64 index)
{
	u32 number = index / TAKERS_CHUNK;
	struct takers_chunk *chunk = bpf_map_lookup_elem(&takers, &number);

	return chunk ? &chunk->tally[index & (TAKERS_CHUNK - 1)] : NULL;
}

static __always_inline u16 *taker_of(u64 page, struct pages_base base)
{
	return taker_at((page - base.vmemmap) >> STRUCT_PAGE_SHIFT & base.mask);
}

static __always_inline void take_at(u64 index, u32 tally)
{
	u16 *taker = taker_at(index);

	if (taker)
		*taker = tally;
}

static __always_inline void take(u64 page, struct pages_base base, u32 tally)
{
	take_at((page - base.vmemmap) >> STRUCT_PAGE_SHIFT & base.mask, tally);
}
