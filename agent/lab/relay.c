// SPDX-License-Identifier: MIT
/*
 * Bridge between the guest's network card and the agent's unix socket: the agent speaks plain TCP on loopback
 *only, and inside the lab the "network" is one port that QEMU forwards from the host's loopback.
 *
 *	relay PORT SOCKET
 *
 * One process a connection. What one side still has to say is delivered before the other is closed.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static bool write_all(int fd, const char *bytes, ssize_t left)
{
	while (left > 0) {
		ssize_t written = write(fd, bytes, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		left -= written;
	}
	return true;
}

/* Moves what is there from one end to the other. False at its end. */
static bool move(int from, int to)
{
	static char buffer[1 << 16];
	ssize_t got = read(from, buffer, sizeof(buffer));

	if (got < 0 && errno == EINTR)
		return true;
	if (got > 0 && write_all(to, buffer, got))
		return true;
	shutdown(to, SHUT_WR);
	return false;
}

static void splice_both(int a, int b)
{
	struct pollfd ends[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};

	while (ends[0].fd >= 0 || ends[1].fd >= 0) {
		if (poll(ends, 2, -1) < 0 && errno != EINTR)
			die("relay: poll");
		for (int i = 0; i < 2; i++)
			if (ends[i].fd >= 0 && ends[i].revents && !move(ends[i].fd, i ? a : b))
				ends[i].fd = -1;
	}
}

static int connect_agent(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: relay PORT SOCKET\n");
		return 2;
	}

	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 16) < 0)
		die("relay: listen");
	for (;;) {
		int client = accept(listener, NULL, NULL);

		if (client < 0)
			continue;
		if (fork() == 0) {
			int agent = connect_agent(argv[2]);

			if (agent < 0)
				die("relay: connect to the agent");
			close(listener);
			setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			splice_both(client, agent);
			_exit(0);
		}
		close(client);
	}
}
