/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg huge-wp: mm/huge_memory.c, do_huge_pmd_wp_page(). No lock is held at entry nor at exit, so the counts
 * are advisory. There is no copy of a huge anonymous page: it is reused, or its PMD is split
 * (VM_FAULT_FALLBACK) and the PTE fault follows in do_wp_page(). From 6.13 on a huge zero page may be
 * replaced by a new one.
 */

static __always_inline void huge_enter(u64 cookie, u64 vmf, u64 address, u64 pmd, u32 facts)
{
	struct state *state;

	state = begin_state(DOING_HUGE_WP, cookie);
	if (!state)
		return;
	state->time_ns = bpf_ktime_get_ns();
	state->vpn = address >> PAGE_SHIFT & ~(PMD_PAGES - 1ULL);
	state->old_pte = pmd;
	state->old_pfn = PTE_PFN(pmd) & ~(PMD_PAGES - 1ULL);
	state->pointer = vmf;
	state->flags = facts | FLAG_PMD_MAPPED;
	read_frame(state, state->old_pfn);
	read_folio_mapcount(state);
}

/* `pmd` is the entry as it is now, 0 where it was not read. */
static __always_inline void huge_exit(void *ctx, struct state *state, u32 result, u64 pmd)
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
	send_fault(ctx, state, bpf_get_current_pid_tgid(), RECORD_HUGE_WP, outcome, state->time_ns, new_pfn,
		   0);
	state->doing = DOING_NOTHING;
}

static __always_inline u64 pmd_now(struct state *state, u64 vmf)
{
	u64 entry = 0, pointer = 0;

	bpf_probe_read_kernel(&pointer, sizeof(pointer),
			      (void *)(vmf + bpf_core_field_offset(struct vm_fault, pmd)));
	bpf_probe_read_kernel(&entry, sizeof(entry), (void *)pointer);
	return entry;
}

SEC("?fentry/do_huge_pmd_wp_page")
int huge_wp_enter(u64 *ctx)
{
	struct vm_fault *vmf = (struct vm_fault *)ctx[0];
	struct vm_area_struct *vma = vmf->vma;
	u64 cookie = cookie_of(vma->vm_mm);

	count(COUNTER_HUGE_FAULT, 1);
	if (cookie)
		huge_enter(cookie, (u64)vmf, vmf->address, vmf->orig_pmd.pmd,
			   fault_facts(vmf) | vma_facts(vma));
	return 0;
}

SEC("?fexit/do_huge_pmd_wp_page")
int huge_wp_exit(u64 *ctx)
{
	struct state *state = state_while(DOING_HUGE_WP);

	if (state)
		huge_exit(ctx, state, (u32)ctx[1], pmd_now(state, *(volatile u64 *)&state->pointer));
	return 0;
}

/*
 * Up to 5.10 the PMD is an argument, a struct by value: no fentry there. A kprobe has untyped registers, and
 * its exit has no arguments at all: the fault's address is in the state.
 */
SEC("?kprobe/do_huge_pmd_wp_page")
int huge_wp_enter_kprobe(struct pt_regs *regs)
{
	struct vm_fault *vmf = (struct vm_fault *)regs->di;
	struct vm_area_struct *vma = BPF_CORE_READ(vmf, vma);
	u64 cookie = cookie_of(BPF_CORE_READ(vma, vm_mm));
	u32 facts;

	count(COUNTER_HUGE_FAULT, 1);
	if (!cookie)
		return 0;
	facts = vma_flag_facts(BPF_CORE_READ(vma, vm_flags));
	if (BPF_CORE_READ(vma, anon_vma))
		facts |= FLAG_VMA_ANON;
	if (bpf_core_field_exists(struct vm_fault___uint, flags))
		facts |= fault_flag_facts(BPF_CORE_READ((struct vm_fault___uint *)vmf, flags));
	huge_enter(cookie, (u64)vmf, BPF_CORE_READ(vmf, address), regs->si, facts);
	return 0;
}

SEC("?kretprobe/do_huge_pmd_wp_page")
int huge_wp_exit_kprobe(struct pt_regs *regs)
{
	struct state *state = state_while(DOING_HUGE_WP);

	if (state)
		huge_exit(regs, state, (u32)regs->ax, pmd_now(state, state->pointer));
	return 0;
}
