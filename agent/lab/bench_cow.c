// SPDX-License-Identifier: MIT
/*
 * bench_cow [PAGES [ROUNDS]]: nanoseconds of one copying and of one reusing write fault, by two clocks:
 * monotonic (all that ran on the CPU) and the process's own time. Under `cowpath lab --icount` a nanosecond
 * is an instruction. Waits for uptime 5 s first: earlier, 7.x spends interrupt time that no task is charged
 * for.
 */
#include <sys/wait.h>
#include <time.h>

#include "pages.h"

struct cost {
	double wall, own;
};

static double clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static struct cost write_all(char *pages, int count)
{
	double wall = clock_ns(CLOCK_MONOTONIC), own = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	for (int i = 0; i < count; i++)
		write_page(pages + i * PAGE_BYTES, 'b');
	return (struct cost){(clock_ns(CLOCK_MONOTONIC) - wall) / count,
			     (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own) / count};
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 5000;
	int rounds = argc > 2 ? atoi(argv[2]) : 3;

	if (count < 1 || rounds < 1) {
		fprintf(stderr, "usage: bench_cow [PAGES [ROUNDS]]\n");
		return 2;
	}
	while (clock_ns(CLOCK_BOOTTIME) < 5e9)
		usleep(100000);
	stay_on_one_cpu();
	for (int round = 0; round < rounds; round++) {
		char *pages = map_pages(count);
		int end[2];
		char byte;

		for (int i = 0; i < count; i++)
			write_page(pages + i * PAGE_BYTES, 'a');
		flush_lru_batch();
		if (pipe(end))
			die("pipe");

		pid_t child = fork();

		if (child == 0) {
			close(end[1]);
			_exit(read(end[0], &byte, 1) !=
			      0); /* keeps the frames shared until the parent has copied */
		}
		close(end[0]);

		struct cost copy = write_all(pages, count);

		close(end[1]);
		waitpid(child, NULL, 0);
		flush_lru_batch();
		/* A second child that only comes and goes leaves the pages write-protected and ours alone:
		 * reuse. */
		child = fork();
		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);

		struct cost reuse = write_all(pages, count);

		printf("{\"scenario\":\"bench_cow\",\"pages\":%d,\"copy_wall_ns\":%.1f,\"copy_own_ns\":%.1f,"
		       "\"reuse_wall_ns\":%.1f,\"reuse_own_ns\":%.1f}\n",
		       count, copy.wall, copy.own, reuse.wall, reuse.own);
		munmap(pages, count * PAGE_BYTES);
	}
	return 0;
}
