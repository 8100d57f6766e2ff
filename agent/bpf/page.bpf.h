/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames: struct page, its folio and its counts, on every kernel in the same words. */

#define STRUCT_PAGE_SHIFT 6 /* sizeof(struct page) == 64, checked by user space against BTF */

/* Of its eight words: nothing of ours is in the last. */
#define PAGE_WORDS 7

struct page_words {
	u64 word[PAGE_WORDS];
};

/*
 * Frames that an event named: mm_page_free() reports these and no others. Chunks of bytes, because an array's
 * element takes at least eight, and because a byte needs no atomic operation.
 */
#define TRACKED_CHUNK 4096
#define MARK_NAMED 1
#define MARK_TAKEN 2 /* and GUP took it: its unpin is reported, too */

struct tracked_chunk {
	u8 marked[TRACKED_CHUNK];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set by user space */
	__type(key, u32);
	__type(value, struct tracked_chunk);
} tracked SEC(".maps");

static __always_inline u8 *mark_of(u64 pfn)
{
	u64 index = pfn & config.tracked_mask;
	u32 number = index / TRACKED_CHUNK;
	struct tracked_chunk *chunk = bpf_map_lookup_elem(&tracked, &number);

	return chunk ? &chunk->marked[index & (TRACKED_CHUNK - 1)] : NULL;
}

static __always_inline void track(u64 pfn)
{
	u8 *mark;

	if (!pfn)
		return;
	mark = mark_of(pfn);
	if (mark && !*mark)
		*mark = MARK_NAMED;
}

/* A word that is looked at: flags and link are the first two. */
#define HAS_FIELD(i, field) (bpf_core_field_offset(struct page, field) / sizeof(u64) == (i))
#define IS_WORD_READ(i) \
	((i) < 2 || HAS_FIELD(i, mapping) || HAS_FIELD(i, _mapcount) || HAS_FIELD(i, _refcount))

static __always_inline void read_words(struct page_words *words, u64 page, const u32 many)
{
	u32 i;

	if (!config.casts) {
		bpf_probe_read_kernel(words, many * sizeof(u64), (void *)page);
		return;
	}
#pragma unroll
	for (i = 0; i < many; i++)
		words->word[i] = IS_WORD_READ(i) ? READ_KERNEL(u64, page + i * sizeof(u64)) : 0;
}

static __always_inline u64 pfn_of(u64 page)
{
	return (page - shared.vmemmap_base) >> STRUCT_PAGE_SHIFT;
}

static __always_inline u64 page_of(u64 pfn)
{
	return shared.vmemmap_base + (pfn << STRUCT_PAGE_SHIFT);
}

#define PAGE_FIELD(words, type, field) \
	(*(type *)((char *)(words) + bpf_core_field_offset(struct page, field)))

#define HAS_FLAG(flags, flag)                                \
	(bpf_core_enum_value_exists(enum pageflags, flag) && \
	 ((flags) >> bpf_core_enum_value(enum pageflags, flag) & 1))

/* The second word: page->compound_head (7.2: compound_info). */
#define LINK_OFFSET sizeof(u64)
#define TAIL_BIT 1

/* The head of a page with that link. */
static __always_inline u64 head_by(u64 page, u64 link)
{
	if (!(link & TAIL_BIT))
		return page;
	/* A mask has all high bits set; no address in the memory map has. */
	if (bpf_core_field_exists(struct page___masked, compound_info) && (s64)link >> 30 == -1)
		return page & link;
	return link - TAIL_BIT;
}

static __always_inline u64 head_of(u64 page, const struct page_words *words)
{
	return head_by(page, words->word[LINK_OFFSET / sizeof(u64)]);
}

struct folio_counts {
	u32 order;
	bool hugetlb;
	bool double_map; /* up to 6.1: mapped by PTEs and PMDs, then each subpage counts one mapping more */
	s32 entire_mapcount;
	s32 pincount;
};

/* Up to 6.1 the second struct page tells; there the flags hold PG_double_map, too. */
static __always_inline void read_second_page(u64 second, struct folio_counts *counts)
{
	u64 flags = READ_KERNEL(u64, second);
	u8 dtor = READ_KERNEL(u8, second + bpf_core_field_offset(struct page___compound, compound_dtor));

	counts->hugetlb = dtor == bpf_core_enum_value(enum compound_dtor_id, HUGETLB_PAGE_DTOR);
	counts->double_map = HAS_FLAG(flags, PG_double_map);
}

