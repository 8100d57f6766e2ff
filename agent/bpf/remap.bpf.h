/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg remap: what one range maps is mapped by another. mm/mremap.c, move_page_tables(), with the mmap lock
 * held for writing, and what UFFDIO_MOVE does (mm/userfaultfd.c), told by their exits: these know how far it
 * went.
 */
static __always_inline int remapped(u64 cookie, u64 from, u64 to, u64 bytes)
{
	struct identity_record *record;

	if (!bytes) {
		BOOK_UNTOLD(LEG_REMAP, filtered);
		return 0;
	}
	record = begin_record(LEG_REMAP, sizeof(*record), RECORD_REMAP, cookie);
	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->vpn = from >> PAGE_SHIFT;
	record->old_pfn = 0;
	record->new_pfn = 0;
	record->aux = to >> PAGE_SHIFT;
	record->flags = 0;
	record->refcount = 0;
	record->mapcount = 0;
	record->pincount = 0;
	record->new_refcount = 0;
	record->pages = bytes >> PAGE_SHIFT;
	end_record(LEG_REMAP, record);
	return 0;
}

/* What the function wrote into its argument since 6.16: where it stands. It may have begun below the range.
 */
static __always_inline int remapped_by_control(u64 control, u64 moved)
{
	struct pagetable_move_control *pmc = (struct pagetable_move_control *)control;
	u64 from = BPF_CORE_READ(pmc, old_end) - BPF_CORE_READ(pmc, len_in);
	u64 to = BPF_CORE_READ(pmc, new_addr) - (BPF_CORE_READ(pmc, old_addr) - from);
	u64 cookie = cookie_of(BPF_CORE_READ(pmc, old, vm_mm));

	return cookie ? remapped(cookie, from, to, moved) : 0;
}

SEC("?fexit/move_page_tables")
int remap_exit(u64 *ctx)
{
	struct vm_area_struct *vma;
	u64 cookie, moved = 0;

	bpf_get_func_ret(ctx, &moved);
	if (bpf_core_type_exists(struct pagetable_move_control))
		return remapped_by_control(argument(ctx, 0), moved);
	vma = (struct vm_area_struct *)argument(ctx, 0);
	cookie = cookie_of(BPF_CORE_READ(vma, vm_mm));
	return cookie ? remapped(cookie, argument(ctx, 1), argument(ctx, 3), moved) : 0;
}

/* 5.10: the compiler took the body out of the function, and how far it went is not known: told at its entry.
 */
SEC("?kprobe/move_page_tables.part.0")
int remap_enter_kprobe(struct pt_regs *regs)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)regs->di;
	u64 cookie = cookie_of(BPF_CORE_READ(vma, vm_mm));

	return cookie ? remapped(cookie, regs->si, regs->cx, regs->r8) : 0;
}

SEC("?fexit/move_pages")
int uffd_move(u64 *ctx)
{
	struct userfaultfd_ctx___moving *uffd = (struct userfaultfd_ctx___moving *)argument(ctx, 0);
	u64 cookie = cookie_of(BPF_CORE_READ(uffd, mm));
	s64 moved = (s64)ctx[5];

	return cookie ? remapped(cookie, ctx[2], ctx[1], moved > 0 ? moved : 0) : 0;
}

/* Since 6.18 the page tables are gone through in pieces: bytes moved, or an error. */
SEC("?fexit/move_pages_ptes")
int uffd_move_ptes(u64 *ctx)
{
	u64 cookie = cookie_of((struct mm_struct *)argument(ctx, 0));
	s64 moved = (s64)ctx[9];

	return cookie ? remapped(cookie, ctx[6], ctx[5], moved > 0 ? moved : 0) : 0;
}

SEC("?fexit/move_pages_huge_pmd")
int uffd_move_pmd(u64 *ctx)
{
	u64 cookie = cookie_of((struct mm_struct *)argument(ctx, 0));

	return cookie ? remapped(cookie, ctx[7], ctx[6], (int)ctx[8] ? 0 : PMD_PAGES << PAGE_SHIFT) : 0;
}
