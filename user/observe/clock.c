/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A clock that is disciplined drifts by half a thousandth at most (adjtimex(2)): that is no jump. */
#include "observe/clock.h"
#include <stdbool.h>

#define STEP_NS 500000000 /* smaller ones change no record's meaning */
#define DRIFT 1000	  /* one in so many ns */

int64_t aeg_clock_look(struct aeg_clock *clock, uint64_t monotonic_ns, uint64_t realtime_ns)
{
	int64_t offset = (int64_t)(realtime_ns - monotonic_ns), change = offset - clock->offset;
	int64_t slack = STEP_NS + (int64_t)((monotonic_ns - clock->looked_ns) / DRIFT);
	bool jumped = clock->looked_ns && (change > slack || change < -slack);

	clock->offset = offset;
	clock->looked_ns = monotonic_ns;
	clock->jumps += jumped;
	return jumped ? change : 0;
}
