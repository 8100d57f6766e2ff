/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that GUP takes where memory of the kernel is read by a call (up to 6.1, see read.bpf.h): then it is
 * the calls and look-ups for each page that cost, so most pages are spared them.
 */

#define PLAIN_FACTS (FLAG_ANON | FLAG_EXCLUSIVE)

/*
 * Whether a page that somebody holds is anonymous, small, exclusive and not KSM's, by its flags alone. The
 * bit for exclusive pages is else mappedtodisk's, which file systems set on pages of files; those are not
 * swap-backed, and shmem never sets it. Of a large folio only the head is swap-backed; a tail that the
 * optimisation of hugetlb's vmemmap mapped to the head's struct page has its PG_head, too. KSM takes no
 * exclusive page. All in 6.1: include/linux/page-flags.h; mm/ksm.c, set_page_stable_node().
 */
static __always_inline bool is_plain(u64 flags)
{
	return bpf_core_enum_value_exists(enum pageflags, PG_double_map) && /* up to 6.1 */
	       HAS_FLAG(flags, PG_anon_exclusive) && HAS_FLAG(flags, PG_swapbacked) &&
	       !HAS_FLAG(flags, PG_head);
}

/*
 * What page_facts() would tell of a plain page that begins a run, or NO_FACTS. Looked at only after others
 * like it: `last` are the facts of the run before, or PLAIN_FACTS where there is none.
 */
__noinline u64 plain_facts(u64 page, u32 last)
{
	struct page_words words; /* a failed read leaves zeroes */

	if (last != PLAIN_FACTS)
		return NO_FACTS;
	bpf_probe_read_kernel(&words, sizeof(words), (void *)page);
	if (!is_plain(words.word[0]))
		return NO_FACTS;
	return with_counts(PLAIN_FACTS, PAGE_FIELD(&words, u32, _refcount.counter),
			   PAGE_FIELD(&words, u32, _mapcount.counter) + 1);
}

/* From now on the release and the end of this frame are reported, and its pins are that tally's. */
__noinline u32 hold_page(u64 index, u32 how)
{
	u8 *mark = mark_of(index);

	if (mark)
		*mark = MARK_TAKEN;
	if (config.counters && how < PAGES_TAKEN)
		take_at(index, how);
	return 0;
}

/* The same for many, most of which lie close to the first. */
static __always_inline void hold_pages(const u64 *pages, const u32 room, u32 count, u32 how)
{
	u64 mask = config.tracked_mask, base = shared.vmemmap_base,
	    index = (pages[0] - base) >> STRUCT_PAGE_SHIFT & mask;
	u32 of_takers = index / TAKERS_CHUNK, of_marks = index / TRACKED_CHUNK, i;
	struct tracked_chunk *marks = bpf_map_lookup_elem(&tracked, &of_marks);
	struct takers_chunk *tallies_of = NULL;

	if (!marks)
		return;
	if (config.counters && how < PAGES_TAKEN)
		tallies_of = bpf_map_lookup_elem(&takers, &of_takers);
#pragma clang loop unroll(disable)
	for (i = 0; i < room; i++) {
		if (i >= count)
			break;
		index = (pages[i] - base) >> STRUCT_PAGE_SHIFT & mask;
		if (index / TAKERS_CHUNK != of_takers) {
			hold_page(index, how);
			continue;
		}
		marks->marked[index & (TRACKED_CHUNK - 1)] = MARK_TAKEN;
		if (tallies_of)
			tallies_of->tally[index & (TAKERS_CHUNK - 1)] = how;
	}
}
