// SPDX-License-Identifier: MIT
/*
 * numascan: runs until NUMA balancing has scanned its memory (numa_pte_updates of /proc/vmstat), which takes
 * some seconds of processor time. Needs two nodes: boot with numa=fake=2.
 */
#include <time.h>

#include "expect.h"

#define PAGES 64
#define SECONDS 60

int main(void)
{
	char *area = map_alone(PAGES * PAGE_BYTES, PAGE_BYTES, 0);
	time_t end = time(NULL) + SECONDS;
	unsigned long before = vmstat("numa_pte_updates");

	if (!tell("/proc/sys/kernel/numa_balancing", "1"))
		die("/proc/sys/kernel/numa_balancing");
	do {
		for (int i = 0; i < 100000; i++)
			write_pages(area, PAGES, 'n');
	} while (vmstat("numa_pte_updates") < before + PAGES && time(NULL) < end);
	must(vmstat("numa_pte_updates") >= before + PAGES, "NUMA balancing scans the pages");
	expect("wrprotect", area, ",\"pages\":%d,\"aux\":5,\"atLeast\":1", PAGES);
	return wrong ? 1 : 0;
}
