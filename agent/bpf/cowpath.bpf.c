// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"
#include "record.h"
#include "maps.bpf.h"
#include "throttle.bpf.h"
#include "books.bpf.h"
#include "target.bpf.h"
#include "state.bpf.h"
#include "page.bpf.h"
#include "wp_fault.bpf.h"
#include "swap.bpf.h"
#include "new_anon.bpf.h"
#include "huge_wp.bpf.h"
#include "fork.bpf.h"
#include "unmap.bpf.h"
#include "exit.bpf.h"
#include "free.bpf.h"
#include "migrate.bpf.h"
#include "ksm.bpf.h"
#include "remap.bpf.h"
#include "seed.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Only for the types: they bring the records' layout into the object's BTF, where a test reads it. */
const struct fault_record *fault_layout __attribute__((unused));
const struct identity_record *identity_layout __attribute__((unused));
const struct range_record *range_layout __attribute__((unused));
const struct free_record *free_layout __attribute__((unused));
const struct process_record *process_layout __attribute__((unused));
