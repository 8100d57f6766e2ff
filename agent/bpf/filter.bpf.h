/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether an address space may be a target, by two loads: how many targets have its hash. Hooks run for every
 * process of the host, most of which are none, and a look-up in a hash map is a call.
 */
#define FILTER_SHIFT 12

u32 target_filter[1 << FILTER_SHIFT];

static __always_inline u32 *filter_place(u64 mm)
{
	u32 low;

	/* The verifier lets nobody reckon with a typed pointer, but forgets the type of its lower half. */
	asm volatile("%0 = %1" : "=w"(low) : "w"((u32)mm));
	return &target_filter[low * 0x9e3779b1U >> (32 - FILTER_SHIFT)];
}

static __always_inline bool may_be_target(struct mm_struct *mm)
{
	return *(volatile u32 *)filter_place((u64)mm);
}

/* Before a target is added and after it is removed: a count that is too high for a while costs a look-up. */
static __always_inline void count_target(u64 mm, u32 by)
{
	__sync_fetch_and_add(filter_place(mm), by);
}
