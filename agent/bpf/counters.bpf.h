/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters: what every process did, target or not, as totals that user space reads when it is asked.
 *
 * An array of tallies indexed by tgid, as `states` is by tid: its look-up is inlined, and no process costs an
 * allocation. Who finds its place taken by a live process goes to a second one, and where that is taken too
 * its counts go to the tally `other`. The tally of a process that has ended stays until its place is needed;
 * then it is added to `other`.
 */

static __always_inline struct tally *tally_at(u32 index)
{
	/* The compiler may have joined this check with another one; the verifier must see it. */
	asm volatile("" : "+r"(index));
	return index < ALL_TALLIES ? &tallies[index] : NULL;
}

/* Whether this tally is that living process's and nothing of it is told: both in one word. */
static __always_inline bool is_untold(const struct tally *tally, u32 tgid)
{
	return *(const volatile u64 *)&tally->tgid == tgid;
}

static __always_inline u32 first_tally(u32 tgid)
{
	return 1 + (tgid & (TALLIES - 1));
}

static __always_inline u32 second_tally(u32 tgid)
{
	return 1 + TALLIES + (tgid * 0x9e3779b1U >> 22);
}

static __always_inline void name_tally(struct tally *tally)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u64 leader = (u64)BPF_CORE_READ(task, group_leader);

	tally->start_time_ns = BPF_CORE_READ(task, group_leader, start_time);
	bpf_probe_read_kernel(tally->comm, sizeof(tally->comm),
			      (void *)(leader + bpf_core_field_offset(struct task_struct, comm)));
}

/* What the tally of an ended process holds goes to `other`. */
static __always_inline void evict(struct tally *tally)
{
	struct tally *other = tally_at(0);
	u32 i;

	if (!other)
		return;
	for (i = 0; i < COUNTERS; i++) {
		__sync_fetch_and_add(&other->counts[i], tally->counts[i]);
		tally->counts[i] = 0;
	}
	__sync_fetch_and_add(&shared.evicted, 1);
}

/*
 * Makes this place the current process's, if nobody alive has it, and no pins that it still counts would be
 * given back to somebody else's tally. One at a time: 5.10 has neither locks nor compare-and-exchange here,
 * but an insertion happens once.
 */
static __noinline bool claim_tally(u32 index, u32 tgid)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct tally *tally = tally_at(index);
	bool is_claimed = false;
	u8 one = 1;

	if (!tally || tally->tgid || tally->counts[COUNTER_PIN_TAKEN] != tally->counts[COUNTER_PIN_RETURNED])
		return false;
	if (bpf_map_update_elem(&claims, &index, &one, BPF_NOEXIST))
		return false;
	if (!tally->tgid) {
		if (tally->was)
			evict(tally);
		name_tally(tally);
		tally->was = tgid;
		/* Who was counted in `other` so far may have been told of. */
		tally->told = may_be_target(BPF_CORE_READ(task, mm)) || shared.crowded;
		/* One that is ending has passed the hook that would say so. */
		*(volatile u32 *)&tally->tgid = BPF_CORE_READ(task, signal, live.counter) ? tgid : 0;
		is_claimed = true;
	}
	bpf_map_delete_elem(&claims, &index);
	return is_claimed;
}

/* A place that the current process has, or had when sched_process_exit said that it ends (since 6.16 that is
 * before its memory is unmapped). */
static __always_inline bool is_own(u32 index, u32 tgid, u64 start_time_ns)
{
	struct tally *tally = tally_at(index);

	return tally && tally->was == tgid && tally->start_time_ns == start_time_ns;
}

/* The place of the current process where that is not simply the first, or not its own yet. */
static __noinline u32 find_tally(u32 tgid)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u64 start_time_ns = BPF_CORE_READ(task, group_leader, start_time);
	u32 first = first_tally(tgid), second = second_tally(tgid);

	if (is_own(first, tgid, start_time_ns))
		return first;
	if (is_own(second, tgid, start_time_ns))
		return second;
	if (claim_tally(first, tgid))
		return first;
	if (claim_tally(second, tgid))
		return second;
	__sync_fetch_and_add(&shared.crowded, 1);
	return 0;
}

static __always_inline u32 tally_index(u32 tgid)
{
	u32 index = first_tally(tgid);
	struct tally *tally = tally_at(index);

	return tally && tally->tgid == tgid ? index : find_tally(tgid);
}

static __always_inline struct tally *own_tally(u32 tgid)
{
	struct tally *tally = tally_at(first_tally(tgid));

	return tally && tally->tgid == tgid ? tally : tally_at(find_tally(tgid));
}

static __always_inline void count(enum counter counter, u64 number)
{
	struct tally *tally;

	if (!config.counters)
		return;
	tally = own_tally(bpf_get_current_pid_tgid() >> 32);
	if (tally)
		__sync_fetch_and_add(&tally->counts[counter], number);
}

/* A fault of the current process is told: its own place says so from here on, or is `other`'s, which does. */
static __always_inline void tell_tally(void)
{
	struct tally *tally;

	if (!config.counters)
		return;
	tally = own_tally(bpf_get_current_pid_tgid() >> 32);
	if (tally)
		*(volatile u32 *)&tally->told = 1;
}

/* The current process has become another program. */
static __always_inline void count_exec(void)
{
	struct tally *tally;

	if (!config.counters)
		return;
	tally = own_tally(bpf_get_current_pid_tgid() >> 32);
	if (!tally)
		return;
	__sync_fetch_and_add(&tally->counts[COUNTER_EXEC], 1);
	if (tally->tgid)
		name_tally(tally);
}

/* The last thread of the current process has ended: its tally may be evicted from here on. */
static __always_inline void end_tally(u32 tgid)
{
	struct tally *tally;

	if (!config.counters)
		return;
	tally = tally_at(first_tally(tgid));
	if (tally && tally->tgid == tgid)
		tally->tgid = 0;
	tally = tally_at(second_tally(tgid));
	if (tally && tally->tgid == tgid)
		tally->tgid = 0;
}
