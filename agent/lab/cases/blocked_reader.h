/* SPDX-License-Identifier: MIT */
/*
 * A read-only pin that is held as long as we like: process_vm_readv() pins what it reads
 * (mm/process_vm_access.c process_vm_rw_single_vec(): FOLL_PIN without FOLL_WRITE, whatever the kernel's
 * age), then copies to a page that userfaultfd has not filled yet, and waits there with the pin in its hand.
 */
#ifndef COWPATH_LAB_BLOCKED_READER_H
#define COWPATH_LAB_BLOCKED_READER_H

#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "case.h"

struct reader {
	int uffd;
	char *source, *into;
	pthread_t thread;
	ssize_t got;
};

static inline int open_userfaultfd(unsigned long long features)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0)
		skipped("userfaultfd: %s", strerror(errno));
	return uffd;
}

static inline void watch_range(int uffd, void *start, size_t bytes, unsigned long long mode)
{
	struct uffdio_register range = {{(uintptr_t)start, bytes}, mode, 0};

	if (ioctl(uffd, UFFDIO_REGISTER, &range) < 0)
		skipped("userfaultfd cannot watch this kind of page: %s", strerror(errno));
}

/* The next message, or false after `wait_ms` without one. */
static inline bool next_message(int uffd, struct uffd_msg *message, int wait_ms)
{
	struct pollfd one = {uffd, POLLIN, 0};

	return poll(&one, 1, wait_ms) == 1 && read(uffd, message, sizeof(*message)) == sizeof(*message);
}

static inline void *read_own_page(void *argument)
{
	struct reader *reader = argument;
	struct iovec into = {reader->into, PAGE_BYTES}, from = {reader->source, PAGE_BYTES};

	reader->got = process_vm_readv(getpid(), &into, 1, &from, 1, 0);
	return NULL;
}

/* Begins to read `page`; returns when the reader holds it and waits. */
static inline void begin_reading(struct reader *reader, char *page)
{
	struct uffd_msg message;

	*reader = (struct reader){.uffd = open_userfaultfd(0), .source = page, .into = map_pages(1)};
	watch_range(reader->uffd, reader->into, PAGE_BYTES, UFFDIO_REGISTER_MODE_MISSING);
	if (pthread_create(&reader->thread, NULL, read_own_page, reader))
		die("thread");
	if (!next_message(reader->uffd, &message, 10000))
		skipped("the reader did not come to wait");
}

/* Lets the reader go on. What it read is in `into`. */
static inline void finish_reading(struct reader *reader)
{
	struct uffdio_zeropage fill = {.range = {(uintptr_t)reader->into, PAGE_BYTES}};

	if (ioctl(reader->uffd, UFFDIO_ZEROPAGE, &fill) < 0)
		die("UFFDIO_ZEROPAGE");
	pthread_join(reader->thread, NULL);
	if (reader->got != (ssize_t)PAGE_BYTES)
		die("process_vm_readv");
}

#endif
