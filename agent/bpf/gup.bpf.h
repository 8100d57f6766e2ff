/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg gup: mm/gup.c. gup_fast_fallback() (internal_get_user_pages_fast() up to 6.11) is all of the fast way,
 * with the slow remainder; every slow way ends in __get_user_pages(), once or more with pages that advance;
 * __gup_longterm_locked() takes, may give back what lies where it must not be pinned, migrates it, and takes
 * again, so with FOLL_LONGTERM only what it returns counts.
 *
 * Pages are read at exit, where they are held.
 */

/* Begins a call, unless it is a part of another one. One that never ended is counted, as in begin_state(). */
static __always_inline struct gup *begin_gup(u16 level, struct mm_struct *mm, void *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct gup *gup = gup_slot(tid);
	u64 cookie;

	if (gup->tid == tid && gup->level > level && is_inside(gup, ctx))
		return NULL;
	cookie = cookie_of(mm);
	if (!cookie && !config.counters)
		return NULL;
	if (gup->level != GUP_NOTHING && gup->cookie)
		BOOK_UNTOLD(LEG_GUP, missed);
	gup->tid = tid;
	gup->level = level;
	gup->frame = (u64)ctx;
	gup->cookie = cookie;
	gup->user_stack = cookie ? user_stack_of_now(ctx) : 0;
	return gup;
}

static __always_inline void send_gup(struct pages_record *record, struct gup *gup, const u32 room, u32 first,
				     u32 count)
{
	if (!record) {
		if (config.counters && gup->how < PAGES_TAKEN)
			note_taker(gup->pages + first * sizeof(u64), count, gup->how);
		return;
	}
	record->head.time_ns = gup->time_ns;
	record->head.stack = gup->stack;
	record->vpn = gup->level == GUP_FILE ? 0 : (gup->start >> PAGE_SHIFT) + first;
	record->first = first;
	record->each = 1;
	record->foll = gup->foll;
	record->user_stack = gup->user_stack;
	fill_runs(record, room, gup->pages + first * sizeof(u64), 0, count, gup->how);
	end_record(LEG_GUP, record);
}

#define PAGES_RECORD(leg, kind, mm, room) \
	begin_record(leg, sizeof(struct pages_record) + (room) * sizeof(struct page_run), kind, mm)

/* One record of one page of the call in `slot`. */
__noinline u32 gup_page(u32 slot, u32 at)
{
	struct gup *gup = gup_slot(slot);

	send_gup(PAGES_RECORD(LEG_GUP, RECORD_GUP, gup->cookie, 1), gup, 1, at, 1);
	return 0;
}

/* Those that are chosen among up to MOST_PAGES pages: what lies between them is not told. */
__noinline u32 gup_chosen(u32 slot, u32 first)
{
	struct gup *gup = gup_slot(slot);
	u32 i;

	for (i = 0; i < MOST_PAGES && first + i < gup->taken; i++) {
		if (is_chosen((gup->start >> PAGE_SHIFT) + first + i))
			gup_page(slot, first + i);
		else
			BOOK_UNTOLD(LEG_GUP, filtered);
	}
	return 0;
}

/* One record: up to MOST_PAGES pages of the call in `slot`, from its page `first` on. */
__noinline u32 gup_record(u32 slot, u32 first)
{
	struct gup *gup = gup_slot(slot);
	u32 count = gup->taken - first;

	if (count <= 1)
		send_gup(PAGES_RECORD(LEG_GUP, RECORD_GUP, gup->cookie, 1), gup, 1, first, count);
	else
		send_gup(PAGES_RECORD(LEG_GUP, RECORD_GUP, gup->cookie, MOST_PAGES), gup, MOST_PAGES, first,
			 count);
	return 0;
}

/* A go: records of the call in `slot`, from its page `first` on. */
__noinline u32 gup_records(u32 slot, u32 first)
{
	struct gup *gup = gup_slot(slot);
	u32 i;

	for (i = 0; i < MOST_RECORDS && first < gup->taken; i++) {
		if (config.sample && gup->level != GUP_FILE)
			gup_chosen(slot, first);
		else
			gup_record(slot, first);
		first += MOST_PAGES;
	}
	return 0;
}

/* The call is over and has taken so many pages (or failed). */
static __always_inline int end_gup(struct gup *gup, s64 taken)
{
	u32 i;

	if (taken > 0 && gup->pages && count_gup(gup, taken)) {
		gup->taken = taken;
		gup->time_ns = bpf_ktime_get_ns();
		for (i = 0; i < MOST_GOES && i * MOST_AT_ONCE < taken; i++)
			gup_records(gup->tid, i * MOST_AT_ONCE);
		if (taken > MOST_GOES * MOST_AT_ONCE)
			BOOK_UNTOLD(LEG_GUP, missed);
	}
	gup->level = GUP_NOTHING;
	return 0;
}

