// SPDX-License-Identifier: MIT
/*
 * peek PAGES: a debugger at work. A child with PAGES pages of its own is stopped, a word of each is read by
 * PTRACE_PEEKDATA. The references are no pins (FOLL_GET) and the kernel drops each before it returns. Exit
 * status 1 if it counted pins.
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "user.h"

int main(int argc, char **argv)
{
	size_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : 4;
	struct pin_counts before;
	int ends[2], status;
	char *memory = NULL;
	pid_t child;

	if (!pages || pages > 4096 || pipe(ends)) {
		fprintf(stderr, "usage: peek [PAGES] (1 to 4096)\n");
		return 2;
	}
	child = fork();
	if (child == 0) {
		memory = tell_pages(pages);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) || write(ends[1], &memory, sizeof(memory)) < 0)
			die("PTRACE_TRACEME");
		raise(SIGSTOP);
		_exit(0);
	}
	if (read(ends[0], &memory, sizeof(memory)) != sizeof(memory) || waitpid(child, &status, 0) != child)
		die("child");
	before = count_pins();
	for (size_t i = 0; i < pages; i++)
		if ((char)ptrace(PTRACE_PEEKDATA, child, memory + i * PAGE_BYTES, 0) != 'a')
			die("PTRACE_PEEKDATA");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return tell_end("peek", child, memory, pages, before, 0);
}
