/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * That a task is inside of GUP. Faults happen there, so this is not one of `states`.
 *
 * Calls nest: get_user_pages_fast() > __gup_longterm_locked() > __get_user_pages(). The outermost one is
 * reported and the others are a part of it. Whether a call is inside of another is told by the kernel stack:
 * what began later on the same stack stands below. A variable by tid, as `states` is.
 */
#define KERNEL_STACK_BYTES 16384

enum gup_level {
	GUP_NOTHING,
	GUP_SLOW,
	GUP_LONGTERM,
	GUP_FAST,
	GUP_FILE, /* no part of GUP, and of no slot: memfd.bpf.h */
};

struct gup {
	u32 tid;
	u16 level;
	u16 stack;
	u64 frame; /* where the entry hook's arguments stood on the kernel stack */
	u64 cookie;
	u64 time_ns;
	u64 start;
	u64 pages; /* where the call puts the pages, 0: nowhere */
	u32 foll;
	u32 taken;
	u16 user_stack;
	u16 pad;
	u32 how; /* the pages are to be looked at: pages.bpf.h */
};

#define GUPS 32768

struct gup gups[GUPS] SEC(".bss.gups");

static __always_inline struct gup *gup_slot(u32 tid)
{
	return &gups[tid & (GUPS - 1)];
}

/*
 * Whether this hook runs inside of the call that `gup` tells of; from an interrupt's stack it does not. The
 * lower halves tell: the verifier lets nobody reckon with a context, but forgets the type of its lower half.
 */
static __always_inline bool is_inside(const struct gup *gup, void *ctx)
{
	u32 low;

	asm volatile("%0 = %1" : "=w"(low) : "w"((u32)(u64)ctx));
	return (u32)gup->frame - low - 1 < KERNEL_STACK_BYTES - 1;
}

/* The GUP call of this task that a hook at `ctx` is inside of, or NULL. */
static __always_inline struct gup *gup_around(void *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct gup *gup = gup_slot(tid);

	return gup->tid == tid && gup->level != GUP_NOTHING && is_inside(gup, ctx) ? gup : NULL;
}

/* Says of a fault that GUP makes it. A fault from user mode it cannot be. */
static __always_inline void tell_gup(struct fault_record *record)
{
	const struct gup *gup;

	if (record->flags & FLAG_USER)
		return;
	gup = gup_slot(record->head.tid);
	if (gup->tid != record->head.tid || gup->level == GUP_NOTHING)
		return;
	record->flags |= FLAG_IN_GUP;
	record->foll = gup->foll;
}
