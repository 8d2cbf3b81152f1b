/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "kube/backoff.h"
#include "base/loop.h"

#include <sys/random.h>

uint64_t aeg_backoff_random(void)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = aeg_now_ns();
	return random;
}
