// SPDX-License-Identifier: MIT
/*
 * A read-only pin of a page that fork shares, then a write by its owner, who still has the pin. Up to 5.18 the pin is
 * of the shared frame and the write goes to a copy; later the pin itself unshares (FAULT_FLAG_UNSHARE).
 */
#include "blocked_reader.h"
#include "puppet.h"

/* Far from where the copy began: those bytes may be in a register while the reader waits. */
#define BYTE_ASKED 3000

static void share_pin_write(struct subject *subject)
{
	struct puppet child = fork_puppet();
	struct reader reader;

	begin_reading(&reader, subject->page);
	note_frame(subject);
	write_page(subject->page + BYTE_ASKED, 'B');
	finish_reading(&reader);
	if (puppet_sees(child, subject->page + BYTE_ASKED) != 'A')
		leaked("the child sees what the parent wrote after fork");
	if (reader.into[BYTE_ASKED] != 'B')
		diverged("who holds the read-only pin misses the owner's write");
	coherent("who holds the read-only pin sees the owner's write");
}

/* The same without a child: a page that nobody shares needs no copy, pinned or not. */
static void pin_write(struct subject *subject)
{
	struct reader reader;

	begin_reading(&reader, subject->page);
	note_frame(subject);
	write_page(subject->page + BYTE_ASKED, 'B');
	finish_reading(&reader);
	if (reader.into[BYTE_ASKED] != 'B')
		diverged("who holds the read-only pin misses the owner's write");
	coherent("who holds the read-only pin sees the owner's write");
}

static const struct lab_case CASES[] = {
    {"4k", SMALL, share_pin_write, "hazard", ""},
    {"thp", THP, share_pin_write, "hazard", ""},
    {"pte-mapped", PTE_THP, share_pin_write, "hazard", ""},
    {"hugetlb", HUGETLB, share_pin_write, "hazard", "hugetlb"},
    {"swapped", SWAPPED, share_pin_write, "hazard", "swap"},
    {"alone-4k", SMALL, pin_write, "hazard", ""},
    {"alone-swapped", SWAPPED, pin_write, "hazard", "swap"},
    {0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "ropin", CASES);
}
