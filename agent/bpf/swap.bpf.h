/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg swap. Out: mm/rmap.c, try_to_unmap_one(), told after it returned and only if the PTE then holds a swap
 * entry: the lock is gone by then, so who faults the page in at once hides it (booked as filtered). In:
 * mm/memory.c, do_swap_page(), told with the page-table lock held where the page gets its mapping. swapoff,
 * which brings pages in by another way, is not seen.
 */

static __always_inline bool is_swap(u64 pte)
{
	return pte != PTE_NONE && !(pte & (PTE_PRESENT | PTE_PROTNONE)) && SWAP_TYPE(pte) < SWAP_TYPES;
}

/* As /proc/PID/pagemap has it: the type in 5 bits, above it the offset. */
static __always_inline u64 swap_number(u64 pte)
{
	return SWAP_TYPE(pte) | SWAP_OFFSET(pte) << 5;
}

static __always_inline void tell_identity(struct identity_record *record, const struct state *frame,
					  u64 old_pfn, u64 new_pfn)
{
	record->head.time_ns = bpf_ktime_get_ns();
	record->head.order = frame->order;
	record->old_pfn = old_pfn;
	record->new_pfn = new_pfn;
	record->flags = frame->flags;
	record->refcount = frame->refcount;
	record->mapcount = frame->mapcount;
	record->pincount = frame->pincount;
	record->new_refcount = 0;
	record->pages = 1;
}

/*
 * One slot after an attempt to unmap it; its address space is no target where `cookie` is 0. A global
 * function: the verifier looks at it once, not in each round.
 */
__noinline int swapped_out(u64 cookie, u64 pgd, u64 vpn, u64 pfn)
{
	u64 pte = pte_at(pgd, vpn << PAGE_SHIFT);
	struct identity_record *record;
	struct state frame;

	if (is_swap(pte))
		count(COUNTER_SWAP_OUT, 1);
	if (!cookie)
		return 0;
	if (!is_swap(pte) || !is_chosen(vpn)) {
		BOOK_UNTOLD(LEG_SWAP, filtered);
		return 0;
	}
	record = begin_record(LEG_SWAP, sizeof(*record), RECORD_SWAP_OUT, cookie);
	if (!record)
		return 0;
	frame.flags = 0;
	read_frame(&frame, pfn);
	tell_identity(record, &frame, pfn, 0);
	record->vpn = vpn;
	record->aux = swap_number(pte);
	end_record(LEG_SWAP, record);
	track(pfn);
	return 0;
}

SEC("?fexit/try_to_unmap_one")
int swap_out(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[1];
	u64 cookie = cookie_of(vma->vm_mm);
	u64 page, pgd, vpn = ctx[2] >> PAGE_SHIFT;
	struct page_words words = {};
	u32 i, pages = 1;
	u64 pfn, from;

	if (!cookie && !config.counters)
		return 0;
	page = argument(ctx, 0);
	bpf_probe_read_kernel(&words, sizeof(words), (void *)page);
	/* A file's pages go without a trace in the PTE. */
	if (!(PAGE_FIELD(&words, u64, mapping) & 1))
		return 0;
	pgd = (u64)BPF_CORE_READ(vma, vm_mm, pgd);
	pfn = pfn_of(page);
	if (HAS_FLAG(words.word[0], PG_head)) {
		struct folio_counts counts;

		/* The walk began where the folio enters the vma, or at its first page. */
		read_large(page, &counts);
		from = vpn - (vma->vm_start >> PAGE_SHIFT) + vma->vm_pgoff - index_of(page);
		pages = 1U << (counts.order & 15);
		if (from >= pages)
			return 0;
		pfn += from;
		pages -= from;
		if (pages > (vma->vm_end >> PAGE_SHIFT) - vpn)
			pages = (vma->vm_end >> PAGE_SHIFT) - vpn;
	}
	for (i = 0; i < PMD_PAGES && i < pages; i++)
		swapped_out(cookie, pgd, vpn + i, pfn + i);
	return 0;
}

/*
 * Tasks that are bringing pages of targets in; more, once an exit hook was not run. Pages get mappings for
 * many other reasons, some of them in hundreds: the hook on that looks here first.
 */
u32 swapping_in;

