/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Legs pmd-split and folio-split (mm/huge_memory.c). A PMD split changes how one mm maps a huge page, a folio
 * split what the page is: the frames stay where they are in both.
 *
 * Splits happen inside of faults, forks and reclaim, so nothing here may touch the task's state.
 */

/* What is known where a split begins; some of it is gone where it ends. */
struct splitting {
	u64 time_ns;
	u64 cookie;
	u64 vpn;
	u64 pfn;
	u32 flags;
	s32 refcount;
	s32 mapcount;
	s32 pincount;
	u32 order;
	u32 pad;
};

#define SPLITS_AT_ONCE 1024

struct splits {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SPLITS_AT_ONCE);
	__type(key, u32); /* tid */
	__type(value, struct splitting);
};

struct splits pmds_splitting SEC(".maps");
struct splits folios_splitting SEC(".maps");

static __always_inline void note_frame(struct splitting *split, const struct state *frame)
{
	split->flags = frame->flags;
	split->refcount = frame->refcount;
	split->mapcount = frame->mapcount;
	split->pincount = frame->pincount;
	split->order = frame->order;
}

/* With the stack of the hook: who wanted the split. */
static __always_inline void tell_split(void *ctx, enum stack_hook hook, u32 leg, u8 kind, u8 outcome,
				       const struct splitting *split, u32 aux)
{
	struct frame_record *record = begin_record(leg, sizeof(*record), kind, split->cookie);

	if (!record)
		return;
	record->head.time_ns = split->time_ns;
	record->head.outcome = outcome;
	record->head.order = split->order;
	record->head.stack = stack_of_now(ctx, hook);
	record->user_stack = user_stack_of_now(ctx);
	record->vpn = split->vpn;
	record->old_pfn = split->pfn;
	record->flags = split->flags;
	record->pages = 1U << (split->order & 31);
	record->refcount = split->refcount;
	record->mapcount = split->mapcount;
	record->pincount = split->pincount;
	record->aux = aux;
	end_record(leg, record);
}

static __always_inline bool is_huge_pmd(u64 pmd)
{
	return (pmd & (PTE_PRESENT | PTE_PSE)) == (PTE_PRESENT | PTE_PSE);
}

/* Whether `pmd` maps a huge page: else it is a table already, or a migration entry. */
static __always_inline bool look_at_pmd(struct vm_area_struct *vma, u64 cookie, u64 address, u64 pmd,
					struct splitting *split)
{
	struct state frame;

	if (!is_huge_pmd(pmd))
		return false;
	split->time_ns = bpf_ktime_get_ns();
	split->cookie = cookie;
	split->vpn = address >> PAGE_SHIFT & ~(PMD_PAGES - 1ULL);
	split->pfn = PTE_PFN(pmd) & ~(PMD_PAGES - 1ULL);
	frame.flags = vma_facts(vma) | FLAG_PMD_MAPPED;
	read_frame(&frame, split->pfn);
	note_frame(split, &frame);
	if (vma->vm_ops) {
		split->flags |= FLAG_FILE;
	} else if (!(frame.flags & FLAG_ANON)) {
		/* The huge zero page: the slots map the small one instead. */
		split->flags |= FLAG_ZERO;
		split->pfn = 0;
	}
	return true;
}

/* The pages of a file are dropped from the page table, and come back by a fault. */
static __always_inline void tell_pmd_unmapped(const struct splitting *split)
{
	struct range_record *record =
	    begin_record(LEG_PMD_SPLIT, sizeof(*record), RECORD_UNMAP, split->cookie);

	if (!record)
		return;
	record->head.time_ns = split->time_ns;
	record->vpn = split->vpn;
	record->pages = PMD_PAGES;
	record->flags = split->flags;
	record->other_mm = 0;
	record->other_tgid = 0;
	record->aux = 0;
	end_record(LEG_PMD_SPLIT, record);
}

static __always_inline void tell_pmd_split(void *ctx, enum stack_hook hook, const struct splitting *split)
{
	if (split->flags & FLAG_FILE) {
		tell_pmd_unmapped(split);
		return;
	}
	tell_split(ctx, hook, LEG_PMD_SPLIT, RECORD_PMD_SPLIT, OUTCOME_NONE, split, 0);
	track(split->pfn);
}

/* Up to 6.1 the lock is taken inside: another split may come first, and this one then finds nothing to do. */
SEC("?fentry/__split_huge_pmd")
int split_pmd(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[0];
	u64 cookie = cookie_of(vma->vm_mm);
	struct splitting split;
	u64 pmd;

	if (!cookie && !config.counters)
		return 0;
	pmd = READ_KERNEL(u64, ctx[1]);
	if (is_huge_pmd(pmd))
		count(COUNTER_PMD_SPLIT, 1);
	if (cookie && look_at_pmd(vma, cookie, ctx[2], pmd, &split))
		tell_pmd_split(ctx, STACK_PMD, &split);
	return 0;
}

