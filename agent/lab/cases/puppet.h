/* SPDX-License-Identifier: MIT */
/* A forked child that stands still until it is told to call a function in its own copy of memory. */
#ifndef COWPATH_LAB_PUPPET_H
#define COWPATH_LAB_PUPPET_H

#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>

#include "case.h"

struct puppet {
	pid_t pid;
	int to, from;
};

struct puppet_call {
	/* Parent and child are one program: a function is at the same address in both. */
	long (*function)(void *argument);
	void *argument;
};

static inline struct puppet fork_puppet(void)
{
	struct puppet puppet;
	struct puppet_call call;
	int down[2], up[2];

	if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC))
		die("pipe");
	puppet = (struct puppet){fork(), down[1], up[0]};
	if (puppet.pid < 0)
		die("fork");
	if (puppet.pid > 0)
		return puppet;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(down[1]);
	while (read(down[0], &call, sizeof(call)) == sizeof(call)) {
		long result = call.function(call.argument);

		if (write(up[1], &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

/* What `function` returned in the child. */
static inline long tell_puppet(struct puppet puppet, long (*function)(void *), void *argument)
{
	struct puppet_call call = {function, argument};
	long result;

	if (write(puppet.to, &call, sizeof(call)) != sizeof(call) ||
	    read(puppet.from, &result, sizeof(result)) != sizeof(result))
		die("puppet");
	return result;
}

static inline long peek_here(void *address)
{
	return *(volatile char *)address;
}

/* The byte that the child's memory holds at that address. */
static inline char puppet_sees(struct puppet puppet, char *address)
{
	return tell_puppet(puppet, peek_here, address);
}

static inline void end_puppet(struct puppet puppet)
{
	kill(puppet.pid, SIGKILL);
	waitpid(puppet.pid, NULL, 0);
	close(puppet.to);
	close(puppet.from);
}

#endif
