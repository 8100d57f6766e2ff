/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg fork: mm/memory.c, copy_page_range(), once for each vma that fork copies (vmas with VM_DONTCOPY never
 * come here); and the process itself, kernel/fork.c, trace_sched_process_fork().
 */

/*
 * Looks both address spaces up, makes a target of the child's, and keeps what it found: a fork copies many
 * vmas. NULL: the parent's is no target, or there is no room.
 */
static __always_inline struct state *learn_fork(u32 tid, struct mm_struct *src, struct mm_struct *dst)
{
	u64 generation = *(volatile u64 *)&shared.generation;
	u64 cookie = cookie_of(src), child;
	struct state *state;

	if (!cookie)
		return NULL;
	child = add_child((u64)dst, src);
	if (!child) {
		BOOK_UNTOLD(LEG_FORK, missed);
		return NULL;
	}
	state = know(tid, DOING_FORK, src, cookie, generation);
	if (!state)
		return NULL;
	state->fork_dst = (u64)dst;
	state->fork_child = child;
	return state;
}

SEC("?fentry/copy_page_range")
int fork_vma_enter(u64 *ctx)
{
	struct vm_area_struct *dst = (struct vm_area_struct *)ctx[0];
	struct vm_area_struct *src = (struct vm_area_struct *)ctx[1];
	struct mm_struct *mm = src->vm_mm;
	struct state *state;
	u32 tid;

	count(COUNTER_FORK_VMA, 1);
	if (!may_be_target(mm))
		return 0;
	tid = (u32)bpf_get_current_pid_tgid();
	state = state_slot(tid);
	if (!is_known(state, tid, mm) || state->fork_dst != (u64)dst->vm_mm)
		state = learn_fork(tid, mm, dst->vm_mm);
	if (!state)
		return 0;
	begin_own_state(state, DOING_FORK, state->known_cookie);
	state->pointer = (u64)dst;
	state->other = state->fork_child;
	state->old_pte = number_of(state, mm->pgd);
	return 0;
}

/*
 * The rights are those of vm_flags, bit by bit. What is called heap and stack is as in /proc/PID/maps
 * (tried in tui/test/lab/vmas.test.ts).
 */
static __always_inline u32 mapping_of(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;
	u64 flags = vma->vm_flags;
	u32 mapping = MAPPING_TOLD | (flags & (VM_READ | VM_WRITE | VM_EXEC));

	if (vma->vm_file)
		mapping |= MAPPING_FILE;
	if (flags & VM_GROWSDOWN)
		mapping |= MAPPING_STACK;
	if (vma->vm_start < mm->brk && vma->vm_end > mm->start_brk)
		mapping |= MAPPING_HEAP;
	return mapping;
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
	record = reserve_record(books, sizeof(*record), RECORD_FORK_VMA, state->cookie,
				bpf_get_current_pid_tgid());
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
	record->aux = mapping_of(src);
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
