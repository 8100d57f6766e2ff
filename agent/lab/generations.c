// SPDX-License-Identifier: MIT
/*
 * generations: one page down three generations of forks; each newborn writes it while its ancestors still map
 * the frame it had, so do_wp_page() must copy each time (more than one reference, see cowfork.c). The frames
 * form a chain: the old one of each generation is the new one of the generation before.
 *
 * Prints one JSON line a generation; exit status 1 if a write did not copy or the chain broke.
 */
#include <stdbool.h>
#include <sys/wait.h>

#include "pages.h"

#define GENERATIONS 3

struct generation {
	int pid, parent;
	uint64_t before, after;
};

static char *page;
static struct generation *seen;

static void live(int generation)
{
	pid_t child;

	if (generation > GENERATIONS)
		return;
	flush_lru_batch();
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		seen[generation] = (struct generation){getpid(), getppid(), pfn_of(page), 0};
		write_page(page, '0' + generation);
		seen[generation].after = pfn_of(page);
		live(generation + 1);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

int main(void)
{
	bool whole = true;

	stay_on_one_cpu();
	page = map_pages(1);
	seen = map_shared((GENERATIONS + 1) * sizeof(*seen));
	write_page(page, '0');
	seen[0] = (struct generation){getpid(), getppid(), 0, pfn_of(page)};
	live(1);
	for (int i = 1; i <= GENERATIONS; i++) {
		bool held =
		    seen[i].before == seen[i - 1].after && seen[i].after != seen[i].before && seen[i].after;

		whole = whole && held;
		printf("{\"scenario\":\"generations\",\"generation\":%d,\"pid\":%d,\"parent\":%d,\"vaddr\":%"
		       "llu,\"pfn_before\":%llu,\"pfn_after\":%llu,\"expect\":\"copy\",\"held\":%s}\n",
		       i, seen[i].pid, seen[i].parent, (unsigned long long)(uintptr_t)page,
		       (unsigned long long)seen[i].before, (unsigned long long)seen[i].after,
		       held ? "true" : "false");
	}
	return whole ? 0 : 1;
}
