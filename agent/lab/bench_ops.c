// SPDX-License-Identifier: MIT
/*
 * bench_ops [ROUNDS [PID [NAME..]]]: nanoseconds that operations take of the process's own time, the median
 *of ROUNDS each, all but write faults of nine times as many, at most 64; where names are given, of these
 *alone
 * (`faults` are copy and reuse). Under `cowpath lab --icount` a nanosecond is an instruction. Waits for
 *uptime 5 s first: earlier, 7.x spends interrupt time that no task is charged for.
 *
 *	copy, reuse	a write fault that copies, and one that reuses: the mean of FAULTS
 *	copy_beside	CPU time of process PID for each copying fault, what it does a second later included
 *	gupN	pins N pages as a fixed buffer of io_uring (pin_user_pages() with FOLL_LONGTERM)
 *	fastN	takes N pages for a pipe by vmsplice (get_user_pages_fast())
 *	forkN	fork() of N pages, in the parent
 *	split_pmd	mprotect() of a page of a THP, which splits the PMD
 *	split_folio	madvise(MADV_COLD) of a page of a THP, which splits the PMD and the folio
 */
#include <dirent.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "pages.h"

#define HUGE_BYTES (2UL << 20)
#define FAULTS 5000
#define MOST_ROUNDS 64
/* What is done once a round is done more often: the agent learns a call stack in the first ones. */
#define MORE_OFTEN 9

static double clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static double own_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* CPU time of all threads of a process: the first number of their schedstat. */
static double process_ns(int pid)
{
	char path[64];
	double all = 0, ns;
	struct dirent *thread;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = opendir(path);
	if (!threads)
		die(path);
	while ((thread = readdir(threads))) {
		FILE *file;

		if (thread->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/schedstat", pid, thread->d_name);
		file = fopen(path, "r");
		if (file && fscanf(file, "%lf", &ns) == 1)
			all += ns;
		if (file)
			fclose(file);
	}
	closedir(threads);
	return all;
}

static double write_all(char *pages)
{
	double begun = own_ns();

	for (int i = 0; i < FAULTS; i++)
		write_page(pages + i * PAGE_BYTES, 'b');
	return (own_ns() - begun) / FAULTS;
}

struct figure {
	const char *name;
	int rounds;
	double took[MOST_ROUNDS];
};

static void keep(struct figure *figure, double took)
{
	figure->took[figure->rounds++] = took;
}

static int by_size(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

/* What differs from round to round is which pages the kernel finds free: neither the least nor the mean. */
static void tell(struct figure *figure)
{
	qsort(figure->took, figure->rounds, sizeof(*figure->took), by_size);
	printf(",\"%s\":%.0f", figure->name, figure->took[figure->rounds / 2]);
}

static void write_faults(int beside, struct figure *copy, struct figure *copy_beside, struct figure *reuse)
{
	char *pages = map_pages(FAULTS), byte;
	double before = 0;
	pid_t child;
	int end[2];

	for (int i = 0; i < FAULTS; i++)
		write_page(pages + i * PAGE_BYTES, 'a');
	flush_lru_batch();
	if (pipe(end))
		die("pipe");
	/* It keeps the frames shared until we have copied. */
	child = fork();
	if (child == 0) {
		close(end[1]);
		_exit(read(end[0], &byte, 1) != 0);
	}
	close(end[0]);
	if (beside) {
		sleep(1);
		before = process_ns(beside);
	}
	keep(copy, write_all(pages));
	if (beside) {
		sleep(1);
		keep(copy_beside, (process_ns(beside) - before) / FAULTS);
	}
	close(end[1]);
	waitpid(child, NULL, 0);
	flush_lru_batch();
	/* A second child that only comes and goes leaves the pages write-protected and ours alone. */
	child = fork();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	keep(reuse, write_all(pages));
	munmap(pages, FAULTS * PAGE_BYTES);
}

static double gup(size_t pages)
{
	static int ring;
	struct io_uring_params params = {0};
	struct iovec buffer = {map_pages(pages), pages * PAGE_BYTES};
	double begun, took;

	memset(buffer.iov_base, 'a', buffer.iov_len);
	if (!ring)
		ring = syscall(SYS_io_uring_setup, 4, &params);
	begun = own_ns();
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1))
		die("IORING_REGISTER_BUFFERS");
	took = own_ns() - begun;
	if (syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0))
		die("IORING_UNREGISTER_BUFFERS");
	munmap(buffer.iov_base, buffer.iov_len);
	return took;
}

