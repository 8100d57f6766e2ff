/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes targets of what runs already: user space reads this iterator once at start, and again while it looks
 * for comms and cgroups. */

extern const void vmemmap_base __ksym;
extern const void page_offset_base __ksym;

static __always_inline bool seed_wanted(struct task_struct *task, u32 tgid)
{
	struct comm comm = {};

	if (tgid == config.my_tgid)
		return false;
	if (config.trace_all)
		return true;
	if (bpf_map_lookup_elem(&wanted_tgids, &tgid))
		return true;
	if (!config.has_comms)
		return false;
	bpf_probe_read_kernel(comm.name, sizeof(comm.name),
			      (void *)((u64)task + bpf_core_field_offset(struct task_struct, comm)));
	return bpf_map_lookup_elem(&wanted_comms, &comm);
}

SEC("iter/task")
int seed(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	u64 cookie, mm;
	u32 tgid;

	if (!shared.vmemmap_base) {
		bpf_probe_read_kernel(&shared.vmemmap_base, sizeof(u64), &vmemmap_base);
		bpf_probe_read_kernel(&shared.page_offset_base, sizeof(u64), &page_offset_base);
	}
	/*
	 * The end of a pass. The first is read before anything is attached: a target found then could end
	 * unseen, and another address space at its place would be taken for it.
	 */
	if (!task) {
		if (!shared.seeded)
			check_self();
		shared.seeded = 1;
		return 0;
	}
	if (!shared.seeded)
		return 0;
	tgid = BPF_CORE_READ(task, tgid);
	if (BPF_CORE_READ(task, pid) != tgid)
		return 0;
	mm = (u64)BPF_CORE_READ(task, mm);
	if (!mm || !seed_wanted(task, tgid) || bpf_map_lookup_elem(&tgids, &tgid))
		return 0;
	cookie = add_target(mm);
	if (!cookie || bpf_map_update_elem(&tgids, &tgid, &cookie, BPF_ANY)) {
		BOOK_UNTOLD(LEG_EXIT, missed);
		return 0;
	}
	tell_process(task, cookie);
	return 0;
}
