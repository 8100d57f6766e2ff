/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of the ring buffer and the values shared with user space. src/collect/record.rs holds the same
 * layout; its test compiles nothing: it reads these structs from the object's own BTF.
 *
 * An mm is told by its cookie: a number that no other mm of this boot has. Kernel pointers stay in the
 * kernel.
 */
#ifndef COWPATH_RECORD_H
#define COWPATH_RECORD_H

/* Kind of proto/cowpath/v1/event.proto, and one of our own. */
enum record_kind {
	RECORD_WP_FAULT = 1,
	RECORD_HUGE_WP = 2,
	RECORD_FORK = 3,
	RECORD_FORK_VMA = 4,
	RECORD_FORK_COPY = 5,
	RECORD_UNMAP = 6,
	RECORD_EXEC = 7,
	RECORD_MM_EXIT = 8,
	RECORD_FRAME_FREE = 9,
	RECORD_ANON_NEW = 10,
	RECORD_HUGETLB_WP = 11,
	RECORD_GUP = 12,
	RECORD_UNPIN = 13,
	RECORD_WRPROTECT = 14,
	RECORD_UFFD_MESSAGE = 15,
	RECORD_PMD_SPLIT = 16,
	RECORD_FOLIO_SPLIT = 17,
	RECORD_COLLAPSE = 18,
	RECORD_SWAP_OUT = 19,
	RECORD_SWAP_IN = 20,
	RECORD_MIGRATE = 21,
	RECORD_KSM_MERGE = 22,
	RECORD_REMAP = 24,
	RECORD_SNAPSHOT = 25,
	RECORD_PROCESS = 200, /* struct process_record: not an event */
};

enum record_outcome {
	OUTCOME_NONE = 0,
	OUTCOME_REUSE = 1,
	OUTCOME_COPY = 2,
	OUTCOME_UNSHARE = 3,
	OUTCOME_UNSHARE_NOOP = 4,
	OUTCOME_SHARED = 5,
	OUTCOME_UFFD = 6,
	OUTCOME_RETRY = 7,
	OUTCOME_FALLBACK = 8,
	OUTCOME_FAILED = 9,
};

enum record_flag {
	FLAG_NONE = 0,
	FLAG_WRITE = 1,
	FLAG_UNSHARE = 2,
	FLAG_REMOTE = 4,
	FLAG_USER = 8,
	FLAG_ANON = 16,
	FLAG_KSM = 32,
	FLAG_EXCLUSIVE = 64,
	FLAG_SWAPCACHE = 128,
	FLAG_ZERO = 256,
	FLAG_FILE = 512,
	FLAG_LARGE = 1024,
	FLAG_HUGETLB = 2048,
	FLAG_VMA_SHARED = 4096,
	FLAG_VMA_MAYWRITE = 8192,
	FLAG_VMA_UFFD_WP = 16384,
	FLAG_VMA_WIPEONFORK = 32768,
	FLAG_MADE_EXCLUSIVE = 65536,
	FLAG_LRU = 131072,
	FLAG_VMA_ANON = 262144,
	FLAG_VMA_HUGETLB = 524288,
	FLAG_COUNTS_AT_DECISION = 1048576,
	FLAG_WRITABLE = 2097152,
	FLAG_PMD_MAPPED = 4194304,
	FLAG_UFFD_WP = 8388608,
	FLAG_UFFD_WP_ASYNC = 16777216,
	FLAG_IN_GUP = 33554432,
	FLAG_REFUSED = 67108864,
};

/* Legs, in the order of src/collect/ladder/mod.rs: index of the books. */
enum leg {
	LEG_WP_FAULT,
	LEG_HUGE_WP,
	LEG_FORK,
	LEG_ANON_NEW,
	LEG_UNMAP,
	LEG_EXIT,
	LEG_FREE,
	LEG_GUP,
	LEG_UNPIN,
	LEG_WRPROTECT,
	LEG_UFFD,
	LEG_HUGETLB_WP,
	LEG_PMD_SPLIT,
	LEG_FOLIO_SPLIT,
	LEG_COLLAPSE,
	LEG_SWAP,
	LEG_MIGRATE,
	LEG_KSM,
	LEG_REMAP,
	LEGS,
};

