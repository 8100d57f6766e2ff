/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg gup, the part of files: mm/gup.c, memfd_pin_folios() (since 6.11), by which udmabuf pins the folios of
 * a memfd for long. It takes them of the file, not of an address space: no slot is named, and the address
 * space that is told is that of who asked.
 */
SEC("?fexit/memfd_pin_folios")
int gup_memfd_exit(u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u64 cookie = cookie_of(BPF_CORE_READ(task, mm));
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct gup *gup;

	if (!cookie && !config.counters)
		return 0;
	gup = gup_slot(tid);
	if (gup->level != GUP_NOTHING && gup->cookie)
		BOOK_UNTOLD(LEG_GUP, missed);
	gup->tid = tid;
	gup->level = GUP_FILE;
	gup->cookie = cookie;
	gup->foll = config.foll_pin | config.foll_longterm | FOLL_BY_FILE;
	gup->start = 0;
	gup->pages = number_argument(ctx, 3);
	gup->stack = cookie ? stack_of_now(ctx, STACK_MEMFD) : 0;
	gup->user_stack = cookie ? user_stack_of_now(ctx) : 0;
	return end_gup(gup, (s64)ctx[6]);
}
