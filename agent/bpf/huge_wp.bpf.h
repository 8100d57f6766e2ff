/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg huge-wp: mm/huge_memory.c, do_huge_pmd_wp_page(). No lock is held at entry nor at exit, so the counts are
 * advisory. There is no copy of a huge anonymous page: it is reused, or its PMD is split (VM_FAULT_FALLBACK) and the
 * PTE fault follows in do_wp_page(). From 6.13 on a huge zero page may be replaced by a new one.
 */

static __always_inline void huge_enter(struct vm_fault *vmf, u64 pmd)
{
	struct vm_area_struct *vma = vmf->vma;
	u64 cookie = cookie_of(vma->vm_mm);
	struct state *state;

	if (!cookie)
		return;
	state = begin_state(DOING_HUGE_WP, cookie);
	if (!state)
		return;
	state->time_ns = bpf_ktime_get_ns();
	state->vpn = vmf->address >> PAGE_SHIFT & ~(PMD_PAGES - 1ULL);
	state->old_pte = pmd;
	state->old_pfn = PTE_PFN(pmd) & ~(PMD_PAGES - 1ULL);
	state->pointer = (u64)vmf;
	state->flags = fault_facts(vmf) | vma_facts(vma);
	read_frame(state, state->old_pfn);
}

/* `pmd` is the entry as it is now, 0 where it was not read. */
static __always_inline void huge_exit(struct state *state, u32 result, u64 pmd)
{
	u64 new_pfn = 0;
	u8 outcome = OUTCOME_RETRY;

	if (result & RET_FALLBACK) {
		outcome = OUTCOME_FALLBACK;
	} else if (result & (RET_OOM | RET_SIGBUS | RET_HWPOISON | RET_SIGSEGV)) {
		outcome = OUTCOME_FAILED;
	} else if (pmd & PTE_WRITE && pmd & PTE_PSE) {
		new_pfn = PTE_PFN(pmd) & ~(PMD_PAGES - 1ULL);
		outcome = new_pfn == state->old_pfn ? OUTCOME_REUSE : OUTCOME_COPY;
	} else if (state->flags & FLAG_UNSHARE) {
		outcome = OUTCOME_UNSHARE_NOOP;
	}
	send_fault(state, RECORD_HUGE_WP, outcome, state->time_ns, new_pfn, 0);
	state->doing = DOING_NOTHING;
}

static __always_inline u64 pmd_now(struct state *state, u64 vmf)
{
	u64 entry = 0, pointer = 0;

	bpf_probe_read_kernel(&pointer, sizeof(pointer), (void *)(vmf + bpf_core_field_offset(struct vm_fault, pmd)));
	bpf_probe_read_kernel(&entry, sizeof(entry), (void *)pointer);
	return entry;
}

SEC("?fentry/do_huge_pmd_wp_page")
int huge_wp_enter(u64 *ctx)
{
	struct vm_fault *vmf = (struct vm_fault *)ctx[0];

	huge_enter(vmf, vmf->orig_pmd.pmd);
	return 0;
}

SEC("?fexit/do_huge_pmd_wp_page")
int huge_wp_exit(u64 *ctx)
{
	struct state *state = state_while(DOING_HUGE_WP);

	if (state)
		huge_exit(state, (u32)ctx[1], pmd_now(state, *(volatile u64 *)&state->pointer));
	return 0;
}
