/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg free: mm/page_alloc.c, trace_mm_page_free(), once for every frame that goes back to the allocator. A
 * raw tracepoint: its argument is a number, and only frames that an event named are sent.
 */
struct raw_arguments {
	u64 args[2];
};

SEC("?raw_tp/mm_page_free")
int frame_free(struct raw_arguments *ctx)
{
	u64 pfn = pfn_of(ctx->args[0]);
	struct free_record *record;
	u8 *mark = mark_of(pfn);

	if (!mark || !*mark)
		return 0;
	if (!config.aliased)
		*mark = 0;
	record = begin_record(LEG_FREE, sizeof(*record), RECORD_FRAME_FREE, 0);
	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->head.order = (u8)ctx->args[1];
	record->pfn = pfn;
	end_record(LEG_FREE, record);
	return 0;
}
