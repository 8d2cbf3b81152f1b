/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * For how long nothing was counted for those who are gone: two looks that find the same sum. That says more
 * than when a workload went: a socket that it handed to another one may outlive it, and one that came back
 * meanwhile has counted something, or has nothing to lose.
 */
#ifndef AEG_DAEMON_DEPARTED_H
#define AEG_DAEMON_DEPARTED_H

#include "base/mem.h"
#include <stdint.h>

struct aeg_departure {
	uint32_t number; /* of the workload */
	uint64_t sum;	 /* of all that was counted for it */
	uint64_t since;	 /* ns: the first look that found this sum */
};
struct aeg_departures {
	AEG_VEC(struct aeg_departure) list; /* ascending by number */
};

/* `seen` is what this look found, with number and sum, ascending; it is given what it needs to know of the
 * look before, which it replaces. */
void aeg_departures_look(const struct aeg_departures *before, struct aeg_departures *seen,
			 uint64_t now);

#endif
