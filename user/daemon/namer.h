/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From the numbers of an event to the words of a flow. What was found is remembered by numbers: a
 * flood of events asks for the same few over and over.
 */
#ifndef AEG_DAEMON_NAMER_H
#define AEG_DAEMON_NAMER_H

#include "daemon/names.h"
#include "observe/words.h"

#define AEG_NAMER_CACHE 4096 /* combinations of numbers; a power of two */

struct aeg_namer {
	struct aeg_names *names; /* borrowed */
	struct {
		uint32_t workload, node, rule, other_rule;
		struct aeg_words *words; /* NULL: free */
	} cache[AEG_NAMER_CACHE];
};

/* Forgets what it found: there is another ruleset. */
void aeg_namer_reset(struct aeg_namer *namer);
/* The words of an event; borrowed until the next reset. */
struct aeg_words *aeg_namer_words(struct aeg_namer *namer, const struct aeg_event *event);

#endif
