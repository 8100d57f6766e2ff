/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg fork: mm/memory.c, copy_page_range(), once for each vma that fork copies (vmas with VM_DONTCOPY never
 * come here); and the process itself, kernel/fork.c, trace_sched_process_fork().
 */

SEC("?fentry/copy_page_range")
int fork_vma_enter(u64 *ctx)
{
	struct vm_area_struct *dst = (struct vm_area_struct *)ctx[0];
	struct vm_area_struct *src = (struct vm_area_struct *)ctx[1];
	struct mm_struct *mm = src->vm_mm;
	u64 cookie = cookie_of(mm);
	struct state *state;
	u64 child;

	count(COUNTER_FORK_VMA, 1);
	if (!cookie)
		return 0;
	child = add_child((u64)dst->vm_mm, mm);
	if (!child) {
		BOOK_UNTOLD(LEG_FORK, missed);
		return 0;
	}
	state = begin_state(DOING_FORK, cookie);
	if (!state)
		return 0;
	state->pointer = (u64)dst;
	state->other = child;
	state->old_pte = number_of(state, mm->pgd);
	return 0;
}

SEC("?fexit/copy_page_range")
int fork_vma_exit(u64 *ctx)
{
	struct vm_area_struct *src = (struct vm_area_struct *)ctx[1];
	struct state *state = state_while(DOING_FORK);
	struct range_record *record;
	struct books *books;

	if (!state)
		return 0;
	books = close_state(state);
	state->doing = DOING_NOTHING;
	record = reserve_record(books, sizeof(*record), RECORD_FORK_VMA, state->cookie);
	if (!record)
		return 0;
	/* Early copies of this vma came before; nobody faults on either side before fork is done. */
	record->head.time_ns = bpf_ktime_get_ns();
	record->head.outcome = (int)ctx[2] ? OUTCOME_FAILED : OUTCOME_NONE;
	record->vpn = src->vm_start >> PAGE_SHIFT;
	record->pages = (src->vm_end - src->vm_start) >> PAGE_SHIFT;
	record->flags = vma_facts(src);
	record->other_mm = state->other;
	record->other_tgid = 0;
	record->aux = 0;
	submit_record(books, record);
	return 0;
}

SEC("?tp_btf/sched_process_fork")
int fork_process(u64 *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx[0];
	struct task_struct *child = (struct task_struct *)ctx[1];
	struct mm_struct *mm = child->mm;
	u32 tgid = child->tgid;
	struct range_record *record;
	u64 old, cookie;

	/* A thread shares all that we look at. */
	if (!mm || child->pid != tgid)
		return 0;
	count(COUNTER_FORK, 1);
	old = cookie_of(parent->mm);
	if (!old)
		return 0;
	cookie = add_child((u64)mm, parent->mm);
	if (!cookie || !know_tgid(tgid, (u64)mm)) {
		BOOK_UNTOLD(LEG_FORK, missed);
		return 0;
	}
	tell_process(child, cookie);
	record = begin_record(LEG_FORK, sizeof(*record), RECORD_FORK, old);
	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->vpn = 0;
	record->pages = 0;
	record->flags = 0;
	record->other_mm = cookie;
	record->other_tgid = tgid;
	record->aux = 0;
	end_record(LEG_FORK, record);
	return 0;
}