/* What belongs to a large folio as a whole. */
static __always_inline void read_large(u64 head, struct folio_counts *counts)
{
	u8 order = 0;

	counts->hugetlb = false;
	counts->double_map = false;
	counts->entire_mapcount = 0;
	counts->pincount = 0;
	if (bpf_core_enum_value_exists(enum pagetype, PGTY_hugetlb))
		counts->hugetlb =
		    (u32)KERNEL_S32(head + bpf_core_field_offset(struct page, _mapcount)) >> 24 ==
		    bpf_core_enum_value(enum pagetype, PGTY_hugetlb);
	else if (bpf_core_field_exists(struct page___compound, compound_dtor))
		read_second_page(head + 64, counts);
	/* In this order: 6.1 has _flags_1 too, and holds other things there. */
	if (bpf_core_field_exists(struct folio___order, _folio_order))
		order = READ_KERNEL(u8, head + bpf_core_field_offset(struct folio___order, _folio_order));
	else if (bpf_core_field_exists(struct folio___flags, _flags_1))
		order = READ_KERNEL(u8, head + bpf_core_field_offset(struct folio___flags, _flags_1));
	else if (bpf_core_field_exists(struct page___compound, compound_order))
		order = READ_KERNEL(u8, head + 64 +
					    bpf_core_field_offset(struct page___compound, compound_order));
	counts->order = order;
	if (bpf_core_field_exists(struct folio, _entire_mapcount))
		counts->entire_mapcount =
		    KERNEL_S32(head + bpf_core_field_offset(struct folio, _entire_mapcount)) + 1;
	else if (bpf_core_field_exists(struct page___compound, compound_mapcount))
		counts->entire_mapcount =
		    KERNEL_S32(head + 64 + bpf_core_field_offset(struct page___compound, compound_mapcount)) +
		    1;
	if (bpf_core_field_exists(struct folio, _pincount))
		counts->pincount = KERNEL_S32(head + bpf_core_field_offset(struct folio, _pincount));
	else if (bpf_core_field_exists(struct page___compound, hpage_pinned_refcount) && order > 1)
		counts->pincount = KERNEL_S32(
		    head + 128 + bpf_core_field_offset(struct page___compound, hpage_pinned_refcount));
}

/*
 * Facts of the frame that a PTE or PMD maps, into the state: flags, order, counts. To be called under the
 * page-table lock, or the counts are advisory.
 */
static __always_inline void read_frame(struct state *state, u64 pfn)
{
	u64 page = page_of(pfn);
	struct page_words words; /* a failed read leaves zeroes */
	u64 flags, mapping, head;
	u32 facts = 0;

	read_words(&words, page, PAGE_WORDS);
	flags = words.word[0];
	state->mapcount = PAGE_FIELD(&words, s32, _mapcount.counter) + 1;
	/* Of the page itself: under a PTE each subpage of a folio has its own. */
	if (HAS_FLAG(flags, PG_anon_exclusive))
		facts |= FLAG_EXCLUSIVE;
	head = head_of(page, &words);
	if (head != page) {
		read_words(&words, head, PAGE_WORDS);
		flags = words.word[0];
	}
	state->head_pfn = pfn_of(head);
	state->refcount = PAGE_FIELD(&words, s32, _refcount.counter);
	mapping = PAGE_FIELD(&words, u64, mapping);
	if ((mapping & 3) == 3)
		facts |= FLAG_ANON | FLAG_KSM;
	else if (mapping & 1)
		facts |= FLAG_ANON;
	else if (mapping)
		facts |= FLAG_FILE;
	if (HAS_FLAG(flags, PG_lru))
		facts |= FLAG_LRU;
	if (HAS_FLAG(flags, PG_swapcache) && HAS_FLAG(flags, PG_swapbacked) && facts & FLAG_ANON)
		facts |= FLAG_SWAPCACHE;
	/* Without ANON the bit has another meaning (mappedtodisk up to 6.11, owner_2 since). */
	if (!(facts & FLAG_ANON))
		facts &= ~FLAG_EXCLUSIVE;
	state->order = 0;
	if (HAS_FLAG(flags, PG_head)) {
		struct folio_counts counts;

		read_large(head, &counts);
		facts |= FLAG_LARGE;
		state->order = counts.order;
		if (counts.hugetlb) {
			facts |= FLAG_HUGETLB;
			state->mapcount = counts.entire_mapcount;
		} else {
			state->mapcount += counts.entire_mapcount - counts.double_map;
		}
		state->pincount = counts.pincount;
	} else {
		state->pincount =
		    state->refcount >= GUP_PIN_COUNTING_BIAS ? state->refcount / GUP_PIN_COUNTING_BIAS : 0;
	}
	state->flags |= facts;
}

/* Mappings of all pages of an anonymous large folio that is not hugetlb: folio_mapcount() of mm/util.c, mm.h.
 */
__noinline u32 mapcount_of_folio(u64 head, u32 order)
{
	struct folio_counts counts;
	u32 mappings, i;

	if (bpf_core_field_exists(struct folio, _large_mapcount))
		return KERNEL_S32(head + bpf_core_field_offset(struct folio, _large_mapcount)) + 1;
	read_large(head, &counts);
	mappings = counts.entire_mapcount;
	for (i = 0; i < PMD_PAGES && i < 1U << (order & 15); i++) {
		mappings += KERNEL_S32(head + bpf_core_field_offset(struct page, _mapcount)) + 1;
		mappings -= counts.double_map;
		head += 1 << STRUCT_PAGE_SHIFT;
	}
	return mappings;
}

