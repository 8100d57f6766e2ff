/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg unmap: mm/memory.c, unmap_page_range() (7.2: __zap_vma_range()), the common part of munmap,
 * MADV_DONTNEED and truncation. What exit_mmap() takes down is not reported page range by page range: the
 * address space is no target any more by then.
 */
static __always_inline int unmap(struct vm_area_struct *vma, u64 start, u64 end)
{
	u64 cookie = cookie_of(vma->vm_mm);
	struct range_record *record;

	count(COUNTER_UNMAP, 1);
	if (!cookie)
		return 0;
	record = begin_record(LEG_UNMAP, sizeof(*record), RECORD_UNMAP, cookie);
	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->vpn = start >> PAGE_SHIFT;
	record->pages = (end - start) >> PAGE_SHIFT;
	record->flags = vma_facts(vma);
	record->other_mm = 0;
	record->other_tgid = 0;
	record->aux = 0;
	end_record(LEG_UNMAP, record);
	return 0;
}

SEC("?fentry/unmap_page_range")
int unmap_range(u64 *ctx)
{
	return unmap((struct vm_area_struct *)ctx[1], ctx[2], ctx[3]);
}

SEC("?fentry/__zap_vma_range")
int zap_range(u64 *ctx)
{
	return unmap((struct vm_area_struct *)ctx[1], ctx[2], ctx[3]);
}
