/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A token bucket for each process: who floods pays with its own events. It holds one second's worth; what is
 * kept is the time at which it would be full again, moved on by each event.
 */
#define BUCKET_NS 1000000000ULL

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u32); /* tgid */
	__type(value, u64);
} buckets SEC(".maps");

/* Two CPUs may both set a bucket that was full: that lets an event more through, and no count goes wrong. */
static __noinline bool take_token(void)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	u64 now = bpf_ktime_get_ns();
	u64 *full = bpf_map_lookup_elem(&buckets, &tgid);
	u64 first = now + config.throttle_ns;

	if (!full) {
		bpf_map_update_elem(&buckets, &tgid, &first, BPF_ANY);
		return true;
	}
	if (*full > now + BUCKET_NS)
		return false;
	if (*full < now)
		*full = now;
	__sync_fetch_and_add(full, config.throttle_ns);
	return true;
}

/* Whether an event of the current process is one too many. The ends of address spaces and their beginnings
 * are few, and without them nothing else can be told apart. */
static __always_inline bool is_throttled(u8 kind)
{
	return kind != RECORD_FORK && kind != RECORD_EXEC && kind != RECORD_MM_EXIT &&
	       kind != RECORD_PROCESS && !take_token();
}
