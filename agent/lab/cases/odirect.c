// SPDX-License-Identifier: MIT
/*
 * O_DIRECT on an ordinary ext4 disk, in flight while the process forks and writes. On 5.10 and 6.1 the kernel
 * holds the page by FOLL_GET, which fork and write faults do not respect: what the disk stores goes to a
 * frame that the parent no longer maps. On 6.12 and 7.2 the page is pinned (FOLL_PIN).
 *
 * The disk is throttled: its bucket lets one large read through at once and makes the next wait for the debt,
 * so the read that counts is in flight for some 2 s. The file /data/pattern holds 'D' only.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "puppet.h"

#define PATTERN "/data/pattern"
#define PRIME_BYTES 409600
/* Less than a page, and whole sectors: the rest of the page is the CPU's to write. */
#define DIRECT_BYTES 3584
#define REST_BYTE 4000
#define SETTLE_MS 200

struct transfer {
	int fd;
	char *page;
	off_t at;
	bool writes;
	volatile bool done;
	ssize_t moved;
	pthread_t thread;
};

static int open_pattern(int flags)
{
	int fd = open(PATTERN, flags | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		skipped("no %s on a data disk: %s", PATTERN, strerror(errno));
	return fd;
}

/* Puts the disk into debt: the next request waits. Each transfer is at a place of its own, never read before.
 */
static void prime(int fd)
{
	char *buffer = map_pages(PRIME_BYTES / PAGE_BYTES);

	if (pread(fd, buffer, PRIME_BYTES, 1 << 20) != PRIME_BYTES)
		die("priming read");
	munmap(buffer, PRIME_BYTES);
}

static void *move_bytes(void *argument)
{
	struct transfer *transfer = argument;

	if (transfer->writes)
		transfer->moved = pwrite(transfer->fd, transfer->page, DIRECT_BYTES, transfer->at);
	else
		transfer->moved = pread(transfer->fd, transfer->page, DIRECT_BYTES, transfer->at);
	transfer->done = true;
	return NULL;
}

static void begin(struct transfer *transfer)
{
	prime(transfer->fd);
	if (pthread_create(&transfer->thread, NULL, move_bytes, transfer))
		die("thread");
	sleep_ms(SETTLE_MS);
}

static void finish(struct transfer *transfer)
{
	bool early = transfer->done;

	pthread_join(transfer->thread, NULL);
	if (transfer->moved != DIRECT_BYTES)
		die("O_DIRECT");
	if (early)
		skipped("the disk was too fast: the transfer was over before the write");
}

static void read_fork_write(struct subject *subject)
{
	struct transfer read = {.fd = open_pattern(O_RDONLY), .page = subject->page};

	begin(&read);
	note_frame(subject);
	struct puppet child = fork_puppet();

	write_page(subject->page + REST_BYTE, 'B');
	finish(&read);
	if (subject->page[0] != 'D')
		diverged("the parent never sees what its O_DIRECT read read; the child %s",
			 puppet_sees(child, subject->page) == 'D' ? "does" : "does not either");
	if (puppet_sees(child, subject->page) == 'D')
		leaked("the child sees what the parent's O_DIRECT read read");
	coherent("the parent sees what its O_DIRECT read read");
}

static void read_write(struct subject *subject)
{
	struct transfer read = {.fd = open_pattern(O_RDONLY), .page = subject->page};

	begin(&read);
	note_frame(subject);
	write_page(subject->page + REST_BYTE, 'B');
	finish(&read);
	if (subject->page[0] != 'D')
		diverged("the owner never sees what its O_DIRECT read read");
	coherent("the owner sees what its O_DIRECT read read");
}

/* The page is shared with a child when the disk begins to fetch it: which memory does the disk get? */
static void fork_write_out(struct subject *subject)
{
	struct transfer out = {
	    .fd = open_pattern(O_RDWR), .page = subject->page, .writes = true, .at = 2 << 20};
	struct puppet child = fork_puppet();
	static char check[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

	begin(&out);
	note_frame(subject);
	write_page(subject->page + 1000, 'B');
	finish(&out);
	if (pread(out.fd, check, sizeof(check), out.at) != (ssize_t)sizeof(check))
		die("reading back");
	if (puppet_sees(child, subject->page + 1000) != 'A')
		leaked("the child sees what the parent wrote after fork");
	if (check[1000] != 'B')
		diverged("the disk got the page of before the parent's write");
	coherent("the disk got the parent's write");
}

/* What a newcomer is shown: the loss, again and again, until killed. */
static int show(void)
{
	int fd = open(PATTERN, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0) {
		perror(PATTERN);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned round = 1;; round++) {
		struct transfer read = {.fd = fd, .page = map_pages(1)};
		pid_t child;

		memset(read.page, 'A', PAGE_BYTES);
		begin(&read);
		child = fork();
		if (child < 0)
			die("fork");
		if (child == 0) {
			sleep_ms(4000);
			_exit(0);
		}
		write_page(read.page + REST_BYTE, 'B');
		pthread_join(read.thread, NULL);
		printf("odirect: read %u: %s\n", round,
		       read.page[0] == 'D' ? "arrived" : "lost, and no error anywhere");
		waitpid(child, NULL, 0);
		munmap(read.page, PAGE_BYTES);
	}
}

static const struct lab_case CASES[] = {
    {"4k", SMALL, read_fork_write, "hazard"},		{"thp", THP, read_fork_write, "hazard"},
    {"pte-mapped", PTE_THP, read_fork_write, "hazard"}, {"hugetlb", HUGETLB, read_fork_write, "hazard"},
    {"swapped", SWAPPED, read_fork_write, "hazard"},	{"nofork-4k", SMALL, read_write, "hazard"},
    {"write-4k", SMALL, fork_write_out, "measured"},	{0},
};

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "show") == 0)
		return show();
	return run_case(argc, argv, "odirect", CASES);
}
