/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a task is in the middle of: from the entry hook of a function to its exit hook.
 *
 * An array indexed by tid. A task that finds its place taken by another, whose tid is equal modulo STATES,
 * goes to a second place; from the first such time on, a task that is not in its first place is looked for
 * there. Where that is taken too, the one that was there first is counted as missed, and finds a foreign tid
 * at its exit.
 */
#define STATES 16384
#define SECOND_STATES 1024

enum doing {
	DOING_NOTHING,
	DOING_WP,
	DOING_HUGE_WP,
	DOING_FORK,
	DOING_HUGETLB_WP,
};

struct state {
	u32 tid;
	u16 doing;
	u8 outcome; /* as far as known */
	u8 order;
	u64 cookie;
	u64 vpn;
	u64 time_ns;
	u64 old_pfn;
	u64 old_pte;
	u64 pointer; /* wp: vmf, or finished_faults(); huge wp: vmf; hugetlb: pte; fork: dst_vma */
	u64 other;   /* fork: cookie of the child */
	u64 scratch; /* makes a number of a pointer: what is loaded from here has no type */
	u64 head_pfn;
	u64 swap_vmf;	/* of do_swap_page(), 0: not in it. It may go on in do_wp_page() */
	u64 swap_entry; /* the PTE as it was when that began, 0: all is told */
	u64 swap_vpn;
	u64 swap_ns;	/* when the page was taken, 0: not yet, or told where that was seen */
	u32 swap_pages; /* how many were taken at once */
	u32 swap_index; /* which of them vmf is about */
	u32 flags;
	s32 refcount;
	s32 mapcount;
	s32 pincount;
	u16 cpu;   /* whose books it was begun in */
	u8 untold; /* booked as open */
	u8 pad;
	u32 folio_mapcount; /* as fault_record has it */
	/* The target that this task was last seen in, and of which generation of `targets` that is. */
	u64 known_mm;
	u64 known_cookie;
	u64 known_generation;
	u64 fork_dst; /* the address space that it copied to since, 0: none */
	u64 fork_child;
};

/*
 * A variable, as `tallies` is. 5.10 has none of more than 4 MiB: KMALLOC_MAX_SIZE of array_map_alloc_check(),
 * kernel/bpf/arraymap.c.
 */
struct state states[STATES + SECOND_STATES] SEC(".bss.states");

static __always_inline struct state *second_slot(u32 tid)
{
	return &states[STATES + (tid * 0x9e3779b1U >> 22)];
}

/* Where this task's state is, if it has one: who looks must compare the tid. */
static __always_inline struct state *state_slot(u32 tid)
{
	struct state *state = &states[tid & (STATES - 1)];

	if (state->tid == tid || !shared.displaced)
		return state;
	/* Or the compiler reckons where the second place is before it is asked for. */
	asm volatile("" : "+r"(tid));
	return second_slot(tid);
}

/* The state of that task while it is doing that; else NULL. */
static __always_inline struct state *state_of(u32 tid, u16 doing)
{
	struct state *state = state_slot(tid);

	return state && state->tid == tid && state->doing == doing ? state : NULL;
}

/* The same of the current task. */
static __always_inline struct state *state_while(u16 doing)
{
	return state_of((u32)bpf_get_current_pid_tgid(), doing);
}

static __always_inline u32 leg_of(u16 doing)
{
	switch (doing) {
	case DOING_WP:
		return LEG_WP_FAULT;
	case DOING_HUGE_WP:
		return LEG_HUGE_WP;
	case DOING_HUGETLB_WP:
		return LEG_HUGETLB_WP;
	default:
		return LEG_FORK;
	}
}

/* Takes what a state was begun for from the open ones; its end is to be booked in the books returned. */
static __always_inline struct books *close_state(struct state *state)
{
	struct books *books = books_on(state->cpu, leg_of(state->doing));

	if (state->untold && books)
		__sync_fetch_and_add(&books->open, -1);
	state->untold = 0;
	return books;
}

