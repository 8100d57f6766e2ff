/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A new anonymous folio gets its first mapping: mm/rmap.c, folio_add_new_anon_rmap()
 * (page_add_new_anon_rmap() up to 6.x). Always under the page-table lock. By what the task is in the middle
 * of it is the committed copy of a write-protect fault, an early copy at fork (kernel/fork.c, dup_mmap() >
 * copy_present_page()), or leg anon-new: a first touch, a private file page's copy, a collapse.
 */

/* The PTE of the parent that fork is copying: its page is what was copied early for the child. */
static __noinline u64 pfn_mapped(u64 pgd, u64 address)
{
	u64 entry = 0, table = pgd;
	u32 shift = config.five_levels ? 48 : 39;
	int level;

	for (level = 0; level < 5; level++) {
		bpf_probe_read_kernel(&entry, sizeof(entry),
				      (void *)(table + ((address >> shift & 511) << 3)));
		if (!(entry & PTE_PRESENT))
			return 0;
		if (shift == PAGE_SHIFT)
			return PTE_PFN(entry);
		if (entry & PTE_PSE && shift < 39)
			return PTE_PFN(entry) + (address >> PAGE_SHIFT & ((1 << (shift - PAGE_SHIFT)) - 1));
		table = shared.page_offset_base + (PTE_PFN(entry) << PAGE_SHIFT);
		shift -= 9;
	}
	return 0;
}

static __always_inline int fork_copy(struct state *state, u64 vpn, u64 new_pfn, s32 new_refcount, u8 order)
{
	struct fault_record *record;
	u64 old_pfn;

	if (!order && !is_chosen(vpn)) {
		BOOK_UNTOLD(LEG_FORK, filtered);
		return 0;
	}
	old_pfn = pfn_mapped(state->old_pte, vpn << PAGE_SHIFT);
	state->flags = 0;
	state->order = 0;
	state->refcount = 0;
	state->mapcount = 0;
	state->pincount = 0;
	if (old_pfn)
		read_frame(state, old_pfn);
	record = begin_record(LEG_FORK, sizeof(*record), RECORD_FORK_COPY, state->cookie);
	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->head.order = state->order;
	record->vpn = vpn;
	record->old_pfn = old_pfn;
	record->new_pfn = new_pfn;
	record->other_mm = state->other;
	record->flags = state->flags;
	record->refcount = state->refcount;
	record->mapcount = state->mapcount;
	record->pincount = state->pincount;
	record->new_refcount = new_refcount;
	record->pages = 1U << (order & 31);
	end_record(LEG_FORK, record);
	track(old_pfn);
	track(new_pfn);
	return 0;
}

static __always_inline void new_folio_at(u32 leg, u8 kind, u8 outcome, u64 cookie, u64 vpn, u64 new_pfn,
					 s32 new_refcount, u8 order, u32 facts)
{
	struct fault_record *record = begin_record(leg, sizeof(*record), kind, cookie);

	if (!record)
		return;
	record->head.time_ns = bpf_ktime_get_ns();
	record->head.outcome = outcome;
	record->head.order = order;
	record->vpn = vpn;
	record->old_pfn = 0;
	record->new_pfn = new_pfn;
	record->other_mm = 0;
	record->flags = FLAG_ANON | (order ? FLAG_LARGE : 0) | facts;
	record->refcount = 0;
	record->mapcount = 0;
	record->pincount = 0;
	record->new_refcount = new_refcount;
	record->pages = 1U << (order & 31);
	end_record(leg, record);
	track(new_pfn);
}

static __always_inline void anon_new(u64 cookie, u64 vpn, u64 new_pfn, s32 new_refcount, u8 order, u32 facts)
{
	new_folio_at(LEG_ANON_NEW, RECORD_ANON_NEW, OUTCOME_NONE, cookie, vpn, new_pfn, new_refcount, order,
		     facts);
}

