// SPDX-License-Identifier: MIT
/* userfaultfd write protection: of a pinned page, and of a page that somebody pins for reading. */
#include "blocked_reader.h"
#include "device.h"
#include "puppet.h"

static int protect(struct subject *subject)
{
	struct uffdio_writeprotect range = {{(uintptr_t)subject->area, subject->bytes},
					    UFFDIO_WRITEPROTECT_MODE_WP};
	int uffd = open_userfaultfd(UFFD_FEATURE_PAGEFAULT_FLAG_WP);

	watch_range(uffd, subject->area, subject->bytes, UFFDIO_REGISTER_MODE_WP);
	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &range) < 0)
		die("UFFDIO_WRITEPROTECT");
	return uffd;
}

static void allow(int uffd, struct subject *subject)
{
	struct uffdio_writeprotect range = {{(uintptr_t)subject->area, subject->bytes}, 0};

	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &range) < 0)
		die("UFFDIO_WRITEPROTECT");
}

static void *write_blocked(void *address)
{
	write_page(address, 'B');
	return NULL;
}

/* Protect, write, be told, allow: the write must reach the pinned frame. */
static void write_pinned(struct subject *subject)
{
	struct device device = pin_by_device(subject->page, PAGE_BYTES);
	int uffd = protect(subject);
	struct uffd_msg message;
	pthread_t writer;

	note_frame(subject);
	if (pthread_create(&writer, NULL, write_blocked, subject->page + CPU_BYTE))
		die("thread");
	if (!next_message(uffd, &message, 10000) || !(message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP))
		diverged("a write to a protected page was not told");
	allow(uffd, subject);
	pthread_join(writer, NULL);
	compare_views(&device, subject->page, "userfaultfd-wp and its resolution");
	coherent("the write was told, device and owner share one page");
}

/* A read-only pin of a protected page that fork shares: it may break COW, but it is no write and nobody must
 * be told. */
static void pin_protected(struct subject *subject)
{
	int uffd = protect(subject);
	struct uffd_msg message;
	struct reader reader;
	pthread_t writer;

	note_frame(subject);
	struct puppet child = fork_puppet();

	begin_reading(&reader, subject->page);
	if (next_message(uffd, &message, 300))
		diverged("a read was told as a write");
	finish_reading(&reader);
	if (pthread_create(&writer, NULL, write_blocked, subject->page + CPU_BYTE))
		die("thread");
	if (!next_message(uffd, &message, 3000))
		diverged("a write was not told after a read that broke COW");
	allow(uffd, subject);
	pthread_join(writer, NULL);
	if (puppet_sees(child, subject->page + CPU_BYTE) != 'A')
		leaked("the child sees what the parent wrote after fork");
	coherent("the read was not told as a write, the write was told");
}

static const struct lab_case CASES[] = {
    {"wp-4k", SMALL, write_pinned, "hazard"},
    {"wp-thp", THP, write_pinned, "hazard"},
    {"wp-pte-mapped", PTE_THP, write_pinned, "hazard"},
    {"wp-hugetlb", HUGETLB, write_pinned, "hazard"},
    {"read-4k", SMALL, pin_protected, "hazard"},
    {"read-thp", THP, pin_protected, "hazard"},
    {0},
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, "uffd", CASES);
}
