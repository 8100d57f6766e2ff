// SPDX-License-Identifier: MIT
/*
 * Stands in for the agent of a guest: becomes /bin/late-agent with the words that it was given and those of
 * /bin/agent-words, for tests that need an agent with other options than the guest's conductor gives.
 */
#include <stdio.h>
#include <unistd.h>

#define MOST_WORDS 32

int main(int argc, char **argv)
{
	static char words[MOST_WORDS][64];
	FILE *file = fopen("/bin/agent-words", "re");
	char *all[2 * MOST_WORDS] = {NULL};
	int count = argc;

	if (!file || argc > MOST_WORDS) {
		fprintf(stderr, "usage: flood_agent WORD.., with more words in /bin/agent-words\n");
		return 2;
	}
	for (int i = 0; i < argc; i++)
		all[i] = argv[i];
	for (int i = 0; i < MOST_WORDS - 1 && fscanf(file, "%63s", words[i]) == 1; i++)
		all[count++] = words[i];
	fclose(file);
	execv("/bin/late-agent", all);
	perror("/bin/late-agent");
	return 127;
}