/*
 * A reference that GUP took is one on the folio: what else refers to it are the mappings of all its pages.
 * They are counted where somebody asks only, a frame that GUP took: up to 6.9 each page has its own count.
 */
static __always_inline void read_folio_mapcount(struct state *state)
{
	const u32 wanted = FLAG_LARGE | FLAG_ANON;
	u8 *mark;

	state->folio_mapcount = 0;
	if ((state->flags & (wanted | FLAG_HUGETLB)) != wanted)
		return;
	mark = mark_of(state->old_pfn);
	if (mark && *mark == MARK_TAKEN)
		state->folio_mapcount = mapcount_of_folio(page_of(state->head_pfn), state->order) + 1;
}

/* What read_frame() found, where the frame stays in its place. */
static __always_inline void tell_frame(struct frame_record *record, const struct state *frame, u64 pfn)
{
	record->head.order = frame->order;
	record->old_pfn = pfn;
	record->flags = frame->flags;
	record->refcount = frame->refcount;
	record->mapcount = frame->mapcount;
	record->pincount = frame->pincount;
}

/* Where a page, no tail, belongs in its mapping, in pages. */
static __always_inline u64 index_of(u64 page)
{
	u64 index = 0;

	if (bpf_core_field_exists(struct folio___index, index))
		page += bpf_core_field_offset(struct folio___index, index);
	else
		page += bpf_core_field_offset(struct page___index, index);
	bpf_probe_read_kernel(&index, sizeof(index), (void *)page);
	return index;
}

/* The PTE of an address, or the large entry that stands above it; 0: no page table there. */
static __noinline u64 pte_at(u64 pgd, u64 address)
{
	u64 entry = 0, table = pgd;
	u32 shift = config.five_levels ? 48 : 39;
	int level;

	for (level = 0; level < 5; level++) {
		bpf_probe_read_kernel(&entry, sizeof(entry),
				      (void *)(table + ((address >> shift & 511) << 3)));
		if (shift == PAGE_SHIFT || (entry & PTE_PSE && shift < 39))
			return entry;
		if (!(entry & PTE_PRESENT))
			return 0;
		table = shared.page_offset_base + (PTE_PFN(entry) << PAGE_SHIFT);
		shift -= 9;
	}
	return 0;
}

static __always_inline u32 vma_flag_facts(u64 flags)
{
	u32 facts = 0;

	if (flags & VM_SHARED)
		facts |= FLAG_VMA_SHARED;
	if (flags & VM_MAYWRITE)
		facts |= FLAG_VMA_MAYWRITE;
	if (!(flags & (VM_UFFD_WP | VM_WIPEONFORK | VM_HUGETLB)))
		return facts;
	if (flags & VM_UFFD_WP)
		facts |= FLAG_VMA_UFFD_WP;
	if (flags & VM_WIPEONFORK)
		facts |= FLAG_VMA_WIPEONFORK;
	if (flags & VM_HUGETLB)
		facts |= FLAG_VMA_HUGETLB;
	return facts;
}

static __always_inline u32 vma_facts(struct vm_area_struct *vma)
{
	return vma_flag_facts(vma->vm_flags) | (vma->anon_vma ? FLAG_VMA_ANON : 0);
}

/* Of a vma whose PTE carries the uffd-wp bit. */
static __always_inline u32 uffd_facts(struct vm_area_struct *vma)
{
	struct userfaultfd_ctx *ctx = vma->vm_userfaultfd_ctx.ctx;

	return FLAG_UFFD_WP | (ctx && ctx->features & UFFD_FEATURE_WP_ASYNC ? FLAG_UFFD_WP_ASYNC : 0);
}

static __always_inline u32 fault_flag_facts(u32 flags)
{
	u32 facts = 0;

	if (flags & FAULT_WRITE)
		facts |= FLAG_WRITE;
	if (flags & FAULT_USER)
		facts |= FLAG_USER;
	if (!(flags & (FAULT_REMOTE | FAULT_UNSHARE)))
		return facts;
	if (flags & FAULT_REMOTE)
		facts |= FLAG_REMOTE;
	/* The bit was not used before 5.19. */
	if (flags & FAULT_UNSHARE)
		facts |= FLAG_UNSHARE;
	return facts;
}

static __always_inline u32 fault_facts(struct vm_fault *vmf)
{
	if (bpf_core_field_exists(struct vm_fault___uint, flags))
		return fault_flag_facts(((struct vm_fault___uint *)vmf)->flags);
	return fault_flag_facts(((struct vm_fault___enum *)vmf)->flags);
}
