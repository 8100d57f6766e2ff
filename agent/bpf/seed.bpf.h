/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes targets of what runs already: user space reads this iterator once at start, and again while it looks
 * for comms and cgroups. */

extern const void vmemmap_base __ksym;
extern const void page_offset_base __ksym;

static __always_inline u64 seed_wanted(struct task_struct *task, u32 tgid)
{
	struct comm comm = {};
	u64 *by_tgid, *by_comm;
	u64 why = 0;

	if (is_agents(tgid))
		return 0;
	if (config.trace_all)
		return WHY_OWN;
	by_tgid = bpf_map_lookup_elem(&wanted_tgids, &tgid);
	if (by_tgid)
		why = *by_tgid;
	bpf_probe_read_kernel(comm.name, sizeof(comm.name),
			      (void *)((u64)task + bpf_core_field_offset(struct task_struct, comm)));
	by_comm = bpf_map_lookup_elem(&wanted_comms, &comm);
	return by_comm ? why | *by_comm : why;
}

/*
 * A process that is a target already: who wants it now. Once nobody does it is none any more; its address
 * space lives on, and what it does is not told.
 */
static __noinline int want_again(u32 tgid, u64 mm, u64 why)
{
	struct target *target = bpf_map_lookup_elem(&targets, &mm);
	u32 zero = 0;
	u64 *gone = bpf_map_lookup_elem(&revoked, &zero);

	if (!target)
		return 0;
	if (gone)
		target->why &= ~*gone;
	target->why |= why;
	if (target->why) {
		know_tgid(tgid, mm);
		return 0;
	}
	remove_target(mm);
	bpf_map_delete_elem(&tgids, &tgid);
	return 0;
}

SEC("iter/task")
int seed(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	u64 cookie, mm, why;
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
	if (!mm)
		return 0;
	why = seed_wanted(task, tgid);
	if (bpf_map_lookup_elem(&tgids, &tgid))
		return want_again(tgid, mm, why);
	if (!why)
		return 0;
	cookie = add_target(mm, why);
	if (!cookie || !know_tgid(tgid, mm)) {
		BOOK_UNTOLD(LEG_EXIT, missed);
		return 0;
	}
	if (!config.trace_all)
		bpf_map_update_elem(&fresh_tgids, &tgid, &cookie, BPF_ANY);
	tell_process(task, cookie);
	return 0;
}
