/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the answers of the API are made from: the parts of the running daemon, all borrowed. */
#ifndef AEG_DAEMON_DAEMON_H
#define AEG_DAEMON_DAEMON_H

#include "daemon/events.h"
#include "daemon/reconciler.h"

struct aeg_auditing;
struct aeg_http;
struct aeg_monitor;
struct aeg_pod_events;
struct aeg_status_writer;

struct aeg_daemon {
	const struct aeg_config *config;
	struct aeg_loop *loop;
	struct aeg_reconciler *reconciler;
	struct aeg_events *events;
	struct aeg_auditing *auditing;		 /* NULL: switched off */
	struct aeg_http *http;			 /* NULL: not serving (any more) */
	int stopped_by;				 /* a signal; 0: not yet, or by an error */
	struct aeg_monitor *monitor;		 /* NULL: metrics are off, or their port is taken */
	struct aeg_pod_events *pod_events;	 /* NULL: switched off, or no cluster */
	struct aeg_status_writer *status_writer; /* the same */
	uint64_t started_at_ns;			 /* CLOCK_REALTIME */
};

#endif
