// SPDX-License-Identifier: MIT
/*
 * cowfork K: parent and child of one fork write K known pages each, both orders, and tell what became of each
 * frame.
 *
 * Pages 0..K-1: the parent writes first: the child still maps the frame, so do_wp_page() must copy (5.10:
 * page_count is 2, not 1; 6.1 and later: the page is not PageAnonExclusive after fork and
 * wp_can_reuse_anon_folio(), by whatever name, finds a second reference). Then the child writes: it is the
 * only one left, so the frame is reused (5.10: page_count 1; later: folio_ref_count 1). Pages K..2K-1: the
 * same with child and parent exchanged.
 *
 * Prints one JSON line a write; exit status 1 if any frame did otherwise than expected.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "pages.h"

struct written {
	int pid;
	bool by_child, copied;
	uint64_t address, before, after;
};

static char *pages;
static struct written *log_of_writes;

static void write_range(int first, int count, bool by_child, bool copied, struct written *into)
{
	flush_lru_batch();
	for (int i = 0; i < count; i++) {
		char *page = pages + (first + i) * PAGE_BYTES;

		into[i] = (struct written){getpid(), by_child, copied, (uintptr_t)page, pfn_of(page), 0};
		write_page(page, by_child ? 'c' : 'p');
		into[i].after = pfn_of(page);
	}
	flush_lru_batch();
}

static void turn(int to, int from)
{
	char byte = 0;

	if (write(to, &byte, 1) != 1 || (from >= 0 && read(from, &byte, 1) != 1))
		die("turn");
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 64;
	int down[2], up[2], status, wrong = 0;
	char byte;

	if (count < 1 || count > 100000) {
		fprintf(stderr, "usage: cowfork PAGES (1 to 100000)\n");
		return 2;
	}
	stay_on_one_cpu();
	pages = map_pages(2 * count);
	log_of_writes = map_shared(4 * count * sizeof(*log_of_writes));
	for (int i = 0; i < 2 * count; i++)
		write_page(pages + i * PAGE_BYTES, 'a');
	flush_lru_batch();
	if (pipe(down) || pipe(up))
		die("pipe");

	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0) {
		if (read(down[0], &byte, 1) != 1)
			return 2;
		write_range(0, count, true, false, log_of_writes + count);
		write_range(count, count, true, true, log_of_writes + 2 * count);
		turn(up[1], down[0]);
		return 0;
	}
	write_range(0, count, false, true, log_of_writes);
	turn(down[1], up[0]);
	write_range(count, count, false, false, log_of_writes + 3 * count);
	turn(down[1], -1);
	waitpid(child, &status, 0);

	for (int i = 0; i < 4 * count; i++) {
		struct written *one = &log_of_writes[i];
		bool held = (one->before != one->after) == one->copied && one->before && one->after;

		wrong += !held;
		printf("{\"scenario\":\"cowfork\",\"pid\":%d,\"by\":\"%s\",\"vaddr\":%llu,\"pfn_before\":%"
		       "llu,\"pfn_after\":%llu,\"expect\":\"%s\",\"held\":%s}\n",
		       one->pid, one->by_child ? "child" : "parent", (unsigned long long)one->address,
		       (unsigned long long)one->before, (unsigned long long)one->after,
		       one->copied ? "copy" : "reuse", held ? "true" : "false");
	}
	return wrong ? 1 : 0;
}
