/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What each workload has of the table of learned addresses. The programs count what they put in, the
 * janitor what it takes out (bpf/abi.h, `shares`); and as it reads the whole table each time, it counts
 * anew: whatever a crash left uncounted is right again a minute later. So is the sum of all, which is one
 * number in `ctl` (aeg_ctl.learned).
 */
#ifndef AEG_DAEMON_SHARES_H
#define AEG_DAEMON_SHARES_H

#include "base/mem.h"
#include "datapath/datapath.h"

struct aeg_share {
	uint32_t workload;
	uint64_t taken, back;
	uint64_t alive, dead; /* of its addresses, as the janitor found them */
};

struct aeg_shares {
	AEG_VEC(struct aeg_share) list; /* by workload, ascending */
};

int aeg_shares_read(struct aeg_datapath *datapath, struct aeg_shares *ret);
void aeg_shares_done(struct aeg_shares *shares);
/* One row of the map, in any order; once all are there, aeg_shares_sort() makes the list of them. */
void aeg_shares_add(struct aeg_shares *shares, const struct aeg_share_key *key, uint64_t count);
void aeg_shares_sort(struct aeg_shares *shares);
/* NULL: it has none. */
struct aeg_share *aeg_shares_find(const struct aeg_shares *shares, uint32_t workload);

/* Addresses that count against the share. */
uint64_t aeg_share_used(const struct aeg_share *share);
/*
 * What has been given back once those that are dead are deleted. later: what was taken when the table had
 * been read; share has what was taken before. Where both are the same the count of the table holds, else
 * that of the deleted.
 */
uint64_t aeg_share_settle(const struct aeg_share *share, uint64_t later);
/* Whether it had no address in the table, not even a dead one, and took none meanwhile. */
bool aeg_share_idle(const struct aeg_share *share, uint64_t later);

#endif
