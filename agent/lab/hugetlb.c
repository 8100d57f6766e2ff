// SPDX-License-Identifier: MIT
/*
 * hugetlb: private huge pages of the pool through fork: copied for who writes first, written in place by who
 * is left, unshared for a pin that reads (6.1), copied early at fork because pinned (6.1), given back to the
 * pool.
 */
#include <sys/uio.h>
#include <sys/wait.h>

#include "expect.h"

#define HUGE_BYTES (2UL << 20)
#define HUGE_PAGES 512UL

enum { COPIED, UNSHARED, PINNED, PAGES };

static char *area;
static struct seen {
	uint64_t copied, unshared, pinned, mappings;
	char byte;
} *seen;

static char *page_of(int index)
{
	return area + index * HUGE_BYTES;
}

/* Pins without FOLL_WRITE: on kernels that know exclusive pages the reader gets a page of its own. */
static void read_by_pin(char *page)
{
	struct iovec to = {&seen->byte, 1}, from = {page, 1};

	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 1)
		die("process_vm_readv");
}

static void child(void)
{
	seen->mappings = mappings_of(pfn_of(page_of(COPIED)));
	write_page(page_of(COPIED), 'c');
	seen->copied = pfn_of(page_of(COPIED));
	read_by_pin(page_of(UNSHARED));
	seen->unshared = pfn_of(page_of(UNSHARED));
	seen->pinned = pfn_of(page_of(PINNED));
	_exit(0);
}

int main(void)
{
	uint64_t before[PAGES];
	int ring, status;
	pid_t pid;

	if (!tell("/proc/sys/vm/nr_hugepages", "12"))
		die("/proc/sys/vm/nr_hugepages");
	stay_on_one_cpu();
	seen = map_shared(sizeof(*seen));
	area = map_alone(PAGES * HUGE_BYTES, HUGE_BYTES, MAP_HUGETLB);
	claim(area, PAGES * HUGE_PAGES, "anon-new hugetlb-wp fork-copy wp-fault huge-wp");
	for (int i = 0; i < PAGES; i++) {
		write_page(page_of(i), 'h');
		before[i] = pfn_of(page_of(i));
		must(has_flag(before[i], KPF_HUGE), "the page is of the pool");
		expect("anon-new", page_of(i), ",\"pages\":512,\"order\":9,\"new_pfn\":%lu,\"hugetlb\":true",
		       before[i]);
		/* hugetlb_no_page() makes the new page writable by hugetlb_wp(), where it was not from the
		 * start. */
		expect("hugetlb-wp", page_of(i),
		       ",\"outcome\":\"reuse\",\"old_pfn\":%lu,\"mapcount\":1,\"atLeast\":0", before[i]);
	}
	ring = pin_page(page_of(PINNED));
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		child();
	waitpid(pid, &status, 0);
	must(WIFEXITED(status) && !WEXITSTATUS(status) && seen->mappings == 2, "the child ends well");

	if (seen->pinned != before[PINNED])
		expect("fork-copy", page_of(PINNED),
		       ",\"pages\":512,\"order\":9,\"old_pfn\":%lu,\"new_pfn\":%lu,\"pincount\":1,"
		       "\"mapcount\":1,\"hugetlb\":true",
		       before[PINNED], seen->pinned);
	expect("hugetlb-wp", page_of(COPIED),
	       ",\"outcome\":\"copy\",\"pages\":512,\"order\":9,\"old_pfn\":%lu,\"new_pfn\":%lu,\"mapcount\":"
	       "2,\"hugetlb\":true",
	       before[COPIED], seen->copied);
	must(seen->copied != before[COPIED], "the child has a copy");
	if (seen->unshared != before[UNSHARED])
		expect("hugetlb-wp", page_of(UNSHARED),
		       ",\"outcome\":\"unshare\",\"old_pfn\":%lu,\"new_pfn\":%lu,\"mapcount\":2",
		       before[UNSHARED], seen->unshared);
	write_page(page_of(COPIED), 'p');
	must(pfn_of(page_of(COPIED)) == before[COPIED], "the parent writes in place");
	expect("hugetlb-wp", page_of(COPIED),
	       ",\"outcome\":\"reuse\",\"old_pfn\":%lu,\"new_pfn\":%lu,\"mapcount\":1,\"pincount\":0",
	       before[COPIED], before[COPIED]);
	close(ring);
	for (int i = 0; i < PAGES; i++)
		printf("{\"freed\":%lu,\"order\":9,\"frames\":1}\n", before[i]);
	expect("unmap", area, ",\"pages\":%lu", PAGES * HUGE_PAGES);
	if (munmap(area, PAGES * HUGE_BYTES))
		die("munmap");
	return wrong ? 1 : 0;
}
