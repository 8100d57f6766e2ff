/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Legs pmd-split and folio-split (mm/huge_memory.c). A PMD split changes how one mm maps a huge page, a folio
 * split what the page is: the frames stay where they are in both.
 *
 * Splits happen inside of faults, forks and reclaim, so nothing here may touch the task's state.
 */

static __always_inline int pmd_unmapped(struct vm_area_struct *vma, u64 cookie, u64 vpn)
{
	struct range_record *record = begin_record(LEG_PMD_SPLIT, sizeof(*record), RECORD_UNMAP, cookie);

	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->vpn = vpn;
	record->pages = PMD_PAGES;
	record->flags = vma_facts(vma);
	record->other_mm = 0;
	record->other_tgid = 0;
	record->aux = 0;
	end_record(LEG_PMD_SPLIT, record);
	return 0;
}

/* `pmd` is the entry that is about to be split. */
static __always_inline int pmd_split(void *ctx, struct vm_area_struct *vma, u64 cookie, u64 address, u64 pmd)
{
	u64 vpn = address >> PAGE_SHIFT & ~(PMD_PAGES - 1ULL);
	u64 pfn = PTE_PFN(pmd) & ~(PMD_PAGES - 1ULL);
	struct frame_record *record;
	struct state frame;

	/* A table already, or a migration entry: no frame is mapped here. */
	if ((pmd & (PTE_PRESENT | PTE_PSE)) != (PTE_PRESENT | PTE_PSE))
		return 0;
	/* A file's pages are dropped from the page table, and come back by a fault. */
	if (vma->vm_ops)
		return pmd_unmapped(vma, cookie, vpn);
	frame.flags = vma_facts(vma) | FLAG_PMD_MAPPED;
	read_frame(&frame, pfn);
	/* The huge zero page: the slots map the small one instead. */
	if (!(frame.flags & (FLAG_ANON | FLAG_FILE))) {
		frame.flags |= FLAG_ZERO;
		pfn = 0;
	}
	record = begin_record(LEG_PMD_SPLIT, sizeof(*record), RECORD_PMD_SPLIT, cookie);
	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->vpn = vpn;
	tell_frame(record, &frame, pfn);
	record->pages = PMD_PAGES;
	record->aux = 0;
	end_record(LEG_PMD_SPLIT, record);
	track(pfn);
	return 0;
}

/* Since 6.12 all splits come here, with the PMD's lock held: what is read decides. */
SEC("?fentry/split_huge_pmd_locked")
int split_pmd_locked(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[0];
	u64 cookie = cookie_of_locked(vma->vm_mm);
	u64 pmd = 0;

	if (!cookie)
		return 0;
	bpf_probe_read_kernel(&pmd, sizeof(pmd), (void *)ctx[2]);
	return pmd_split(ctx, vma, cookie, ctx[1], pmd);
}

/* Up to 6.1 the lock is taken inside: another split may come first, and this one then finds nothing to do. */
SEC("?fentry/__split_huge_pmd")
int split_pmd(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[0];
	u64 cookie = cookie_of(vma->vm_mm);
	u64 pmd = 0;

	if (!cookie)
		return 0;
	bpf_probe_read_kernel(&pmd, sizeof(pmd), (void *)ctx[1]);
	return pmd_split(ctx, vma, cookie, ctx[2], pmd);
}

/* Folios that a task is splitting: the old order and the counts are gone at exit. */
struct splitting {
	u64 time_ns;
	u64 pfn;
	u32 flags;
	s32 refcount;
	s32 mapcount;
	s32 pincount;
	u32 order;
	u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); /* tid */
	__type(value, struct splitting);
} splitting SEC(".maps");

/*
 * The pages of a folio are freed one by one once it is split, some of them before the function returns. Their
 * marks are bytes side by side: a folio of up to 512 pages never crosses a chunk.
 */
static __always_inline void track_pages(u64 pfn, u32 pages)
{
	u64 index = pfn & config.tracked_mask;
	u32 number = index / TRACKED_CHUNK;
	struct tracked_chunk *chunk = bpf_map_lookup_elem(&tracked, &number);
	u32 at = index & (TRACKED_CHUNK - 1), i;

	if (!chunk)
		return;
	for (i = 0; i < PMD_PAGES && i < pages; i++)
		chunk->marked[(at + i) & (TRACKED_CHUNK - 1)] = 1;
}

/* The folio is locked, its mappings may still change: the counts are advisory. */
static __always_inline int folio_split_enter(u64 page)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct splitting before = {};
	struct page_words words = {};
	struct state frame;
	u64 pfn;
	u8 *mark;

	bpf_probe_read_kernel(&words, sizeof(words), (void *)page);
	pfn = pfn_of(head_of(page, &words));
	mark = mark_of(pfn);
	if (!mark || !*mark)
		return 0;
	frame.flags = 0;
	read_frame(&frame, pfn);
	track_pages(pfn, 1U << (frame.order & 31));
	before.time_ns = bpf_ktime_get_ns();
	before.pfn = pfn;
	before.flags = frame.flags;
	before.refcount = frame.refcount;
	before.mapcount = frame.mapcount;
	before.pincount = frame.pincount;
	before.order = frame.order;
	if (bpf_map_update_elem(&splitting, &tid, &before, BPF_ANY))
		BOOK(LEG_FOLIO_SPLIT, missed);
	return 0;
}

/* The time is that of the entry: what the split does, down to the freeing of pages, comes later. */
static __always_inline int folio_split_exit(void *ctx, u32 new_order, int result)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct splitting *before = bpf_map_lookup_elem(&splitting, &tid);
	struct frame_record *record;

	if (!before)
		return 0;
	record = begin_record(LEG_FOLIO_SPLIT, sizeof(*record), RECORD_FOLIO_SPLIT, 0);
	if (!record)
		goto out;
	record->head.time_ns = before->time_ns;
	record->head.outcome = result ? OUTCOME_FAILED : OUTCOME_NONE;
	record->head.order = before->order;
	record->vpn = 0;
	record->old_pfn = before->pfn;
	record->flags = before->flags;
	record->pages = 1U << (before->order & 31);
	record->refcount = before->refcount;
	record->mapcount = before->mapcount;
	record->pincount = before->pincount;
	record->aux = (new_order & 255) | (u32)-result << 8;
	record->stack = 0;
	end_record(LEG_FOLIO_SPLIT, record);
out:
	bpf_map_delete_elem(&splitting, &tid);
	return 0;
}

static __always_inline u64 first_argument(u64 *ctx)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx);
	return value;
}

/* Since 6.18; every way to split a folio that is mapped ends here. */
SEC("?fentry/__folio_split")
int split_folio_enter(u64 *ctx)
{
	return folio_split_enter(first_argument(ctx));
}

SEC("?fexit/__folio_split")
int split_folio_exit(u64 *ctx)
{
	return folio_split_exit(ctx, ctx[1], (int)ctx[6]);
}

SEC("?fentry/split_huge_page_to_list_to_order")
int split_to_order_enter(u64 *ctx)
{
	return folio_split_enter(first_argument(ctx));
}

SEC("?fexit/split_huge_page_to_list_to_order")
int split_to_order_exit(u64 *ctx)
{
	return folio_split_exit(ctx, ctx[2], (int)ctx[3]);
}

/* Up to 6.8: to single pages. */
SEC("?fentry/split_huge_page_to_list")
int split_page_enter(u64 *ctx)
{
	return folio_split_enter(first_argument(ctx));
}

SEC("?fexit/split_huge_page_to_list")
int split_page_exit(u64 *ctx)
{
	return folio_split_exit(ctx, 0, (int)ctx[2]);
}
