/* SPDX-License-Identifier: MIT */
/*
 * A device that holds a page for long: io_uring with registered buffers, which are pinned for write and for
 * long term (5.10 and 6.1 pin_user_pages(), later pin_user_pages_fast(); both FOLL_WRITE|FOLL_LONGTERM).
 * READ_FIXED from a memory file stores bytes in the pinned page, WRITE_FIXED fetches them: neither goes by
 * the page table.
 */
#ifndef COWPATH_LAB_DEVICE_H
#define COWPATH_LAB_DEVICE_H

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "case.h"

struct device {
	int ring, memory;
	char *sq, *cq;
	struct io_uring_sqe *entries;
	struct io_uring_params params;
};

static inline void *map_ring(int ring, size_t bytes, off_t which)
{
	void *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring, which);

	if (area == MAP_FAILED)
		die("mmap of the ring");
	return area;
}

/* Pins [address, address + bytes) for as long as this process lives. */
static inline struct device pin_by_device(void *address, size_t bytes)
{
	struct device device = {0};
	struct iovec range = {address, bytes};
	struct io_uring_params *params = &device.params;

	device.ring = syscall(SYS_io_uring_setup, 4, params);
	if (device.ring < 0)
		skipped("io_uring: %s", strerror(errno));
	device.sq = map_ring(device.ring, params->sq_off.array + params->sq_entries * 4, IORING_OFF_SQ_RING);
	device.cq =
	    map_ring(device.ring, params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe),
		     IORING_OFF_CQ_RING);
	device.entries =
	    map_ring(device.ring, params->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	device.memory = memfd_create("device", MFD_CLOEXEC);
	if (device.memory < 0 || ftruncate(device.memory, PAGE_BYTES) < 0)
		die("memfd");
	if (syscall(SYS_io_uring_register, device.ring, IORING_REGISTER_BUFFERS, &range, 1) < 0)
		die("io_uring: buffer");
	return device;
}

/* One byte between the device's memory and the pinned page. */
static inline void move_byte(struct device *device, int operation, char *address)
{
	unsigned *tail = (unsigned *)(device->sq + device->params.sq_off.tail);
	unsigned *seen = (unsigned *)(device->cq + device->params.cq_off.head);
	unsigned slot = *tail & (device->params.sq_entries - 1);
	unsigned at = *seen & (device->params.cq_entries - 1);
	struct io_uring_cqe *done = (struct io_uring_cqe *)(device->cq + device->params.cq_off.cqes) + at;

	device->entries[slot] = (struct io_uring_sqe){
	    .opcode = operation, .fd = device->memory, .addr = (uintptr_t)address, .len = 1};
	((unsigned *)(device->sq + device->params.sq_off.array))[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, device->ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1 ||
	    done->res != 1) {
		fprintf(stderr, "io_uring moved no byte: %s\n", strerror(done->res < 0 ? -done->res : errno));
		exit(2);
	}
	__atomic_store_n(seen, *seen + 1, __ATOMIC_RELEASE);
}

static inline void device_writes(struct device *device, char *address, char value)
{
	if (pwrite(device->memory, &value, 1, 0) != 1)
		die("memfd");
	move_byte(device, IORING_OP_READ_FIXED, address);
}

static inline char device_reads(struct device *device, char *address)
{
	char value;

	move_byte(device, IORING_OP_WRITE_FIXED, address);
	if (pread(device->memory, &value, 1, 0) != 1)
		die("memfd");
	return value;
}

#define CPU_BYTE 1000
#define DEVICE_BYTE 3000

/* DIVERGED unless device and CPU see each other's bytes; `after` is what was done to the page meanwhile. */
static inline void compare_views(struct device *device, char *page, const char *after)
{
	char before = *(volatile char *)(page + CPU_BYTE);
	char fetched = device_reads(device, page + CPU_BYTE);

	if (fetched != before)
		diverged("after %s the device reads %c where its owner has %c", after, fetched, before);
	device_writes(device, page + DEVICE_BYTE, 'D');
	if (*(volatile char *)(page + DEVICE_BYTE) != 'D')
		diverged("after %s the owner misses what the device wrote", after);
}

/* The owner writes, then both look. */
static inline void write_and_compare(struct device *device, char *page, const char *after)
{
	write_page(page + CPU_BYTE, 'B');
	compare_views(device, page, after);
}

#endif
