/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg migrate: mm/migrate.c. All slots that mapped the one folio map the other. Only frames that an event
 * named are told, as with free; who migrates is rarely the owner. At this point nothing can fail any more:
 * the slots hold migration entries, which are made PTEs of the new folio next.
 */
static __always_inline int migrated(u64 old, u64 new)
{
	u64 old_pfn = pfn_of(old), new_pfn = pfn_of(new);
	struct identity_record *record;
	u8 *mark = mark_of(old_pfn);
	struct state frame;

	count(COUNTER_MIGRATE, 1);
	if (!mark || !*mark)
		return 0;
	track(new_pfn);
	record = begin_record(LEG_MIGRATE, sizeof(*record), RECORD_MIGRATE, 0);
	if (!record)
		return 0;
	frame.flags = 0;
	read_frame(&frame, new_pfn);
	tell_identity(record, &frame, old_pfn, new_pfn);
	record->vpn = 0;
	record->aux = 0;
	record->new_refcount = frame.refcount;
	/* Those of the old folio are frozen, and no longer its own. */
	record->refcount = 0;
	record->mapcount = 0;
	record->pincount = 0;
	record->pages = 1U << (frame.order & 31);
	end_record(LEG_MIGRATE, record);
	return 0;
}

SEC("?fentry/folio_migrate_flags")
int migrate_folio(u64 *ctx)
{
	return migrated(argument(ctx, 1), argument(ctx, 0));
}

/* Up to 5.15. It returns 0 (MIGRATEPAGE_SUCCESS) or an error. */
SEC("?fexit/move_to_new_page")
int migrate_page(u64 *ctx)
{
	return (int)ctx[3] ? 0 : migrated(argument(ctx, 1), argument(ctx, 0));
}
