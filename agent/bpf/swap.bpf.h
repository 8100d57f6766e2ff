/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg swap. Out: mm/rmap.c, try_to_unmap_one(), told after it returned and only if the PTE then holds a swap
 * entry: the lock is gone by then, so who faults the page in at once hides it (booked as filtered). swapoff,
 * which brings pages in by another way, is not seen.
 *
 * In: mm/memory.c, do_swap_page(). Pages get mappings for many reasons, some of them in hundreds, so it is
 * not looked at where that happens, but where a slot of swap is given up, which is done for little else, and
 * with the page-table lock held: the page is taken. On 7.2 that is folio_put_swap(), after the mapping,
 * and all is told there. Before it is swap_free() or swap_free_nr(), ahead of it, which names no page: that
 * gives the time, and the page is read where the fault goes on in do_wp_page(), under the same lock, or at
 * the exit, from what the fault has left in vmf->orig_pte. There the lock is gone: a page that was unmapped
 * at once may be free already, and is not told (booked as filtered).
 */

static __always_inline bool is_swap(u64 pte)
{
	return pte != PTE_NONE && !(pte & (PTE_PRESENT | PTE_PROTNONE)) && SWAP_TYPE(pte) < SWAP_TYPES;
}

/* As /proc/PID/pagemap has it: the type in 5 bits, above it the offset. */
static __always_inline u64 swap_number(u64 pte)
{
	return SWAP_TYPE(pte) | SWAP_OFFSET(pte) << 5;
}

static __always_inline void tell_identity(struct identity_record *record, const struct state *frame,
					  u64 old_pfn, u64 new_pfn)
{
	record->head.time_ns = bpf_ktime_get_ns();
	record->head.order = frame->order;
	record->old_pfn = old_pfn;
	record->new_pfn = new_pfn;
	record->flags = frame->flags;
	record->refcount = frame->refcount;
	record->mapcount = frame->mapcount;
	record->pincount = frame->pincount;
	record->new_refcount = 0;
	record->pages = 1;
}

/*
 * One slot after an attempt to unmap it; its address space is no target where `cookie` is 0. A global
 * function: the verifier looks at it once, not in each round.
 */
__noinline int swapped_out(u64 cookie, u64 pgd, u64 vpn, u64 pfn)
{
	u64 pte = pte_at(pgd, vpn << PAGE_SHIFT);
	struct identity_record *record;
	struct state frame;

	if (is_swap(pte))
		count(COUNTER_SWAP_OUT, 1);
	if (!cookie)
		return 0;
	if (!is_swap(pte) || !is_chosen(vpn)) {
		BOOK_UNTOLD(LEG_SWAP, filtered);
		return 0;
	}
	record = begin_record(LEG_SWAP, sizeof(*record), RECORD_SWAP_OUT, cookie);
	if (!record)
		return 0;
	frame.flags = 0;
	read_frame(&frame, pfn);
	tell_identity(record, &frame, pfn, 0);
	record->vpn = vpn;
	record->aux = swap_number(pte);
	end_record(LEG_SWAP, record);
	track(pfn);
	return 0;
}

SEC("?fexit/try_to_unmap_one")
int swap_out(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[1];
	u64 cookie = cookie_of(vma->vm_mm);
	u64 page, pgd, vpn = ctx[2] >> PAGE_SHIFT;
	struct page_words words = {};
	u32 i, pages = 1;
	u64 pfn, from;

	if (!cookie && !config.counters)
		return 0;
	page = argument(ctx, 0);
	bpf_probe_read_kernel(&words, sizeof(words), (void *)page);
	/* A file's pages go without a trace in the PTE. */
	if (!(PAGE_FIELD(&words, u64, mapping) & 1))
		return 0;
	pgd = (u64)BPF_CORE_READ(vma, vm_mm, pgd);
	pfn = pfn_of(page);
	if (HAS_FLAG(words.word[0], PG_head)) {
		struct folio_counts counts;

		/* The walk began where the folio enters the vma, or at its first page. */
		read_large(page, &counts);
		from = vpn - (vma->vm_start >> PAGE_SHIFT) + vma->vm_pgoff - index_of(page);
		pages = 1U << (counts.order & 15);
		if (from >= pages)
			return 0;
		pfn += from;
		pages -= from;
		if (pages > (vma->vm_end >> PAGE_SHIFT) - vpn)
			pages = (vma->vm_end >> PAGE_SHIFT) - vpn;
	}
	for (i = 0; i < PMD_PAGES && i < pages; i++)
		swapped_out(cookie, pgd, vpn + i, pfn + i);
	return 0;
}

