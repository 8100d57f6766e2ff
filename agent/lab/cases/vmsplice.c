// SPDX-License-Identifier: MIT
/*
 * vmsplice() puts a page into a pipe with a plain reference (FOLL_GET, for reading), on every kernel up
 * to 7.2.
 *
 * parent-*: the parent's page is in a pipe, it forks and writes. The pipe keeps the older frame: it may
 * (measured). child-*: the child puts a shared page into the pipe and unmaps it; then the parent writes.
 * Where the kernel takes the parent for the only owner left, the pipe shows to the child what the parent
 * wrote later (CVE-2020-29374).
 */
#include <sys/uio.h>

#include "puppet.h"

#define BYTE_ASKED 2000

struct splice {
	struct subject *subject;
	int pipe[2];
};

static long splice_page(void *argument)
{
	struct splice *splice = argument;
	struct iovec range = {splice->subject->page, PAGE_BYTES};

	return vmsplice(splice->pipe[1], &range, 1, 0) == (ssize_t)PAGE_BYTES ? 0 : errno;
}

static long unmap_subject(void *argument)
{
	struct splice *splice = argument;

	return munmap(splice->subject->area, splice->subject->bytes);
}

static char byte_in_pipe(struct splice *splice)
{
	static char page[PAGE_BYTES];

	for (size_t got = 0; got < PAGE_BYTES;) {
		ssize_t more = read(splice->pipe[0], page + got, PAGE_BYTES - got);

		if (more <= 0)
			die("pipe");
		got += more;
	}
	return page[BYTE_ASKED];
}

static void parent_splices(struct subject *subject)
{
	struct splice splice = {subject, {0}};

	if (pipe2(splice.pipe, O_CLOEXEC) || splice_page(&splice))
		die("vmsplice");
	note_frame(subject);
	struct puppet child = fork_puppet();

	write_page(subject->page + BYTE_ASKED, 'B');
	if (puppet_sees(child, subject->page + BYTE_ASKED) != 'A')
		leaked("the child sees what the parent wrote after fork");
	if (byte_in_pipe(&splice) != 'B')
		diverged("the pipe keeps the frame of before the parent's write");
	coherent("the pipe shows the parent's write");
}

static void child_splices(struct subject *subject)
{
	struct splice splice = {subject, {0}};

	if (pipe2(splice.pipe, O_CLOEXEC))
		die("pipe");
	struct puppet child = fork_puppet();

	if (tell_puppet(child, splice_page, &splice) || tell_puppet(child, unmap_subject, &splice))
		die("vmsplice");
	/* Swapped: the parent's own slot is still empty, and the frame that the child brought in is in the
	 * swap cache. */
	if (subject->kind != SWAPPED)
		note_frame(subject);
	write_page(subject->page + BYTE_ASKED, 'B');
	if (byte_in_pipe(&splice) == 'B')
		leaked("the child's pipe shows what the parent wrote after fork");
	coherent("the child's pipe shows the page as it was at fork");
}

/* The parent is the last that maps the page; it goes out by way of the swap cache, and comes back from there.
 */
static void child_splices_parent_swaps(struct subject *subject)
{
	struct splice splice = {subject, {0}};

	if (pipe2(splice.pipe, O_CLOEXEC))
		die("pipe");
	struct puppet child = fork_puppet();

	if (tell_puppet(child, splice_page, &splice) || tell_puppet(child, unmap_subject, &splice))
		die("vmsplice");
	if (!swap_out(subject->page))
		skipped("the page was not swapped out");
	write_page(subject->page + BYTE_ASKED, 'B');
	if (byte_in_pipe(&splice) == 'B')
		leaked("the child's pipe shows what the parent wrote after fork");
	coherent("the child's pipe shows the page as it was at fork");
}

static const struct lab_case CASES[] = {
    {"parent-4k", SMALL, parent_splices, "measured"},
    {"parent-thp", THP, parent_splices, "measured"},
    {"parent-pte-mapped", PTE_THP, parent_splices, "measured"},
    {"parent-hugetlb", HUGETLB, parent_splices, "measured"},
    {"parent-swapped", SWAPPED, parent_splices, "measured"},
    {"child-4k", SMALL, child_splices, "hazard"},
    {"child-thp", THP, child_splices, "hazard"},
    {"child-pte-mapped", PTE_THP, child_splices, "hazard"},
    {"child-hugetlb", HUGETLB, child_splices, "hazard"},
    {"child-swapped", SWAPPED, child_splices, "hazard"},
    {"child-swapped-later", SMALL, child_splices_parent_swaps, "hazard"},
    {0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "vmsplice", CASES);
}
