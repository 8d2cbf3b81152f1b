/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The wall clock, watched by the monotonic one: the distance between them changes slowly, unless
 * somebody sets the clock or the machine sleeps. Pure.
 */
#ifndef AEG_OBSERVE_CLOCK_H
#define AEG_OBSERVE_CLOCK_H

#include <stdint.h>

struct aeg_clock {	    /* zeroed: not looked at yet */
	int64_t offset;	    /* CLOCK_REALTIME - CLOCK_MONOTONIC, the last time */
	uint64_t looked_ns; /* CLOCK_MONOTONIC of that; 0: never */
	uint64_t jumps;
};

/* Takes both as of now; returns by how much the wall clock jumped since the last time, 0: not at all. */
int64_t aeg_clock_look(struct aeg_clock *clock, uint64_t monotonic_ns, uint64_t realtime_ns);

#endif