SEC("?fentry/do_swap_page")
int swap_enter(u64 *ctx)
{
	struct vm_fault *vmf = (struct vm_fault *)ctx[0];
	u64 pte = vmf->orig_pte.pte;
	struct state *state;

	if (!is_swap(pte) || !cookie_of(vmf->vma->vm_mm))
		return 0;
	state = own_state((u32)bpf_get_current_pid_tgid());
	if (!state)
		return 0;
	state->swap_entry = pte;
	if (!state->swap_vmf)
		__sync_fetch_and_add(&swapping_in, 1);
	state->swap_vmf = argument(ctx, 0);
	return 0;
}

/* Where it has mapped a page, the new PTE stands in vmf->orig_pte; where it lost a race, the old one still.
 */
static __always_inline void count_swap_in(u64 *ctx)
{
	u32 result = (u32)ctx[1];

	if (!config.counters || result & (RET_OOM | RET_SIGBUS | RET_HWPOISON | RET_SIGSEGV | RET_RETRY))
		return;
	if (((struct vm_fault *)ctx[0])->orig_pte.pte & PTE_PRESENT)
		count(COUNTER_SWAP_IN, 1);
}

SEC("?fexit/do_swap_page")
int swap_exit(u64 *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct state *state = state_slot(tid);

	count_swap_in(ctx);
	if (state && state->tid == tid && state->swap_vmf) {
		state->swap_vmf = 0;
		__sync_fetch_and_add(&swapping_in, -1);
	}
	return 0;
}

/*
 * Pages get their mapping while their task is in do_swap_page(), which has put the new PTE into vmf->orig_pte
 * before. If it is not theirs, the exit hook was not run, and this is a later fault. Whether it was told.
 */
static __always_inline bool swapped_in(struct state *state, u64 cookie, u64 vpn, u64 page, u32 pages,
				       s32 refcount)
{
	u64 pte = 0, pfn = pfn_of(page);
	struct identity_record *record;
	struct state frame;

	bpf_probe_read_kernel(&pte, sizeof(pte),
			      (void *)(state->swap_vmf + bpf_core_field_offset(struct vm_fault, orig_pte)));
	if (!(pte & PTE_PRESENT) || PTE_PFN(pte) - pfn >= pages)
		return false;
	if (pages == 1 && !is_chosen(vpn)) {
		BOOK_UNTOLD(LEG_SWAP, filtered);
		return true;
	}
	record = begin_record(LEG_SWAP, sizeof(*record), RECORD_SWAP_IN, cookie);
	if (!record)
		return true;
	frame.flags = pte & PTE_WRITE ? FLAG_ANON | FLAG_WRITABLE : FLAG_ANON;
	read_frame(&frame, pfn);
	/* It gets this with its mapping, just now. */
	frame.flags &= ~FLAG_EXCLUSIVE;
	tell_identity(record, &frame, 0, pfn);
	record->vpn = vpn;
	/* A large folio may begin before the slot that was touched. */
	record->aux = swap_number(state->swap_entry) - ((PTE_PFN(pte) - pfn) << 5);
	record->refcount = 0;
	record->mapcount = 0;
	record->pincount = 0;
	record->new_refcount = refcount;
	record->pages = pages;
	end_record(LEG_SWAP, record);
	track(pfn);
	if (frame.order)
		track(frame.head_pfn);
	return true;
}

/* `page` is argument `place`. */
static __always_inline int swap_add(u64 *ctx, u32 place, u32 pages, struct vm_area_struct *vma, u64 address)
{
	struct state *state;
	u64 cookie, page;
	u32 tid;

	if (!*(volatile u32 *)&swapping_in)
		return 0;
	tid = (u32)bpf_get_current_pid_tgid();
	state = state_slot(tid);
	if (!state || state->tid != tid || !state->swap_vmf)
		return 0;
	page = argument(ctx, place);
	cookie = cookie_of_locked(vma->vm_mm);
	if (cookie)
		swapped_in(state, cookie, address >> PAGE_SHIFT, page, pages,
			   KERNEL_S32(page + bpf_core_field_offset(struct page, _refcount)));
	return 0;
}

SEC("?fentry/folio_add_anon_rmap_ptes")
int swap_add_folio(u64 *ctx)
{
	return swap_add(ctx, 1, (u32)ctx[2], (struct vm_area_struct *)ctx[3], ctx[4]);
}

SEC("?fentry/page_add_anon_rmap")
int swap_add_page(u64 *ctx)
{
	return swap_add(ctx, 0, 1, (struct vm_area_struct *)ctx[1], ctx[2]);
}

SEC("?fentry/do_page_add_anon_rmap")
int swap_do_add_page(u64 *ctx)
{
	return swap_add(ctx, 0, 1, (struct vm_area_struct *)ctx[1], ctx[2]);
}
