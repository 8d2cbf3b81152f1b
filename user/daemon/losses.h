/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the rings had dropped when it was last told in a record: kept in the state directory, so that what
 * they drop while no daemon runs is told by the next one. Without the file everything since the pins
 * were made is told, once more perhaps: too much, never too little.
 */
#ifndef AEG_DAEMON_LOSSES_H
#define AEG_DAEMON_LOSSES_H

#include "daemon/config.h"
#include "observe/flow.h"

struct aeg_losses {
	char *path;
	char *pins; /* whose counters they are: a word for these pins, of this boot */
	uint64_t told[AEG_LOST_READER];
	bool changed; /* since it was saved */
};

void aeg_losses_open(struct aeg_losses *losses, const struct aeg_config *config);
/* How many more there are now, which are told with that. */
uint64_t aeg_losses_tell(struct aeg_losses *losses, enum aeg_lost_where where, uint64_t now);
/* After what was told is where it must be. A failure is told anew by the next daemon. */
void aeg_losses_save(struct aeg_losses *losses);
void aeg_losses_done(struct aeg_losses *losses);

#endif
