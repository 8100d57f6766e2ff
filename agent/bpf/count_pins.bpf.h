/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pins of every process: who took the pins of a frame is kept by pfn, because they are given back by
 * interrupts and by kernel threads, too. A frame that two processes pin at once is given back for the last
 * of them. What was pinned before the agent came has no taker here, and its return is not counted.
 *
 * The loops are in global functions, which the verifier looks at once (see pages.bpf.h).
 */
#define PINS_AT_ONCE 32

/* The pages at `array`, or those from `page` on, at most PINS_AT_ONCE, into `pages`. */
static __always_inline bool read_pages(u64 *pages, u64 array, u32 many)
{
	u32 bytes = many * sizeof(u64);

	asm volatile("" : "+r"(bytes));
	if (bytes > PINS_AT_ONCE * sizeof(u64))
		bytes = PINS_AT_ONCE * sizeof(u64);
	return !bpf_probe_read_kernel(pages, bytes, (void *)array);
}

/* Folios of these are given back by their heads: of pages that follow each other in memory only the first may
 * have its head elsewhere. */
static __always_inline void take_heads(const u64 *pages, u32 many, struct pages_base base, u32 index)
{
	u64 before = 0, page, link;
	u32 i;

#pragma clang loop unroll(disable)
	for (i = 0; i < PINS_AT_ONCE && i < many; i++) {
		page = pages[i];
		if (page != before + (1 << STRUCT_PAGE_SHIFT)) {
			link = READ_KERNEL(u64, page + LINK_OFFSET);
			if (link & TAIL_BIT)
				take(head_by(page, link), base, index);
		}
		before = page;
	}
}

/* The tally `index` has pinned these. */
__noinline u32 note_taker(u64 array, u32 many, u32 index)
{
	u64 pages[PINS_AT_ONCE] = {};
	struct pages_base base = pages_base();
	u32 i;

	if (!read_pages(pages, array, many))
		return 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < PINS_AT_ONCE && i < many; i++)
		take(pages[i], base, index);
	/* Since 6.11. */
	if (config.unpin_by_head)
		take_heads(pages, many, base, index);
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
static __always_inline bool count_gup(struct gup *gup, u64 taken)
{
	struct tally *tally;
	u32 index, i;

	gup->how = PAGES_TAKEN;
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
	/* Where each page is looked at anyhow it is noted there. */
	if (gup->cookie && !config.sample) {
		gup->how = index;
		return true;
	}
	for (i = 0; i < MOST_GOES && i * MOST_AT_ONCE < taken; i++)
		note_takers(gup->pages + i * MOST_AT_ONCE * sizeof(u64), taken - i * MOST_AT_ONCE, index);
	return gup->cookie;
}

static __always_inline void give_back(u32 index, u32 pins)
{
	struct tally *tally;

	if (!index || !pins)
		return;
	tally = tally_at(index);
	if (tally)
		__sync_fetch_and_add(&tally->counts[COUNTER_PIN_RETURNED], pins);
}

/* Pages that follow each other mostly have one taker. */
__noinline u32 count_returns(u64 array, u64 page, u32 many, u32 each)
{
	u64 pages[PINS_AT_ONCE] = {};
	struct pages_base base = pages_base();
	u32 i, index = 0, pins = 0;
	u16 *taker;

	if (array && !read_pages(pages, array, many))
		return 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < PINS_AT_ONCE && i < many; i++) {
		if (array)
			page = pages[i];
		taker = taker_of(page, base);
		page += 1 << STRUCT_PAGE_SHIFT;
		if (!taker)
			continue;
		if (*taker != index) {
			give_back(index, pins);
			index = *taker;
			pins = 0;
		}
		pins += each;
	}
	give_back(index, pins);
	return 0;
}

__noinline u32 count_many_returns(u64 array, u64 page, u64 many, u32 each)
{
	u64 step = array ? PINS_AT_ONCE * sizeof(u64) : 0;
	u32 i;

	for (i = 0; i < MOST_RECORDS && i * PINS_AT_ONCE < many; i++) {
		count_returns(array, page, many - i * PINS_AT_ONCE, each);
		array += step;
		page += PINS_AT_ONCE << STRUCT_PAGE_SHIFT;
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
		page += MOST_AT_ONCE << STRUCT_PAGE_SHIFT;
	}
}
