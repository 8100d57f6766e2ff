/* SPDX-License-Identifier: GPL-2.0-only */
/* Leg exit: the end of an address space (mm/mmap.c, exit_mmap()), and exec, which begins another. */

static __always_inline struct range_record *begin_life(u8 kind, u64 cookie)
{
	struct range_record *record = begin_record(LEG_EXIT, sizeof(*record), kind, cookie);

	if (!record)
		return NULL;
	record->head.time_ns = bpf_ktime_get_ns();
	record->vpn = 0;
	record->pages = 0;
	record->flags = 0;
	record->other_mm = 0;
	record->other_tgid = 0;
	record->aux = 0;
	return record;
}

SEC("?fentry/exit_mmap")
int mm_exit(u64 *ctx)
{
	struct mm_struct *mm = (struct mm_struct *)ctx[0];
	u64 cookie = cookie_of(mm);
	struct range_record *record;

	if (!cookie)
		return 0;
	remove_target((u64)mm);
	record = begin_life(RECORD_MM_EXIT, cookie);
	if (record)
		end_record(LEG_EXIT, record);
	return 0;
}

/* Who wants this process by what it is now. Runs in its own context. */
static __always_inline u64 wanted(struct task_struct *task, u32 tgid)
{
	struct comm comm = {};
	u64 cgroup, why = 0;
	u64 *by_comm;

	if (is_agents(tgid))
		return 0;
	if (config.trace_all)
		return WHY_OWN;
	bpf_get_current_comm(&comm.name, sizeof(comm.name));
	by_comm = bpf_map_lookup_elem(&wanted_comms, &comm);
	if (by_comm)
		why = *by_comm;
	if (config.has_cgroups) {
		cgroup = bpf_get_current_cgroup_id();
		if (bpf_map_lookup_elem(&wanted_cgroups, &cgroup))
			why |= WHY_OWN;
	}
	return why;
}

SEC("?tp_btf/sched_process_exec")
int exec_process(u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	u32 tgid = task->tgid;
	struct target *known = bpf_map_lookup_elem(&tgids, &tgid);
	u64 old = known ? known->cookie : 0, why = known ? known->why : 0;
	struct range_record *record;
	u64 cookie;

	count_exec();
	why |= wanted(task, tgid);
	if (!why)
		return 0;
	cookie = add_target((u64)task->mm, why);
	if (!cookie || !know_tgid(tgid, (u64)task->mm)) {
		BOOK_UNTOLD(LEG_EXIT, missed);
		return 0;
	}
	tell_process(task, cookie);
	record = begin_life(RECORD_EXEC, old);
	if (!record)
		return 0;
	record->other_mm = cookie;
	end_record(LEG_EXIT, record);
	return 0;
}

SEC("?tp_btf/sched_process_exit")
int exit_process(u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	u32 tgid = task->tgid;

	/* do_exit() has counted this thread out already. */
	if (task->signal->live.counter == 0) {
		bpf_map_delete_elem(&tgids, &tgid);
		end_tally(tgid);
	}
	return 0;
}
