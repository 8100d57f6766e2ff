/* SPDX-License-Identifier: MIT */
/* The page that a case is about: one 4 KiB page, alone or within a huge page, filled with 'A'. */
#ifndef COWPATH_LAB_SUBJECT_H
#define COWPATH_LAB_SUBJECT_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../pages.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define HUGE_BYTES (2UL << 20)
/* Neither the first page of its huge page nor the last: those are special in more than one way. */
#define PAGE_IN_HUGE 3

enum kind { SMALL, THP, PTE_THP, HUGETLB, SWAPPED };

struct subject {
	enum kind kind;
	/* The whole mapping: what is unmapped, protected or advised as a whole. */
	char *area;
	size_t bytes;
	char *page;
	/* The frame behind `page` when the case began, or since note_frame(). */
	uint64_t pfn;
};

static inline const char *kind_name(enum kind kind)
{
	static const char *const names[] = {"4k", "thp", "pte-mapped", "hugetlb", "4k"};

	return names[kind];
}

static inline void note_frame(struct subject *subject)
{
	subject->pfn = pfn_of(subject->page);
}

/* Kilobytes that /proc/self/smaps names `field` for the mapping at `area`. */
static inline long smaps_kb(const char *area, const char *field)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool inside = false;
	char line[512];
	long kb = -1;

	if (!smaps)
		die("smaps");
	while (kb < 0 && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)area && (unsigned long)area < end;
		else if (inside && strncmp(line, field, strlen(field)) == 0)
			sscanf(line + strlen(field), ": %ld", &kb);
	}
	fclose(smaps);
	return kb;
}

/* Bit 62 of a pagemap entry: the page is in swap (fs/proc/task_mmu.c PM_SWAP). */
static inline bool is_swapped(const void *page)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	if (pagemap < 0 || pread(pagemap, &entry, 8, (uintptr_t)page / PAGE_BYTES * 8) != 8)
		die("pagemap");
	close(pagemap);
	return entry >> 62 & 1;
}

/* Whether the kernel took the page out. MADV_PAGEOUT leaves pages that wait in an LRU batch: those are
 * flushed first. */
static inline bool swap_out(char *page)
{
	for (int tries = 0; tries < 5; tries++) {
		flush_lru_batch();
		madvise(page, PAGE_BYTES, MADV_PAGEOUT);
		if (is_swapped(page))
			return true;
	}
	return false;
}

static inline char *map_huge(void)
{
	char *area = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *aligned = (char *)(((uintptr_t)area + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));

	if (area == MAP_FAILED)
		die("mmap");
	/* Nothing beside it that its mapping could be merged with. */
	munmap(area, aligned - area);
	munmap(aligned + HUGE_BYTES, area + HUGE_BYTES - aligned);
	madvise(aligned, HUGE_BYTES, MADV_HUGEPAGE);
	return aligned;
}

/*
 * Splits the PMD and leaves the huge page whole: a flag that only the last page has asks for a mapping of its
 * own (split_vma() by way of vma_adjust_trans_huge()), and no page's protection changes.
 */
static inline void split_pmd(char *area)
{
	char *last = area + HUGE_BYTES - PAGE_BYTES;

	if (madvise(last, PAGE_BYTES, MADV_DONTFORK) || madvise(last, PAGE_BYTES, MADV_DOFORK))
		die("madvise");
}

/* Makes what the case asks for; else says what is missing. */
static inline const char *make_subject(struct subject *subject, enum kind kind)
{
	bool huge = kind == THP || kind == PTE_THP;

	subject->kind = kind;
	subject->bytes = kind == SMALL || kind == SWAPPED ? PAGE_BYTES : HUGE_BYTES;
	if (kind == HUGETLB) {
		subject->area = mmap(NULL, HUGE_BYTES, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
		if (subject->area == MAP_FAILED)
			return "no hugetlb page is free";
	} else {
		subject->area = huge ? map_huge() : map_pages(1);
	}
	memset(subject->area, 'A', subject->bytes);
	if (huge && smaps_kb(subject->area, "AnonHugePages") != HUGE_BYTES / 1024)
		return "the kernel gave no transparent huge page";
	if (kind == PTE_THP)
		split_pmd(subject->area);
	if (kind == PTE_THP && smaps_kb(subject->area, "AnonHugePages") != 0)
		return "the PMD was not split";
	char *page = subject->area + (subject->bytes == HUGE_BYTES ? PAGE_IN_HUGE * PAGE_BYTES : 0);

	flush_lru_batch();
	if (kind == SWAPPED && !swap_out(page))
		return "the page was not swapped out";
	subject->page = page;
	if (kind != SWAPPED)
		note_frame(subject);
	return NULL;
}

#endif
