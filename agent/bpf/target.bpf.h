/* SPDX-License-Identifier: GPL-2.0-only */
/* Whom we trace: address spaces by pointer, processes by tgid, and what makes a process a target. */

/* The agent and its child are never traced. */
static __always_inline bool is_agents(u32 tgid)
{
	return tgid == config.my_tgid || tgid == config.opener_tgid;
}

/*
 * `why` has a bit for each who wants it: bit 0 the agent's own target, bits 1 to 63 clients' filters.
 * Children have their parent's.
 */
#define WHY_OWN 1ULL

struct target {
	u64 cookie;
	u64 why;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u64); /* struct mm_struct * */
	__type(value, struct target);
} targets SEC(".maps");

/* The address space that a tgid had when last seen. exec needs it: by then task->mm is the new one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, struct target);
} tgids SEC(".maps");

struct comm {
	char name[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, struct comm);
	__type(value, u64); /* who wants it */
} wanted_comms SEC(".maps");

/* Filled for one pass of the task iterator, empty between: no memory is set aside for it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u64); /* who wants it */
} wanted_tgids SEC(".maps");

/*
 * Processes that the task iterator has made targets, with their cookies, until user space has read them: of
 * what they map already it takes a snapshot.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u64);
} fresh_tgids SEC(".maps");

/* Who wants nothing any more of what it wanted before the next pass of the task iterator. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} revoked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64); /* inode number of the cgroup's folder */
	__type(value, u8);
} wanted_cgroups SEC(".maps");

struct target_cache {
	u64 mm;
	u64 generation;
	u64 cookie;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct target_cache);
} target_caches SEC(".maps");

/* Cookie of the address space, 0: not a target. */
static __always_inline u64 cookie_of(struct mm_struct *mm)
{
	u64 key = (u64)mm;
	struct target *target;

	if (!may_be_target(mm))
		return 0;
	target = bpf_map_lookup_elem(&targets, &key);
	return target ? target->cookie : 0;
}

/*
 * The same where preemption is off (under the page-table lock): the last answer on this CPU is kept. The
 * generation is read before the look-up, so an answer that was overtaken by a change is never used again.
 */
static __always_inline u64 cookie_of_locked(struct mm_struct *mm)
{
	u32 zero = 0;
	u64 generation = *(volatile u64 *)&shared.generation;
	struct target_cache *cache;
	u64 cookie;

	if (!may_be_target(mm))
		return 0;
	cache = bpf_map_lookup_elem(&target_caches, &zero);
	if (!cache)
		return cookie_of(mm);
	if (cache->mm == (u64)mm && cache->generation == generation)
		return cache->cookie;
	cookie = cookie_of(mm);
	cache->mm = (u64)mm;
	cache->generation = generation;
	cache->cookie = cookie;
	return cookie;
}

/* Makes an address space a target. Its cookie, or 0 when there is no room. */
static __noinline u64 add_target(u64 mm, u64 why)
{
	struct target fresh = {};
	struct target *old = bpf_map_lookup_elem(&targets, &mm);

	if (old)
		return old->cookie;
	/* Unique: no CPU makes two in one nanosecond. */
	fresh.why = why;
	fresh.cookie = bpf_ktime_get_ns() << 10 | (bpf_get_smp_processor_id() & 1023);
	count_target(mm, 1);
	if (bpf_map_update_elem(&targets, &mm, &fresh, BPF_NOEXIST)) {
		count_target(mm, -1);
		return 0;
	}
	__sync_fetch_and_add(&shared.generation, 1);
	return fresh.cookie;
}

/* What one who is a target begets is wanted by the same. */
static __always_inline u64 add_child(u64 mm, struct mm_struct *parent)
{
	u64 key = (u64)parent;
	struct target *target = bpf_map_lookup_elem(&targets, &key);

	return target ? add_target(mm, target->why) : 0;
}

/* Remembers the address space of a process. False: there is no room. */
static __noinline bool know_tgid(u32 tgid, u64 mm)
{
	struct target *target = bpf_map_lookup_elem(&targets, &mm);
	struct target known;

	if (!target)
		return false;
	known = *target;
	return !bpf_map_update_elem(&tgids, &tgid, &known, BPF_ANY);
}

static __noinline int remove_target(u64 mm)
{
	if (!bpf_map_delete_elem(&targets, &mm))
		count_target(mm, -1);
	__sync_fetch_and_add(&shared.generation, 1);
	return 0;
}

/* Tells user space who this is. The records are booked on the exit leg: it holds all that names processes. */
static __always_inline void tell_process(struct task_struct *task, u64 cookie)
{
	struct process_record *record = begin_record(LEG_EXIT, sizeof(*record), RECORD_PROCESS, cookie);

	if (!record)
		return;
	record->head.time_ns = bpf_ktime_get_ns();
	record->head.tgid = BPF_CORE_READ(task, tgid);
	record->head.tid = BPF_CORE_READ(task, pid);
	record->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	record->start_time_ns = BPF_CORE_READ(task, group_leader, start_time);
	bpf_probe_read_kernel(record->comm, sizeof(record->comm),
			      (void *)((u64)task + bpf_core_field_offset(struct task_struct, comm)));
	end_record(LEG_EXIT, record);
}
