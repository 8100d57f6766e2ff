// SPDX-License-Identifier: MIT
/* A pinned page is made read-only and writable again by its owner, who then writes: no fork anywhere. */
#include "device.h"

static void round_trip(struct subject *subject)
{
	struct device device = pin_by_device(subject->page, PAGE_BYTES);

	note_frame(subject);
	if (mprotect(subject->area, subject->bytes, PROT_READ) ||
	    mprotect(subject->area, subject->bytes, PROT_READ | PROT_WRITE))
		die("mprotect");
	write_and_compare(&device, subject->page, "mprotect to read-only and back");
	coherent("device and owner share one page");
}

static const struct lab_case CASES[] = {
    {"4k", SMALL, round_trip, "hazard"},	   {"thp", THP, round_trip, "hazard"},
    {"pte-mapped", PTE_THP, round_trip, "hazard"}, {"hugetlb", HUGETLB, round_trip, "hazard"},
    {"swapped", SWAPPED, round_trip, "hazard"},	   {0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "mprotect", CASES);
}