SEC("?fentry/do_swap_page")
int swap_enter(u64 *ctx)
{
	struct vm_fault *vmf = (struct vm_fault *)ctx[0];
	u64 pte = vmf->orig_pte.pte;
	struct state *state;

	if (!is_swap(pte) || !cookie_of(vmf->vma->vm_mm))
		return 0;
	state = own_state((u32)bpf_get_current_pid_tgid());
	if (!state)
		return 0;
	if (state->swap_ns && state->swap_entry)
		BOOK_UNTOLD(LEG_SWAP, missed);
	state->swap_entry = pte;
	state->swap_vpn = vmf->address >> PAGE_SHIFT;
	state->swap_ns = 0;
	state->swap_vmf = argument(ctx, 0);
	return 0;
}

/* Where it has mapped a page, the new PTE stands in vmf->orig_pte; where it lost a race, the old one still.
 */
static __always_inline void count_swap_in(u64 *ctx)
{
	u32 result = (u32)ctx[1];

	if (!config.counters || result & (RET_OOM | RET_SIGBUS | RET_HWPOISON | RET_SIGSEGV | RET_RETRY))
		return;
	if (((struct vm_fault *)ctx[0])->orig_pte.pte & PTE_PRESENT)
		count(COUNTER_SWAP_IN, 1);
}

/* Tells of `pages` pages from `page` on, the first of them at `vpn`. */
static __always_inline void tell_swap_in(struct state *state, u64 cookie, u64 time_ns, u64 pte, u64 vpn,
					 u64 page, u32 pages)
{
	struct identity_record *record;
	u64 pfn = pfn_of(page);
	struct state frame;

	/* A large folio may begin before the slot that was touched. */
	frame.swap_entry = swap_number(state->swap_entry) - ((PTE_PFN(pte) - pfn) << 5);
	state->swap_entry = 0;
	if (pages == 1 && !is_chosen(vpn)) {
		BOOK_UNTOLD(LEG_SWAP, filtered);
		return;
	}
	track(pfn);
	record = begin_record(LEG_SWAP, sizeof(*record), RECORD_SWAP_IN, cookie);
	if (!record)
		return;
	frame.flags = pte & PTE_WRITE ? FLAG_ANON | FLAG_WRITABLE : FLAG_ANON;
	read_frame(&frame, pfn);
	/* It gets this with its mapping. */
	frame.flags &= ~FLAG_EXCLUSIVE;
	tell_identity(record, &frame, 0, pfn);
	record->head.time_ns = time_ns;
	record->vpn = vpn;
	record->aux = frame.swap_entry;
	record->refcount = 0;
	record->mapcount = 0;
	record->pincount = 0;
	record->new_refcount = frame.refcount;
	record->pages = pages;
	end_record(LEG_SWAP, record);
	if (frame.order)
		track(frame.head_pfn);
}

/* What do_swap_page() has left: the PTE that it made, once it has; else the swap entry. */
static __always_inline u64 swap_pte(const struct state *state)
{
	u64 pte = 0;

	bpf_probe_read_kernel(&pte, sizeof(pte),
			      (void *)(state->swap_vmf + bpf_core_field_offset(struct vm_fault, orig_pte)));
	return pte & PTE_PRESENT ? pte : 0;
}

/*
 * Where these pages get their mapping, or just did. If that is not what this task is in the middle of, the
 * exit hook was not run, or the pages are others. Whether it was told.
 */
static __always_inline bool swapped_in(struct state *state, u64 cookie, u64 page, u32 pages)
{
	u64 pte = state->swap_entry ? swap_pte(state) : 0;
	u64 index = PTE_PFN(pte) - pfn_of(page);

	if (!pte || index >= pages)
		return false;
	tell_swap_in(state, cookie, bpf_ktime_get_ns(), pte, state->swap_vpn - index, page, pages);
	return true;
}

