/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs make of a page of the agent itself, whose frame user space knows: whether the bases by
 * which frames, struct pages and page tables are found are what we take them for on this kernel.
 */
struct self_check {
	u64 address; /* set by user space; 0: nothing is asked */
	u64 pfn;     /* by the page table */
	u64 index;   /* of the struct page of that frame */
	u64 mapping;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct self_check);
} self_checks SEC(".maps");

/* In the agent's own context. */
static __always_inline void check_self(void)
{
	u32 zero = 0;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct self_check *check = bpf_map_lookup_elem(&self_checks, &zero);
	struct page_words words = {};
	u64 page;

	if (!check || !check->address)
		return;
	check->pfn = PTE_PFN(pte_at((u64)BPF_CORE_READ(task, mm, pgd), check->address));
	page = page_of(check->pfn);
	bpf_probe_read_kernel(&words, sizeof(words), (void *)page);
	check->mapping = PAGE_FIELD(&words, u64, mapping);
	check->index = index_of(page);
}
