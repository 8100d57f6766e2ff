/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many pages at once, as GUP takes and gives them back: runs of a pages_record.
 *
 * What is done for each page is in global functions, and what is known of the run so far is read from the
 * record again: the verifier then looks at each function once, and finds nothing in registers that would make
 * one pass of the loop differ from the last.
 */

#define MOST_PAGES 32	 /* in one record */
#define MOST_RECORDS 128 /* in one go, so that no loop is long for the verifier */
#define MOST_AT_ONCE (MOST_PAGES * MOST_RECORDS)
#define MOST_GOES 64 /* of one call: 1 GiB, the largest buffer that io_uring registers */

/*
 * Fills the runs of `count` pages into a record with room for `room` of them, a power of two. The pages are
 * those that `array` points to or, where it is 0, the `count` from `page` on.
 *
 * The array is read into the last third of the room: the runs grow towards it, and never reach an entry that
 * was not used.
 */
static __always_inline void fill_runs(struct pages_record *record, const u32 room, u64 array, u64 page,
				      u32 count, u32 how)
{
	struct page_run *runs = (struct page_run *)(record + 1), *run;
	u64 *pages = (u64 *)(record + 1) + 2 * room;
	u64 pfn, head, counts, facts;
	u64 bytes = count * sizeof(u64);
	u32 before, last, at, i;

	record->runs = 0;
	/* The compiler may know it already; the verifier must see it. */
	asm volatile("" : "+r"(bytes));
	if (bytes > room * sizeof(u64))
		bytes = room * sizeof(u64);
	if (array && bpf_probe_read_kernel(pages, bytes, (void *)array))
		return;
	if (!config.casts && how != PAGES_GIVEN)
		hold_pages(pages, room, count, how);
#pragma clang loop unroll(disable)
	for (i = 0; i < room; i++) {
		if (i >= count)
			break;
		if (array)
			page = pages[i];
		pfn = pfn_of(page);
		at = *(volatile u16 *)&record->runs;
		run = &runs[(at - 1) & (room - 1)];
		before = NO_PAGE;
		last = PLAIN_FACTS;
		if (at) {
			last = RUN_FACTS(run->facts);
			if (pfn == run->pfn + (run->facts >> RUN_PAGES_SHIFT))
				before = last;
		}
		facts = NO_FACTS;
		if (!config.casts && how != PAGES_GIVEN) {
			if (before == PLAIN_FACTS && is_plain(READ_KERNEL(u64, page))) {
				run->facts += 1U << RUN_PAGES_SHIFT;
				continue;
			}
			if (before == NO_PAGE)
				facts = plain_facts(page, last);
		}
		if (facts == NO_FACTS)
			facts = page_facts(page, how, before);
		if (facts != NO_FACTS) {
			if (RUN_FACTS(facts) == before) {
				run->facts += 1U << RUN_PAGES_SHIFT;
			} else {
				run = &runs[at & (room - 1)];
				run->pfn = pfn;
				run->facts = RUN_FACTS(facts) | 1U << RUN_PAGES_SHIFT;
				if (FACTS_REFCOUNT(facts)) {
					run->refcount = FACTS_REFCOUNT(facts);
					run->mapcount = FACTS_MAPCOUNT(facts);
					run->pincount = FACTS_REFCOUNT(facts) / GUP_PIN_COUNTING_BIAS;
				} else {
					head = page_of(pfn & ~((1ULL << FACTS_ORDER(facts)) - 1));
					counts = page_counts(page, head, RUN_FACTS(facts));
					run->refcount = (u32)counts;
					run->mapcount = counts >> 32;
					run->pincount = page_pincount(head, RUN_FACTS(facts), counts);
				}
				record->runs = at + 1;
			}
		}
		page += 1 << STRUCT_PAGE_SHIFT;
	}
}