/*
 * Whether the fault that this state was begun for is the one that maps a page now. If its exit hook was not
 * run the task may be in a later fault, on the same page even: that one did not find the PTE which this one
 * found, or comes after that one was counted.
 */
static __always_inline bool is_this_fault(struct state *state)
{
	if (HAS_FINISHED_FAULTS)
		return state->pointer == finished_faults();
	return READ_KERNEL(u64, state->pointer + bpf_core_field_offset(struct vm_fault, orig_pte)) ==
	       state->old_pte;
}

/* Of an address space that may be a target. */
static __always_inline int new_anon(u64 *ctx, void *page, struct vm_area_struct *vma, u64 address,
				    s32 refcount)
{
	u64 vpn = address >> PAGE_SHIFT;
	struct state *state;
	u64 cookie, number, pid_tgid;
	u32 tid, facts;
	u8 order = 0;

	pid_tgid = bpf_get_current_pid_tgid();
	tid = (u32)pid_tgid;
	state = state_slot(tid);
	if (!state)
		return 0;
	if (state->tid == tid && state->doing == DOING_WP && state->vpn == vpn && is_this_fault(state)) {
		state->outcome = state->flags & FLAG_UNSHARE ? OUTCOME_UNSHARE : OUTCOME_COPY;
		send_fault(ctx, state, pid_tgid, RECORD_WP_FAULT, state->outcome, bpf_ktime_get_ns(),
			   pfn_of(number_of(state, page)), refcount);
		return 0;
	}
	/* The child's vma: a state that an earlier fork left behind names another address space. */
	if (state->tid == tid && state->doing == DOING_FORK && state->pointer == (u64)vma &&
	    state->other == cookie_of_locked(vma->vm_mm))
		return fork_copy(state, vpn, pfn_of(number_of(state, page)), refcount, 0);
	cookie = cookie_of_locked(vma->vm_mm);
	if (!cookie)
		return 0;
	number = number_of(state, page);
	{
		u64 flags = READ_KERNEL(u64, number);

		if (HAS_FLAG(flags, PG_head)) {
			struct folio_counts counts;

			read_large(number, &counts);
			order = counts.order;
		}
	}
	/* A copy of such a page comes here as well: its fault was booked by its own leg. */
	if (!order && !is_chosen(vpn)) {
		BOOK_UNTOLD(LEG_ANON_NEW, filtered);
		return 0;
	}
	if (state->tid == tid && state->swap_vmf && swapped_in(state, cookie, number, 1U << (order & 31)))
		return 0;
	/* Folios of this order are mapped by a PMD where they are new; smaller ones by PTEs. */
	facts = order == PMD_ORDER ? FLAG_PMD_MAPPED : FLAG_NONE;
	if (order && is_collapsing(tid, vpn))
		new_folio_at(LEG_COLLAPSE, RECORD_COLLAPSE, OUTCOME_NONE, cookie, vpn, pfn_of(number),
			     refcount, order, facts);
	else
		anon_new(cookie, vpn, pfn_of(number), refcount, order, facts);
	return 0;
}

static __noinline int tell_new_folio(u64 *ctx)
{
	struct folio *folio = (struct folio *)ctx[0];

	return new_anon(ctx, folio, (struct vm_area_struct *)ctx[1], ctx[2], folio->_refcount.counter);
}

static __noinline int tell_new_page(u64 *ctx)
{
	struct page *page = (struct page *)ctx[0];

	return new_anon(ctx, page, (struct vm_area_struct *)ctx[1], ctx[2], page->_refcount.counter);
}

SEC("?fentry/folio_add_new_anon_rmap")
int new_folio(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[1];

	return may_be_target(vma->vm_mm) ? tell_new_folio(ctx) : 0;
}

SEC("?fentry/page_add_new_anon_rmap")
int new_page(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[1];

	return may_be_target(vma->vm_mm) ? tell_new_page(ctx) : 0;
}
