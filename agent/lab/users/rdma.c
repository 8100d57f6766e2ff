// SPDX-License-Identifier: MIT
/*
 * rdma [PAGES [shared]]: memory registered with an RDMA device, as ibv_reg_mr() does it: by write() on
 * uverbs0. The device is made here, of software alone (rdma_rxe), over the loopback interface. The
 * registration pins every page for write and for long term (drivers/infiniband/core/umem.c, ib_umem_get());
 * the parent forks and writes, and still owns what the device would reach; then it is given back. Exit status
 * 1 if the kernel counted other pins.
 *
 * `shared`: the pages, at most 512, are of one huge page, so that they are given back as one range; and
 * before they are, a second process that has the same memory (CLONE_VM) registers SHARED_PAGES of them as
 * well, from SHARED_FIRST on, and gives them back last.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_netlink.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "user.h"

#define DEVICE "/dev/infiniband/uverbs0"

/* One attribute that is a string, behind what the message holds already. */
static void put_string(struct nlmsghdr *message, unsigned short type, const char *text)
{
	struct nlattr *attribute = (void *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));
	size_t bytes = strlen(text) + 1;

	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + bytes;
	memcpy((char *)attribute + NLA_HDRLEN, text, bytes);
	message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + NLA_ALIGN(attribute->nla_len);
}

/* As `rdma link add rxe0 type rxe netdev lo`. */
static void add_device(void)
{
	char room[256] = {0};
	struct nlmsghdr *message = (void *)room;
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_RDMA);
	const struct nlmsgerr *answer;

	if (netlink < 0)
		die("NETLINK_RDMA");
	message->nlmsg_len = NLMSG_HDRLEN;
	message->nlmsg_type = RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_NEWLINK);
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	put_string(message, RDMA_NLDEV_ATTR_DEV_NAME, "rxe0");
	put_string(message, RDMA_NLDEV_ATTR_LINK_TYPE, "rxe");
	put_string(message, RDMA_NLDEV_ATTR_NDEV_NAME, "lo");
	if (send(netlink, room, message->nlmsg_len, 0) < 0 || recv(netlink, room, sizeof(room), 0) < 0)
		die("RDMA_NLDEV_CMD_NEWLINK");
	answer = NLMSG_DATA(message);
	if (message->nlmsg_type == NLMSG_ERROR && answer->error && answer->error != -EEXIST) {
		errno = -answer->error;
		die("RDMA_NLDEV_CMD_NEWLINK: rxe");
	}
	close(netlink);
}

static int open_device(void)
{
	int device = -1;

	for (int i = 0; i < 100 && device < 0; i++) {
		device = open(DEVICE, O_RDWR | O_CLOEXEC);
		if (device < 0)
			usleep(20000);
	}
	if (device < 0)
		die(DEVICE);
	return device;
}

/* A command, its words, and where the answer goes: `command` begins with a header that is filled here. */
static void verb(int device, unsigned int number, void *command, size_t bytes, size_t answer_bytes)
{
	struct ib_uverbs_cmd_hdr *header = command;

	header->command = number;
	header->in_words = bytes / 4;
	header->out_words = answer_bytes / 4;
	if (write(device, command, bytes) != (ssize_t)bytes)
		die("uverbs");
}

static void get_context(int device)
{
	struct ib_uverbs_get_context_resp answer;
	struct {
		struct ib_uverbs_cmd_hdr header;
		struct ib_uverbs_get_context body;
	} command = {.body.response = (uintptr_t)&answer};

	verb(device, IB_USER_VERBS_CMD_GET_CONTEXT, &command, sizeof(command), sizeof(answer));
	close(answer.async_fd);
}

static unsigned int alloc_pd(int device)
{
	struct ib_uverbs_alloc_pd_resp answer;
	struct {
		struct ib_uverbs_cmd_hdr header;
		struct ib_uverbs_alloc_pd body;
	} command = {.body.response = (uintptr_t)&answer};

	verb(device, IB_USER_VERBS_CMD_ALLOC_PD, &command, sizeof(command), sizeof(answer));
	return answer.pd_handle;
}