/* That slots of swap are given up: those of this fault, and with the lock held. */
static __always_inline int swap_freed(u64 entry, u32 slots)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct state *state = state_slot(tid);
	u64 index;

	if (!state || state->tid != tid || !state->swap_vmf || !state->swap_entry)
		return 0;
	/* include/linux/swapops.h, swp_type() and swp_offset(): the type is above 58 bits. */
	index = SWAP_OFFSET(state->swap_entry) - (entry & ((1ULL << 58) - 1));
	if (entry >> 58 != SWAP_TYPE(state->swap_entry) || index >= slots)
		return 0;
	state->swap_ns = bpf_ktime_get_ns();
	state->swap_pages = slots;
	state->swap_index = index;
	return 0;
}

/* 6.1; 6.12 and later give up several at once. */
SEC("?fentry/swap_free")
int swap_free_one(u64 *ctx)
{
	return swap_freed(ctx[0], 1);
}

SEC("?fentry/swap_free_nr")
int swap_free_many(u64 *ctx)
{
	return swap_freed(ctx[0], (u32)ctx[1]);
}

/* A page of a folio, or with NULL all. */
SEC("?fentry/folio_put_swap")
int swap_put(u64 *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct state *state = state_slot(tid);
	struct page_words words = {};
	u64 folio, page, vmf, cookie;
	u32 pages = 1;

	if (!state || state->tid != tid || !state->swap_vmf || !state->swap_entry)
		return 0;
	folio = argument(ctx, 0);
	page = argument(ctx, 1);
	if (!page) {
		struct folio_counts counts;

		page = folio;
		bpf_probe_read_kernel(&words, sizeof(words), (void *)folio);
		if (HAS_FLAG(words.word[0], PG_head)) {
			read_large(folio, &counts);
			pages = 1U << (counts.order & 15);
		}
	}
	vmf = state->swap_vmf;
	cookie = cookie_of_locked(BPF_CORE_READ((struct vm_fault *)vmf, vma, vm_mm));
	if (cookie)
		swapped_in(state, cookie, page, pages);
	return 0;
}

/* The fault goes on in do_wp_page(), with the lock held. */
static __always_inline void swap_told(struct state *state, struct vm_fault *vmf)
{
	u64 pte = vmf->orig_pte.pte;

	if (state->swap_entry && state->swap_vmf == number_of(state, vmf) && state->swap_vpn == state->vpn)
		tell_swap_in(state, state->cookie, state->swap_ns, pte, state->swap_vpn - state->swap_index,
			     page_of(PTE_PFN(pte) - state->swap_index), state->swap_pages);
	state->swap_ns = 0;
}

SEC("?fexit/do_swap_page")
int swap_exit(u64 *ctx)
{
	struct vm_fault *vmf = (struct vm_fault *)ctx[0];
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct state *state = state_slot(tid);
	u64 pte, now = 0, cookie;

	count_swap_in(ctx);
	if (!state || state->tid != tid || !state->swap_vmf)
		return 0;
	if (state->swap_ns && state->swap_entry) {
		pte = swap_pte(state);
		cookie = cookie_of(vmf->vma->vm_mm);
		/* First the mark, then the look: who frees the page after that finds it. */
		track(PTE_PFN(pte));
		bpf_probe_read_kernel(&now, sizeof(now), (void *)number_of(state, vmf->pte));
		if (pte && cookie && now & PTE_PRESENT && PTE_PFN(now) == PTE_PFN(pte))
			tell_swap_in(state, cookie, state->swap_ns, pte, state->swap_vpn - state->swap_index,
				     page_of(PTE_PFN(pte) - state->swap_index), state->swap_pages);
		else
			BOOK_UNTOLD(LEG_SWAP, filtered);
	}
	state->swap_ns = 0;
	state->swap_vmf = 0;
	return 0;
}

/* Where 5.10 gives the page its mapping: structs, as swap_free() takes one, are no arguments there. */
SEC("?fentry/do_page_add_anon_rmap")
int swap_do_add_page(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[1];
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct state *state = state_slot(tid);
	u64 cookie;

	if (!state || state->tid != tid || !state->swap_vmf)
		return 0;
	cookie = cookie_of_locked(vma->vm_mm);
	if (cookie)
		swapped_in(state, cookie, argument(ctx, 0), 1);
	return 0;
}
