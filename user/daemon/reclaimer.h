/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Makes room in the kernel's counters: rows of workloads that are gone, and that counted nothing for
 * metrics.keepGone, are added up by namespace, and those sums go when the whole namespace has gone as long.
 * What is counted by namespace or for the node stays exact. Sleeps while nobody is gone.
 */
#ifndef AEG_DAEMON_RECLAIMER_H
#define AEG_DAEMON_RECLAIMER_H

#include "daemon/reconciler.h"

struct aeg_reclaimer;

int aeg_reclaimer_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
		       struct aeg_reclaimer **ret);
void aeg_reclaimer_close(struct aeg_reclaimer *reclaimer);
/* A workload has gone, or may have. reclaimer NULL: nothing is done. */
void aeg_reclaimer_wake(struct aeg_reclaimer *reclaimer);
/* How often rows were taken away so far. */
uint64_t aeg_reclaimer_rounds(const struct aeg_reclaimer *reclaimer);

#endif
