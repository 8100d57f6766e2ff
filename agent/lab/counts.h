/* SPDX-License-Identifier: MIT */
/* What the kernel counts itself, and its knobs. */
#ifndef COWPATH_LAB_COUNTS_H
#define COWPATH_LAB_COUNTS_H

#include <stdbool.h>
#include <string.h>

#include "pages.h"

static inline void write_file(const char *path, const char *words)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, words, strlen(words)) != (ssize_t)strlen(words))
		die(path);
	close(file);
}

static inline unsigned long number_in(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long number;

	if (!file || fscanf(file, "%lu", &number) != 1)
		die(path);
	fclose(file);
	return number;
}

/* A line of /proc/vmstat; 0 where this kernel has none of that name. */
static inline unsigned long vmstat(const char *name)
{
	FILE *file = fopen("/proc/vmstat", "re");
	unsigned long value, found = 0;
	char word[64];

	if (!file)
		die("/proc/vmstat");
	while (fscanf(file, "%63s %lu", word, &value) == 2)
		if (strcmp(word, name) == 0)
			found = value;
	fclose(file);
	return found;
}

/* Documentation/admin-guide/mm/pagemap.rst */
static inline uint64_t pagemap_entry(const void *page)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	if (pagemap < 0 || pread(pagemap, &entry, 8, (uintptr_t)page / PAGE_BYTES * 8) != 8)
		die("pagemap");
	close(pagemap);
	return entry;
}

#endif
