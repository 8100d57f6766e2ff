/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pins of every process: who took the pins of a frame is kept by pfn, because they are given back by
 * interrupts and by kernel threads, too. A frame that two processes pin at once is given back for the last
 * of them. What was pinned before the agent came has no taker here, and its return is not counted.
 *
 * The loops are in global functions, which the verifier looks at once (see pages.bpf.h).
 */
#define TAKERS_CHUNK 2048
#define PINS_AT_ONCE 32

struct takers_chunk {
	u16 tally[TAKERS_CHUNK]; /* 0: nobody */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set by user space */
	__type(key, u32);
	__type(value, struct takers_chunk);
} takers SEC(".maps");

static __always_inline u16 *taker_of(u64 pfn)
{
	u64 index = pfn & config.tracked_mask;
	u32 number = index / TAKERS_CHUNK;
	struct takers_chunk *chunk = bpf_map_lookup_elem(&takers, &number);

	return chunk ? &chunk->tally[index & (TAKERS_CHUNK - 1)] : NULL;
}

/* The pages at `array`, or those from `page` on, at most PINS_AT_ONCE, into `pages`. */
static __always_inline bool read_pages(u64 *pages, u64 array, u32 many)
{
	u32 bytes = many * sizeof(u64);

	asm volatile("" : "+r"(bytes));
	if (bytes > PINS_AT_ONCE * sizeof(u64))
		bytes = PINS_AT_ONCE * sizeof(u64);
	return !bpf_probe_read_kernel(pages, bytes, (void *)array);
}

static __always_inline void take(u64 page, u32 index)
{
	u16 *taker = taker_of(pfn_of(page));

	if (taker)
		*taker = index;
}

/*
 * The tally `index` has pinned these. Their folios are given back by their heads, some of them: of pages that
 * follow each other in memory only the first may have its head elsewhere.
 */
__noinline u32 note_taker(u64 array, u32 many, u32 index)
{
	u64 pages[PINS_AT_ONCE] = {}, before = 0;
	struct page_words words = {};
	u32 i;

	if (!read_pages(pages, array, many))
		return 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < PINS_AT_ONCE && i < many; i++) {
		take(pages[i], index);
		if (pages[i] != before + sizeof(struct page_words)) {
			bpf_probe_read_kernel(&words.word[1], sizeof(u64), (void *)(pages[i] + sizeof(u64)));
			take(head_of(pages[i], &words), index);
		}
		before = pages[i];
	}
	return 0;
}

__noinline u32 note_takers(u64 array, u64 many, u32 index)
{
	u32 i;

	for (i = 0; i < MOST_RECORDS && i * PINS_AT_ONCE < many; i++)
		note_taker(array + i * PINS_AT_ONCE * sizeof(u64), many - i * PINS_AT_ONCE, index);
	return 0;
}

/* A call of GUP has taken so many pages. Whether it is to be told: it was by, or of, a target. */
static __always_inline bool count_gup(const struct gup *gup, u64 taken)
{
	struct tally *tally;
	u32 index, i;

	if (!config.counters)
		return true;
	index = tally_index(bpf_get_current_pid_tgid() >> 32);
	tally = tally_at(index);
	if (!tally)
		return gup->cookie;
	__sync_fetch_and_add(&tally->counts[COUNTER_GUP], 1);
	__sync_fetch_and_add(&tally->counts[COUNTER_GUP_PAGES], taken);
	if (!(gup->foll & config.foll_pin))
		return gup->cookie;
	__sync_fetch_and_add(&tally->counts[COUNTER_PIN_TAKEN], taken);
	for (i = 0; i < MOST_GOES && i * MOST_AT_ONCE < taken; i++)
		note_takers(gup->pages + i * MOST_AT_ONCE * sizeof(u64), taken - i * MOST_AT_ONCE, index);
	return gup->cookie;
}

static __always_inline void count_return(u64 pfn, u32 each)
{
	u16 *taker = taker_of(pfn);
	struct tally *tally;

	if (!taker || !*taker)
		return;
	tally = tally_at(*taker);
	if (tally)
		__sync_fetch_and_add(&tally->counts[COUNTER_PIN_RETURNED], each);
}

__noinline u32 count_returns(u64 array, u64 page, u32 many, u32 each)
{
	u64 pages[PINS_AT_ONCE] = {};
	u32 i;

	if (array && !read_pages(pages, array, many))
		return 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < PINS_AT_ONCE && i < many; i++)
		count_return(pfn_of(array ? pages[i] : page) + (array ? 0 : i), each);
	return 0;
}

__noinline u32 count_many_returns(u64 array, u64 page, u64 many, u32 each)
{
	u64 step = array ? PINS_AT_ONCE * sizeof(u64) : 0;
	u32 i;

	for (i = 0; i < MOST_RECORDS && i * PINS_AT_ONCE < many; i++) {
		count_returns(array, page, many - i * PINS_AT_ONCE, each);
		array += step;
		page += PINS_AT_ONCE * sizeof(struct page_words);
	}
	return 0;
}

/* Whether GUP itself does this: its result is reported when it returns, and nothing before. */
static __always_inline bool is_gups_own(void *ctx)
{
	struct gup *gup = gup_around(ctx);

	return gup && gup->level != GUP_SLOW;
}

/* References are given back: of the pages in an array, or of those from `page` on where that is 0. */
static __always_inline void count_unpin(void *ctx, u64 array, u64 page, u64 many, u32 each)
{
	u64 step = array ? MOST_AT_ONCE * sizeof(u64) : 0;
	u32 i;

	if (!config.counters || is_gups_own(ctx))
		return;
	for (i = 0; i < MOST_GOES && i * MOST_AT_ONCE < many; i++) {
		count_many_returns(array, page, many - i * MOST_AT_ONCE, each);
		array += step;
		page += MOST_AT_ONCE * sizeof(struct page_words);
	}
}
