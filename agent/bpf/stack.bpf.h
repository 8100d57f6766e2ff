/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel call stacks, each kept once. A record names one by `head.stack`; user space reads it from this map
 * and makes names of its addresses.
 */
#define STACKS 4096 /* head.stack is 16 bits wide */
#define STACK_DEPTH 32

struct call_stack {
	u64 address[STACK_DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, STACKS);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct call_stack));
} stacks SEC(".maps");

/*
 * The stack that the hook runs on, for head.stack: 0 where it could not be had. `ctx` is the program's own.
 *
 * A stack whose place another one holds is tried again without its innermost frame, which is the program
 * itself: its hash is another one then, and an entry once written is never replaced.
 */
static __always_inline u16 stack_of_now(void *ctx)
{
	s64 id = bpf_get_stackid(ctx, &stacks, 0);

	if (id < 0)
		id = bpf_get_stackid(ctx, &stacks, 1);
	return id < 0 ? 0 : id + 1;
}
