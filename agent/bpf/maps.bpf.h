/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything that outlives one program. Bounded, allocated at load. */

const volatile struct config config;
struct shared shared;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 + TALLIES + SECOND_TALLIES);
	__type(key, u32);
	__type(value, struct tally);
} tallies SEC(".maps");

/* Places of tallies that are changing hands. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u8);
} claims SEC(".maps");
