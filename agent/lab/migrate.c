// SPDX-License-Identifier: MIT
/*
 * migrate [PAGES]: pages, shared with a child by fork, go from one memory node to the other.
 *
 * Needs two nodes: numa=fake=2 on the kernel's command line. The pages are told first, by the fork, so that
 * their frames are known. Prints one JSON line a page; exit status 1 if a page kept its frame.
 */
#include <sys/syscall.h>
#include <sys/wait.h>

#include "counts.h"

#define MPOL_MF_MOVE_ALL 4

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 64;
	unsigned long moved = vmstat("pgmigrate_success");
	uint64_t *before = calloc(count, 8);
	void **places = calloc(count, sizeof(*places));
	int *nodes = calloc(count, sizeof(*nodes)), *status = calloc(count, sizeof(*status));
	int wrong = 0, hold[2];
	char *pages, byte;
	pid_t child;

	if (!before || !places || !nodes || !status || count < 1 || count > 4096 || pipe(hold)) {
		fprintf(stderr, "usage: migrate [PAGES] (1 to 4096)\n");
		return 2;
	}
	pages = map_pages(count);
	for (size_t i = 0; i < count; i++) {
		write_page(pages + i * PAGE_BYTES, 'm');
		places[i] = pages + i * PAGE_BYTES;
	}
	flush_lru_batch();
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		close(hold[1]);
		return read(hold[0], &byte, 1) < 0;
	}
	/* Where they are now; the other node is where they go. */
	if (syscall(SYS_move_pages, 0, count, places, NULL, status, 0))
		die("move_pages");
	for (size_t i = 0; i < count; i++) {
		before[i] = pfn_of(places[i]);
		nodes[i] = !status[i];
	}
	if (syscall(SYS_move_pages, 0, count, places, nodes, status, MPOL_MF_MOVE_ALL) < 0)
		die("move_pages");
	for (size_t i = 0; i < count; i++) {
		uint64_t after = pfn_of(places[i]);

		wrong += !before[i] || !after || after == before[i];
		printf("{\"scenario\":\"migrate\",\"pid\":%d,\"vaddr\":%llu,\"pfn_before\":%llu,"
		       "\"pfn_after\":%llu}\n",
		       getpid(), (unsigned long long)(uintptr_t)places[i], (unsigned long long)before[i],
		       (unsigned long long)after);
	}
	moved = vmstat("pgmigrate_success") - moved;
	printf("{\"pgmigrate_success\":%lu}\n", moved);
	close(hold[1]);
	waitpid(child, NULL, 0);
	return wrong || moved < count ? 1 : 0;
}
