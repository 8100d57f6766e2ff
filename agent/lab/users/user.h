/* SPDX-License-Identifier: MIT */
/*
 * What real users of pins share: memory to be taken, the frames of its pages, and what the kernel itself
 * counted. Each prints one JSON line a page and one at its end; the words are those of ../pins.c.
 */
#ifndef COWPATH_LAB_USER_H
#define COWPATH_LAB_USER_H

#include <stdbool.h>
#include <string.h>

#include "../pages.h"

/* Of /proc/vmstat: nr_foll_pin_acquired and _released, in pages. Both -1 where the kernel counts none. */
struct pin_counts {
	long acquired;
	long released;
};

/* The counters are kept per CPU and folded now and then: reading vm.stat_refresh folds them at once. */
static inline struct pin_counts count_pins(void)
{
	struct pin_counts counts = {-1, -1};
	int refresh = open("/proc/sys/vm/stat_refresh", O_RDONLY | O_CLOEXEC);
	FILE *file = fopen("/proc/vmstat", "re");
	char word[64];
	long value;

	if (!file || refresh < 0 || read(refresh, word, 1) < 0)
		die("vmstat");
	close(refresh);
	while (fscanf(file, "%63s %ld", word, &value) == 2) {
		if (!strcmp(word, "nr_foll_pin_acquired"))
			counts.acquired = value;
		if (!strcmp(word, "nr_foll_pin_released"))
			counts.released = value;
	}
	fclose(file);
	return counts;
}

/* Written small pages, told one by one. */
static inline char *tell_pages(size_t pages)
{
	char *memory = map_pages(pages);

	for (size_t i = 0; i < pages; i++) {
		write_page(memory + i * PAGE_BYTES, 'a');
		printf("{\"page\":%lu,\"pid\":%d,\"pfn\":%lu}\n",
		       (unsigned long)((uintptr_t)memory / PAGE_BYTES + i), getpid(),
		       (unsigned long)pfn_of(memory + i * PAGE_BYTES));
	}
	fflush(stdout);
	return memory;
}

/*
 * Waits, at most 2 s, until as many pins were released as acquired: some are by a worker of the kernel. Tells
 * what was counted since `before`, and whether it is `pins` of each: the exit status.
 */
static inline int tell_end(const char *way, pid_t target, const char *memory, size_t pages,
			   struct pin_counts before, long pins)
{
	struct pin_counts now = count_pins();

	for (int i = 0; i < 100 && now.released - before.released != pins; i++) {
		usleep(20000);
		now = count_pins();
	}
	now.acquired -= before.acquired;
	now.released -= before.released;
	printf("{\"way\":\"%s\",\"pid\":%d,\"target\":%d,\"vpn\":%lu,\"pages\":%lu,\"acquired\":%ld,"
	       "\"released\":%ld}\n",
	       way, getpid(), target, (unsigned long)((uintptr_t)memory / PAGE_BYTES), (unsigned long)pages,
	       now.acquired, now.released);
	return now.acquired != pins || now.released != pins;
}

#endif
