/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg hugetlb-wp: mm/hugetlb.c, hugetlb_wp() (hugetlb_cow() up to 5.18), entered and left with the page-table
 * lock held, so the counts are what it decides by: the mapcount, not the reference count. It copies where
 * new_hugetlb() finds it at work. With it go the other facts of hugetlb pages that no other leg sees: their
 * unmapping up to 6.18, and their return to the pool.
 */

static __always_inline int hugetlb_enter(u64 vma_pointer, u64 address, u64 pte, u32 facts)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)vma_pointer;
	u64 cookie = cookie_of_locked(BPF_CORE_READ(vma, vm_mm));
	struct state *state;
	u64 entry = 0;

	count(COUNTER_HUGETLB_FAULT, 1);
	if (!cookie)
		return 0;
	state = begin_state(DOING_HUGETLB_WP, cookie);
	if (!state)
		return 0;
	bpf_probe_read_kernel(&entry, sizeof(entry), (void *)pte);
	state->time_ns = bpf_ktime_get_ns();
	state->pointer = pte;
	state->old_pte = entry;
	state->flags = facts | vma_flag_facts(BPF_CORE_READ(vma, vm_flags));
	if (BPF_CORE_READ(vma, anon_vma))
		state->flags |= FLAG_VMA_ANON;
	if (entry & PTE_UFFD_WP)
		state->flags |= FLAG_UFFD_WP;
	/* In an entry this large bit 12 belongs to no address. */
	read_frame(state, PTE_PFN(entry) & ~1ULL);
	state->old_pfn = state->head_pfn;
	state->vpn = address >> PAGE_SHIFT & ~((1ULL << (state->order & 31)) - 1);
	return 0;
}

static __always_inline int hugetlb_exit(void *ctx, u32 result)
{
	struct state *state = state_while(DOING_HUGETLB_WP);
	u8 outcome = OUTCOME_RETRY;
	u64 entry = 0;

	if (!state)
		return 0;
	/* Sent where the new folio got its mapping. */
	if (state->outcome == OUTCOME_COPY || state->outcome == OUTCOME_UNSHARE)
		goto out;
	bpf_probe_read_kernel(&entry, sizeof(entry), (void *)state->pointer);
	if (result & (RET_OOM | RET_SIGBUS | RET_HWPOISON | RET_SIGSEGV)) {
		outcome = OUTCOME_FAILED;
		if (result & RET_SIGBUS)
			state->flags |= FLAG_REFUSED;
	} else if (entry & PTE_WRITE && PTE_PFN(entry) == PTE_PFN(state->old_pte)) {
		outcome = state->flags & FLAG_VMA_SHARED ? OUTCOME_SHARED : OUTCOME_REUSE;
	} else if (state->flags & FLAG_UNSHARE) {
		outcome = OUTCOME_UNSHARE_NOOP;
	}
	if (made_exclusive(state))
		tell_made_exclusive(state, KERNEL_S32(page_of(state->head_pfn) +
						      bpf_core_field_offset(struct page, _refcount)));
	send_fault(ctx, state, bpf_get_current_pid_tgid(), RECORD_HUGETLB_WP, outcome, bpf_ktime_get_ns(),
		   outcome == OUTCOME_REUSE || outcome == OUTCOME_SHARED ? state->old_pfn : 0, 0);
out:
	state->doing = DOING_NOTHING;
	return 0;
}

/*
 * Since 6.10 the arguments are in a struct vm_fault, which lives on the stack; up to some 6.12 a folio or
 * NULL stands before it. Of the two only a folio lies in the memory map, above all stacks.
 */
SEC("?fentry/hugetlb_wp")
int hugetlb_wp_enter(u64 *ctx)
{
	struct vm_fault *vmf;
	u64 first = 0;

	bpf_probe_read_kernel(&first, sizeof(first), &ctx[0]);
	if (!first || first >= shared.vmemmap_base)
		bpf_probe_read_kernel(&first, sizeof(first), &ctx[1]);
	vmf = (struct vm_fault *)first;
	return hugetlb_enter((u64)BPF_CORE_READ(vmf, vma), BPF_CORE_READ(vmf, address),
			     (u64)BPF_CORE_READ(vmf, pte),
			     fault_flag_facts(BPF_CORE_READ((struct vm_fault___enum *)vmf, flags)));
}

SEC("?fexit/hugetlb_wp")
int hugetlb_wp_exit(u64 *ctx)
{
	u64 result = 0;

	bpf_get_func_ret(ctx, &result);
	return hugetlb_exit(ctx, result);
}

