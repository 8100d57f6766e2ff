// SPDX-License-Identifier: MIT
/*
 * uffdwp: a thread touches memory that userfaultfd watches: pages that are missing, that are write-protected,
 * that are in the page cache but not mapped (5.14), and, where the kernel resolves faults by itself (6.7),
 * none that is told. Each message that is read is one that the kernel queued.
 */
#include <errno.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "expect.h"

#define PAGES 8
/* Newer than some headers: include/uapi/linux/userfaultfd.h */
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

/* A userfaultfd with these features on the area, or -1 where the kernel has them not. It stays open: its end
 * would take back what is protected. */
static int watch(char *area, size_t pages, uint64_t features, uint64_t mode)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	struct uffdio_register range = {.range = {(uintptr_t)area, pages * PAGE_BYTES}, .mode = mode};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		die("userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) || (api.features & features) != features) {
		close(fd);
		return -1;
	}
	if (ioctl(fd, UFFDIO_REGISTER, &range))
		die("UFFDIO_REGISTER");
	return fd;
}

static void *touch(void *page)
{
	write_page(page, 't');
	return NULL;
}

static pthread_t begin_touch(char *page)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, touch, page))
		die("pthread_create");
	return thread;
}

/* The next message; what it says is what we expect. */
static void read_message(int fd, const char *page, uint64_t flags, int reason)
{
	struct uffd_msg message;

	if (read(fd, &message, sizeof(message)) != sizeof(message))
		die("read");
	must(message.event == UFFD_EVENT_PAGEFAULT &&
		 message.arg.pagefault.address / PAGE_BYTES == (uintptr_t)page / PAGE_BYTES &&
		 message.arg.pagefault.flags == flags,
	     "the message is about this page and reason");
	expect("uffd-message", page, ",\"pages\":1,\"aux\":%d", reason);
}

static void protect(int fd, char *from, size_t pages, uint64_t mode)
{
	struct uffdio_writeprotect range = {.range = {(uintptr_t)from, pages * PAGE_BYTES}, .mode = mode};

	expect("wrprotect", from, ",\"pages\":%zu,\"aux\":%d", pages,
	       mode & UFFDIO_WRITEPROTECT_MODE_WP ? 3 : 4);
	if (ioctl(fd, UFFDIO_WRITEPROTECT, &range))
		die("UFFDIO_WRITEPROTECT");
}

static void missing_and_protected(void)
{
	char *area = map_alone(PAGES * PAGE_BYTES, PAGE_BYTES, 0), *first = area,
	     *page = area + 3 * PAGE_BYTES;
	static char filled[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES))) = {'f'};
	struct uffdio_copy copy = {.dst = (uintptr_t)first, .src = (uintptr_t)filled, .len = PAGE_BYTES};
	pthread_t thread;
	uint64_t pfn;
	int fd;

	write_pages(area + PAGE_BYTES, PAGES - 1, 'u');
	flush_lru_batch();
	fd = watch(area, PAGES, UFFD_FEATURE_PAGEFAULT_FLAG_WP,
		   UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
	if (fd < 0)
		die("UFFD_FEATURE_PAGEFAULT_FLAG_WP");
	claim(area, PAGES, "uffd-message wrprotect wp-fault");

	thread = begin_touch(first);
	read_message(fd, first, UFFD_PAGEFAULT_FLAG_WRITE, 1);
	if (ioctl(fd, UFFDIO_COPY, &copy))
		die("UFFDIO_COPY");
	pthread_join(thread, NULL);

	protect(fd, area + PAGE_BYTES, 4, UFFDIO_WRITEPROTECT_MODE_WP);
	pfn = pfn_of(page);
	expect("wp-fault", page, ",\"outcome\":\"uffd\",\"old_pfn\":%lu,\"uffdWp\":true,\"isAsync\":false",
	       pfn);
	thread = begin_touch(page);
	read_message(fd, page, UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP, 2);
	protect(fd, page, 1, 0);
	/* Up to 6.x, and wherever the kernel does not restore the right to write, the fault comes again. */
	printf("{\"kind\":\"wp-fault\",\"vpn\":%lu,\"outcome\":\"reuse\",\"old_pfn\":%lu,\"uffdWp\":false,"
	       "\"atLeast\":0}\n",
	       (uintptr_t)page / PAGE_BYTES, pfn);
	pthread_join(thread, NULL);
	must(pfn_of(page) == pfn, "the page is written in place");
}

