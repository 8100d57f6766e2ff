// SPDX-License-Identifier: MIT
/*
 * swap [PAGES]: pages go out to swap and come back, half of them by a read, half by a write.
 *
 * MADV_PAGEOUT (mm/madvise.c) reclaims pages that only we map. /proc/self/pagemap tells the entry of a page
 * that is out (bit 62; type and offset in bits 0-54), /proc/vmstat counts what was written and read. Swap is
 * zram if the module is loaded. Prints one JSON line a page; exit status 1 if a page did not go out and come
 * back.
 */
#include <string.h>
#include <sys/swap.h>

#include "pages.h"
#include "counts.h"

#define DEVICE "/dev/zram0"
#define SWAP_PAGES 16384

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* A swap area as mkswap makes it: include/linux/swap.h, union swap_header. */
static void make_swap(void)
{
	static uint32_t page[PAGE_BYTES / 4];
	int device;

	write_file("/sys/block/zram0/disksize", "67108864");
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		die(DEVICE);
	page[256] = 1;		    /* version */
	page[257] = SWAP_PAGES - 1; /* last_page */
	memcpy((char *)page + PAGE_BYTES - 10, "SWAPSPACE2", 10);
	if (pwrite(device, page, PAGE_BYTES, 0) != PAGE_BYTES || fsync(device))
		die("write " DEVICE);
	close(device);
	if (swapon(DEVICE, 0))
		die("swapon");
}

static uint64_t swap_entry_of(const void *page)
{
	uint64_t entry = pagemap_entry(page);

	return entry >> 62 & 1 ? entry & ((1ULL << 55) - 1) : 0;
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 64;
	uint64_t *before = calloc(count, 8), *entry = calloc(count, 8);
	unsigned long out = vmstat("pswpout"), in;
	int wrong = 0;
	char *pages;

	if (!before || !entry || count < 1 || count > 8192) {
		fprintf(stderr, "usage: swap [PAGES] (1 to 8192)\n");
		return 2;
	}
	make_swap();
	pages = map_pages(count);
	for (size_t i = 0; i < count; i++) {
		memset(pages + i * PAGE_BYTES, 'a' + i % 26, PAGE_BYTES);
		/* zram keeps a page of equal words without writing it anywhere: let it have work. */
		for (size_t at = 0; at < PAGE_BYTES; at += 64)
			pages[i * PAGE_BYTES + at] = (char)(i + at);
	}
	flush_lru_batch();
	for (size_t i = 0; i < count; i++)
		before[i] = pfn_of(pages + i * PAGE_BYTES);
	if (madvise(pages, count * PAGE_BYTES, MADV_PAGEOUT))
		die("MADV_PAGEOUT");
	for (size_t i = 0; i < count; i++)
		entry[i] = swap_entry_of(pages + i * PAGE_BYTES);
	out = vmstat("pswpout") - out;
	in = vmstat("pswpin");
	for (size_t i = 0; i < count; i++) {
		char *page = pages + i * PAGE_BYTES;
		bool by_write = i % 2;
		uint64_t after;

		if (by_write)
			write_page(page, 'w');
		else
			(void)*(volatile char *)page;
		after = pfn_of(page);
		wrong += !before[i] || !entry[i] || !after;
		printf("{\"scenario\":\"swap\",\"pid\":%d,\"vaddr\":%llu,\"pfn_before\":%llu,\"entry\":%llu,"
		       "\"pfn_after\":%llu,\"by\":\"%s\"}\n",
		       getpid(), (unsigned long long)(uintptr_t)page, (unsigned long long)before[i],
		       (unsigned long long)entry[i], (unsigned long long)after, by_write ? "write" : "read");
	}
	in = vmstat("pswpin") - in;
	printf("{\"pswpout\":%lu,\"pswpin\":%lu}\n", out, in);
	return wrong || out < count ? 1 : 0;
}
