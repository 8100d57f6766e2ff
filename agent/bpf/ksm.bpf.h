/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg ksm: mm/ksm.c, try_to_merge_one_page(), told by its exit: a slot of `page` maps `kpage` now, or, if
 * there was none yet, `page` itself has become a KSM page. The way back is a write-protect fault.
 */
SEC("?fexit/try_to_merge_one_page")
int ksm_merge(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[0];
	u64 cookie = cookie_of(vma->vm_mm);
	u64 page, kpage, old_pfn, new_pfn, vpn;
	struct identity_record *record;
	struct state frame;

	page = argument(ctx, 1);
	kpage = argument(ctx, 2);
	if (!(int)ctx[3] && page != kpage)
		count(COUNTER_KSM_MERGE, 1);
	if (!cookie)
		return 0;
	vpn = (vma->vm_start >> PAGE_SHIFT) + index_of(page) - vma->vm_pgoff;
	if ((int)ctx[3] || page == kpage || !is_chosen(vpn)) {
		BOOK_UNTOLD(LEG_KSM, filtered);
		return 0;
	}
	old_pfn = pfn_of(page);
	new_pfn = kpage ? pfn_of(kpage) : old_pfn;
	record = begin_record(LEG_KSM, sizeof(*record), RECORD_KSM_MERGE, cookie);
	if (!record)
		return 0;
	frame.flags = vma_facts(vma);
	read_frame(&frame, new_pfn);
	/* /sys/kernel/mm/ksm/use_zero_pages: the zero page has no mapping of its own. */
	if (!(frame.flags & FLAG_KSM))
		frame.flags |= FLAG_ZERO;
	tell_identity(record, &frame, old_pfn, new_pfn);
	record->new_refcount = frame.refcount;
	record->refcount = KERNEL_S32(page + bpf_core_field_offset(struct page, _refcount));
	record->mapcount = KERNEL_S32(page + bpf_core_field_offset(struct page, _mapcount)) + 1;
	record->vpn = vpn;
	record->aux = 0;
	end_record(LEG_KSM, record);
	track(old_pfn);
	track(new_pfn);
	return 0;
}
