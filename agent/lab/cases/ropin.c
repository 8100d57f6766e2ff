// SPDX-License-Identifier: MIT
/*
 * A read-only pin of a page that fork shares, then a write by its owner, who still has the pin. On 5.10 the
 * pin is of the shared frame and the write goes to a copy; from 5.19 on the pin itself unshares
 * (FAULT_FLAG_UNSHARE), and the write stays where it is.
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

/* The same without a child. */
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

/*
 * A page that was never written: what is pinned is the zero page, and a short read-only pin may stay with it.
 * The kernel promises otherwise for long-term pins only (6.2 on).
 */
static void pin_zero_page(struct subject *subject)
{
	char touched;

	subject->area = subject->page = map_pages(1);
	touched = *(volatile char *)subject->page;
	if (touched != 0)
		die("a fresh page is not zero");
	pin_write(subject);
}

/* A private mapping of a file: what is pinned is the page cache, and the owner's write goes to a copy. */
static void pin_file_page(struct subject *subject)
{
	int file = memfd_create("file", MFD_CLOEXEC);

	if (file < 0 || write(file, subject->page, PAGE_BYTES) != (ssize_t)PAGE_BYTES)
		die("memfd");
	subject->area = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	if (subject->area == MAP_FAILED)
		die("mmap");
	subject->page = subject->area;
	if (*(volatile char *)subject->page != 'A')
		die("the file does not hold what was written");
	pin_write(subject);
}

static const struct lab_case CASES[] = {
    {"4k", SMALL, share_pin_write, "hazard"},		{"thp", THP, share_pin_write, "hazard"},
    {"pte-mapped", PTE_THP, share_pin_write, "hazard"}, {"hugetlb", HUGETLB, share_pin_write, "hazard"},
    {"swapped", SWAPPED, share_pin_write, "hazard"},	{"alone-4k", SMALL, pin_write, "hazard"},
    {"alone-swapped", SWAPPED, pin_write, "hazard"},	{"zero-4k", SMALL, pin_zero_page, "measured"},
    {"file-4k", SMALL, pin_file_page, "measured"},	{0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "ropin", CASES);
}
