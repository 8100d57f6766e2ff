// SPDX-License-Identifier: MIT
/*
 * thp: the life of huge pages of its own: made, split from one mm, split for good, refused to be split,
 * shared by fork, collapsed, freed. /proc/vmstat counts the same, /proc/kpagecount the mappings,
 * /proc/self/pagemap the frames.
 */
#include <sys/uio.h>
#include <sys/wait.h>

#include "expect.h"

#define HUGE_BYTES (2UL << 20)
#define HUGE_PAGES 512UL
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static const char *KINDS = "anon-new huge-wp wp-fault pmd-split folio-split collapse wrprotect fork-copy";

/* One huge page, each of its small pages different from zero. */
static char *make_huge(void)
{
	char *area = map_alone(HUGE_BYTES, HUGE_BYTES, 0);
	unsigned long before = vmstat("thp_fault_alloc");

	claim(area, HUGE_PAGES, KINDS);
	if (madvise(area, HUGE_BYTES, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE");
	write_pages(area, HUGE_PAGES, 'h');
	must(vmstat("thp_fault_alloc") == before + 1 && has_flag(pfn_of(area), KPF_THP), "the page is huge");
	expect("anon-new", area, ",\"pages\":512,\"order\":9,\"new_pfn\":%lu,\"pmdMapped\":true",
	       pfn_of(area));
	return area;
}

static void leave(char *area)
{
	/* The address stays taken: what is claimed there is ours. */
	if (mmap(area, HUGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != area)
		die("mmap");
}

static void free_huge(char *area, int order)
{
	printf("{\"freed\":%lu,\"order\":%d,\"frames\":%lu}\n", pfn_of(area), order, HUGE_PAGES >> order);
	leave(area);
}

/* mprotect() of a part splits the vma, and with it the PMD; the folio stays whole. */
static void split_pmd(void)
{
	char *area = make_huge(), *part = area + 7 * PAGE_BYTES;
	uint64_t pfn = pfn_of(area);
	unsigned long before = vmstat("thp_split_pmd");

	expect("pmd-split", area,
	       ",\"hasStack\":true,\"pages\":512,\"order\":9,\"old_pfn\":%lu,\"mapcount\":%lu,\"pmdMapped\":"
	       "true",
	       pfn, mappings_of(pfn));
	expect("wrprotect", part, ",\"pages\":1,\"aux\":1");
	if (mprotect(part, PAGE_BYTES, PROT_READ))
		die("mprotect");
	must(vmstat("thp_split_pmd") == before + 1 && pfn_of(part) == pfn + 7,
	     "the PMD is split, frames stay");
	must(has_flag(pfn, KPF_THP), "the folio is whole");
	free_huge(area, 9);
}

/* MADV_COLD of a part splits the folio (mm/madvise.c, madvise_cold_or_pageout_pte_range()). */
static void split_folio(void)
{
	char *area = make_huge();
	uint64_t pfn = pfn_of(area);
	unsigned long pages = vmstat("thp_split_page"), pmds = vmstat("thp_split_pmd");

	flush_lru_batch();
	expect("folio-split", NULL,
	       ",\"hasStack\":true,\"order\":9,\"old_pfn\":%lu,\"aux\":0,\"outcome\":\"none\"", pfn);
	expect("pmd-split", area, ",\"hasStack\":true,\"pages\":512,\"order\":9,\"old_pfn\":%lu", pfn);
	if (madvise(area + 9 * PAGE_BYTES, PAGE_BYTES, MADV_COLD))
		die("MADV_COLD");
	must(vmstat("thp_split_page") == pages + 1 && vmstat("thp_split_pmd") == pmds + 1,
	     "the folio is split");
	must(!has_flag(pfn, KPF_THP) && pfn_of(area + 9 * PAGE_BYTES) == pfn + 9, "the frames stay");
	free_huge(area, 0);
}

/* A pipe that holds one page of the folio keeps it from being split. */
static void refuse_split(void)
{
	char *area = make_huge();
	uint64_t pfn = pfn_of(area);
	unsigned long pages = vmstat("thp_split_page");
	struct iovec one = {area + 3 * PAGE_BYTES, PAGE_BYTES};
	int ends[2];

	if (pipe(ends) || vmsplice(ends[1], &one, 1, 0) != (ssize_t)PAGE_BYTES)
		die("vmsplice");
	flush_lru_batch();
	expect("folio-split", NULL,
	       ",\"hasStack\":true,\"order\":9,\"old_pfn\":%lu,\"errno\":[11,16],\"outcome\":\"failed\"",
	       pfn);
	if (madvise(area + 9 * PAGE_BYTES, PAGE_BYTES, MADV_COLD))
		die("MADV_COLD");
	must(vmstat("thp_split_page") == pages && has_flag(pfn, KPF_THP), "the folio is whole");
	close(ends[0]);
	close(ends[1]);
	leave(area);
}

/* The child's write splits its PMD; the fault that follows finds two mappings of the page. */
static void fork_huge(void)
{
	char *area = make_huge(), *written = area + 5 * PAGE_BYTES;
	uint64_t pfn = pfn_of(written);
	uint64_t *copy = map_shared(PAGE_BYTES);
	pid_t child;

	flush_lru_batch();
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		copy[1] = mappings_of(pfn);
		write_page(written, 'c');
		copy[0] = pfn_of(written);
		copy[2] = pfn_of(area);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	must(copy[0] && copy[0] != pfn && copy[2] == pfn - 5 && copy[1] == 2,
	     "the child copies one page of the two's");
	expect("huge-wp", area, ",\"outcome\":\"fallback\",\"old_pfn\":%lu,\"mapcount\":2,\"pmdMapped\":true",
	       pfn - 5);
	expect("pmd-split", area, ",\"hasStack\":true,\"pages\":512,\"old_pfn\":%lu,\"mapcount\":2", pfn - 5);
	expect("wp-fault", written,
	       ",\"outcome\":\"copy\",\"order\":9,\"old_pfn\":%lu,\"new_pfn\":%lu,\"mapcount\":2,"
	       "\"pmdMapped\":false",
	       pfn, copy[0]);
	leave(area);
}

/* A pin on one page of it: fork splits the PMD and copies all that is mapped, as the folio has one count of
 * pins. */
static void fork_pinned(void)
{
	char *area = make_huge();
	uint64_t pfn = pfn_of(area);
	uint64_t *copies = map_shared(HUGE_PAGES * sizeof(*copies));
	int ring = pin_page(area + 8 * PAGE_BYTES);
	pid_t child;

	flush_lru_batch();
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		for (size_t i = 0; i < HUGE_PAGES; i++)
			copies[i] = pfn_of(area + i * PAGE_BYTES);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	expect("pmd-split", area,
	       ",\"hasStack\":true,\"pages\":512,\"old_pfn\":%lu,\"mapcount\":1,\"pincount\":1", pfn);
	for (size_t i = 0; i < HUGE_PAGES; i++) {
		must(copies[i] && copies[i] != pfn + i, "the child has a copy of each page");
		expect(
		    "fork-copy", area + i * PAGE_BYTES,
		    ",\"pages\":1,\"order\":9,\"old_pfn\":%lu,\"new_pfn\":%lu,\"mapcount\":1,\"pincount\":1",
		    pfn + i, copies[i]);
	}
	close(ring);
	leave(area);
}

/* Small pages become a huge one: at once by MADV_COLLAPSE (6.1), else by khugepaged. */
static void collapse(void)
{
	char *area = map_alone(HUGE_BYTES, HUGE_BYTES, 0);
	unsigned long before = vmstat("thp_collapse_alloc");

	/* An attempt may fail before another succeeds: "collapse" is not claimed. */
	claim(area, HUGE_PAGES, "anon-new pmd-split folio-split");
	if (madvise(area, HUGE_BYTES, MADV_NOHUGEPAGE))
		die("MADV_NOHUGEPAGE");
	for (size_t i = 0; i < HUGE_PAGES; i++) {
		char *page = area + i * PAGE_BYTES;

		write_page(page, 's');
		expect("anon-new", page, ",\"pages\":1,\"order\":0,\"new_pfn\":%lu", pfn_of(page));
	}
	flush_lru_batch();
	if (madvise(area, HUGE_BYTES, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE");
	if (madvise(area, HUGE_BYTES, MADV_COLLAPSE)) {
		tell("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "10");
		tell("/sys/kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs", "10");
		for (int tries = 0; !has_flag(pfn_of(area), KPF_THP) && tries < 300; tries++)
			usleep(100000);
	}
	must(has_flag(pfn_of(area), KPF_THP) && vmstat("thp_collapse_alloc") > before,
	     "the pages are collapsed");
	expect("collapse", area, ",\"pages\":512,\"order\":9,\"new_pfn\":%lu,\"outcome\":\"none\"",
	       pfn_of(area));
	free_huge(area, 9);
}

/* A guest with less than 512 MiB begins without (mm/huge_memory.c, hugepage_init()). */
static void allow_huge(void)
{
	if (!tell("/sys/kernel/mm/transparent_hugepage/enabled", "madvise") ||
	    !tell("/sys/kernel/mm/transparent_hugepage/defrag", "madvise"))
		die("/sys/kernel/mm/transparent_hugepage");
}

int main(void)
{
	stay_on_one_cpu();
	allow_huge();
	split_pmd();
	split_folio();
	refuse_split();
	fork_huge();
	fork_pinned();
	collapse();
	return wrong ? 1 : 0;
}
