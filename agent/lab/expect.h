/* SPDX-License-Identifier: MIT */
/*
 * Events that a recording of a scenario must hold, as lines of JSON in the order in which they happen:
 * `kind`, `vpn`, and those columns that are exact. A scenario claims all events of a kind in its areas; see
 * tui/test/lab.
 */
#ifndef COWPATH_LAB_EXPECT_H
#define COWPATH_LAB_EXPECT_H

#include <linux/io_uring.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "pages.h"

static int wrong;

/* `columns` are JSON members; what they say of `vpn` counts from the page at `address`. */
static inline void expect(const char *kind, const void *address, const char *columns, ...)
{
	va_list values;

	printf("{\"kind\":\"%s\",\"vpn\":%lu", kind, (uintptr_t)address / PAGE_BYTES);
	va_start(values, columns);
	vprintf(columns, values);
	va_end(values);
	printf("}\n");
}

/* Area in which all events of these kinds (names, separated by spaces) are told by expect(). */
static inline void claim(const void *address, size_t pages, const char *kinds)
{
	printf("{\"claim\":\"%s\",\"vpn\":%lu,\"pages\":%zu}\n", kinds, (uintptr_t)address / PAGE_BYTES,
	       pages);
}

/* What the kernel itself says must be so. */
static inline void must(int held, const char *what)
{
	if (held)
		return;
	printf("{\"wrong\":\"%s\"}\n", what);
	wrong++;
}

static inline uint64_t number_at(const char *path, uint64_t index)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	if (file < 0 || pread(file, &entry, 8, index * 8) != 8)
		die(path);
	close(file);
	return entry;
}

/* Mappings of a frame (/proc/kpagecount) and its flags (/proc/kpageflags,
 * Documentation/admin-guide/mm/pagemap.rst). */
static inline uint64_t mappings_of(uint64_t pfn)
{
	return number_at("/proc/kpagecount", pfn);
}

#define KPF_HUGE 17
#define KPF_KSM 21
#define KPF_THP 22

static inline int has_flag(uint64_t pfn, int flag)
{
	return number_at("/proc/kpageflags", pfn) >> flag & 1;
}

/* A counter of /proc/vmstat, 0 where it does not exist. */
static inline unsigned long vmstat(const char *name)
{
	FILE *file = fopen("/proc/vmstat", "re");
	unsigned long value, found = 0;
	char word[64];

	if (!file)
		die("/proc/vmstat");
	while (fscanf(file, "%63s %lu", word, &value) == 2)
		if (!strcmp(word, name))
			found = value;
	fclose(file);
	return found;
}

/* Writes a word to a file of /proc or /sys; whether the kernel took it. */
static inline int tell(const char *path, const char *word)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);
	int taken = file >= 0 && write(file, word, strlen(word)) == (ssize_t)strlen(word);

	if (file >= 0)
		close(file);
	return taken;
}

/* Memory that no other mapping touches: a vma of its own, aligned to `align` bytes. */
static inline char *map_alone(size_t bytes, size_t align, int flags)
{
	char *room =
	    mmap(NULL, bytes + 3 * align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *area = (char *)(((uintptr_t)room + 2 * align - 1) & ~(align - 1));

	if (room == MAP_FAILED || mmap(area, bytes, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, -1, 0) != area)
		die("mmap");
	return area;
}

static inline void write_pages(char *area, size_t pages, char value)
{
	for (size_t i = 0; i < pages; i++)
		write_page(area + i * PAGE_BYTES, value);
}

/* FOLL_PIN | FOLL_LONGTERM of one page, until the ring is closed. */
static inline int pin_page(char *page)
{
	struct io_uring_params params = {0};
	int ring = syscall(SYS_io_uring_setup, 1, &params);
	struct iovec one = {page, PAGE_BYTES};

	if (ring < 0 || syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &one, 1))
		die("io_uring");
	return ring;
}

#endif
