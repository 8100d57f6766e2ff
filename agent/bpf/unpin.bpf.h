/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg unpin: mm/gup.c, every exported way to give FOLL_PIN references back, from any task and from
 * interrupts. A call is looked at only if its first page was reported as taken: GUP takes the pages of a call
 * together. What GUP gives back by itself before it returns was never reported, and is not reported here.
 */

static __always_inline bool was_taken(u64 page)
{
	u8 *mark = mark_of(pfn_of(page));

	return mark && *mark == MARK_TAKEN;
}

static __always_inline void send_unpin(struct pages_record *record, const u32 room, u64 array, u64 page,
				       u32 count, u32 each)
{
	if (!record)
		return;
	record->head.time_ns = bpf_ktime_get_ns();
	record->vpn = 0;
	record->first = 0;
	record->each = each;
	record->foll = 0;
	record->user_stack = 0;
	fill_runs(record, room, array, page, count, PAGES_GIVEN);
	if (record->runs) {
		end_record(LEG_UNPIN, record);
	} else {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		BOOK(LEG_UNPIN, filtered);
	}
}

/* One record. */
__noinline u32 unpin_record(u64 array, u64 page, u32 count, u32 each)
{
	if (count <= 1)
		send_unpin(PAGES_RECORD(LEG_UNPIN, RECORD_UNPIN, 0, 1), 1, array, page, count, each);
	else
		send_unpin(PAGES_RECORD(LEG_UNPIN, RECORD_UNPIN, 0, MOST_PAGES), MOST_PAGES, array, page,
			   count, each);
	return 0;
}

/* A go. */
__noinline u32 unpin_records(u64 array, u64 page, u64 count, u32 each)
{
	u64 step = array ? MOST_PAGES * sizeof(u64) : 0;
	u32 i;

	for (i = 0; i < MOST_RECORDS && i * MOST_PAGES < count; i++) {
		unpin_record(array, page, count - i * MOST_PAGES, each);
		array += step;
		page += (MOST_PAGES << STRUCT_PAGE_SHIFT);
	}
	return 0;
}

static __always_inline int unpin_all(void *ctx, u64 array, u64 page, u64 count, u32 each)
{
	u64 step = array ? MOST_AT_ONCE * sizeof(u64) : 0;
	u32 i;

	if (is_gups_own(ctx))
		return 0;
	for (i = 0; i < MOST_GOES && i * MOST_AT_ONCE < count; i++) {
		unpin_records(array, page, count - i * MOST_AT_ONCE, each);
		array += step;
		page += (MOST_AT_ONCE << STRUCT_PAGE_SHIFT);
	}
	if (count > MOST_GOES * MOST_AT_ONCE)
		BOOK_UNTOLD(LEG_UNPIN, missed);
	return 0;
}

static __always_inline int unpin_array(u64 *ctx, u64 count)
{
	u64 array = number_argument(ctx, 0), first = 0;

	/* An error that was taken for a number: the kernel warns and does nothing. */
	if (!count || count >= -4095ULL)
		return 0;
	count_unpin(ctx, array, 0, count, 1);
	bpf_probe_read_kernel(&first, sizeof(first), (void *)array);
	return config.sample || was_taken(first) ? unpin_all(ctx, array, 0, count, 1) : 0;
}

static __always_inline int unpin_from(u64 *ctx, u64 count, u32 each)
{
	u64 page = number_argument(ctx, 0);

	count_unpin(ctx, 0, page, count, each);
	return config.sample || was_taken(page) ? unpin_all(ctx, 0, page, count, each) : 0;
}

SEC("?fentry/unpin_user_page")
int unpin_page(u64 *ctx)
{
	return unpin_from(ctx, 1, 1);
}

SEC("?fentry/unpin_folio")
int unpin_folio(u64 *ctx)
{
	return unpin_from(ctx, 1, 1);
}

SEC("?fentry/unpin_user_folio")
int unpin_folio_often(u64 *ctx)
{
	return unpin_from(ctx, 1, ctx[1]);
}

SEC("?fentry/unpin_user_page_range_dirty_lock")
int unpin_range(u64 *ctx)
{
	return unpin_from(ctx, ctx[1], 1);
}

SEC("?fentry/unpin_user_pages")
int unpin_pages(u64 *ctx)
{
	return unpin_array(ctx, ctx[1]);
}

SEC("?fentry/unpin_folios")
int unpin_folios(u64 *ctx)
{
	return unpin_array(ctx, ctx[1]);
}

/* Without make_dirty it calls unpin_user_pages(). */
SEC("?fentry/unpin_user_pages_dirty_lock")
int unpin_dirty(u64 *ctx)
{
	return (u8)ctx[2] ? unpin_array(ctx, ctx[1]) : 0;
}
