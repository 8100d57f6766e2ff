// SPDX-License-Identifier: MIT
/*
 * flood PAGES ROUNDS [QUIET]: one process touches and drops PAGES pages ROUNDS times, as fast as it can;
 * beside it another touches QUIET pages of its own, one every millisecond.
 *
 * Each touch is one first mapping of a new page. Prints one JSON line a process with the touches that it
 * made.
 */
#include <sys/wait.h>

#include "counts.h"

static void tell(const char *who, unsigned long touches, const char *area, size_t pages)
{
	printf("{\"scenario\":\"flood\",\"who\":\"%s\",\"pid\":%d,\"touches\":%lu,\"vaddr\":%llu,\"pages\":%"
	       "zu}\n",
	       who, getpid(), touches, (unsigned long long)(uintptr_t)area, pages);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	size_t pages = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	size_t quiet = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	pid_t child = 0;
	char *area;

	if (!pages || pages > 65536 || !rounds || quiet > 65536) {
		fprintf(stderr, "usage: flood PAGES ROUNDS [QUIET]\n");
		return 2;
	}
	if (quiet)
		child = fork();
	if (child < 0)
		die("fork");
	if (quiet && child == 0) {
		area = map_pages(quiet);
		for (size_t i = 0; i < quiet; i++) {
			write_page(area + i * PAGE_BYTES, 'q');
			usleep(1000);
		}
		tell("quiet", quiet, area, quiet);
		return 0;
	}
	area = map_pages(pages);
	for (unsigned long round = 0; round < rounds; round++) {
		for (size_t i = 0; i < pages; i++)
			write_page(area + i * PAGE_BYTES, 'f');
		if (madvise(area, pages * PAGE_BYTES, MADV_DONTNEED))
			die("MADV_DONTNEED");
	}
	if (child)
		waitpid(child, NULL, 0);
	tell("flood", pages * rounds, area, pages);
	return 0;
}
