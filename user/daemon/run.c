/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/run.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define WORDS 2

/* Random; on a machine that has no randomness yet the time and the process tell runs apart. */
static void draw(uint64_t ret[WORDS])
{
	struct timespec now;

	if (getrandom(ret, WORDS * sizeof(*ret), GRND_NONBLOCK) == (ssize_t)(WORDS * sizeof(*ret)))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	ret[0] = (uint64_t)now.tv_sec << 32 | (uint64_t)now.tv_nsec;
	ret[1] = (uint64_t)getpid();
}

const char *aeg_run(void)
{
	static char text[33];
	uint64_t words[WORDS];

	if (*text)
		return text;
	draw(words);
	snprintf(text, sizeof(text), "%016llx%016llx", (unsigned long long)words[0],
		 (unsigned long long)words[1]);
	return text;
}
