/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg wrprotect: who takes the right to write from mapped pages, or gives it back, without a fault.
 *
 * Ranges are told where they begin: what a fault meets afterwards comes later than its cause. The range is
 * what was asked for: pages in it that are not mapped, or that the kernel passes over, are not told apart.
 */
static __always_inline int protect_range(void *ctx, u64 cookie, u64 start, u64 end, u32 facts, u32 protection)
{
	struct range_record *record = begin_record(LEG_WRPROTECT, sizeof(*record), RECORD_WRPROTECT, cookie);

	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->vpn = start >> PAGE_SHIFT;
	record->pages = (end - start) >> PAGE_SHIFT;
	record->flags = facts;
	record->other_mm = 0;
	record->other_tgid = user_stack_of_now(ctx);
	record->aux = protection;
	end_record(LEG_WRPROTECT, record);
	return 0;
}

/* mprotect_fixup() has given the vma its new flags by then. */
static __always_inline u32 protection_of(u64 cp_flags, u64 vm_flags)
{
	if (cp_flags & MM_CP_UFFD_WP)
		return PROTECTION_UFFD_WP;
	if (cp_flags & MM_CP_UFFD_WP_RESOLVE)
		return PROTECTION_UFFD_WP_RESOLVE;
	if (cp_flags & MM_CP_PROT_NUMA)
		return PROTECTION_NUMA;
	return vm_flags & VM_WRITE ? PROTECTION_MPROTECT_WRITABLE : PROTECTION_MPROTECT;
}

/* mm/mprotect.c: what mprotect, userfaultfd and NUMA balancing have in common. cp_flags is its last argument;
 * up to 6.3 a pgprot_t stands before it. */
SEC("?fentry/change_protection")
int protect(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[1];
	u64 cookie = cookie_of(vma->vm_mm);
	u64 cp_flags = 0;

	if (!cookie)
		return 0;
	bpf_get_func_arg(ctx, bpf_get_func_arg_cnt(ctx) - 1, &cp_flags);
	return protect_range(ctx, cookie, ctx[2], ctx[3], vma_facts(vma),
			     protection_of(cp_flags, vma->vm_flags));
}

/* The same without mmu_gather as first argument, up to 6.0; the pgprot_t is in the way of fentry. */
SEC("?kprobe/change_protection")
int protect_kprobe(struct pt_regs *regs)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)regs->di;
	u64 cookie = cookie_of(BPF_CORE_READ(vma, vm_mm));
	u64 vm_flags;
	u32 facts;

	if (!cookie)
		return 0;
	vm_flags = BPF_CORE_READ(vma, vm_flags);
	facts = vma_flag_facts(vm_flags) | (BPF_CORE_READ(vma, anon_vma) ? FLAG_VMA_ANON : 0);
	return protect_range(regs, cookie, regs->si, regs->dx, facts, protection_of(regs->r8, vm_flags));
}

/*
 * fs/proc/task_mmu.c, once for each vma that a write to /proc/PID/clear_refs walks. Pages that may be pinned
 * stay writable (pte_is_pinned()).
 */
SEC("?fentry/clear_refs_test_walk")
int protect_soft_dirty(u64 *ctx)
{
	struct mm_walk *walk = (struct mm_walk *)ctx[2];
	struct vm_area_struct *vma = walk->vma;
	u64 cookie = cookie_of(vma->vm_mm);
	struct clear_refs_private *what;

	if (!cookie)
		return 0;
	what = walk->private;
	if (BPF_CORE_READ(what, type) != CLEAR_REFS_SOFT_DIRTY)
		return 0;
	return protect_range(ctx, cookie, ctx[0], ctx[1], vma_facts(vma), PROTECTION_SOFT_DIRTY);
}

/*
 * mm/ksm.c, write_protect_page(): a small anonymous page, locked. It succeeds only where nobody holds the
 * page but its mappings and the caller. At exit the page-table lock is gone: the counts are advisory.
 */
SEC("?fexit/write_protect_page")
int protect_ksm(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[0];
	u64 cookie = (int)ctx[3] ? 0 : cookie_of(vma->vm_mm);
	struct frame_record *record;
	struct state frame;
	u64 page, index = 0, vpn;

	if (!cookie)
		return 0;
	bpf_probe_read_kernel(&page, sizeof(page), &ctx[1]);
	/* Where vma maps it: page->index (7.2: __folio_index), the fifth word. */
	bpf_probe_read_kernel(&index, sizeof(index), (void *)(page + 32));
	vpn = (vma->vm_start >> PAGE_SHIFT) + index - vma->vm_pgoff;
	if (!is_chosen(vpn)) {
		BOOK_UNTOLD(LEG_WRPROTECT, filtered);
		return 0;
	}
	frame.flags = vma_facts(vma);
	read_frame(&frame, pfn_of(page));
	record = begin_record(LEG_WRPROTECT, sizeof(*record), RECORD_WRPROTECT, cookie);
	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->vpn = vpn;
	tell_frame(record, &frame, pfn_of(page));
	record->pages = 1;
	record->aux = PROTECTION_KSM;
	record->user_stack = user_stack_of_now(ctx);
	end_record(LEG_WRPROTECT, record);
	return 0;
}
