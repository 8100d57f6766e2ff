// SPDX-License-Identifier: MIT
/*
 * pins NAME [PAGES]: takes pages by one of the ways that real programs use, gives them back, and tells
 *exactly what it did. The memory is anonymous, written, and of small pages, so every frame is its own.
 *
 *	vmsplice N	splices N pages into a pipe, reads them back
 *	readv N		process_vm_readv of N pages of our own
 *	writev N	process_vm_writev to N pages of our own (they are given back dirty)
 *	remote N	process_vm_readv of N pages of a child
 *	uring N		registers N pages with io_uring as a fixed buffer, and unregisters them
 *	direct N	reads N pages from /dev/ram0 (module brd) with O_DIRECT
 *	futex		waits once for a shared futex
 *	mem N		reads N pages of a child by /proc/PID/mem
 *	hole N		process_vm_readv of N pages never written, which are the zero page
 *	udmabuf N	gives N pages of a memfd to /dev/udmabuf, and closes the buffer (pins since 6.11)
 *
 * Prints one JSON line: pid and mm owner, first address, pages, how often, whether the references are pins,
 *and by how much the kernel's own counters rose (/proc/vmstat nr_foll_pin_acquired, nr_foll_pin_released;
 *absent up to 5.x, then -1), and one line a page with its frame. Exit status 1 if the counters disagree.
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/udmabuf.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "pages.h"

/* The counters are kept a CPU and folded now and then; reading vm.stat_refresh folds them now. */
static long vmstat(const char *name)
{
	int refresh = open("/proc/sys/vm/stat_refresh", O_RDONLY | O_CLOEXEC);
	FILE *file = fopen("/proc/vmstat", "re");
	char word[64];
	long value, found = -1;

	if (refresh < 0 || read(refresh, word, 1) < 0)
		die("vm.stat_refresh");
	close(refresh);
	while (file && fscanf(file, "%63s %ld", word, &value) == 2)
		if (!strcmp(word, name))
			found = value;
	if (file)
		fclose(file);
	return found;
}

static char *memory;
static size_t pages;

static void vmsplice_pages(void)
{
	int ends[2];
	char *into = map_pages(pages);

	if (pipe(ends))
		die("pipe");
	for (size_t done = 0; done < pages; done++) {
		struct iovec one = {memory + done * PAGE_BYTES, PAGE_BYTES};

		if (vmsplice(ends[1], &one, 1, 0) != (ssize_t)PAGE_BYTES)
			die("vmsplice");
		if (read(ends[0], into, PAGE_BYTES) != (ssize_t)PAGE_BYTES)
			die("read");
	}
	close(ends[0]);
	close(ends[1]);
}

static void copy_by_pid(pid_t pid, bool write)
{
	char *own = map_pages(pages);
	struct iovec local = {own, pages * PAGE_BYTES};
	struct iovec remote = {memory, pages * PAGE_BYTES};
	ssize_t copied;

	memset(own, 'w', pages * PAGE_BYTES);
	copied = write ? process_vm_writev(pid, &local, 1, &remote, 1, 0)
		       : process_vm_readv(pid, &local, 1, &remote, 1, 0);
	if (copied != (ssize_t)(pages * PAGE_BYTES))
		die("process_vm");
}

static void fixed_buffer(void)
{
	struct io_uring_params params = {0};
	struct iovec buffer = {memory, pages * PAGE_BYTES};
	int ring = syscall(SYS_io_uring_setup, 4, &params);

	if (ring < 0)
		die("io_uring_setup");
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1))
		die("IORING_REGISTER_BUFFERS");
	if (syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0))
		die("IORING_UNREGISTER_BUFFERS");
	close(ring);
}

static void direct_read(void)
{
	int disk = open("/dev/ram0", O_RDONLY | O_DIRECT);

	if (disk < 0)
		die("/dev/ram0");
	if (read(disk, memory, pages * PAGE_BYTES) != (ssize_t)(pages * PAGE_BYTES))
		die("O_DIRECT read");
	close(disk);
}

static void wait_for_futex(void)
{
	struct timespec soon = {0, 1000000};

	/* Not FUTEX_PRIVATE_FLAG: the kernel looks for the page to know whether it is shared. */
	syscall(SYS_futex, memory, FUTEX_WAIT, *(volatile int *)memory, &soon, NULL, 0);
}

static void read_mem(pid_t pid)
{
	char path[64];
	char *own = map_pages(pages);
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < pages; i++)
		if (pread(mem, own, PAGE_BYTES, (uintptr_t)memory + i * PAGE_BYTES) != (ssize_t)PAGE_BYTES)
			die("/proc/PID/mem");
	close(mem);
}

