/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pods that come, change and go while a ruleset is in force: rows are added and deleted, nothing is
 * compiled anew but the profiles of those it concerns.
 */
#ifndef AEG_DAEMON_PODS_H
#define AEG_DAEMON_PODS_H

#include "daemon/reconciler.h"

/* New, or other labels or another service account than before. */
void aeg_pods_seen(struct aeg_reconciler *reconciler, const struct aeg_workload *pod);
void aeg_pods_gone(struct aeg_reconciler *reconciler, const char *uid);

#endif
