/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel types that the programs read: only the fields used, found by CO-RE on the kernel that runs.
 * A ___flavour stands for a type as other versions have it.
 */
#ifndef COWPATH_KERNEL_H
#define COWPATH_KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef short __s16;
typedef s32 __s32;
typedef s64 __s64;
typedef u16 __be16;
typedef u32 __be32;
typedef u32 __wsum;

#define NULL ((void *)0)
#define bool _Bool
#define true 1
#define false 0

/* include/uapi/linux/bpf.h */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_STACK_TRACE = 7,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_F_USER_STACK = 256,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	unsigned long pte;
} pte_t;

typedef struct {
	unsigned long pmd;
} pmd_t;

struct mm_struct {
	void *pgd;
	unsigned long start_brk;
	unsigned long brk;
};

struct anon_vma;

struct userfaultfd_ctx {
	unsigned int features;
};

struct vm_userfaultfd_ctx {
	struct userfaultfd_ctx *ctx;
};

struct userfaultfd_ctx___moving {
	struct mm_struct *mm;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_pgoff;
	void *vm_file;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	struct anon_vma *anon_vma;
	const void *vm_ops;
	struct vm_userfaultfd_ctx vm_userfaultfd_ctx;
};

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned long address;
	pte_t orig_pte;
	pmd_t orig_pmd;
	pmd_t *pmd;
	pte_t *pte;
};

/* vm_fault.flags: unsigned int up to 5.10, an enum from 5.14 on. */
struct vm_fault___uint {
	unsigned int flags;
};

enum fault_flag {
	FAULT_FLAG_WRITE = 1,
};

struct vm_fault___enum {
	enum fault_flag flags;
};

/* Up to 6.1 it tells a reuse, and a copy. */
enum vm_fault_reason {
	VM_FAULT_WRITE = 101,
};

struct page {
	atomic_t _mapcount;
	atomic_t _refcount;
	void *mapping;
};

/* Since 7.2 the word of a tail page holds a mask that leads to the head, not the head's address. */
struct page___masked {
	unsigned long compound_info;
};

/* Up to 6.0 what belongs to the whole compound page stands in its second and third struct page. */
struct page___compound {
	unsigned char compound_order;
	unsigned char compound_dtor;
	atomic_t compound_mapcount;
	atomic_t hpage_pinned_refcount;
};

struct folio {
	atomic_t _refcount;
	atomic_t _entire_mapcount;
	atomic_t _large_mapcount; /* since 6.10 */
	atomic_t _pincount;
};

/* The order of a large folio: a byte of its own up to 6.5, the low byte of _flags_1 since. */
struct folio___order {
	unsigned char _folio_order;
};

struct folio___flags {
	unsigned long _flags_1;
};

/* Where a folio belongs in its mapping; up to 5.15 a field of struct page. */
struct folio___index {
	unsigned long index;
};

struct page___index {
	unsigned long index;
};

/* Since 6.16: what move_page_tables() is told, and how far it has come. */
struct pagetable_move_control {
	struct vm_area_struct *old;
	unsigned long old_end;
	unsigned long new_addr;
	unsigned long old_addr;
	unsigned long len_in;
};

struct signal_struct {
	atomic_t live;
};

struct task_struct {
	int pid;
	int tgid;
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	u64 start_time;
	char comm[16];
	void *stack;
	unsigned long min_flt;
	unsigned long maj_flt;
};

/* Since 5.11, and 5.17. */
enum bpf_func_id {
	BPF_FUNC_get_current_task_btf = 158,
	BPF_FUNC_get_func_arg = 183,
};

/* Only with KASAN, which makes stacks larger. */
struct task_struct___kasan {
	unsigned int kasan_depth;
};

struct linux_binprm;

