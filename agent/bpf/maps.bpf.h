/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything that outlives one program. Bounded, allocated at load. */

const volatile struct config config;
struct shared shared;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");
