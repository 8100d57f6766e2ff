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
#define NO_PAGE 0xffffffffU
#define FIRST_WORDS 4 /* of struct page: flags, head, mapping */

/* How to look at a page. What is below these is a tally that takes it: as PAGES_TAKEN, and it is kept who. */
enum pages_how {
	PAGES_TAKEN = 1 << 16, /* from now on its release and its end are reported */
	PAGES_GIVEN,	       /* nothing is said of a page that was not reported as taken */
};

#define RUN_FACTS(facts) ((u32)(facts) & ((1U << RUN_PAGES_SHIFT) - 1))
#define FACTS_ORDER(facts) ((facts) >> RUN_ORDER_SHIFT & 31)

/*
 * What page_facts() tells, in one word: the facts, and above them both counts of a small page where they are
 * small numbers. Who holds the page is counted, so a reference count of 0 says that they are not there.
 */
#define NO_FACTS (~0ULL)
#define COUNT_BITS 22
#define COUNT_MASK ((1U << COUNT_BITS) - 1)
#define FACTS_MAPCOUNT(facts) ((u32)((facts) >> RUN_PAGES_SHIFT) & COUNT_MASK)
#define FACTS_REFCOUNT(facts) ((u32)((facts) >> (RUN_PAGES_SHIFT + COUNT_BITS)))

static __always_inline u64 with_counts(u32 facts, u32 refcount, u32 mapcount)
{
	if ((refcount | mapcount) & ~COUNT_MASK)
		return facts;
	return facts | (u64)mapcount << RUN_PAGES_SHIFT | (u64)refcount << (RUN_PAGES_SHIFT + COUNT_BITS);
}

/*
 * Flags and order of a page that somebody holds: it can be neither split nor freed. NO_FACTS: nothing is to
 * be said of it. `before` are the facts of the page before it in memory where that is in the same run of the
 * call, or NO_PAGE: pages of one folio differ in their exclusive bit alone.
 */
__noinline u64 page_facts(u64 page, u32 how, u32 before)
{
	u64 pfn = pfn_of(page), flags, mapping, head;
	struct page_words words; /* a failed read leaves zeroes */
	u8 *mark = mark_of(pfn);
	u32 facts = 0;

	if (how == PAGES_GIVEN && (!mark || *mark != MARK_TAKEN))
		return NO_FACTS;
	if (mark && *mark != MARK_TAKEN)
		*mark = MARK_TAKEN;
	if (config.counters && how < PAGES_TAKEN)
		take_at(pfn & config.tracked_mask, how);
	if (before != NO_PAGE && before & FLAG_LARGE && pfn & ((1ULL << FACTS_ORDER(before)) - 1)) {
		flags = READ_KERNEL(u64, page);
		if (before & FLAG_ANON && HAS_FLAG(flags, PG_anon_exclusive))
			return before | FLAG_EXCLUSIVE;
		return before & ~FLAG_EXCLUSIVE;
	}
	/* The counts are further behind, and wanted for the first page of a run alone. */
	if (before == NO_PAGE)
		read_words(&words, page, PAGE_WORDS);
	else
		read_words(&words, page, FIRST_WORDS);
	flags = words.word[0];
	if (HAS_FLAG(flags, PG_anon_exclusive))
		facts |= FLAG_EXCLUSIVE;
	head = head_of(page, &words);
	if (head != page) {
		track(pfn_of(head));
		if (config.counters && config.unpin_by_head && how < PAGES_TAKEN)
			take(head, pages_base(), how);
		read_words(&words, head, FIRST_WORDS);
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
		return RUN_FACTS(facts);
	}
	/* Every process has it, and since 6.1 nobody counts its pins. */
	if (how == PAGES_GIVEN && facts & FLAG_ZERO)
		return NO_FACTS;
	if (before != NO_PAGE)
		return RUN_FACTS(facts);
	return with_counts(RUN_FACTS(facts), PAGE_FIELD(&words, u32, _refcount.counter),
			   PAGE_FIELD(&words, u32, _mapcount.counter) + 1);
}

/* Mapcount of the page in the high half, reference count of its folio in the low one. */
__noinline u64 page_counts(u64 page, u64 head, u32 facts)
{
	u32 refcount = KERNEL_S32(head + bpf_core_field_offset(struct page, _refcount));
	u32 mapcount = KERNEL_S32(page + bpf_core_field_offset(struct page, _mapcount)) + 1;
	struct folio_counts counts;

	if (facts & FLAG_LARGE) {
		read_large(head, &counts);
		if (counts.hugetlb)
			mapcount = counts.entire_mapcount;
		else
			mapcount += counts.entire_mapcount - counts.double_map;
	}
	return (u64)mapcount << 32 | refcount;
}

/* What the folio counts as pins, or what the references amount to. */
__noinline u32 page_pincount(u64 head, u32 facts, u32 refcount)
{
	struct folio_counts counts;

	if (facts & FLAG_LARGE) {
		read_large(head, &counts);
		return counts.pincount;
	}
	return (s32)refcount >= GUP_PIN_COUNTING_BIAS ? refcount / GUP_PIN_COUNTING_BIAS : 0;
}

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
	u32 before, at, i;

	record->runs = 0;
	/* The compiler may know it already; the verifier must see it. */
	asm volatile("" : "+r"(bytes));
	if (bytes > room * sizeof(u64))
		bytes = room * sizeof(u64);
	if (array && bpf_probe_read_kernel(pages, bytes, (void *)array))
		return;
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
		if (at && pfn == run->pfn + (run->facts >> RUN_PAGES_SHIFT))
			before = RUN_FACTS(run->facts);
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
