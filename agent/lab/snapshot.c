// SPDX-License-Identifier: MIT
/*
 * snapshot: memory that is there before the agent looks at it.
 *
 * This program stands in for the agent (`serve ..`): it starts a process that fills memory (small pages, some
 * shared with a child by fork, a huge page, a file of memory), then becomes the real agent,
 * /bin/late-agent, with that process as its target. As the workload (no arguments) it tells what
 * /proc/self/pagemap says of that memory, a JSON line a page, and lets the process unmap a part of it.
 */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "counts.h"

#define TRUTH "/tmp/snapshot"
#define THP "/sys/kernel/mm/transparent_hugepage/"
#define SMALL 40
#define SHARED 16
#define HUGE_PAGES 512UL
#define HUGE_BYTES (HUGE_PAGES * PAGE_BYTES)
/* Longer than the agent takes to be attached and to read so little. */
#define PATIENCE_S 3

static FILE *truth;

static void tell(const char *what, const char *area, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		fprintf(truth, "{\"page\":%lu,\"pfn\":%llu,\"what\":\"%s\",\"tgid\":%d}\n",
			(uintptr_t)area / PAGE_BYTES + i, (unsigned long long)pfn_of(area + i * PAGE_BYTES),
			what, getpid());
}

static char *huge_page(void)
{
	char *room = mmap(NULL, 3 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *huge = (char *)(((uintptr_t)room + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));

	/* A guest with less than 512 MiB begins without (mm/huge_memory.c, hugepage_init()). */
	write_file(THP "enabled", "madvise");
	write_file(THP "defrag", "madvise");
	if (room == MAP_FAILED || madvise(huge, HUGE_BYTES, MADV_HUGEPAGE))
		die("huge page");
	write_page(huge, 'h');
	return huge;
}

/* The process that the agent finds: it says what it maps, and unmaps a part when it is told to. */
static void hold(void)
{
	char *small, *shared, *huge, *file;
	sigset_t signals;
	int signal;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	small = map_pages(SMALL);
	shared = map_pages(SHARED);
	file = map_shared(SHARED * PAGE_BYTES);
	for (size_t i = 0; i < SHARED; i++) {
		write_page(shared + i * PAGE_BYTES, 'c');
		write_page(file + i * PAGE_BYTES, 'f');
	}
	if (fork() == 0) {
		pause();
		_exit(0);
	}
	/* After the fork: with a mapping in one process only. */
	huge = huge_page();
	for (size_t i = 0; i < SMALL; i += 1 + (i % 5 == 4))
		write_page(small + i * PAGE_BYTES, 's');
	truth = fopen(TRUTH ".part", "we");
	if (!truth)
		die(TRUTH);
	tell("small", small, SMALL);
	tell("shared", shared, SHARED);
	tell("file", file, SHARED);
	tell("huge", huge, HUGE_PAGES);
	fprintf(truth, "{\"holder\":%d}\n", getpid());
	fclose(truth);
	rename(TRUTH ".part", TRUTH);
	sigwait(&signals, &signal);
	munmap(huge, HUGE_BYTES);
	rename(TRUTH, TRUTH ".done");
	pause();
}

static void wait_for(const char *path)
{
	struct stat status;

	while (stat(path, &status))
		usleep(10000);
}

/* serve --listen ADDRESS --pid WORKLOAD */
static int stand_in(char **argv)
{
	char target[16];
	pid_t holder = fork();

	if (holder == 0) {
		hold();
		return 0;
	}
	wait_for(TRUTH);
	snprintf(target, sizeof(target), "%d", holder);
	execl("/bin/late-agent", argv[0], "serve", argv[2], argv[3], "--pid", target, NULL);
	die("/bin/late-agent");
	return 1;
}

int main(int argc, char **argv)
{
	char line[256];
	int holder = 0;

	if (argc == 6 && strcmp(argv[1], "serve") == 0)
		return stand_in(argv);
	wait_for(TRUTH);
	truth = fopen(TRUTH, "re");
	if (!truth)
		die(TRUTH);
	while (fgets(line, sizeof(line), truth)) {
		fputs(line, stdout);
		sscanf(line, "{\"holder\":%d}", &holder);
	}
	sleep(PATIENCE_S);
	if (holder <= 0 || kill(holder, SIGUSR1))
		die("the process that holds the memory");
	wait_for(TRUTH ".done");
	return 0;
}
