/* SPDX-License-Identifier: MIT */
/*
 * What scenarios share: pages that behave the same on every kernel, and their frames as the kernel tells
 * them.
 */
#ifndef COWPATH_LAB_PAGES_H
#define COWPATH_LAB_PAGES_H

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096UL

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* Private anonymous small pages: khugepaged and the fault path leave MADV_NOHUGEPAGE areas alone. */
static char *map_pages(size_t pages)
{
	char *area =
	    mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		die("mmap");
	madvise(area, pages * PAGE_BYTES, MADV_NOHUGEPAGE);
	return area;
}

/* Memory in which parent and children leave what they saw. */
static inline void *map_shared(size_t bytes)
{
	void *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		die("mmap");
	return area;
}

static inline void write_page(char *page, char value)
{
	*(volatile char *)page = value;
}

/* Frame number of a mapped page (bits 0-54 of /proc/self/pagemap; root only), 0 if it is not present. */
static inline uint64_t pfn_of(const void *page)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	if (pagemap < 0 || pread(pagemap, &entry, 8, (uintptr_t)page / PAGE_BYTES * 8) != 8)
		die("pagemap");
	close(pagemap);
	return entry >> 63 ? entry & ((1ULL << 55) - 1) : 0;
}

/* One CPU for us and our children: per-CPU lists of pages are then ours alone to fill. */
static inline void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		die("sched_setaffinity");
}

/*
 * New pages wait in a per-CPU batch for the LRU (mm/swap.c lru_cache_add / folio_add_lru), and the batch
 * holds a reference to each: 5.10's do_wp_page() then sees page_count > 1 and copies what it could reuse. A
 * full batch (15 pages, 31 on later kernels) is flushed, so as many fresh pages of nobody's interest push
 * ours out.
 */
static inline void flush_lru_batch(void)
{
	char *filler = map_pages(64);

	for (int i = 0; i < 64; i++)
		write_page(filler + i * PAGE_BYTES, 1);
	munmap(filler, 64 * PAGE_BYTES);
}

#endif
