/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What of the daemon's life goes into the audit log: its start and stop, changes of the documents and
 * who asked for them, denials, losses. NULL stands for a log that is switched off, everywhere.
 */
#ifndef AEG_DAEMON_AUDITING_H
#define AEG_DAEMON_AUDITING_H

#include "daemon/events.h"
#include "observe/audit.h"

struct aeg_auditing;

/* Opens the log and records the start. A log that cannot be written is no error, a key that cannot be
 * read is one. */
int aeg_auditing_open(const struct aeg_config *config, struct aeg_loop *loop, struct aeg_buf *error,
		      struct aeg_auditing **ret);
void aeg_auditing_watch(struct aeg_auditing *auditing, struct aeg_reconciler *reconciler);
void aeg_auditing_observe(struct aeg_auditing *auditing, struct aeg_events *events);
/* Records the stop, with its reason: a signal, or 0 for a failure. */
void aeg_auditing_close(struct aeg_auditing *auditing, int signo);
/* False: switched off. */
bool aeg_auditing_stats(const struct aeg_auditing *auditing, struct aeg_audit_stats *ret);

#endif
