/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Ends denied connections. What cannot be ended now, or what the kernel could not report, is looked for
 * again: the kernel marked it, so it is found as long as it is open.
 */
#ifndef AEG_DAEMON_KILLER_H
#define AEG_DAEMON_KILLER_H

#include "daemon/reconciler.h"

struct aeg_killer;

enum aeg_kill_result {
	AEG_KILL_ENDED,
	AEG_KILL_GONE,	 /* it had ended already */
	AEG_KILL_FAILED, /* it is tried again, a while */
	AEG_KILL_MAX,
};
extern const char *const aeg_kill_words[AEG_KILL_MAX];

int aeg_killer_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
		    struct aeg_killer **ret);
void aeg_killer_close(struct aeg_killer *killer); /* NULL is fine */

void aeg_killer_kill(struct aeg_killer *killer, const struct aeg_event *event);
/* Some were not reported. */
void aeg_killer_look_again(struct aeg_killer *killer);
const uint64_t *aeg_killer_counts(const struct aeg_killer *killer);

#endif
