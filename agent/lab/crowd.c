// SPDX-License-Identifier: MIT
/*
 * crowd N: N processes that do nothing, for who scans /proc or walks all tasks. They share one address space
 * (CLONE_VM without CLONE_THREAD), so that 100,000 of them fit into a guest of 4 GiB. Says when all are there
 * and ends them with itself.
 */
#include <signal.h>
#include <string.h>

#include "counts.h"

/* Enough to sleep on. */
#define STACK_BYTES 1024UL

static int sleeper(void *nothing)
{
	pause();
	return nothing != NULL;
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	sigset_t end;
	char *stacks;
	int ended;

	if (count < 1 || count > 200000) {
		fprintf(stderr, "usage: crowd [PROCESSES] (1 to 200000)\n");
		return 2;
	}
	write_file("/proc/sys/kernel/pid_max", "262144");
	write_file("/proc/sys/kernel/threads-max", "262144");
	setpgid(0, 0);
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_BLOCK, &end, NULL);
	stacks = map_pages((count + 1) * STACK_BYTES / PAGE_BYTES + 1);
	for (size_t i = 0; i < count; i++)
		if (clone(sleeper, stacks + (i + 1) * STACK_BYTES, CLONE_VM | SIGCHLD, NULL) < 0)
			die("clone");
	printf("{\"crowd\":%zu}\n", count);
	fflush(stdout);
	sigwait(&end, &ended);
	kill(0, SIGKILL);
	return 1;
}
