/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Call stacks, each kept once. A record names one of the kernel by `head.stack`, one of the process by its
 * own `user_stack`; user space reads it from these maps and makes names of its addresses.
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

/* More of them than of the kernel's: programs differ. */
#define USER_STACKS 8192

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, USER_STACKS);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct call_stack));
} user_stacks SEC(".maps");

/* What is unwound, by user space's choice, which changes as clients come and go. */
#define STACKS_KERNEL 1
#define STACKS_USER 2

u32 stacks_wanted SEC(".data.stacks");

static __always_inline bool are_wanted(u32 which)
{
	return *(volatile u32 *)&stacks_wanted & which;
}

/*
 * The stack that the hook runs on, for head.stack: 0 where it could not be had. `ctx` is the program's own.
 *
 * A stack whose place another one holds is tried again without its innermost frame, which is the program
 * itself: its hash is another one then, and an entry once written is never replaced.
 */
static __always_inline u16 stack_of_now(void *ctx)
{
	s64 id;

	if (!are_wanted(STACKS_KERNEL))
		return 0;
	id = bpf_get_stackid(ctx, &stacks, 0);
	if (id < 0)
		id = bpf_get_stackid(ctx, &stacks, 1);
	return id < 0 ? 0 : id + 1;
}

/*
 * The stack in user mode of the task that the hook runs in, as far as its frame pointers lead: 0 where nobody
 * wants it, and where there is none, as in kernel threads.
 */
static __always_inline u16 user_stack_of_now(void *ctx)
{
	s64 id;

	if (!are_wanted(STACKS_USER))
		return 0;
	id = bpf_get_stackid(ctx, &user_stacks, BPF_F_USER_STACK);
	if (id < 0)
		id = bpf_get_stackid(ctx, &user_stacks, BPF_F_USER_STACK | 1);
	return id < 0 ? 0 : id + 1;
}
