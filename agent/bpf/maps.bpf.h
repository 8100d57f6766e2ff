/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything that outlives one program. Bounded, allocated at load. */

const volatile struct config config;
struct shared shared;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

/* A variable: where its elements are is reckoned, not looked up. User space makes the map. */
#define ALL_TALLIES (1 + TALLIES + SECOND_TALLIES)
struct tally tallies[ALL_TALLIES] SEC(".bss.tallies");

/* Places of tallies that are changing hands. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u8);
} claims SEC(".maps");