/*
 * Since 6.8 the split itself is split_huge_pmd_locked(), called with the PMD's lock held: what is read there
 * decides. But a compiler may have put it into __split_huge_pmd() and left a function for other callers only
 * (6.18 of Debian): what was read at the entry of that one is told at its exit, where nothing was told
 * between.
 */
SEC("?fentry/__split_huge_pmd")
int split_pmd_enter(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[0];
	u64 cookie = cookie_of(vma->vm_mm);
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct splitting split;
	u64 pmd;

	if (!cookie && !config.counters)
		return 0;
	pmd = READ_KERNEL(u64, ctx[1]);
	if (look_at_pmd(vma, cookie, ctx[2], pmd, &split) &&
	    bpf_map_update_elem(&pmds_splitting, &tid, &split, BPF_ANY) && cookie)
		BOOK_UNTOLD(LEG_PMD_SPLIT, missed);
	return 0;
}

SEC("?fentry/split_huge_pmd_locked")
int split_pmd_locked(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[0];
	u64 cookie = cookie_of_locked(vma->vm_mm);
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct splitting split;
	u64 pmd;

	if (!cookie && !config.counters)
		return 0;
	bpf_map_delete_elem(&pmds_splitting, &tid);
	pmd = READ_KERNEL(u64, ctx[2]);
	if (is_huge_pmd(pmd))
		count(COUNTER_PMD_SPLIT, 1);
	if (cookie && look_at_pmd(vma, cookie, ctx[1], pmd, &split))
		tell_pmd_split(ctx, STACK_PMD_LOCKED, &split);
	return 0;
}

SEC("?fexit/__split_huge_pmd")
int split_pmd_exit(u64 *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct splitting *split;

	if (!config.counters && !cookie_of(((struct vm_area_struct *)ctx[0])->vm_mm))
		return 0;
	split = bpf_map_lookup_elem(&pmds_splitting, &tid);
	if (!split)
		return 0;
	count(COUNTER_PMD_SPLIT, 1);
	if (split->cookie)
		tell_pmd_split(ctx, STACK_PMD_EXIT, split);
	bpf_map_delete_elem(&pmds_splitting, &tid);
	return 0;
}

/*
 * The pages of a folio are freed one by one once it is split, some of them before the function returns. Their
 * marks are bytes side by side, aligned as the folio is: one of up to 512 pages never crosses a chunk.
 */
static __always_inline void track_pages(u64 pfn, u32 order)
{
	u64 index = pfn & config.tracked_mask;
	u32 number = index / TRACKED_CHUNK, at = index & (TRACKED_CHUNK - 1), i;
	struct tracked_chunk *chunk = bpf_map_lookup_elem(&tracked, &number);
	u32 words = 1U << (order & 15) >> 3;

	if (!chunk)
		return;
	if (order < 3)
		for (i = 0; i < 4 && i < 1U << order; i++)
			chunk->marked[(at + i) & (TRACKED_CHUNK - 1)] = 1;
	for (i = 0; i < PMD_PAGES / 8 && i < words; i++)
		*(u64 *)&chunk->marked[(at + 8 * i) & (TRACKED_CHUNK - 8)] = 0x0101010101010101ULL;
}

/* The folio is locked, its mappings may still change: the counts are advisory. */
static __always_inline int folio_split_enter(u64 page)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct splitting split;
	struct state frame;
	u8 *mark;

	split.pfn = pfn_of(head_by(page, READ_KERNEL(u64, page + LINK_OFFSET)));
	mark = mark_of(split.pfn);
	if (!mark || !*mark)
		return 0;
	split.time_ns = bpf_ktime_get_ns();
	split.cookie = 0;
	split.vpn = 0;
	frame.flags = 0;
	read_frame(&frame, split.pfn);
	note_frame(&split, &frame);
	track_pages(split.pfn, frame.order);
	if (bpf_map_update_elem(&folios_splitting, &tid, &split, BPF_ANY))
		BOOK_UNTOLD(LEG_FOLIO_SPLIT, missed);
	return 0;
}

/* The time is that of the entry: what the split does, down to the freeing of pages, comes later. */
static __always_inline int folio_split_exit(void *ctx, u32 new_order, int result)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct splitting *split = bpf_map_lookup_elem(&folios_splitting, &tid);

	if (!result)
		count(COUNTER_FOLIO_SPLIT, 1);
	if (!split)
		return 0;
	tell_split(ctx, STACK_FOLIO, LEG_FOLIO_SPLIT, RECORD_FOLIO_SPLIT,
		   result ? OUTCOME_FAILED : OUTCOME_NONE, split, (new_order & 255) | (u32)-result << 8);
	bpf_map_delete_elem(&folios_splitting, &tid);
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
