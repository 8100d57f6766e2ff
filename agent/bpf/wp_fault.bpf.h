/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg wp-fault: mm/memory.c, do_wp_page().
 *
 * It is entered with the page-table lock held and *vmf->pte == vmf->orig_pte: what is read at entry is what
 * the kernel decides by. It returns without the lock, so the exit hook only says how a fault without a copy
 * ended.
 */

/* Of a fault that cost a copy: who wrote. */
static __always_inline u64 user_stack_of_fault(void *ctx, u8 outcome)
{
	return outcome == OUTCOME_COPY || outcome == OUTCOME_UNSHARE || outcome == OUTCOME_FALLBACK
		   ? user_stack_of_now(ctx)
		   : 0;
}

static __always_inline void send_fault(void *ctx, struct state *state, u64 pid_tgid, u8 kind, u8 outcome,
				       u64 time_ns, u64 new_pfn, s32 new_refcount)
{
	struct books *books = close_state(state);
	struct fault_record *record = reserve_record(books, sizeof(*record), kind, state->cookie, pid_tgid);

	if (!record)
		return;
	record->head.time_ns = time_ns;
	record->head.outcome = outcome;
	record->head.order = state->order;
	record->vpn = state->vpn;
	record->old_pfn = state->old_pfn;
	record->new_pfn = new_pfn;
	record->other_mm = user_stack_of_fault(ctx, outcome);
	record->flags = state->flags;
	record->refcount = state->refcount;
	record->mapcount = state->mapcount;
	record->pincount = state->pincount;
	record->new_refcount = new_refcount;
	record->pages = kind == RECORD_HUGE_WP	    ? PMD_PAGES
			: kind == RECORD_HUGETLB_WP ? 1U << (state->order & 31)
						    : 1;
	record->folio_mapcount = state->folio_mapcount;
	tell_gup(record);
	submit_record(books, record);
	track(state->old_pfn);
	if (state->order)
		track(state->head_pfn);
	if (new_pfn != state->old_pfn)
		track(new_pfn);
}

static __always_inline void no_frame(struct state *state)
{
	state->flags |= FLAG_ZERO;
	state->head_pfn = 0;
	state->order = 0;
	state->refcount = 0;
	state->mapcount = 0;
	state->pincount = 0;
}

/*
 * Whether the time of entry is that of the fault: of a reuse that no hook sees, and of a message to who
 * handles the process's faults. A page that is mapped elsewhere, too, is not reused before somebody unmaps it
 * there.
 */
static __always_inline bool is_decided_here(const struct state *state, u64 pte)
{
	return pte & PTE_UFFD_WP || (!config.reuse_seen && state->mapcount <= 1);
}

/* Of an address space that may be a target. */
static __noinline int begin_wp(struct vm_fault *vmf, struct vm_area_struct *vma, struct mm_struct *mm)
{
	u64 generation, cookie, pte;
	struct state *state;
	u32 tid;

	tid = (u32)bpf_get_current_pid_tgid();
	state = state_slot(tid);
	if (!is_known(state, tid, mm)) {
		generation = *(volatile u64 *)&shared.generation;
		cookie = cookie_of(mm);
		state = cookie ? know(tid, DOING_WP, mm, cookie, generation) : NULL;
	}
	if (!state)
		return 0;
	if (!is_chosen(vmf->address >> PAGE_SHIFT)) {
		BOOK_UNTOLD(LEG_WP_FAULT, filtered);
		return 0;
	}
	begin_own_state(state, DOING_WP, state->known_cookie);
	pte = vmf->orig_pte.pte;
	state->vpn = vmf->address >> PAGE_SHIFT;
	state->old_pte = pte;
	state->old_pfn = PTE_PFN(pte);
	state->pointer = HAS_FINISHED_FAULTS ? finished_faults() : number_of(state, vmf);
	if (state->swap_ns)
		swap_told(state, vmf);
	state->flags = fault_facts(vmf) | vma_facts(vma);
	if (pte & PTE_UFFD_WP)
		state->flags |= uffd_facts(vma);
	/* The zero page, or a frame without struct page: there are no counts to read. */
	if (pte & PTE_SPECIAL)
		no_frame(state);
	else
		read_frame(state, state->old_pfn);
	read_folio_mapcount(state);
	state->time_ns = is_decided_here(state, pte) ? bpf_ktime_get_ns() : 0;
	return 0;
}

SEC("?fentry/do_wp_page")
int wp_enter(u64 *ctx)
{
	struct vm_fault *vmf = (struct vm_fault *)ctx[0];
	struct vm_area_struct *vma = vmf->vma;
	struct mm_struct *mm = vma->vm_mm;

	return may_be_target(mm) ? begin_wp(vmf, vma, mm) : 0;
}

/*
 * Whether a page that was not exclusive has become so: the kernel found the sole reference (6.1:
 * do_wp_page(); later: wp_can_reuse_anon_folio()), or the sole mapping where it is a hugetlb page.
 */
static __always_inline bool made_exclusive(const struct state *state)
{
	u64 flags;

	if (!(state->flags & FLAG_ANON) || state->flags & FLAG_EXCLUSIVE)
		return false;
	flags = READ_KERNEL(u64, page_of(state->old_pfn));
	return HAS_FLAG(flags, PG_anon_exclusive);
}

/* The same, told with the reference count by which it was decided. */
static __always_inline void tell_made_exclusive(struct state *state, s32 refcount)
{
	state->flags |= FLAG_MADE_EXCLUSIVE | FLAG_COUNTS_AT_DECISION;
	state->refcount = refcount;
}

