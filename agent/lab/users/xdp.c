// SPDX-License-Identifier: MIT
/*
 * xdp PAGES: gives PAGES pages to an AF_XDP socket on lo as its memory for packets (a umem), and closes it.
 * The kernel gives the pages back by a worker (net/xdp/xdp_umem.c, xdp_umem_release_deferred()). Exit status
 * 1 if the kernel counted other pins than one a page.
 */
#include <linux/if_xdp.h>
#include <net/if.h>
#include <sys/socket.h>

#include "user.h"

#define RING_ENTRIES 4

static void make_ring(int socket, int which)
{
	int entries = RING_ENTRIES;

	if (setsockopt(socket, SOL_XDP, which, &entries, sizeof(entries)))
		die("AF_XDP ring");
}

int main(int argc, char **argv)
{
	size_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : 4;
	struct sockaddr_xdp loopback = {.sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY};
	struct xdp_umem_reg umem = {.chunk_size = PAGE_BYTES};
	struct pin_counts before;
	char *memory;
	int packets;

	if (!pages || pages > 4096) {
		fprintf(stderr, "usage: xdp [PAGES] (1 to 4096)\n");
		return 2;
	}
	packets = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (packets < 0)
		die("AF_XDP");
	memory = tell_pages(pages);
	before = count_pins();
	umem.addr = (uintptr_t)memory;
	umem.len = pages * PAGE_BYTES;
	if (setsockopt(packets, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)))
		die("XDP_UMEM_REG");
	make_ring(packets, XDP_UMEM_FILL_RING);
	make_ring(packets, XDP_UMEM_COMPLETION_RING);
	make_ring(packets, XDP_RX_RING);
	loopback.sxdp_ifindex = if_nametoindex("lo");
	if (bind(packets, (struct sockaddr *)&loopback, sizeof(loopback)))
		die("bind to lo");
	close(packets);
	return tell_end("xdp", getpid(), memory, pages, before, pages);
}
