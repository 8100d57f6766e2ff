/* SPDX-License-Identifier: GPL-2.0-only */
/* The books, and the way of a record into the ring: nothing gets there, or fails to, without being counted.
 */

/* By CPU. An array, not a per-CPU one: its look-up is inlined on every kernel, and any CPU's can be named. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set by user space */
	__type(key, u32);
	__type(value, struct cpu_books);
} books SEC(".maps");

static __always_inline struct books *books_on(u32 cpu, u32 leg)
{
	struct cpu_books *of_cpu = bpf_map_lookup_elem(&books, &cpu);

	return of_cpu ? &of_cpu->legs[leg] : NULL;
}

static __always_inline struct books *books_of(u32 leg)
{
	return books_on(bpf_get_smp_processor_id(), leg);
}

#define BOOK_IN(place, column)                                    \
	do {                                                      \
		struct books *booked = (place);                   \
                                                                  \
		if (booked)                                       \
			__sync_fetch_and_add(&booked->column, 1); \
	} while (0)

#define BOOK(leg, column) BOOK_IN(books_of(leg), column)

/* A fact that a leg began with and did not tell: counted on both sides of the books. */
#define BOOK_UNTOLD(leg, column)                      \
	do {                                          \
		struct books *untold = books_of(leg); \
                                                      \
		BOOK_IN(untold, seen);                \
		BOOK_IN(untold, column);              \
	} while (0)

/*
 * Room in the ring for a record of a fact that was booked as seen, or NULL after it was booked as lost.
 * `mm` is the cookie of the address space, `pid_tgid` the current task.
 */
static __always_inline void *reserve_record(struct books *books, u64 size, u8 kind, u64 mm, u64 pid_tgid)
{
	struct record_head *head;

	if (config.throttle_ns && is_throttled(kind)) {
		BOOK_IN(books, throttled);
		return NULL;
	}
	head = bpf_ringbuf_reserve(&ring, size, 0);
	if (!head) {
		BOOK_IN(books, ring_full);
		return NULL;
	}
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

/* The same for a fact that is told where it is seen: the leg begins here. */
static __always_inline void *begin_record(u32 leg, u64 size, u8 kind, u64 mm)
{
	struct books *books = books_of(leg);

	BOOK_IN(books, seen);
	return reserve_record(books, size, kind, mm, bpf_get_current_pid_tgid());
}

static __always_inline void submit_record(struct books *books, void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	BOOK_IN(books, submitted);
}

static __always_inline void end_record(u32 leg, void *record)
{
	submit_record(books_of(leg), record);
}
