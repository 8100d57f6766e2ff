// SPDX-License-Identifier: MIT
/*
 * The guest's conductor: holds the workload back until the host says go, so that the agent is attached to it
 *and a recorder listens before its first instruction; carries its output and its end to the host.
 *
 *	supervise CHANNEL AGENT|- SOCKET WORKLOAD..
 *
 * CHANNEL is a serial line. To the host go frames: a type byte, a length in two bytes (little endian), the
 *bytes: R ready (pid of the workload)	o, e stdout, stderr	X ended (exit status in decimal)	E
 *trouble (text) D the agent has ended From the host come single bytes: g go, t let the agent end, q power
 *off.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define AGENT_START_MS 30000
#define AGENT_END_MS 15000
/* After the workload's end its descendants may keep the pipes open: what they say so late is not waited for
 * longer. */
#define LAST_WORDS_MS 300

static int channel;

static void send_frame(char type, const char *bytes, size_t length)
{
	char frame[3 + 4096] = {type, length & 0xff, length >> 8};
	size_t sent = 0;

	memcpy(frame + 3, bytes, length);
	while (sent < length + 3) {
		ssize_t written = write(channel, frame + sent, length + 3 - sent);

		if (written < 0 && errno != EINTR && errno != EAGAIN)
			exit(1);
		if (written > 0)
			sent += written;
	}
}

static void tell(char type, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	send_frame(type, text, strlen(text));
}

static void open_channel(const char *path)
{
	struct termios raw;

	channel = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (channel < 0) {
		perror(path);
		exit(1);
	}
	tcgetattr(channel, &raw);
	cfmakeraw(&raw);
	cfsetspeed(&raw, B115200);
	tcsetattr(channel, TCSANOW, &raw);
}

/* The workload, stopped at a pipe until it reads one byte. */
static pid_t hold_workload(char **command, int go[2], int out[2], int err[2])
{
	pid_t pid = fork();
	char byte;

	if (pid != 0)
		return pid;
	close(go[1]);
	dup2(out[1], STDOUT_FILENO);
	dup2(err[1], STDERR_FILENO);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	if (read(go[0], &byte, 1) != 1)
		_exit(1);
	execvp(command[0], command);
	dprintf(STDERR_FILENO, "%s: %s\n", command[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static bool answers(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return connected;
}

/* Starts the agent on the workload and waits until its socket is there. It listens before it attaches, and
 * answers after: who is subscribed may say go. */
static pid_t start_agent(const char *agent, const char *path, pid_t workload)
{
	char listen[160], target[16];
	pid_t pid;
	int status;

	snprintf(listen, sizeof(listen), "unix://%s", path);
	snprintf(target, sizeof(target), "%d", workload);
	pid = fork();
	if (pid == 0) {
		execl(agent, agent, "serve", "--listen", listen, "--pid", target, NULL);
		perror(agent);
		_exit(127);
	}
	for (int waited = 0; !answers(path); waited += 10) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			tell('E', "the agent ended at its start with status %d",
			     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
			return 0;
		}
		if (waited >= AGENT_START_MS) {
			tell('E', "the agent does not serve after %d s", AGENT_START_MS / 1000);
			return 0;
		}
		usleep(10000);
	}
	return pid;
}

static void end_agent(pid_t agent)
{
	kill(agent, SIGTERM);
	for (int waited = 0; waited < AGENT_END_MS; waited += 10) {
		if (waitpid(agent, NULL, WNOHANG) == agent)
			return;
		usleep(10000);
	}
	kill(agent, SIGKILL);
	waitpid(agent, NULL, 0);
	tell('E', "the agent did not end within %d s of being asked: its last events may be lost",
	     AGENT_END_MS / 1000);
}

/* Passes on what a pipe holds. False at its end. */
static bool forward(char type, int pipe)
{
	char bytes[4096];
	ssize_t got = read(pipe, bytes, sizeof(bytes));

	if (got > 0)
		send_frame(type, bytes, got);
	return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

int main(int argc, char **argv)
{
	int go[2], out[2], err[2], status;
	pid_t workload, agent = 0;
	bool ended = false;

	if (argc < 5)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	open_channel(argv[1]);
	if (pipe2(go, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return 1;
	workload = hold_workload(argv + 4, go, out, err);
	close(out[1]);
	close(err[1]);
	if (strcmp(argv[2], "-") != 0) {
		agent = start_agent(argv[2], argv[3], workload);
		if (!agent)
			return 1;
	}
	tell('R', "%d", workload);

	struct pollfd ends[3] = {{.fd = channel, .events = POLLIN},
				 {.fd = out[0], .events = POLLIN},
				 {.fd = err[0], .events = POLLIN}};

	for (;;) {
		int ready = poll(ends, 3, ended ? LAST_WORDS_MS : 20);
		char order;

		if (ends[0].revents & POLLIN && read(channel, &order, 1) == 1) {
			if (order == 'g' && write(go[1], "g", 1) != 1)
				tell('E', "the workload is gone before its start");
			if (order == 't' && agent) {
				end_agent(agent);
				agent = 0;
				tell('D', "");
			}
			if (order == 'q')
				return 0;
		}
		if (ends[1].revents && !forward('o', out[0]))
			ends[1].fd = -1;
		if (ends[2].revents && !forward('e', err[0]))
			ends[2].fd = -1;
		if (agent && waitpid(agent, &status, WNOHANG) == agent) {
			agent = 0;
			tell('E', "the agent ended before the workload");
		}
		if (workload && !ended && waitpid(workload, &status, WNOHANG) == workload)
			ended = true;
		else if (workload && ended && (ready == 0 || (ends[1].fd < 0 && ends[2].fd < 0))) {
			workload = 0;
			tell('X', "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		}
	}
}
