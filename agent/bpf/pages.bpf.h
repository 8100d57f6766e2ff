/* SPDX-License-Identifier: GPL-2.0-only */
/* Many pages at once, as GUP takes and gives them back: runs of a pages_record. */

#define MOST_PAGES 512		  /* in one record */
#define MOST_RECORDS 128	  /* of one call */
#define PAGE_NOT_OURS 0xffffffffU /* no facts are so */

/* How to look at a page. */
enum pages_how {
	PAGES_TAKEN, /* from now on its release and its end are reported */
	PAGES_GIVEN, /* nothing is said of a page that was not reported as taken */
};

/* Order of the folio as page_facts() tells it. */
#define FACTS_ORDER(facts) ((facts) >> RUN_ORDER_SHIFT & 31)

/*
 * Flags and order of a page that somebody holds: it can be neither split nor freed. `known` are the facts of
 * its neighbour in the same folio, or 0: the exclusive bit alone is each page's own.
 *
 * A global function: the verifier looks at it once, not once for each of 512 pages.
 */
__noinline u32 page_facts(u64 page, u32 how, u32 known)
{
	struct page_words words = {};
	u64 pfn = pfn_of(page);
	u8 *mark = mark_of(pfn);
	u64 flags, mapping, head;
	u32 facts = 0;

	if (how == PAGES_GIVEN && (!mark || *mark != MARK_TAKEN))
		return PAGE_NOT_OURS;
	if (mark && *mark != MARK_TAKEN)
		*mark = MARK_TAKEN;
	if (known) {
		bpf_probe_read_kernel(&flags, sizeof(flags), (void *)page);
		if (known & FLAG_ANON && HAS_FLAG(flags, PG_anon_exclusive))
			return known | FLAG_EXCLUSIVE;
		return known & ~FLAG_EXCLUSIVE;
	}
	/* Flags, head and mapping are in the first half. */
	bpf_probe_read_kernel(&words, sizeof(words) / 2, (void *)page);
	flags = words.word[0];
	if (HAS_FLAG(flags, PG_anon_exclusive))
		facts |= FLAG_EXCLUSIVE;
	head = head_of(page, &words);
	if (head != page) {
		track(pfn_of(head));
		bpf_probe_read_kernel(&words, sizeof(words) / 2, (void *)head);
		flags = words.word[0];
	}
	mapping = PAGE_FIELD(&words, u64, mapping);
	if ((mapping & 3) == 3)
		facts |= FLAG_ANON | FLAG_KSM;
	else if (mapping & 1)
		facts |= FLAG_ANON;
	else if (mapping)
		facts |= FLAG_FILE;
	else if (HAS_FLAG(flags, PG_reserved))
		facts |= FLAG_ZERO;
	if (!(facts & FLAG_ANON))
		facts &= ~FLAG_EXCLUSIVE;
	if (HAS_FLAG(flags, PG_head)) {
		struct folio_counts counts;

		read_large(head, &counts);
		facts |= FLAG_LARGE | counts.order << RUN_ORDER_SHIFT;
		if (counts.hugetlb)
			facts |= FLAG_HUGETLB;
	}
	return facts;
}

/* The counts of a run's first page. */
static __always_inline void read_counts(struct page_run *run, u64 page, u32 facts)
{
	s32 mapcount = KERNEL_S32(page + bpf_core_field_offset(struct page, _mapcount)) + 1;
	u64 head = page_of(run->pfn & ~((1ULL << FACTS_ORDER(facts)) - 1));

	run->refcount = KERNEL_S32(head + bpf_core_field_offset(struct page, _refcount));
	if (facts & FLAG_LARGE) {
		struct folio_counts counts;

		read_large(head, &counts);
		run->mapcount = counts.hugetlb ? counts.entire_mapcount
					       : mapcount + counts.entire_mapcount - counts.double_map;
		run->pincount = counts.pincount;
	} else {
		run->mapcount = mapcount;
		run->pincount =
		    run->refcount >= GUP_PIN_COUNTING_BIAS ? run->refcount / GUP_PIN_COUNTING_BIAS : 0;
	}
}

/*
 * Fills the runs of `count` pages into a record with room for `room` of them, a power of two. The pages are
 * those that `array` points to or, where it is 0, the `count` from `page` on.
 *
 * The array is read into the last third of the room: the runs grow towards it, and never reach an entry that
 * was not used. Their number is kept in the record alone: a register would give the verifier one more state
 * for each page.
 */
static __always_inline void fill_runs(struct pages_record *record, const u32 room, u64 array, u64 page,
				      u32 count, u32 how)
{
	struct page_run *runs = (struct page_run *)(record + 1);
	u64 *pages = (u64 *)(record + 1) + 2 * room;
	u64 next = 0;
	u32 last = 0, known, facts, at, i;

	record->runs = 0;
	if (count > room)
		count = room;
	if (array && bpf_probe_read_kernel(pages, count * sizeof(u64), (void *)array))
		return;
#pragma clang loop unroll(disable)
	for (i = 0; i < room; i++) {
		if (i >= count)
			break;
		if (array)
			page = pages[i];
		known = 0;
		if (page == next && last & FLAG_LARGE && pfn_of(page) & ((1ULL << FACTS_ORDER(last)) - 1))
			known = last;
		facts = page_facts(page, how, known);
		at = *(volatile u16 *)&record->runs;
		if (facts == PAGE_NOT_OURS || (how == PAGES_GIVEN && facts & FLAG_ZERO)) {
			next = 0;
			last = 0;
		} else if (page == next && facts == last) {
			runs[(at - 1) & (room - 1)].facts += 1U << RUN_PAGES_SHIFT;
			next = page + sizeof(struct page_words);
		} else {
			struct page_run *run = &runs[at & (room - 1)];

			run->pfn = pfn_of(page);
			run->facts = facts | 1U << RUN_PAGES_SHIFT;
			read_counts(run, page, facts);
			*(volatile u16 *)&record->runs = at + 1;
			next = page + sizeof(struct page_words);
			last = facts;
		}
		page += sizeof(struct page_words);
	}
}