/* The same pages of a file, mapped twice: filled through one mapping, missing in the page table of the other.
 */
static void minor(void)
{
	int file = memfd_create("minor", MFD_CLOEXEC), fd;
	char *area, *other;
	struct uffdio_continue resume = {.range.len = PAGE_BYTES};
	pthread_t thread;

	if (file < 0 || ftruncate(file, PAGES * PAGE_BYTES))
		die("memfd_create");
	area = mmap(NULL, PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	other = mmap(NULL, PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (area == MAP_FAILED || other == MAP_FAILED)
		die("mmap");
	write_pages(other, PAGES, 'm');
	fd = watch(area, PAGES, UFFD_FEATURE_MINOR_SHMEM, UFFDIO_REGISTER_MODE_MINOR);
	if (fd < 0)
		return;
	claim(area, PAGES, "uffd-message");
	thread = begin_touch(area);
	read_message(fd, area, UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_MINOR, 3);
	resume.range.start = (uintptr_t)area;
	if (ioctl(fd, UFFDIO_CONTINUE, &resume))
		die("UFFDIO_CONTINUE");
	pthread_join(thread, NULL);
}

/* Newer than some headers: include/uapi/linux/fs.h */
struct scan_argument {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN _IOWR('f', 16, struct scan_argument)
#define SCAN_WP_MATCHING 1
#define PAGE_WAS_WRITTEN 2

static void protect_written(char *area, size_t pages)
{
	struct scan_argument scan = {
	    .size = sizeof(scan),
	    .flags = SCAN_WP_MATCHING,
	    .start = (uintptr_t)area,
	    .end = (uintptr_t)area + pages * PAGE_BYTES,
	    .category_mask = PAGE_WAS_WRITTEN,
	};
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (pagemap < 0 || ioctl(pagemap, SCAN, &scan) < 0)
		die("PAGEMAP_SCAN");
	close(pagemap);
}

/* A write that the kernel lets through and remembers. */
static void write_async(char *page)
{
	uint64_t pfn = pfn_of(page);

	expect("wp-fault", page, ",\"outcome\":\"reuse\",\"old_pfn\":%lu,\"uffdWp\":true,\"isAsync\":true",
	       pfn);
	write_page(page, 'b');
	must(pfn_of(page) == pfn, "the page is written in place");
}

static void async(void)
{
	char *area = map_alone(PAGES * PAGE_BYTES, PAGE_BYTES, 0);
	static const int WRITTEN[] = {2, 3, 5};
	int fd;

	write_pages(area, PAGES, 'a');
	flush_lru_batch();
	fd = watch(area, PAGES,
		   UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_WP_ASYNC,
		   UFFDIO_REGISTER_MODE_WP);
	if (fd < 0)
		return;
	claim(area, PAGES, "uffd-message wrprotect wp-fault");
	protect(fd, area, PAGES, UFFDIO_WRITEPROTECT_MODE_WP);
	for (int i = 0; i < 3; i++)
		write_async(area + WRITTEN[i] * PAGE_BYTES);
	expect("wrprotect", area + 2 * PAGE_BYTES, ",\"pages\":2,\"aux\":3");
	expect("wrprotect", area + 5 * PAGE_BYTES, ",\"pages\":1,\"aux\":3");
	protect_written(area, PAGES);
	write_async(area + 3 * PAGE_BYTES);
}

int main(void)
{
	stay_on_one_cpu();
	missing_and_protected();
	minor();
	async();
	return wrong ? 1 : 0;
}
