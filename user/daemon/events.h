/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Events of the kernel -> flow records -> the history and those who follow it. Sleeps while nothing
 * happens; under load it wakes at most fifty times a second and takes what has gathered.
 */
#ifndef AEG_DAEMON_EVENTS_H
#define AEG_DAEMON_EVENTS_H

#include "daemon/killer.h"
#include "daemon/losses.h"
#include "daemon/namer.h"
#include "daemon/reconciler.h"
#include "observe/clock.h"
#include "observe/fold.h"
#include "observe/history.h"
#include "observe/observer.h"
#include "observe/top.h"

#define AEG_OBSERVERS_MAX 8

struct aeg_events {
	struct aeg_reconciler *reconciler;
	struct aeg_names names;
	struct aeg_namer namer;
	struct aeg_history *history;
	struct aeg_fold *fold;
	struct aeg_top *top;
	struct aeg_killer *killer;
	struct aeg_watch *watch, *gather, *fold_timer;
	uint64_t fold_due;	  /* when fold_timer goes off, CLOCK_MONOTONIC; 0: it does not */
	struct aeg_clock clock;	  /* as of when draining began */
	struct aeg_losses losses; /* of each ring, as counted by the kernel when last looked */
	bool looked;		  /* for losses of the time before */
	struct aeg_observer observers[AEG_OBSERVERS_MAX];
	size_t nobservers;
	uint64_t read;		 /* events that came out of the rings */
	uint64_t denials;	 /* since the last line in the log */
	void (*grew)(void *arg); /* new lines are in the history; NULL: nobody cares */
	void *grew_arg;
};

int aeg_events_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
		    struct aeg_events **ret);
/* Is told of everything from now on, after those who were added before. */
void aeg_events_observe(struct aeg_events *events, const struct aeg_observer *observer);
/* Reads what is there and reports repeats that are still counted; observers are told a last time. */
void aeg_events_finish(struct aeg_events *events);
void aeg_events_close(struct aeg_events *events);

#endif
