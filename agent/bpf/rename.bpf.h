/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A task takes a comm that is wanted (fs/exec.c, __set_task_comm()): counted, so that user space need not
 * look at all tasks to learn that none did. A comm that comes by exec is seen there.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} renames SEC(".maps");

SEC("?raw_tp/task_rename")
int renamed(u64 *ctx)
{
	struct comm comm = {};
	u64 *count;
	u32 zero = 0;

	bpf_probe_read_kernel_str(comm.name, sizeof(comm.name), (void *)ctx[1]);
	if (!bpf_map_lookup_elem(&wanted_comms, &comm))
		return 0;
	count = bpf_map_lookup_elem(&renames, &zero);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}
