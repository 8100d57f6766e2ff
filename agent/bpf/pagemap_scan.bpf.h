/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leg wrprotect, the part of ioctl(PAGEMAP_SCAN) (fs/proc/task_mmu.c, since 6.7): it sets the uffd-wp bit of
 * those pages that it finds written. Neighbours become one record; a page table ends it.
 */
struct scan {
	u64 cookie;
	u64 pmd; /* the entry before the scan */
	u64 vpn;
	u32 pages;
	u32 facts;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u32); /* tid */
	__type(value, struct scan);
} scans SEC(".maps");

static __always_inline void end_run(void *ctx, struct scan *scan)
{
	if (scan->pages)
		protect_range(ctx, scan->cookie, scan->vpn << PAGE_SHIFT,
			      (scan->vpn + scan->pages) << PAGE_SHIFT, scan->facts, PROTECTION_UFFD_WP);
	scan->pages = 0;
}

SEC("?fentry/pagemap_scan_pmd_entry")
int scan_enter(u64 *ctx)
{
	struct mm_walk *walk = (struct mm_walk *)ctx[3];
	struct vm_area_struct *vma = walk->vma;
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct pagemap_scan_private *scanner;
	struct scan scan = {};

	scan.cookie = cookie_of(vma->vm_mm);
	if (!scan.cookie)
		return 0;
	scanner = walk->private;
	if (!(BPF_CORE_READ(scanner, arg.flags) & PM_SCAN_WP_MATCHING))
		return 0;
	bpf_probe_read_kernel(&scan.pmd, sizeof(scan.pmd), (void *)ctx[0]);
	scan.facts = vma_facts(vma);
	if (bpf_map_update_elem(&scans, &tid, &scan, BPF_ANY))
		BOOK_UNTOLD(LEG_WRPROTECT, missed);
	return 0;
}

/* Under the page-table lock. */
SEC("?fentry/make_uffd_wp_pte")
int scan_protect(u64 *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct scan *scan = bpf_map_lookup_elem(&scans, &tid);
	u64 vpn = ctx[1] >> PAGE_SHIFT;

	if (!scan)
		return 0;
	if (scan->vpn + scan->pages != vpn) {
		end_run(ctx, scan);
		scan->vpn = vpn;
	}
	scan->pages++;
	return 0;
}

SEC("?fexit/pagemap_scan_pmd_entry")
int scan_exit(u64 *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct scan *scan = bpf_map_lookup_elem(&scans, &tid);
	u64 pmd = 0;

	if (!scan)
		return 0;
	bpf_probe_read_kernel(&pmd, sizeof(pmd), (void *)ctx[0]);
	/* A huge page is protected as a whole, or its PMD is split first. */
	if (pmd & PTE_PSE && pmd & PTE_UFFD_WP && !(scan->pmd & PTE_UFFD_WP)) {
		scan->vpn = ctx[1] >> PAGE_SHIFT;
		scan->pages = PMD_PAGES;
	}
	end_run(ctx, scan);
	bpf_map_delete_elem(&scans, &tid);
	return 0;
}
