// SPDX-License-Identifier: MIT
/*
 * numascan: runs until NUMA balancing has scanned its memory (numa_pte_updates of /proc/vmstat), which takes
 * some seconds of processor time. Needs two nodes: boot with numa=fake=2.
 *
 * Of a process with one thread it leaves alone what lies on the node that the process runs on (mm/mprotect.c,
 * change_pte_range()), so half of the memory lies on each.
 */
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <time.h>

#include "expect.h"

#define PAGES 64
/* Of the half that lies elsewhere; pages in a CPU's LRU batch are left alone, and what was scanned moves
 * here. */
#define SCANNED (PAGES / 4)
#define SECONDS 60

/* Which node pages are taken from, until told otherwise; of the ranges themselves nothing is said. */
static void take_from(int mode, unsigned long nodes)
{
	if (syscall(SYS_set_mempolicy, mode, nodes ? &nodes : NULL, nodes ? 8 * sizeof(nodes) : 0))
		die("set_mempolicy");
}

int main(void)
{
	char *area = map_alone(PAGES * PAGE_BYTES, PAGE_BYTES, 0);
	time_t end = time(NULL) + SECONDS;
	unsigned long before = vmstat("numa_pte_updates");

	for (int node = 0; node < 2; node++) {
		take_from(MPOL_BIND, 1UL << node);
		write_pages(area + node * PAGES / 2 * PAGE_BYTES, PAGES / 2, 'n');
	}
	take_from(MPOL_DEFAULT, 0);
	if (!tell("/proc/sys/kernel/numa_balancing", "1"))
		die("/proc/sys/kernel/numa_balancing");
	do {
		for (int i = 0; i < 100000; i++)
			write_pages(area, PAGES, 'n');
	} while (vmstat("numa_pte_updates") < before + SCANNED && time(NULL) < end);
	must(vmstat("numa_pte_updates") >= before + SCANNED, "NUMA balancing scans the pages");
	expect("wrprotect", area, ",\"pages\":%d,\"aux\":5,\"atLeast\":1", PAGES);
	return wrong ? 1 : 0;
}
