/* SPDX-License-Identifier: GPL-2.0-only */
/* Counts write-protect faults of every process. */

/*
 * As what a fault counts whose do_wp_page() has returned: told by the PTE that it found and the one that is
 * there now. Two tasks that copied one page at once both made a copy, and both are counted.
 */
static __always_inline u32 counter_of(struct vm_fault *vmf, u32 result)
{
	u64 now;

	if (result & (RET_OOM | RET_SIGBUS | RET_HWPOISON | RET_SIGSEGV | RET_RETRY))
		return COUNTER_FAULT;
	now = vmf->pte->pte;
	if (!(now & PTE_PRESENT))
		return COUNTER_FAULT;
	if (!PTE_PFN(now ^ vmf->orig_pte.pte))
		return now & PTE_WRITE ? COUNTER_REUSE : COUNTER_FAULT;
	/* What is unshared is not made writable. */
	return now & PTE_WRITE || !(fault_facts(vmf) & FLAG_UNSHARE) ? COUNTER_COPY : COUNTER_UNSHARE;
}

/* One count for each fault. User space adds up the rest: all of them are faults, and copies have bytes. */
static __always_inline void count_fault(struct tally *tally, u32 counter)
{
	__sync_fetch_and_add(&tally->counts[counter], 1);
}
