// SPDX-License-Identifier: MIT
/*
 * Stands in for the agent of a guest: becomes /bin/late-agent with its own words, and behind them those of
 * /bin/agent-words, one a line.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_WORDS 32

int main(int argc, char **argv)
{
	char lines[MOST_WORDS][64], *words[2 * MOST_WORDS] = {NULL};
	FILE *file = fopen("/bin/agent-words", "re");
	int count = 0;

	if (!file || argc > MOST_WORDS) {
		fprintf(stderr, "usage: worded_agent serve ..\n");
		return 2;
	}
	for (; count < argc; count++)
		words[count] = argv[count];
	for (int i = 0; i < MOST_WORDS - 1 && fgets(lines[i], sizeof(lines[i]), file); i++) {
		lines[i][strcspn(lines[i], "\n")] = 0;
		words[count++] = lines[i];
	}
	execv("/bin/late-agent", words);
	perror("/bin/late-agent");
	return 127;
}
