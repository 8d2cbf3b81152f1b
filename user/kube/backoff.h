/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How long to wait before the next try: doubles up to a limit, and no two nodes wait alike. */
#ifndef AEG_KUBE_BACKOFF_H
#define AEG_KUBE_BACKOFF_H

#include <stdint.h>

#define AEG_BACKOFF_FIRST_MS 200
#define AEG_BACKOFF_LAST_MS 30000

struct aeg_backoff {
	uint32_t failures; /* in a row */
};

/* Fit for aeg_backoff_next(), also before the kernel has gathered randomness. */
uint64_t aeg_backoff_random(void);

/* random: any number; a wait is between half and all of its step. */
static inline uint64_t aeg_backoff_next(struct aeg_backoff *backoff, uint64_t random)
{
	uint32_t doublings = backoff->failures < 16 ? backoff->failures : 16;
	uint64_t step = (uint64_t)AEG_BACKOFF_FIRST_MS << doublings;

	backoff->failures++;
	if (step > AEG_BACKOFF_LAST_MS)
		step = AEG_BACKOFF_LAST_MS;
	return step / 2 + random % (step / 2 + 1);
}

static inline void aeg_backoff_reset(struct aeg_backoff *backoff)
{
	backoff->failures = 0;
}

#endif