/* Protection of proto/cowpath/v1/event.proto. */
enum record_protection {
	PROTECTION_MPROTECT = 1,
	PROTECTION_MPROTECT_WRITABLE = 2,
	PROTECTION_UFFD_WP = 3,
	PROTECTION_UFFD_WP_RESOLVE = 4,
	PROTECTION_NUMA = 5,
	PROTECTION_SOFT_DIRTY = 6,
	PROTECTION_KSM = 7,
};

/* Mapping of the same: bits. */
enum record_mapping {
	MAPPING_READ = 1,
	MAPPING_WRITE = 2,
	MAPPING_EXEC = 4,
	MAPPING_FILE = 8,
	MAPPING_STACK = 16,
	MAPPING_HEAP = 32,
	MAPPING_TOLD = 64,
};

/* UffdReason of the same. */
enum record_uffd_reason {
	UFFD_REASON_MISSING = 1,
	UFFD_REASON_WP = 2,
	UFFD_REASON_MINOR = 3,
};

/* Counter of proto/cowpath/v1/agent.proto, less one: index of a tally's counts. */
enum counter {
	COUNTER_FAULT,
	COUNTER_HUGE_FAULT,
	COUNTER_HUGETLB_FAULT,
	COUNTER_COPY,
	COUNTER_UNSHARE,
	COUNTER_REUSE,
	COUNTER_BYTES_COPIED,
	COUNTER_FORK,
	COUNTER_FORK_VMA,
	COUNTER_EXEC,
	COUNTER_UNMAP,
	COUNTER_GUP,
	COUNTER_GUP_PAGES,
	COUNTER_PIN_TAKEN,
	COUNTER_PIN_RETURNED,
	COUNTER_SWAP_OUT,
	COUNTER_SWAP_IN,
	COUNTER_KSM_MERGE,
	COUNTER_PMD_SPLIT,
	COUNTER_FOLIO_SPLIT,
	COUNTER_COLLAPSE,
	COUNTER_MIGRATE,
	COUNTERS,
};

/* First places of processes, a power of two, and second ones; 0 is `other`. */
#define TALLIES 8192
#define SECOND_TALLIES 1024

struct tally {
	u32 tgid; /* whose it is while that lives, else 0 */
	u32 told; /* events of this process may be under way: wp_exit() looks for them. See is_untold() */
	u64 start_time_ns;
	char comm[16];
	u64 counts[23];
	u32 was; /* whose it is or was, 0: nobody's yet */
	u32 pad;
};

/* Begin of every record. */
struct record_head {
	u64 time_ns;
	u64 mm; /* cookie */
	u32 tgid;
	u32 tid;
	u16 cpu;
	u8 kind;
	u8 outcome;
	u8 order;
	u8 pad;
	u16 stack; /* 0: none; else its place in the map `stacks`, plus one */
};

/* In `foll`, beside the kernel's flags: by get_user_pages_fast() and its kin. */
#define FOLL_BY_FAST (1U << 31)
/* By memfd_pin_folios(): of a file, through no slot. */
#define FOLL_BY_FILE (1U << 30)

/* WP_FAULT, HUGE_WP, FORK_COPY, ANON_NEW, HUGETLB_WP, COLLAPSE */
struct fault_record {
	struct record_head head;
	u64 vpn;
	u64 old_pfn;
	u64 new_pfn;
	u64 other_mm; /* WP_FAULT, HUGE_WP, HUGETLB_WP: the stack in user mode, as pages_record has it */
	u32 flags;
	s32 refcount;
	s32 mapcount;
	s32 pincount;
	s32 new_refcount;
	u32 pages;
	u32 foll;	    /* with FLAG_IN_GUP: FOLL_ flags as this kernel numbers them, FOLL_BY_FAST */
	u32 folio_mapcount; /* WP_FAULT, HUGE_WP: of the whole folio, plus one; 0: not read */
};

/* SWAP_OUT, SWAP_IN, MIGRATE, KSM_MERGE, REMAP: a slot's frame, or a frame's slot, is another one now. */
struct identity_record {
	struct record_head head;
	u64 vpn;
	u64 old_pfn;
	u64 new_pfn;
	u64 aux; /* as in the event */
	u32 flags;
	s32 refcount;
	s32 mapcount;
	s32 pincount;
	s32 new_refcount;
	u32 pages;
};

