// SPDX-License-Identifier: MIT
/*
 * Copies that no sharing asks for (A01): the writer is the only one that maps the page, and a
 * reference that is nobody's pin decides. Memory stays coherent; whether the frame changed is told by
 * pfn=before>after.
 */
#include <sys/uio.h>
#include <sys/wait.h>

#include "case.h"

static void fork_and_lose_child(void)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void write_alone(struct subject *subject, const char *held_by)
{
	note_frame(subject);
	bool was_changed = *(volatile char *)subject->page != 'A';

	write_page(subject->page, 'B');
	if (was_changed || *(volatile char *)subject->page != 'B')
		leaked("the page does not hold what its only owner wrote");
	coherent("%s, held by %s", pfn_of(subject->page) == subject->pfn ? "reused" : "copied", held_by);
}

static void nothing(struct subject *subject)
{
	fork_and_lose_child();
	flush_lru_batch();
	write_alone(subject, "nobody");
}

/*
 * A page as fresh as can be: it waits in this CPU's batch for the LRU. No child here, since one that exits
 * drains the batch (exit_mmap() calls lru_add_drain()): the mapping is read-only for a moment, which asks
 * for a write fault.
 */
static void lru_batch(struct subject *subject)
{
	stay_on_one_cpu();
	subject->area = subject->page = map_pages(1);
	write_page(subject->page, 'A');
	if (mprotect(subject->page, PAGE_BYTES, PROT_READ) ||
	    mprotect(subject->page, PAGE_BYTES, PROT_READ | PROT_WRITE))
		die("mprotect");
	write_alone(subject, "an LRU batch");
}

static void pipe_reference(struct subject *subject)
{
	struct iovec range = {subject->page, PAGE_BYTES};
	int pipe[2];

	if (pipe2(pipe, O_CLOEXEC) || vmsplice(pipe[1], &range, 1, 0) != (ssize_t)PAGE_BYTES)
		die("vmsplice");
	fork_and_lose_child();
	write_alone(subject, "a pipe");
}

static const struct lab_case CASES[] = {
    {"none", SMALL, nothing, "hazard"},
    {"lru-batch", SMALL, lru_batch, "hazard"},
    {"pipe-4k", SMALL, pipe_reference, "hazard"},
    {"pipe-thp", THP, pipe_reference, "hazard"},
    {0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "needless", CASES);
}