static unsigned int register_memory(int device, unsigned int pd, char *memory, size_t bytes)
{
	struct ib_uverbs_reg_mr_resp answer;
	struct {
		struct ib_uverbs_cmd_hdr header;
		struct ib_uverbs_reg_mr body;
	} command = {.body = {
			 .response = (uintptr_t)&answer,
			 .start = (uintptr_t)memory,
			 .length = bytes,
			 .hca_va = (uintptr_t)memory,
			 .pd_handle = pd,
			 .access_flags = IB_UVERBS_ACCESS_LOCAL_WRITE | IB_UVERBS_ACCESS_REMOTE_WRITE,
		     }};

	verb(device, IB_USER_VERBS_CMD_REG_MR, &command, sizeof(command), sizeof(answer));
	return answer.mr_handle;
}

static void deregister_memory(int device, unsigned int mr)
{
	struct {
		struct ib_uverbs_cmd_hdr header;
		struct ib_uverbs_dereg_mr body;
	} command = {.body.mr_handle = mr};

	verb(device, IB_USER_VERBS_CMD_DEREG_MR, &command, sizeof(command), 0);
}

#define HUGE_BYTES (2UL << 20)
#define SHARED_FIRST 40
#define SHARED_PAGES 20

static char *map_huge_page(void)
{
	char *room = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *page = (char *)(((uintptr_t)room + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));

	if (room == MAP_FAILED || madvise(page, HUGE_BYTES, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE");
	memset(page, 'h', HUGE_BYTES);
	if (pfn_of(page + HUGE_BYTES - PAGE_BYTES) != pfn_of(page) + HUGE_BYTES / PAGE_BYTES - 1) {
		fprintf(stderr, "rdma: the memory is no huge page\n");
		exit(1);
	}
	return page;
}

struct sharer {
	char *memory;
	int ready[2];
	int go_on[2];
};

static int share(void *argument)
{
	struct sharer *sharer = argument;
	char *memory = sharer->memory + SHARED_FIRST * PAGE_BYTES, byte = 0;
	int device = open_device();
	unsigned int mr;

	get_context(device);
	mr = register_memory(device, alloc_pd(device), memory, SHARED_PAGES * PAGE_BYTES);
	if (write(sharer->ready[1], &byte, 1) != 1 || read(sharer->go_on[0], &byte, 1) != 1)
		die("pipe");
	deregister_memory(device, mr);
	return 0;
}

static int register_shared(int device, size_t pages)
{
	static char stack[1 << 16] __attribute__((aligned(16)));
	struct sharer sharer = {.memory = map_huge_page()};
	unsigned int mr = register_memory(device, alloc_pd(device), sharer.memory, pages * PAGE_BYTES);
	char byte = 0;
	pid_t child;
	int status;

	if (pipe(sharer.ready) || pipe(sharer.go_on))
		die("pipe");
	child = clone(share, stack + sizeof(stack), CLONE_VM | SIGCHLD, &sharer);
	if (child < 0 || read(sharer.ready[0], &byte, 1) != 1)
		die("clone");
	deregister_memory(device, mr);
	if (write(sharer.go_on[1], &byte, 1) != 1 || waitpid(child, &status, 0) != child || status)
		die("sharer");
	printf("{\"way\":\"shared\",\"pid\":%d,\"sharer\":%d,\"pages\":%zu,\"shared\":%d}\n", getpid(), child,
	       pages, SHARED_PAGES);
	return 0;
}

int main(int argc, char **argv)
{
	size_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;
	struct pin_counts before;
	unsigned int mr;
	char *memory;
	int device;
	uint64_t pfn;
	pid_t child;

	if (!pages || pages > (argc > 2 ? HUGE_BYTES / PAGE_BYTES : 4096) ||
	    (argc > 2 && strcmp(argv[2], "shared"))) {
		fprintf(stderr, "usage: rdma [PAGES [shared]] (1 to 4096, of one huge page to 512)\n");
		return 2;
	}
	add_device();
	device = open_device();
	get_context(device);
	if (argc > 2)
		return register_shared(device, pages);
	memory = tell_pages(pages);
	before = count_pins();
	mr = register_memory(device, alloc_pd(device), memory, pages * PAGE_BYTES);
	pfn = pfn_of(memory);
	child = fork();
	if (child == 0)
		_exit(0);
	write_page(memory, 'b');
	if (waitpid(child, NULL, 0) != child)
		die("child");
	if (pfn_of(memory) != pfn) {
		fprintf(stderr, "rdma: the parent's page is another one than the device's\n");
		return 1;
	}
	deregister_memory(device, mr);
	return tell_end("rdma", getpid(), memory, pages, before, pages);
}
