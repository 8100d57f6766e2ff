/* SPDX-License-Identifier: GPL-2.0-only */
/* What a run of a pages_record says of its pages, looked up for one of them. */

#define NO_PAGE 0xffffffffU
#define FIRST_WORDS 4 /* of struct page: flags, head, mapping */

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
	u32 facts = 0;

	if (how == PAGES_GIVEN || config.casts) {
		u8 *mark = mark_of(pfn);

		if (how == PAGES_GIVEN && (!mark || *mark != MARK_TAKEN))
			return NO_FACTS;
		if (mark && *mark != MARK_TAKEN)
			*mark = MARK_TAKEN;
		if (config.counters && how < PAGES_TAKEN)
			take_at(pfn & config.tracked_mask, how);
	}
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
