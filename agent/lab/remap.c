// SPDX-License-Identifier: MIT
/*
 * remap [PAGES]: pages go to another address, by mremap and, from 6.8 on, by UFFDIO_MOVE, and keep their
 * frames.
 *
 * Prints one JSON line a page; exit status 1 if a page is at its new address with another frame.
 */
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "counts.h"

#ifndef UFFDIO_MOVE
#define UFFD_FEATURE_MOVE (1 << 16)
struct uffdio_move {
	uint64_t dst, src, len, mode;
	int64_t move;
};
#define UFFDIO_MOVE _IOWR(UFFDIO, 0x05, struct uffdio_move)
#endif

static size_t count;
static int wrong;

static char *fill(uint64_t *frames)
{
	char *pages = map_pages(count);

	for (size_t i = 0; i < count; i++) {
		write_page(pages + i * PAGE_BYTES, 'r');
		frames[i] = pfn_of(pages + i * PAGE_BYTES);
	}
	return pages;
}

static void tell(const char *by, const char *from, const char *to, const uint64_t *frames)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t after = pfn_of(to + i * PAGE_BYTES);

		wrong += !after || after != frames[i];
		printf(
		    "{\"scenario\":\"remap\",\"by\":\"%s\",\"pid\":%d,\"from\":%llu,\"to\":%llu,\"pfn\":%llu,"
		    "\"held\":%s}\n",
		    by, getpid(), (unsigned long long)(uintptr_t)(from + i * PAGE_BYTES),
		    (unsigned long long)(uintptr_t)(to + i * PAGE_BYTES), (unsigned long long)after,
		    after == frames[i] ? "true" : "false");
	}
}

static void by_mremap(uint64_t *frames)
{
	char *from = fill(frames), *place = map_pages(count);
	char *to = mremap(from, count * PAGE_BYTES, count * PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, place);

	if (to == MAP_FAILED)
		die("mremap");
	tell("mremap", from, to, frames);
}

/* False where this kernel cannot. */
static bool by_userfaultfd(uint64_t *frames)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_MOVE};
	char *from, *to;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return false;
	from = fill(frames);
	to = map_pages(count);

	struct uffdio_register range = {.range = {(uintptr_t)to, count * PAGE_BYTES},
					.mode = UFFDIO_REGISTER_MODE_MISSING};
	struct uffdio_move move = {.dst = (uintptr_t)to, .src = (uintptr_t)from, .len = count * PAGE_BYTES};

	if (ioctl(fd, UFFDIO_REGISTER, &range))
		die("UFFDIO_REGISTER");
	if (ioctl(fd, UFFDIO_MOVE, &move) || move.move != (int64_t)(count * PAGE_BYTES))
		die("UFFDIO_MOVE");
	tell("userfaultfd", from, to, frames);
	return true;
}

int main(int argc, char **argv)
{
	uint64_t *frames;

	count = argc > 1 ? strtoul(argv[1], NULL, 10) : 64;
	frames = calloc(count, 8);
	if (!frames || count < 1 || count > 4096) {
		fprintf(stderr, "usage: remap [PAGES] (1 to 4096)\n");
		return 2;
	}
	by_mremap(frames);
	printf("{\"userfaultfd_moves\":%s}\n", by_userfaultfd(frames) ? "true" : "false");
	return wrong ? 1 : 0;
}