static __noinline int reuse_wp(u64 *ctx)
{
	struct state *state = state_while(DOING_WP);

	if (!state || ctx[1] >> PAGE_SHIFT != state->vpn)
		return 0;
	state->outcome = state->flags & FLAG_VMA_SHARED ? OUTCOME_SHARED : OUTCOME_REUSE;
	state->time_ns = bpf_ktime_get_ns();
	if (made_exclusive(state))
		tell_made_exclusive(state, KERNEL_S32(page_of(state->head_pfn) +
						      bpf_core_field_offset(struct page, _refcount)));
	return 0;
}

/* arch/x86/mm/pgtable.c, called by wp_page_reuse() with the lock held: the mapping is writable now. */
SEC("?fentry/ptep_set_access_flags")
int wp_reuse(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[0];

	return may_be_target(vma->vm_mm) ? reuse_wp(ctx) : 0;
}

/*
 * Whether a fault that did not copy was a reuse, where no hook tells. Up to 6.1 the result says so; what
 * was no exclusive page was one with a single reference then. The lock of an anonymous page's reuse is held
 * from entry on, so it has the time of the entry.
 */
static __always_inline bool is_reuse(struct state *state, struct vm_fault *vmf, u32 result)
{
	u64 pte;

	if (bpf_core_enum_value_exists(enum vm_fault_reason, VM_FAULT_WRITE)) {
		if (!(result & RET_WRITE))
			return false;
		if (bpf_core_enum_value_exists(enum pageflags, PG_anon_exclusive) &&
		    state->flags & FLAG_ANON && !(state->flags & FLAG_EXCLUSIVE))
			tell_made_exclusive(state, 1);
		return true;
	}
	pte = READ_KERNEL(u64, number_of(state, vmf->pte));
	return pte & PTE_WRITE && PTE_PFN(pte) == state->old_pfn;
}

/* Of a task that may be the state's, or has no tally of its own yet. */
static __noinline int end_wp(u64 *ctx, u64 pid_tgid)
{
	struct vm_fault *vmf = (struct vm_fault *)ctx[0];
	u32 result = (u32)ctx[1];
	struct tally *tally = NULL;
	struct state *state;
	u64 time_ns;
	u8 outcome;

	if (config.counters)
		tally = own_tally(pid_tgid >> 32);
	if (tally && !*(volatile u32 *)&tally->told) {
		count_fault(tally, counter_of(vmf, result));
		return 0;
	}
	state = state_of((u32)pid_tgid, DOING_WP);
	outcome = state ? state->outcome : OUTCOME_NONE;
	if (tally)
		count_fault(tally, outcome == OUTCOME_COPY ? COUNTER_COPY : counter_of(vmf, result));
	if (!state)
		return 0;
	/* Sent under the lock, where the new folio got its mapping. */
	if (outcome == OUTCOME_COPY || outcome == OUTCOME_UNSHARE)
		goto out;
	time_ns = state->time_ns;
	if (outcome == OUTCOME_NONE && !config.reuse_seen && is_reuse(state, vmf, result)) {
		outcome = state->flags & FLAG_VMA_SHARED ? OUTCOME_SHARED : OUTCOME_REUSE;
		/* The lock was let go meanwhile, for whom the file belongs to. */
		if (outcome == OUTCOME_SHARED || !time_ns)
			time_ns = bpf_ktime_get_ns();
	}
	if (outcome == OUTCOME_NONE) {
		time_ns = bpf_ktime_get_ns();
		if (result & (RET_OOM | RET_SIGBUS | RET_HWPOISON | RET_SIGSEGV))
			outcome = OUTCOME_FAILED;
		else if (state->flags & FLAG_UNSHARE)
			outcome = OUTCOME_UNSHARE_NOOP;
		else
			outcome = OUTCOME_RETRY;
		if (outcome == OUTCOME_UNSHARE_NOOP && made_exclusive(state))
			tell_made_exclusive(state, 1);
	}
	send_fault(ctx, state, pid_tgid, RECORD_WP_FAULT, outcome, time_ns,
		   outcome == OUTCOME_REUSE || outcome == OUTCOME_SHARED ? state->old_pfn : 0, 0);
out:
	state->doing = DOING_NOTHING;
	return 0;
}

SEC("?fexit/do_wp_page")
int wp_exit(u64 *ctx)
{
	struct vm_fault *vmf = (struct vm_fault *)ctx[0];

	/* Where the fault let go of its locks the vma may be gone: those results say so. */
	if (!((u32)ctx[1] & ~RET_WRITE) && !may_be_target(vmf->vma->vm_mm))
		return 0;
	return end_wp(ctx, bpf_get_current_pid_tgid());
}

/*
 * The same where all processes are counted: the two commonest outcomes are told apart here, the rest by
 * counter_of().
 */
SEC("?fexit/do_wp_page")
int wp_exit_counting(u64 *ctx)
{
	u64 pid_tgid = bpf_get_current_pid_tgid();
	u32 tgid = pid_tgid >> 32;
	struct tally *tally = &tallies[first_tally(tgid)];
	struct vm_fault *vmf;
	u64 now;

	if (!is_untold(tally, tgid) || (u32)ctx[1] & ~RET_WRITE)
		return end_wp(ctx, pid_tgid);
	vmf = (struct vm_fault *)ctx[0];
	now = vmf->pte->pte;
	if ((now & (PTE_PRESENT | PTE_WRITE)) != (PTE_PRESENT | PTE_WRITE))
		return end_wp(ctx, pid_tgid);
	if (PTE_PFN(now ^ vmf->orig_pte.pte))
		count_fault(tally, COUNTER_COPY);
	else
		count_fault(tally, COUNTER_REUSE);
	return 0;
}
