// SPDX-License-Identifier: MIT
/*
 * ksm [PAGES]: equal pages are merged by ksmd, then every second one is written and leaves the merged frame.
 *
 * /proc/self/pagemap tells the frames, /sys/kernel/mm/ksm/pages_sharing how many slots were saved. Prints one
 * JSON line a page; exit status 1 if the pages do not share one frame, or a written one still does.
 */
#include "counts.h"

#define KSM "/sys/kernel/mm/ksm/"
#define PATIENCE_MS 20000

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 32;
	uint64_t *before = calloc(count, 8), merged;
	int waited, wrong = 0;
	char *pages;

	if (!before || count < 2 || count > 256) {
		fprintf(stderr, "usage: ksm [PAGES] (2 to 256: more do not share one frame)\n");
		return 2;
	}
	pages = map_pages(count);
	for (size_t i = 0; i < count; i++)
		memset(pages + i * PAGE_BYTES, 'k', PAGE_BYTES);
	flush_lru_batch();
	for (size_t i = 0; i < count; i++)
		before[i] = pfn_of(pages + i * PAGE_BYTES);
	if (madvise(pages, count * PAGE_BYTES, MADV_MERGEABLE))
		die("MADV_MERGEABLE");
	write_file(KSM "sleep_millisecs", "10");
	write_file(KSM "pages_to_scan", "1000");
	write_file(KSM "run", "1");
	for (waited = 0; number_in(KSM "pages_sharing") < count - 1 && waited < PATIENCE_MS; waited += 10)
		usleep(10000);
	write_file(KSM "run", "0");
	merged = pfn_of(pages);
	for (size_t i = 0; i < count; i++) {
		char *page = pages + i * PAGE_BYTES;
		uint64_t shared = pfn_of(page), after;

		if (i % 2)
			write_page(page, 'w');
		after = pfn_of(page);
		wrong += shared != merged || (after == merged) != (i % 2 == 0);
		printf(
		    "{\"scenario\":\"ksm\",\"pid\":%d,\"vaddr\":%llu,\"pfn_before\":%llu,\"pfn_merged\":%llu,"
		    "\"pfn_after\":%llu}\n",
		    getpid(), (unsigned long long)(uintptr_t)page, (unsigned long long)before[i],
		    (unsigned long long)shared, (unsigned long long)after);
	}
	return wrong ? 1 : 0;
}