static int memfd;

/* Pages of a file in memory that cannot shrink: udmabuf wants it so. */
static char *map_file(void)
{
	char *area;

	memfd = memfd_create("pins", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memfd < 0 || ftruncate(memfd, pages * PAGE_BYTES) || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		die("memfd");
	area = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (area == MAP_FAILED)
		die("mmap");
	return area;
}

static void device_buffer(void)
{
	struct udmabuf_create create = {.memfd = memfd, .size = pages * PAGE_BYTES};
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int buffer = device < 0 ? -1 : ioctl(device, UDMABUF_CREATE, &create);

	if (buffer < 0)
		die("/dev/udmabuf");
	close(buffer);
	close(device);
}

/* A child with a copy of the memory that is its own, to be looked at from here. */
static pid_t start_child(void)
{
	int ready[2];
	char byte = 0;
	pid_t child;

	if (pipe(ready))
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		for (size_t i = 0; i < pages; i++) {
			write_page(memory + i * PAGE_BYTES, 'c');
			printf("{\"page\":%lu,\"pid\":%d,\"pfn\":%lu}\n",
			       (unsigned long)((uintptr_t)memory / PAGE_BYTES + i), getpid(),
			       (unsigned long)pfn_of(memory + i * PAGE_BYTES));
		}
		fflush(stdout);
		if (write(ready[1], &byte, 1) != 1)
			_exit(2);
		pause();
	}
	if (read(ready[0], &byte, 1) != 1)
		die("child");
	return child;
}

static void tell_pages(void)
{
	for (size_t i = 0; i < pages; i++)
		printf("{\"page\":%lu,\"pid\":%d,\"pfn\":%lu}\n",
		       (unsigned long)((uintptr_t)memory / PAGE_BYTES + i), getpid(),
		       (unsigned long)pfn_of(memory + i * PAGE_BYTES));
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	long acquired, released;
	/* Pins of each page; -1: that differs by kernel. */
	long pins = 1;
	pid_t child = 0;

	pages = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	if (!pages || pages > 4096) {
		fprintf(stderr, "usage: pins NAME [PAGES] (1 to 4096)\n");
		return 2;
	}
	memory = strcmp(name, "udmabuf") ? map_pages(pages) : map_file();
	if (strcmp(name, "hole"))
		for (size_t i = 0; i < pages; i++)
			write_page(memory + i * PAGE_BYTES, 'a');
	if (!strcmp(name, "remote") || !strcmp(name, "mem"))
		child = start_child();
	else
		tell_pages();
	fflush(stdout);

	acquired = vmstat("nr_foll_pin_acquired");
	released = vmstat("nr_foll_pin_released");
	if (!strcmp(name, "vmsplice")) {
		pins = 0;
		vmsplice_pages();
	} else if (!strcmp(name, "readv")) {
		copy_by_pid(getpid(), false);
	} else if (!strcmp(name, "writev")) {
		copy_by_pid(getpid(), true);
	} else if (!strcmp(name, "remote")) {
		copy_by_pid(child, false);
	} else if (!strcmp(name, "hole")) {
		pins = -1;
		copy_by_pid(getpid(), false);
	} else if (!strcmp(name, "uring")) {
		fixed_buffer();
	} else if (!strcmp(name, "udmabuf")) {
		device_buffer();
	} else if (!strcmp(name, "direct")) {
		pins = -1;
		direct_read();
	} else if (!strcmp(name, "futex")) {
		pins = 0;
		wait_for_futex();
	} else if (!strcmp(name, "mem")) {
		pins = 0;
		read_mem(child);
	} else {
		fprintf(stderr, "pins: no way of the name %s\n", name);
		return 2;
	}
	/* Some are given back by a worker of the kernel. */
	for (int i = 0; i < 50; i++) {
		if (vmstat("nr_foll_pin_released") - released == vmstat("nr_foll_pin_acquired") - acquired &&
		    i > 10)
			break;
		usleep(10000);
	}
	acquired = vmstat("nr_foll_pin_acquired") - acquired;
	released = vmstat("nr_foll_pin_released") - released;
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	printf("{\"way\":\"%s\",\"pid\":%d,\"target\":%d,\"vpn\":%lu,\"pages\":%lu,\"acquired\":%ld,"
	       "\"released\":%ld}\n",
	       name, getpid(), child ? child : getpid(), (unsigned long)((uintptr_t)memory / PAGE_BYTES),
	       (unsigned long)pages, acquired, released);
	return acquired != released || (pins >= 0 && acquired != pins * (long)pages);
}
