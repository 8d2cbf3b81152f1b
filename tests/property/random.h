/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pseudo-random choices that a seed repeats (splitmix64). */
#ifndef AEG_TEST_RANDOM_H
#define AEG_TEST_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* 0 .. n - 1 */
static inline unsigned int random_below(struct random *random, unsigned int n)
{
	return (unsigned int)(random_next(random) % n);
}

static inline bool random_percent(struct random *random, unsigned int percent)
{
	return random_below(random, 100) < percent;
}

#define RANDOM_OF(random, array) ((array)[random_below(random, sizeof(array) / sizeof((array)[0]))])

#endif
