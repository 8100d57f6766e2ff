/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a task is in the middle of: from the entry hook of a function to its exit hook.
 *
 * An array indexed by tid: two tasks whose tids are equal modulo STATES and that fault at the same time share
 * a state. The one that came first finds a foreign tid at its exit; the one that came second counts it as
 * missed at its entry.
 */
#define STATES 32768

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
	u64 pointer; /* wp, hugetlb: pte; huge wp: vmf; fork: dst_vma */
	u64 other;   /* fork: cookie of the child, src mm's pgd */
	u64 scratch; /* makes a number of a pointer: what is loaded from here has no type */
	u64 head_pfn;
	u32 flags;
	s32 refcount;
	s32 mapcount;
	s32 pincount;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STATES);
	__type(key, u32);
	__type(value, struct state);
} states SEC(".maps");

static __always_inline struct state *state_slot(u32 tid)
{
	u32 index = tid & (STATES - 1);

	return bpf_map_lookup_elem(&states, &index);
}

/* The state of this task while it is doing that; else NULL. */
static __always_inline struct state *state_while(u16 doing)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct state *state = state_slot(tid);

	return state && state->tid == tid && state->doing == doing ? state : NULL;
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

/* Begins a state. One that never ended is counted: its exit hook was not run, or its place is taken now. */
static __always_inline struct state *begin_state(u16 doing, u64 cookie)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct state *state = state_slot(tid);

	if (!state)
		return NULL;
	if (state->doing == DOING_WP)
		BOOK(LEG_WP_FAULT, missed);
	else if (state->doing == DOING_HUGE_WP)
		BOOK(LEG_HUGE_WP, missed);
	else if (state->doing == DOING_FORK)
		BOOK(LEG_FORK, missed);
	else if (state->doing == DOING_HUGETLB_WP)
		BOOK(LEG_HUGETLB_WP, missed);
	state->tid = tid;
	state->doing = doing;
	state->outcome = OUTCOME_NONE;
	state->cookie = cookie;
	return state;
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
