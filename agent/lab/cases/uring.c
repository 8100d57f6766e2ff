// SPDX-License-Identifier: MIT
/* A page registered with io_uring (pinned for write and for long term), fork, the parent writes. */
#include "device.h"
#include "puppet.h"

static void fork_and_write(struct subject *subject)
{
	struct device device = pin_by_device(subject->page, PAGE_BYTES);

	note_frame(subject);
	struct puppet child = fork_puppet();

	write_and_compare(&device, subject->page, "fork and a write");
	if (puppet_sees(child, subject->page + CPU_BYTE) != 'A' ||
	    puppet_sees(child, subject->page + DEVICE_BYTE) != 'A')
		leaked("the child sees what the parent or its device wrote");
	coherent("device and parent share one page, the child has its own");
}

static long write_here(void *address)
{
	write_page((char *)address + CPU_BYTE, 'C');
	return 0;
}

/* The child writes first: a copy there must leave the pinned frame to the parent. */
static void child_writes_first(struct subject *subject)
{
	struct device device = pin_by_device(subject->page, PAGE_BYTES);

	note_frame(subject);
	struct puppet child = fork_puppet();

	tell_puppet(child, write_here, subject->page);
	if (device_reads(&device, subject->page + CPU_BYTE) != 'A')
		leaked("the device reads what the child wrote");
	write_and_compare(&device, subject->page, "fork and a write of each");
	coherent("device and parent share one page, the child has its own");
}

static const struct lab_case CASES[] = {
    {"4k", SMALL, fork_and_write, "hazard"},
    {"thp", THP, fork_and_write, "hazard"},
    {"pte-mapped", PTE_THP, fork_and_write, "hazard"},
    {"hugetlb", HUGETLB, fork_and_write, "hazard"},
    {"swapped", SWAPPED, fork_and_write, "hazard"},
    {"child-first-4k", SMALL, child_writes_first, "hazard"},
    {"child-first-thp", THP, child_writes_first, "hazard"},
    {"child-first-hugetlb", HUGETLB, child_writes_first, "hazard"},
    {0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "uring", CASES);
}