struct bpf_iter_meta {
	u64 session_id;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* include/linux/page-flags.h: the values are looked up on the kernel that runs. */
enum pageflags {
	PG_lru = 101,
	PG_head = 102,
	PG_swapcache = 103,
	PG_swapbacked = 104,
	PG_anon_exclusive = 105,
	PG_double_map = 107,
	PG_reserved = 108,
};

/* Up to 6.5 a number of compound_dtor, since 6.11 the high byte of the _mapcount of a head without mapcount.
 */
enum compound_dtor_id {
	HUGETLB_PAGE_DTOR = 101,
};

enum pagetype {
	PGTY_hugetlb = 101,
};

/* fs/proc/task_mmu.c */
enum clear_refs_types {
	CLEAR_REFS_SOFT_DIRTY = 4,
};

struct clear_refs_private {
	enum clear_refs_types type;
};

struct pm_scan_arg {
	u64 flags;
};

struct pagemap_scan_private {
	struct pm_scan_arg arg;
};

struct mm_walk {
	struct vm_area_struct *vma;
	void *private;
};

#pragma clang attribute pop

struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
};

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define PAGE_SHIFT 12
#define PMD_ORDER 9
#define PMD_PAGES (1 << PMD_ORDER)

/* arch/x86/include/asm/pgtable_types.h */
#define PTE_PRESENT 0x1ULL
#define PTE_WRITE 0x2ULL
#define PTE_PSE 0x80ULL
#define PTE_SPECIAL 0x200ULL
#define PTE_UFFD_WP 0x400ULL
#define PTE_NONE 0ULL
#define PTE_PROTNONE 0x100ULL
#define PTE_PFN(pte) (((pte) & 0x000ffffffffff000ULL) >> PAGE_SHIFT)

/*
 * arch/x86/include/asm/pgtable_64.h, __swp_type() and __swp_offset(). Types from 23 on are not swap
 * (migration, poison, markers: include/linux/swap.h).
 */
#define SWAP_TYPE(pte) ((pte) >> 59)
#define SWAP_OFFSET(pte) (~(pte) << 5 >> 14)
#define SWAP_TYPES 23

/* include/linux/mm.h, include/linux/mm_types.h: equal on 5.10 to 7.2 */
#define VM_READ 0x1UL
#define VM_WRITE 0x2UL
#define VM_EXEC 0x4UL
#define VM_SHARED 0x8UL
#define VM_MAYWRITE 0x20UL
#define VM_GROWSDOWN 0x100UL
#define VM_UFFD_MISSING 0x200UL
#define VM_UFFD_WP 0x1000UL
#define VM_HUGETLB 0x400000UL
#define VM_WIPEONFORK 0x2000000UL

#define FAULT_WRITE 0x1
#define FAULT_ALLOW_RETRY 0x4
#define FAULT_RETRY_NOWAIT 0x8
#define FAULT_USER 0x40
#define FAULT_REMOTE 0x80
#define FAULT_UNSHARE 0x400

#define RET_OOM 0x1
#define RET_SIGBUS 0x2
#define RET_WRITE 0x8 /* VM_FAULT_WRITE, gone in 6.2 */
#define RET_HWPOISON 0x30
#define RET_SIGSEGV 0x40
#define RET_RETRY 0x400
#define RET_FALLBACK 0x800

/* include/linux/mm.h: cp_flags of change_protection() */
#define MM_CP_PROT_NUMA 0x2
#define MM_CP_UFFD_WP 0x4
#define MM_CP_UFFD_WP_RESOLVE 0x8

/* include/uapi/linux/userfaultfd.h */
#define UFFD_FEATURE_SIGBUS 0x80
#define UFFD_FEATURE_WP_ASYNC 0x8000

/* include/uapi/linux/fs.h */
#define PM_SCAN_WP_MATCHING 0x1

/* include/linux/huge_mm.h, include/trace/events/huge_memory.h: equal on 5.10 to 7.2 */
#define SCAN_SUCCEED 1

#define GUP_PIN_COUNTING_BIAS 1024

#endif
