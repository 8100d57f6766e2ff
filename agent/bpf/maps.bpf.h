/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything that outlives one program. Bounded, allocated at load. */

const volatile struct config config;
struct shared shared;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LEGS);
	__type(key, u32);
	__type(value, struct books);
} books SEC(".maps");

static __always_inline struct books *books_of(u32 leg)
{
	return bpf_map_lookup_elem(&books, &leg);
}

#define BOOK(leg, column)                                         \
	do {                                                      \
		struct books *booked = books_of(leg);             \
                                                                  \
		if (booked)                                       \
			__sync_fetch_and_add(&booked->column, 1); \
	} while (0)

/*
 * Room in the ring for a record, or NULL after it was counted as lost. `target` is the cookie of the mm.
 */
static __always_inline void *begin_record(u32 leg, u64 size, u8 kind, u64 mm)
{
	struct record_head *head = bpf_ringbuf_reserve(&ring, size, 0);
	u64 pid_tgid;

	if (!head) {
		BOOK(leg, ring_full);
		return NULL;
	}
	pid_tgid = bpf_get_current_pid_tgid();
	head->mm = mm;
	head->tgid = pid_tgid >> 32;
	head->tid = (u32)pid_tgid;
	head->cpu = bpf_get_smp_processor_id();
	head->kind = kind;
	head->outcome = OUTCOME_NONE;
	head->order = 0;
	head->stack = 0;
	return head;
}

static __always_inline void end_record(u32 leg, void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	BOOK(leg, submitted);
}
