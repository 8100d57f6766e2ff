// SPDX-License-Identifier: MIT
/*
 * Stands in for the agent of a guest: becomes /bin/late-agent, which listens where it was told to (the third
 * word) and traces nobody but whom its clients filter for.
 */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: on_demand_agent serve --listen ADDRESS ..\n");
		return 2;
	}
	execl("/bin/late-agent", "late-agent", "serve", "--on-demand", "--listen", argv[3], NULL);
	perror("/bin/late-agent");
	return 127;
}