/*
 * An argument as a number: the verifier of 6.1 does not let a struct page ** be loaded. Where
 * bpf_get_func_arg() is (5.17), a few instructions of the verifier's own do instead of a call: nine on 6.1
 * (kernel/bpf/verifier.c, do_misc_fixups()).
 */
static __always_inline u64 number_argument(u64 *ctx, u32 n)
{
	u64 value = 0;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_func_arg))
		bpf_get_func_arg(ctx, n, &value);
	else
		bpf_probe_read_kernel(&value, sizeof(value), &ctx[n]);
	return value;
}

/* The call that this exit hook belongs to: a trampoline has one place on the stack for entry and exit. */
static __always_inline struct gup *gup_ending(u16 level, void *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct gup *gup = gup_slot(tid);

	return gup->tid == tid && gup->level == level && gup->frame == (u64)ctx ? gup : NULL;
}

static __always_inline int fast_enter(u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct gup *gup = begin_gup(GUP_FAST, BPF_CORE_READ(task, mm), ctx);

	if (gup)
		gup->foll = ctx[2] | FOLL_BY_FAST;
	return 0;
}

static __always_inline int fast_exit(u64 *ctx)
{
	struct gup *gup = gup_ending(GUP_FAST, ctx);

	if (!gup)
		return 0;
	gup->start = ctx[0];
	gup->pages = number_argument(ctx, 3);
	gup->stack = gup->cookie ? stack_of_now(ctx, STACK_FAST) : 0;
	return end_gup(gup, (s32)ctx[4]);
}

SEC("?fentry/gup_fast_fallback")
int gup_fast_enter(u64 *ctx)
{
	return fast_enter(ctx);
}

SEC("?fexit/gup_fast_fallback")
int gup_fast_exit(u64 *ctx)
{
	return fast_exit(ctx);
}

SEC("?fentry/internal_get_user_pages_fast")
int gup_internal_enter(u64 *ctx)
{
	return fast_enter(ctx);
}

SEC("?fexit/internal_get_user_pages_fast")
int gup_internal_exit(u64 *ctx)
{
	return fast_exit(ctx);
}

SEC("?fentry/__gup_longterm_locked")
int gup_longterm_enter(u64 *ctx)
{
	struct gup *gup;

	if (!(ctx[5] & config.foll_longterm))
		return 0;
	gup = begin_gup(GUP_LONGTERM, (struct mm_struct *)ctx[0], ctx);
	if (gup)
		gup->foll = ctx[5];
	return 0;
}

SEC("?fexit/__gup_longterm_locked")
int gup_longterm_exit(u64 *ctx)
{
	struct gup *gup = gup_ending(GUP_LONGTERM, ctx);

	if (!gup)
		return 0;
	gup->start = ctx[1];
	gup->pages = number_argument(ctx, 3);
	gup->stack = gup->cookie ? stack_of_now(ctx, STACK_LONGTERM) : 0;
	return end_gup(gup, (s64)ctx[6]);
}

SEC("?fentry/__get_user_pages")
int gup_slow_enter(u64 *ctx)
{
	struct gup *gup = begin_gup(GUP_SLOW, (struct mm_struct *)ctx[0], ctx);

	if (gup)
		gup->foll = ctx[3];
	return 0;
}

SEC("?fexit/__get_user_pages")
int gup_slow_exit(u64 *ctx)
{
	struct gup *gup = gup_ending(GUP_SLOW, ctx);

	if (!gup)
		return 0;
	gup->start = ctx[1];
	gup->pages = number_argument(ctx, 4);
	gup->stack = gup->cookie && gup->pages ? stack_of_now(ctx, STACK_SLOW) : 0;
	return end_gup(gup, (s64)ctx[6]);
}

/*
 * Up to 6.4 it has seven arguments, more than fentry takes. The exit of a kprobe has no arguments, and no
 * caller to be seen: all is kept at entry.
 */
SEC("?kprobe/__get_user_pages")
int gup_slow_enter_kprobe(struct pt_regs *regs)
{
	struct gup *gup = begin_gup(GUP_SLOW, (struct mm_struct *)regs->di, regs);

	if (!gup)
		return 0;
	gup->start = regs->si;
	gup->foll = regs->cx;
	gup->pages = regs->r8;
	gup->stack = gup->cookie && gup->pages ? stack_of_now(regs, STACK_SLOW) : 0;
	return 0;
}

SEC("?kretprobe/__get_user_pages")
int gup_slow_exit_kprobe(struct pt_regs *regs)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct gup *gup = gup_slot(tid);

	if (gup->tid != tid || gup->level != GUP_SLOW)
		return 0;
	return end_gup(gup, (s64)regs->ax);
}