/* 6.1 has seven arguments: more than fentry takes there. */
SEC("?kprobe/hugetlb_wp")
int hugetlb_wp_enter_kprobe(struct pt_regs *regs)
{
	return hugetlb_enter(regs->si, regs->dx, regs->cx, fault_flag_facts(regs->r8));
}

SEC("?kretprobe/hugetlb_wp")
int hugetlb_wp_exit_kprobe(struct pt_regs *regs)
{
	return hugetlb_exit(regs, regs->ax);
}

/* Called for writes only, and told nothing else of the fault. */
SEC("?fentry/hugetlb_cow")
int hugetlb_cow_enter(u64 *ctx)
{
	u64 vma = 0, pte = 0;

	bpf_probe_read_kernel(&vma, sizeof(vma), &ctx[1]);
	bpf_probe_read_kernel(&pte, sizeof(pte), &ctx[3]);
	return hugetlb_enter(vma, ctx[2], pte, FLAG_WRITE);
}

SEC("?fexit/hugetlb_cow")
int hugetlb_cow_exit(u64 *ctx)
{
	return hugetlb_exit(ctx, (u32)ctx[6]);
}

/* The first mapping of a new hugetlb page, under the page-table lock. */
static __always_inline int new_hugetlb(void *ctx, u64 folio, struct vm_area_struct *vma, u64 address)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct state *state = state_slot(tid);
	u64 vpn = address >> PAGE_SHIFT, pfn = pfn_of(folio);
	struct folio_counts counts;
	s32 refcount;
	u64 cookie;

	if (!state)
		return 0;
	refcount = KERNEL_S32(folio + bpf_core_field_offset(struct page, _refcount));
	if (state->tid == tid && state->doing == DOING_HUGETLB_WP && state->vpn == vpn) {
		state->outcome = state->flags & FLAG_UNSHARE ? OUTCOME_UNSHARE : OUTCOME_COPY;
		send_fault(ctx, state, bpf_get_current_pid_tgid(), RECORD_HUGETLB_WP, state->outcome,
			   bpf_ktime_get_ns(), pfn, refcount);
		return 0;
	}
	read_large(folio, &counts);
	if (state->tid == tid && state->doing == DOING_FORK && state->pointer == (u64)vma)
		return fork_copy(state, vpn, pfn, refcount, counts.order);
	cookie = cookie_of_locked(vma->vm_mm);
	if (cookie)
		anon_new(cookie, vpn, pfn, refcount, counts.order, FLAG_HUGETLB | FLAG_VMA_HUGETLB);
	return 0;
}

SEC("?fentry/hugetlb_add_new_anon_rmap")
int new_hugetlb_folio(u64 *ctx)
{
	return new_hugetlb(ctx, first_argument(ctx), (struct vm_area_struct *)ctx[1], ctx[2]);
}

SEC("?fentry/hugepage_add_new_anon_rmap")
int new_hugetlb_page(u64 *ctx)
{
	return new_hugetlb(ctx, first_argument(ctx), (struct vm_area_struct *)ctx[1], ctx[2]);
}

SEC("?fentry/__unmap_hugepage_range")
int hugetlb_unmap(u64 *ctx)
{
	return unmap((struct vm_area_struct *)ctx[1], ctx[2], ctx[3]);
}

SEC("?fentry/__unmap_hugepage_range_final")
int hugetlb_unmap_final(u64 *ctx)
{
	return unmap((struct vm_area_struct *)ctx[1], ctx[2], ctx[3]);
}

/* Pages of the pool are not seen by mm_page_free: the end of the frame is its return to the pool. */
static __always_inline int hugetlb_freed(u64 folio)
{
	u64 pfn = pfn_of(folio);
	struct folio_counts counts;
	struct free_record *record;
	u8 *mark = mark_of(pfn);

	if (!mark || !*mark)
		return 0;
	if (!config.aliased)
		*mark = 0;
	read_large(folio, &counts);
	record = begin_record(LEG_HUGETLB_WP, sizeof(*record), RECORD_FRAME_FREE, 0);
	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->head.order = counts.order;
	record->pfn = pfn;
	end_record(LEG_HUGETLB_WP, record);
	return 0;
}

SEC("?fentry/free_huge_folio")
int hugetlb_free_folio(u64 *ctx)
{
	return hugetlb_freed(first_argument(ctx));
}

SEC("?fentry/free_huge_page")
int hugetlb_free_page(u64 *ctx)
{
	return hugetlb_freed(first_argument(ctx));
}
