// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"
#include "record.h"
#include "maps.bpf.h"
#include "read.bpf.h"
#include "sample.bpf.h"
#include "throttle.bpf.h"
#include "books.bpf.h"
#include "stack.bpf.h"
#include "filter.bpf.h"
#include "target.bpf.h"
#include "counters.bpf.h"
#include "state.bpf.h"
#include "page.bpf.h"
#include "takers.bpf.h"
#include "page_facts.bpf.h"
#include "plain.bpf.h"
#include "pages.bpf.h"
#include "gup_state.bpf.h"
#include "count_fault.bpf.h"
#include "swap.bpf.h"
#include "wp_fault.bpf.h"
#include "uffd.bpf.h"
#include "new_anon.bpf.h"
#include "huge_wp.bpf.h"
#include "collapse.bpf.h"
#include "fork.bpf.h"
#include "unmap.bpf.h"
#include "wrprotect.bpf.h"
#include "pagemap_scan.bpf.h"
#include "split.bpf.h"
#include "hugetlb_wp.bpf.h"
#include "count_pins.bpf.h"
#include "gup.bpf.h"
#include "memfd.bpf.h"
#include "unpin.bpf.h"
#include "exit.bpf.h"
#include "free.bpf.h"
#include "migrate.bpf.h"
#include "ksm.bpf.h"
#include "remap.bpf.h"
#include "self_check.bpf.h"
#include "seed.bpf.h"
#include "rename.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Only for the types: they bring the records' layout into the object's BTF, where a test reads it. */
const struct fault_record *fault_layout __attribute__((unused));
const struct identity_record *identity_layout __attribute__((unused));
const struct range_record *range_layout __attribute__((unused));
const struct frame_record *frame_layout __attribute__((unused));
const struct pages_record *pages_layout __attribute__((unused));
const struct page_run *run_layout __attribute__((unused));
const struct free_record *free_layout __attribute__((unused));
const struct process_record *process_layout __attribute__((unused));
