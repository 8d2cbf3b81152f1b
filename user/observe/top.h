/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who talks most, now: sums of the last minute by workload and endpoint, in slots of a few seconds.
 * Bounded: pairs that find no room are summed up in one row without words, so that the whole stays
 * right. Needs no timer: old slots are cleared when new ones begin.
 */
#ifndef AEG_OBSERVE_TOP_H
#define AEG_OBSERVE_TOP_H

#include "observe/flow.h"

#define AEG_TOP_SECONDS 60 /* how far back it goes at most */

struct aeg_top;

struct aeg_top_sums {
	uint64_t opens, audited; /* connections that began; those of them that would be denied */
	uint64_t denials;
	uint64_t closes;	 /* of those that ended, the rest: */
	uint64_t sent, received; /* bytes */
	uint64_t retransmits;
	uint64_t rtt_us, rtts; /* sum, and of how many */
};

/* What rows are about. */
enum aeg_top_by { AEG_TOP_PAIR, AEG_TOP_WORKLOAD, AEG_TOP_ENDPOINT, AEG_TOP_BY_MAX };

/* Borrowed words; all NULL: pairs that found no room. */
struct aeg_top_row {
	const char *ns, *workload; /* NULL with AEG_TOP_ENDPOINT */
	const char *endpoint;	   /* NULL with AEG_TOP_WORKLOAD, and where there is none */
	bool rest;		   /* what found no room */
	struct aeg_top_sums sums;
};

/* max: pairs. now: CLOCK_MONOTONIC, ns, as in events. */
struct aeg_top *aeg_top_new(size_t max, uint64_t now);
void aeg_top_free(struct aeg_top *top);
void aeg_top_add(struct aeg_top *top, const struct aeg_flow *flow);
/*
 * The rows of the last `seconds`, by most connections and denials; the caller frees. Sets *ret_ms to
 * the time that they really cover. Borrowed until the next add.
 */
struct aeg_top_row *aeg_top_list(const struct aeg_top *top, uint64_t now, unsigned int seconds,
				 enum aeg_top_by by, size_t *ret_n, uint64_t *ret_ms);

#endif
