// SPDX-License-Identifier: MIT
/*
 * forkloop SECONDS [PAGES]: what a database does when it saves a snapshot: fork, the child reads all pages as
 * they were, meanwhile the parent goes on writing. Says once a second what it did.
 */
#include <sys/wait.h>
#include <time.h>

#include "pages.h"

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void snapshot(const char *pages, int count)
{
	unsigned long sum = 0;

	for (int pass = 0; pass < 20; pass++) {
		for (int i = 0; i < count; i++)
			sum += *(const volatile char *)(pages + i * PAGE_BYTES);
		usleep(5000);
	}
	_exit(sum == 1);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 10;
	int count = argc > 2 ? atoi(argv[2]) : 256;
	unsigned long forks = 0, writes = 0;
	double start = now(), spoke = start;
	char *pages;

	if (seconds <= 0 || count < 1) {
		fprintf(stderr, "usage: forkloop SECONDS [PAGES]\n");
		return 2;
	}
	pages = map_pages(count);
	srandom(1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < count; i++)
		write_page(pages + i * PAGE_BYTES, 'a');
	while (now() - start < seconds) {
		pid_t child = fork();

		if (child < 0)
			die("fork");
		if (child == 0)
			snapshot(pages, count);
		forks++;
		while (waitpid(child, NULL, WNOHANG) == 0) {
			write_page(pages + random() % count * PAGE_BYTES, 'b');
			writes++;
			usleep(500);
		}
		if (now() - spoke >= 1) {
			spoke = now();
			printf("forkloop: %lu snapshots of %d pages, %lu writes meanwhile\n", forks, count,
			       writes);
		}
	}
	printf("{\"scenario\":\"forkloop\",\"forks\":%lu,\"writes\":%lu,\"pages\":%d}\n", forks, writes,
	       count);
	return 0;
}
