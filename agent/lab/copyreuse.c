// SPDX-License-Identifier: MIT
/*
 * copyreuse PAGES: each page is written twice after a fork: while a child shares it, which copies, and when
 * another child has come and gone, which reuses. Two faults a page and two forks, and nothing else that grows
 * with the pages.
 */
#include <sys/wait.h>

#include "pages.h"

static void write_all(char *pages, int count)
{
	for (int i = 0; i < count; i++)
		write_page(pages + i * PAGE_BYTES, 'b');
}

/* A child that shares the pages until the pipe is closed. */
static pid_t sharer(int end[2])
{
	pid_t child = fork();
	char byte;

	if (child)
		return child;
	close(end[1]);
	_exit(read(end[0], &byte, 1) != 0);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0;
	int end[2];
	char *pages;
	pid_t child;

	if (count < 1) {
		fprintf(stderr, "usage: copyreuse PAGES\n");
		return 2;
	}
	stay_on_one_cpu();
	pages = map_pages(count);
	for (int i = 0; i < count; i++)
		write_page(pages + i * PAGE_BYTES, 'a');
	/* A page in the LRU batch has a reference more, and is copied. */
	flush_lru_batch();
	if (pipe(end))
		die("pipe");
	child = sharer(end);
	close(end[0]);
	write_all(pages, count);
	close(end[1]);
	waitpid(child, NULL, 0);
	flush_lru_batch();
	child = fork();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	write_all(pages, count);
	printf("{\"scenario\":\"copyreuse\",\"pages\":%d}\n", count);
	return 0;
}
