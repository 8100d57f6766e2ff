// SPDX-License-Identifier: MIT
/* Fork with a long-term pin: MADV_DONTFORK keeps the pinned page out of the child; without it fork has to
 * copy (A02). */
#include "device.h"
#include "puppet.h"

/* msync() fails with ENOMEM on what is not mapped (mm/msync.c), and touches nothing. */
static long is_mapped(void *argument)
{
	struct subject *subject = argument;

	return msync(subject->area, subject->bytes, MS_ASYNC) == 0;
}

static void kept_out(struct subject *subject)
{
	struct device device = pin_by_device(subject->page, PAGE_BYTES);

	note_frame(subject);
	if (madvise(subject->area, subject->bytes, MADV_DONTFORK))
		die("MADV_DONTFORK");
	struct puppet child = fork_puppet();

	if (tell_puppet(child, is_mapped, subject))
		leaked("the child maps what MADV_DONTFORK keeps from it");
	write_and_compare(&device, subject->page, "fork and a write");
	coherent("device and parent share one page, which the child does not have");
}

static void handed_down(struct subject *subject)
{
	struct device device = pin_by_device(subject->page, PAGE_BYTES);

	note_frame(subject);
	struct puppet child = fork_puppet();

	if (!tell_puppet(child, is_mapped, subject))
		skipped("the child does not map the page");
	write_and_compare(&device, subject->page, "fork and a write");
	coherent("device and parent share one page, the child has a copy");
}

static const struct lab_case CASES[] = {
    {"advised-4k", SMALL, kept_out, "hazard"},
    {"advised-thp", THP, kept_out, "hazard"},
    {"advised-hugetlb", HUGETLB, kept_out, "hazard"},
    {"not-advised-4k", SMALL, handed_down, "hazard"},
    {0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "dontfork", CASES);
}
