// SPDX-License-Identifier: MIT
/* The owner takes the pinned page away from itself: "you get to keep both pieces" (self-inflicted). */
#include "device.h"

static void dontneed(struct subject *subject)
{
	struct device device = pin_by_device(subject->page, PAGE_BYTES);

	note_frame(subject);
	if (madvise(subject->area, subject->bytes, MADV_DONTNEED))
		die("MADV_DONTNEED");
	write_and_compare(&device, subject->page, "MADV_DONTNEED");
	coherent("device and owner share one page");
}

static void unmap_and_map(struct subject *subject)
{
	struct device device = pin_by_device(subject->page, PAGE_BYTES);

	note_frame(subject);
	munmap(subject->area, subject->bytes);
	if (mmap(subject->area, subject->bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != subject->area)
		die("mmap");
	write_and_compare(&device, subject->page, "munmap and mmap");
	coherent("device and owner share one page");
}

/* The frame goes along to the new address; what is mapped at the old one is another. */
static void move_and_map(struct subject *subject)
{
	struct device device = pin_by_device(subject->page, PAGE_BYTES);
	char *elsewhere = mmap(NULL, 2 * subject->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	note_frame(subject);
	if (mremap(subject->area, subject->bytes, subject->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) ==
	    MAP_FAILED)
		die("mremap");
	device_writes(&device, subject->page, 'D');
	if (elsewhere[subject->page - subject->area] != 'D')
		diverged("after mremap the owner misses at the new address what the device wrote");
	if (mmap(subject->area, subject->bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != subject->area)
		die("mmap");
	write_and_compare(&device, subject->page, "mremap away and mmap");
	coherent("device and owner share one page");
}

/* Moved and used where it is now: the pin follows the frame, nothing is lost. */
static void move_only(struct subject *subject)
{
	struct device device = pin_by_device(subject->page, PAGE_BYTES);
	char *elsewhere = mmap(NULL, 2 * subject->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char value;

	note_frame(subject);
	if (mremap(subject->area, subject->bytes, subject->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) ==
	    MAP_FAILED)
		die("mremap");
	subject->page = elsewhere + (subject->page - subject->area);
	device_writes(&device, subject->page - elsewhere + subject->area, 'D');
	value = *(volatile char *)subject->page;
	if (value != 'D')
		diverged("after mremap the owner misses at the new address what the device wrote");
	coherent("device and owner share one page at its new address");
}

static const struct lab_case CASES[] = {
    {"dontneed-4k", SMALL, dontneed, "self-inflicted"},
    {"dontneed-thp", THP, dontneed, "self-inflicted"},
    {"remap-4k", SMALL, unmap_and_map, "self-inflicted"},
    {"remap-thp", THP, unmap_and_map, "self-inflicted"},
    {"mremap-4k", SMALL, move_and_map, "self-inflicted"},
    {"mremap-only-4k", SMALL, move_only, "self-inflicted"},
    {0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "own", CASES);
}
