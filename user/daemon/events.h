/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Events of the kernel -> flow records -> the history and those who follow it. Sleeps while nothing
 * happens; under load it wakes at most fifty times a second and takes what has gathered.
 */
#ifndef AEG_DAEMON_EVENTS_H
#define AEG_DAEMON_EVENTS_H

#include "daemon/names.h"
#include "daemon/reconciler.h"
#include "observe/history.h"

struct aeg_events {
	struct aeg_reconciler *reconciler;
	struct aeg_names names;
	struct aeg_history *history;
	struct aeg_watch *watch, *gather;
	int64_t realtime_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC, when draining began */
	uint64_t lost;		    /* of both rings, as counted by the kernel when last looked */
	uint64_t denials;	    /* since the last line in the log */
	void (*grew)(void *arg);    /* new lines are in the history; NULL: nobody cares */
	void *grew_arg;
};

int aeg_events_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
		    struct aeg_events **ret);
void aeg_events_close(struct aeg_events *events);

#endif
