/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg collapse: mm/khugepaged.c, collapse_huge_page(), by khugepaged or MADV_COLLAPSE. The new folio is told
 * where it gets its mapping, in new_anon.bpf.h, with the lock of its PMD held; what is here says that a task
 * is at it.
 */
SEC("?fentry/collapse_huge_page")
int collapse_enter(u64 *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	u64 vpn = ctx[1] >> PAGE_SHIFT;

	if (!cookie_of((struct mm_struct *)ctx[0]))
		return 0;
	if (bpf_map_update_elem(&collapsing, &tid, &vpn, BPF_ANY))
		BOOK_UNTOLD(LEG_COLLAPSE, missed);
	return 0;
}

/* Since 7.2 the order is the last argument; before, a collapse is always to a PMD. */
SEC("?fexit/collapse_huge_page")
int collapse_exit(u64 *ctx)
{
	u64 cookie = cookie_of((struct mm_struct *)ctx[0]);
	u64 result = 0, order = PMD_ORDER;
	u32 tid = (u32)bpf_get_current_pid_tgid();

	bpf_get_func_ret(ctx, &result);
	if ((u32)result == SCAN_SUCCEED)
		count(COUNTER_COLLAPSE, 1);
	if (!cookie)
		return 0;
	bpf_map_delete_elem(&collapsing, &tid);
	if ((u32)result == SCAN_SUCCEED)
		return 0;
	if (bpf_get_func_arg_cnt(ctx) > 5)
		bpf_get_func_arg(ctx, 5, &order);
	new_folio_at(LEG_COLLAPSE, RECORD_COLLAPSE, OUTCOME_FAILED, cookie, ctx[1] >> PAGE_SHIFT, 0, 0, order,
		     FLAG_NONE);
	return 0;
}

/* Up to 5.18 collapse_huge_page() is inlined: its tracepoints say that it isolated the old pages, and that it
 * is done. A collapse that failed has no address there. */
SEC("?tp_btf/mm_collapse_huge_page_isolate")
int collapse_isolated(u64 *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	u64 vpn = ANY_PAGE;

	if ((u32)ctx[4] == SCAN_SUCCEED && bpf_map_update_elem(&collapsing, &tid, &vpn, BPF_ANY))
		BOOK_UNTOLD(LEG_COLLAPSE, missed);
	return 0;
}

SEC("?tp_btf/mm_collapse_huge_page")
int collapse_done(u64 *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();

	if ((u32)ctx[2] == SCAN_SUCCEED)
		count(COUNTER_COLLAPSE, 1);
	bpf_map_delete_elem(&collapsing, &tid);
	return 0;
}
