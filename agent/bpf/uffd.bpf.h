/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg uffd: handle_userfault() (fs/userfaultfd.c; mm/userfaultfd.c in 7.2). It queues a message about the
 * fault and sleeps until somebody resolves it, so the message is told at its entry. A fault that may not
 * wait, or whose userfaultfd asked for SIGBUS, leaves it before the message; that is decided here by the same
 * conditions.
 */
static __always_inline u32 raw_fault_flags(struct vm_fault *vmf)
{
	if (bpf_core_field_exists(struct vm_fault___uint, flags))
		return ((struct vm_fault___uint *)vmf)->flags;
	return ((struct vm_fault___enum *)vmf)->flags;
}

static __always_inline bool queues_message(struct vm_fault *vmf, struct vm_area_struct *vma)
{
	struct userfaultfd_ctx *ctx = vma->vm_userfaultfd_ctx.ctx;
	u32 flags = raw_fault_flags(vmf);

	return ctx && !(ctx->features & UFFD_FEATURE_SIGBUS) && flags & FAULT_ALLOW_RETRY &&
	       !(flags & FAULT_RETRY_NOWAIT);
}

/*
 * Shared with leg wp-fault: do_wp_page() has nothing to do after this but to pass on how it ended. The fault
 * is told before the task sleeps, or it would be told when it wakes.
 */
SEC("?fentry/handle_userfault")
int wp_userfault(u64 *ctx)
{
	struct vm_fault *vmf = (struct vm_fault *)ctx[0];
	struct vm_area_struct *vma = vmf->vma;
	u64 cookie = cookie_of(vma->vm_mm);
	struct range_record *record;
	struct state *state;
	u64 reason = ctx[1];

	if (!cookie)
		return 0;
	state = state_while(DOING_WP);
	if (state) {
		send_fault(ctx, state, bpf_get_current_pid_tgid(), RECORD_WP_FAULT, OUTCOME_UFFD,
			   state->time_ns, 0, 0);
		state->doing = DOING_NOTHING;
	}
	if (!queues_message(vmf, vma))
		return 0;
	if (!is_chosen(vmf->address >> PAGE_SHIFT)) {
		BOOK_UNTOLD(LEG_UFFD, filtered);
		return 0;
	}
	record = begin_record(LEG_UFFD, sizeof(*record), RECORD_UFFD_MESSAGE, cookie);
	if (!record)
		return 0;
	record->head.time_ns = bpf_ktime_get_ns();
	record->vpn = vmf->address >> PAGE_SHIFT;
	record->pages = 1;
	record->flags = fault_facts(vmf) | vma_facts(vma);
	record->other_mm = 0;
	record->other_tgid = 0;
	record->aux = reason & VM_UFFD_MISSING ? UFFD_REASON_MISSING
		      : reason & VM_UFFD_WP    ? UFFD_REASON_WP
					       : UFFD_REASON_MINOR;
	end_record(LEG_UFFD, record);
	return 0;
}
