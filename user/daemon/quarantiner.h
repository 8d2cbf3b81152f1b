/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The emergency stop: keeps who is quarantined in STATE/quarantine.json, lets the time of each run out,
 * and has the kernel told at once. A file that cannot be read is left alone, and nothing is changed
 * until somebody has looked at it: the kernel's rows keep what was in force.
 */
#ifndef AEG_DAEMON_QUARANTINER_H
#define AEG_DAEMON_QUARANTINER_H

#include "daemon/reconciler.h"
#include "workload/quarantine.h"

struct aeg_quarantiner;

int aeg_quarantiner_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
			 struct aeg_quarantiner **ret);
void aeg_quarantiner_close(struct aeg_quarantiner *quarantiner);

/* NULL: all is well; else why the file is not believed. Borrowed. */
const char *aeg_quarantiner_trouble(const struct aeg_quarantiner *quarantiner);
const struct aeg_quarantines *aeg_quarantiner_all(const struct aeg_quarantiner *quarantiner);
/* quarantiner NULL: nobody is. */
bool aeg_quarantiner_holds(const struct aeg_quarantiner *quarantiner,
			   const struct aeg_workload *workload);

/*
 * In force when it returns 0, and kept; *ret_live: workloads that are there and held. -EBADF: the file
 * is not believed; -ENOENT of a release: nobody of that name is held.
 */
int aeg_quarantiner_hold(struct aeg_quarantiner *quarantiner,
			 const struct aeg_quarantine *quarantine, const struct aeg_cause *cause,
			 size_t *ret_live);
int aeg_quarantiner_release(struct aeg_quarantiner *quarantiner, const char *ns, const char *name,
			    const struct aeg_cause *cause);

#endif
