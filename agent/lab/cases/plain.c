// SPDX-License-Identifier: MIT
/* Fork and write without a pin: each side keeps its own memory, on every kernel. cowpath has nothing to say
 * here. */
#include "puppet.h"

static long write_here(void *address)
{
	write_page(address, 'C');
	return 0;
}

static void fork_and_write(struct subject *subject)
{
	struct puppet child = fork_puppet();

	write_page(subject->page, 'P');
	if (puppet_sees(child, subject->page) != 'A')
		leaked("the child sees what the parent wrote after fork");
	tell_puppet(child, write_here, subject->page);
	if (*(volatile char *)subject->page != 'P' || puppet_sees(child, subject->page) != 'C')
		leaked("parent and child do not have a page each");
	coherent("parent and child each see their own bytes");
}

static const struct lab_case CASES[] = {
    {"4k", SMALL, fork_and_write, "hazard"},	       {"thp", THP, fork_and_write, "hazard"},
    {"pte-mapped", PTE_THP, fork_and_write, "hazard"}, {"hugetlb", HUGETLB, fork_and_write, "hazard"},
    {"swapped", SWAPPED, fork_and_write, "hazard"},    {0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "plain", CASES);
}