/* Books a state that never ended as missed: its exit hook was not run, or its place is taken now. */
static __noinline int give_up(struct state *state)
{
	if (state && state->untold)
		BOOK_IN(close_state(state), missed);
	return 0;
}

/* This task's place, with its state as it is or fresh. */
static __always_inline struct state *own_state(u32 tid)
{
	struct state *state = state_slot(tid);

	if (!state || state->tid == tid)
		return state;
	if (state->doing != DOING_NOTHING || state->swap_vmf) {
		shared.displaced = 1;
		state = second_slot(tid);
		if (!state)
			return NULL;
		if (state->tid != tid)
			give_up(state);
	}
	state->tid = tid;
	state->doing = DOING_NOTHING;
	state->untold = 0;
	state->swap_vmf = 0;
	return state;
}

/* Begins a task's own state: its leg has begun, what it tells is open until close_state(). */
static __always_inline void begin_own_state(struct state *state, u16 doing, u64 cookie)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct books *books;

	if (state->doing != DOING_NOTHING)
		give_up(state);
	state->doing = doing;
	state->outcome = OUTCOME_NONE;
	state->cookie = cookie;
	state->cpu = cpu;
	state->untold = 1;
	books = books_on(cpu, leg_of(doing));
	BOOK_IN(books, seen);
	BOOK_IN(books, open);
}

static __always_inline struct state *begin_state(u16 doing, u64 cookie)
{
	struct state *state = own_state((u32)bpf_get_current_pid_tgid());

	if (state)
		begin_own_state(state, doing, cookie);
	else
		BOOK_UNTOLD(leg_of(doing), missed);
	return state;
}

/* Whether this is the state of that task, who was last seen in that address space, still the same target. */
static __always_inline bool is_known(const struct state *state, u32 tid, struct mm_struct *mm)
{
	return state && state->tid == tid && state->known_mm == (u64)mm &&
	       state->known_generation == *(volatile u64 *)&shared.generation;
}

/*
 * The state of a task in an address space that is a target, where leg `doing` begins. `generation` is from
 * before `cookie` was looked up: an answer that was overtaken by a change is never used again.
 */
static __always_inline struct state *know(u32 tid, u16 doing, struct mm_struct *mm, u64 cookie,
					  u64 generation)
{
	struct state *state = own_state(tid);

	if (!state) {
		BOOK_UNTOLD(leg_of(doing), missed);
		return NULL;
	}
	state->known_mm = (u64)mm;
	state->known_cookie = cookie;
	state->known_generation = generation;
	state->fork_dst = 0;
	tell_tally();
	return state;
}

/*
 * How many faults the current task has finished: the same all through one, and another in the next
 * (mm/memory.c, mm_account_fault()). Where memory cannot be loaded these are two loads instead of a call.
 */
#define HAS_FINISHED_FAULTS \
	(!config.casts && bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))

static __always_inline u64 finished_faults(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->min_flt + task->maj_flt;
}

/* A kernel pointer as a number that may be reckoned with. */
static __always_inline u64 number_of(struct state *state, const void *pointer)
{
	*(volatile u64 *)&state->scratch = (u64)pointer;
	return *(volatile u64 *)&state->scratch;
}

/*
 * Collapses under way. Not a state: a collapse swaps pages in, and that has one of its own.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u32);   /* tid */
	__type(value, u64); /* first page, or ANY_PAGE */
} collapsing SEC(".maps");

#define ANY_PAGE (~0ULL)

/* Whether this task maps that folio because it collapses the pages that were there. */
static __always_inline bool is_collapsing(u32 tid, u64 vpn)
{
	u64 *begun = bpf_map_lookup_elem(&collapsing, &tid);

	return begun && (*begun == vpn || *begun == ANY_PAGE);
}

/* Argument n of a function that is hooked, as such a number. */
static __always_inline u64 argument(u64 *ctx, u32 n)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), &ctx[n]);
	return value;
}
