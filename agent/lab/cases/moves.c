// SPDX-License-Identifier: MIT
/*
 * What the kernel does to pages on its own: merge, swap, migrate, split. A page that is pinned must be left
 * where it is. KSM, swap, migration and folio split are tried on a page that nobody holds as well, and the
 * case is skipped where even that one was left alone. Of a partial unmap only the memory is judged: whether
 * the kernel then tried to split the folio is not seen.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "device.h"

#define KSM "/sys/kernel/mm/ksm/"
#define KSM_WAIT_MS 15000

static struct subject unheld;

static void pin_and_double(struct subject *subject, struct device *device)
{
	const char *missing = make_subject(&unheld, subject->kind);

	if (missing)
		skipped("%s", missing);
	*device = pin_by_device(subject->page, PAGE_BYTES);
	note_frame(subject);
	note_frame(&unheld);
}

static void judge(struct subject *subject, struct device *device, const char *attempt)
{
	bool stayed = pfn_of(subject->page) == subject->pfn;

	write_and_compare(device, subject->page, attempt);
	coherent("%s %s the pinned page, device and owner share it", attempt, stayed ? "left" : "moved");
}

/* Three pages of one content, the first is pinned: ksmd merges the two others. */
static void ksm(struct subject *subject)
{
	static struct subject other;
	struct device device;
	int waited = 0;

	pin_and_double(subject, &device);
	if (make_subject(&other, SMALL))
		die("page");
	note_frame(&other);
	if (!write_file(KSM "sleep_millisecs", "20") || !write_file(KSM "pages_to_scan", "1000"))
		skipped("no KSM");
	if (madvise(subject->area, PAGE_BYTES, MADV_MERGEABLE) ||
	    madvise(unheld.area, PAGE_BYTES, MADV_MERGEABLE) ||
	    madvise(other.area, PAGE_BYTES, MADV_MERGEABLE) || !write_file(KSM "run", "1"))
		skipped("no KSM");
	while (pfn_of(unheld.page) != pfn_of(other.page) && waited < KSM_WAIT_MS) {
		sleep_ms(50);
		waited += 50;
	}
	/* Two more full scans for the pinned one. */
	sleep_ms(1000);
	write_file(KSM "run", "0");
	if (pfn_of(unheld.page) != pfn_of(other.page))
		skipped("KSM merged not even pages that nobody holds");
	judge(subject, &device, "KSM");
}

static void pageout(struct subject *subject)
{
	struct device device;

	pin_and_double(subject, &device);
	flush_lru_batch();
	madvise(subject->area, subject->bytes, MADV_PAGEOUT);
	madvise(subject->area, subject->bytes, MADV_PAGEOUT);
	madvise(unheld.area, unheld.bytes, MADV_PAGEOUT);
	if (!is_swapped(unheld.page))
		skipped("not even a page that nobody holds was swapped out");
	judge(subject, &device, "swap");
}

/* Asks for the other memory node, whoever else maps the page: MPOL_MF_MOVE_ALL is 4 (linux/mempolicy.h). */
static void move_to_other_node(struct subject *subject)
{
	/* A page inside a hugetlb page cannot be named (mm/migrate.c add_page_for_migration()). */
	void *page = subject->kind == HUGETLB ? subject->area : subject->page;
	int nodes[2] = {0, 1}, status = -1, where = -1;

	if (syscall(SYS_move_pages, 0, 1UL, &page, NULL, &where, 4) == 0)
		syscall(SYS_move_pages, 0, 1UL, &page, &nodes[where == 0], &status, 4);
}

static void migrate(struct subject *subject)
{
	struct device device;

	pin_and_double(subject, &device);
	flush_lru_batch();
	move_to_other_node(subject);
	move_to_other_node(&unheld);
	if (pfn_of(unheld.page) == unheld.pfn)
		skipped("not even a page that nobody holds was migrated: one memory node?");
	judge(subject, &device, "migration");
}

/* The PMD is split, by a mapping of its own for the last page: no page may change its place. */
static void pmd_split(struct subject *subject)
{
	struct device device;

	pin_and_double(subject, &device);
	split_pmd(subject->area);
	if (smaps_kb(subject->area, "AnonHugePages") != 0)
		skipped("the PMD was not split");
	judge(subject, &device, "a PMD split");
}

/* Part of the huge page is unmapped: the folio is queued for a split, which the pin must stop. */
static void partial_unmap(struct subject *subject)
{
	struct device device;

	pin_and_double(subject, &device);
	munmap(subject->area + HUGE_BYTES / 2, HUGE_BYTES / 2);
	judge(subject, &device, "a partial unmap");
}

/* KPF_COMPOUND_HEAD and _TAIL, bits 15 and 16 of /proc/kpageflags (linux/kernel-page-flags.h). */
static bool is_compound(uint64_t pfn)
{
	int kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	uint64_t flags = 0;

	if (kpageflags < 0 || pread(kpageflags, &flags, 8, pfn * 8) != 8)
		die("kpageflags");
	close(kpageflags);
	return flags >> 15 & 3;
}

/* debugfs offers to split the huge pages of a range (mm/huge_memory.c split_huge_pages_write(); 5.10: all
 * there are). */
static void split_folio(struct subject *subject)
{
	struct device device;
	char order[96];

	pin_and_double(subject, &device);
	mkdir("/sys/kernel/debug", 0755);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	for (struct subject *one = subject; one; one = one == subject ? &unheld : NULL) {
		snprintf(order, sizeof(order), "%d,0x%lx,0x%lx", getpid(), (unsigned long)one->area,
			 (unsigned long)one->area + HUGE_BYTES);
		write_file("/sys/kernel/debug/split_huge_pages", order);
	}
	if (is_compound(pfn_of(unheld.page)))
		write_file("/sys/kernel/debug/split_huge_pages", "1");
	if (is_compound(pfn_of(unheld.page)))
		skipped("not even a huge page that nobody holds was split");
	if (!is_compound(pfn_of(subject->page)))
		diverged("a huge page was split under its pin");
	judge(subject, &device, "a folio split");
}

static const struct lab_case CASES[] = {
    {"ksm-4k", SMALL, ksm, "hazard"},
    {"swap-4k", SMALL, pageout, "hazard"},
    {"swap-thp", THP, pageout, "hazard"},
    {"migrate-4k", SMALL, migrate, "hazard"},
    {"migrate-thp", THP, migrate, "hazard"},
    {"migrate-hugetlb", HUGETLB, migrate, "hazard"},
    {"pmd-split", THP, pmd_split, "hazard"},
    {"partial-unmap", THP, partial_unmap, "hazard"},
    {"folio-split", THP, split_folio, "hazard"},
    {0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "moves", CASES);
}
