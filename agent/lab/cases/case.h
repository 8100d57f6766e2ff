/* SPDX-License-Identifier: MIT */
/*
 * A family of cases: one program, a case a subcommand, one line of truth a case:
 *
 *	CASE family-name: TRUTH why; pid=.. ppid=.. addr=0x.. size=.. pfn=before>after
 *
 * The truth comes from what memory holds, never from counts: the frames are told as oracles for a recording.
 *	COHERENT	who holds the page sees what its owner sees, and nobody else's bytes
 *	DIVERGED	who holds the page and its owner see different memory (P1 is lost)
 *	LEAKED		who holds the page sees what another process wrote to its own copy (P2 is lost)
 *	SKIPPED		this kernel or guest cannot be brought to do it
 */
#ifndef COWPATH_LAB_CASE_H
#define COWPATH_LAB_CASE_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "../pages.h"
#include "subject.h"

struct lab_case {
	const char *name;
	enum kind kind;
	void (*run)(struct subject *subject);
	/* What cowpath is to say where memory diverges or leaks: hazard (or violation), measured or
	 * self-inflicted. */
	const char *means;
};

static const char *case_family, *case_name;
static struct subject *case_subject;

__attribute__((noreturn, format(printf, 2, 3))) static inline void conclude(const char *truth,
									    const char *why, ...)
{
	struct subject *subject = case_subject;
	va_list arguments;

	printf("CASE %s-%s: %s ", case_family, case_name, truth);
	va_start(arguments, why);
	vprintf(why, arguments);
	va_end(arguments);
	if (subject->page)
		printf("; pid=%d ppid=%d addr=0x%lx size=%s pfn=%lu>%lu", getpid(), getppid(),
		       (unsigned long)subject->page, kind_name(subject->kind), (unsigned long)subject->pfn,
		       (unsigned long)pfn_of(subject->page));
	printf("\n");
	fflush(stdout);
	_exit(0);
}

#define coherent(...) conclude("COHERENT", __VA_ARGS__)
#define diverged(...) conclude("DIVERGED", __VA_ARGS__)
#define leaked(...) conclude("LEAKED", __VA_ARGS__)
#define skipped(...) conclude("SKIPPED", __VA_ARGS__)

static inline void sleep_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

/* One word or number into a file of /proc or /sys. False where that cannot be. */
static inline bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return written;
}

static inline int list_cases(const struct lab_case *cases)
{
	for (; cases->name; cases++)
		printf("%s-%s\t%s\n", case_family, cases->name, cases->means);
	return 0;
}

/* main() of a family: `FAMILY list`, or `FAMILY CASE`. */
static inline int run_case(int argc, char **argv, const char *family, const struct lab_case *cases)
{
	static struct subject subject;
	const char *asked = argc == 2 ? argv[1] : "";

	case_family = family;
	if (strcmp(asked, "list") == 0)
		return list_cases(cases);
	for (const struct lab_case *one = cases; one->name; one++) {
		if (strcmp(asked, one->name) != 0)
			continue;
		case_name = one->name;
		case_subject = &subject;
		const char *missing = make_subject(&subject, one->kind);

		if (missing)
			skipped("%s", missing);
		one->run(&subject);
		return 3;
	}
	fprintf(stderr, "usage: %s CASE, one of those that '%s list' names\n", family, family);
	return 2;
}

#endif