static double fast_gup(size_t pages)
{
	struct iovec from = {map_pages(pages), pages * PAGE_BYTES};
	double begun, took;
	int ends[2];

	memset(from.iov_base, 'a', from.iov_len);
	if (pipe(ends))
		die("pipe");
	begun = own_ns();
	if (vmsplice(ends[1], &from, 1, 0) != (ssize_t)from.iov_len)
		die("vmsplice");
	took = own_ns() - begun;
	close(ends[0]);
	close(ends[1]);
	munmap(from.iov_base, from.iov_len);
	return took;
}

static double fork_once(size_t pages)
{
	char *area = map_pages(pages);
	double begun, took;
	pid_t child;

	memset(area, 'a', pages * PAGE_BYTES);
	begun = own_ns();
	child = fork();
	if (child == 0)
		_exit(0);
	took = own_ns() - begun;
	if (child < 0 || waitpid(child, NULL, 0) != child)
		die("fork");
	munmap(area, pages * PAGE_BYTES);
	return took;
}

/* A page of a THP, and the room that the THP was made in. */
static char *map_huge(char **room)
{
	char *area;

	*room = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area = (char *)(((uintptr_t)*room + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
	if (*room == MAP_FAILED || madvise(area, HUGE_BYTES, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE");
	memset(area, 'h', HUGE_BYTES);
	return area + 9 * PAGE_BYTES;
}

static double split_pmd(size_t pages)
{
	char *room, *page = map_huge(&room);
	double begun = own_ns(), took;

	if (mprotect(page, pages * PAGE_BYTES, PROT_READ))
		die("mprotect");
	took = own_ns() - begun;
	munmap(room, 2 * HUGE_BYTES);
	return took;
}

static double split_folio(size_t pages)
{
	char *room, *page = map_huge(&room);
	double begun = own_ns(), took;

	if (madvise(page, pages * PAGE_BYTES, MADV_COLD))
		die("MADV_COLD");
	took = own_ns() - begun;
	munmap(room, 2 * HUGE_BYTES);
	return took;
}

static const struct {
	const char *name;
	size_t pages;
	double (*once)(size_t pages);
} OPERATIONS[] = {
    {"gup1", 1, gup},
    {"gup16", 16, gup},
    {"gup512", 512, gup},
    {"fast1", 1, fast_gup},
    {"fast16", 16, fast_gup},
    {"fork10000", 10000, fork_once},
    {"split_pmd", 1, split_pmd},
    {"split_folio", 1, split_folio},
};

static bool is_wanted(const char *name, char **names)
{
	bool is_any = !*names;

	for (; *names; names++)
		is_any |= !strcmp(name, *names);
	return is_any;
}

int main(int argc, char **argv)
{
	struct figure copy = {.name = "copy"}, copy_beside = {.name = "copy_beside"},
		      reuse = {.name = "reuse"};
	int rounds = argc > 1 ? atoi(argv[1]) : 3, beside = argc > 2 ? atoi(argv[2]) : 0, often;
	char **names = argc > 3 ? argv + 3 : argv + argc;

	if (rounds < 1 || rounds > MOST_ROUNDS || beside < 0) {
		fprintf(stderr, "usage: bench_ops [ROUNDS [PID [NAME..]]]\n");
		return 2;
	}
	often = rounds * MORE_OFTEN < MOST_ROUNDS ? rounds * MORE_OFTEN : MOST_ROUNDS;
	while (clock_ns(CLOCK_BOOTTIME) < 5e9)
		usleep(100000);
	stay_on_one_cpu();
	printf("{\"scenario\":\"bench_ops\"");
	if (is_wanted("faults", names)) {
		for (int round = 0; round < rounds; round++)
			write_faults(beside, &copy, &copy_beside, &reuse);
		tell(&copy);
		tell(&reuse);
		if (beside)
			tell(&copy_beside);
	}
	for (size_t i = 0; i < sizeof(OPERATIONS) / sizeof(*OPERATIONS); i++) {
		struct figure figure = {.name = OPERATIONS[i].name};

		if (!is_wanted(figure.name, names))
			continue;
		for (int round = 0; round < often; round++)
			keep(&figure, OPERATIONS[i].once(OPERATIONS[i].pages));
		tell(&figure);
	}
	printf("}\n");
	return 0;
}