/* FORK_VMA, UNMAP, FORK, EXEC, MM_EXIT, WRPROTECT of a range, UFFD_MESSAGE */
struct range_record {
	struct record_head head;
	u64 vpn;
	u64 other_mm;
	u32 pages;
	u32 flags;
	u32 other_tgid; /* WRPROTECT: the stack in user mode, as pages_record has it */
	u32 aux;
};

/* PMD_SPLIT, FOLIO_SPLIT, WRPROTECT of one page with its counts: what befalls a frame that stays where it is.
 */
struct frame_record {
	struct record_head head;
	u64 vpn;
	u64 old_pfn;
	u32 flags;
	u32 pages;
	s32 refcount;
	s32 mapcount;
	s32 pincount;
	u32 aux;
	u32 user_stack; /* as pages_record has it */
	u32 pad;
};

/* FRAME_FREE */
struct free_record {
	struct record_head head;
	u64 pfn;
};

/* Pages that have a run of their own in a pages_record: neighbours in the call and in memory, equal in facts.
 */
struct page_run {
	u64 pfn;
	u32 facts; /* bits of Flag below 4096 | order << 12 | pages << 20 */
	s32 refcount;
	s32 mapcount;
	s32 pincount;
};

#define RUN_ORDER_SHIFT 12
#define RUN_PAGES_SHIFT 20

/* GUP, UNPIN: up to 32 pages of one call. `runs` structs page_run follow, and room that means nothing. */
struct pages_record {
	struct record_head head;
	u64 vpn;   /* of the first page here; 0 for UNPIN */
	u32 first; /* its index among the pages of the call */
	u32 each;  /* references on each frame */
	u32 foll;  /* as fault_record has it */
	u16 runs;
	u16 user_stack; /* 0: none; else its place in the map `user_stacks`, plus one */
};

struct process_record {
	struct record_head head;
	u64 start_time_ns;
	u32 parent_tgid;
	u32 pad;
	char comm[16];
};

/*
 * The books of one leg on one CPU: seen = submitted + ring_full + filtered + throttled + missed + open. Each
 * is counted where it happens, seen where the leg begins; what a leg began on one CPU is booked there, even
 * if the task ends it on another. A CPU's own, and yet atomic: a program may be preempted by another's.
 */
struct books {
	u64 seen;
	u64 submitted;
	u64 ring_full;
	u64 filtered; /* began, and turned out to be nothing to tell */
	u64 throttled;
	u64 missed;
	u64 open; /* begun and not ended yet */
	u64 pad;
};

struct cpu_books {
	struct books legs[LEGS];
};

/* Set by user space before the programs are loaded. */
struct config {
	u64 tracked_mask; /* pfns are tracked modulo this + 1 */
	u64 throttle_ns;  /* what one event costs a process of its second, 0: no throttle */
	u32 my_tgid;	  /* the agent itself is never traced */
	u8 trace_all;
	u8 aliased; /* more pfns than tracked_mask + 1: a mark is never taken back */
	u8 five_levels;
	u8 reuse_seen; /* ptep_set_access_flags is hooked: what it did not see was no reuse */
	u8 has_cgroups;
	u8 pad[3];
	u32 foll_longterm; /* FOLL_LONGTERM of this kernel */
	u32 foll_pin;	   /* FOLL_PIN of this kernel */
	u8 counters;	   /* every process is counted */
	u8 casts;	   /* bpf_rdonly_cast() is there */
	u8 unpin_by_head;  /* some hooked function gives pins of a folio's pages back by its head */
	u8 pad2;
	u32 opener_tgid; /* a child of the agent that is not traced either */
	u32 sample;	 /* pages are told whose hash is below this, 0: all */
};

/* Written by the programs, read by user space. */
struct shared {
	u64 generation; /* changes with every change of `targets` */
	u64 vmemmap_base;
	u64 page_offset_base;
	u64 displaced; /* states that ever found their place taken, see state.bpf.h */
	u64 seeded;    /* passes of the task iterator that have begun: the first finds no targets yet */
	u64 evicted;   /* ended processes whose counts were added to `other` */
	u64 crowded;   /* counts that found no place */
};

#endif
