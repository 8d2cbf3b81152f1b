/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How long a connection may take. Every one has a deadline that nothing moves, so that a client that
 * sends a byte now and then (slow loris) or reads one cannot hold a place; when all places are taken, who
 * has not asked yet must hurry.
 */
#ifndef AEG_DAEMON_GUARD_H
#define AEG_DAEMON_GUARD_H

#include "base/loop.h"
#include <microhttpd.h>
#include <stddef.h>

struct aeg_guarded; /* one connection */

struct aeg_guard_counts { /* of connections that have ended */
	uint64_t answered, slow, unreadable;
};

struct aeg_guard {
	struct aeg_watch *timer;
	struct aeg_guarded *first;
	size_t n, max;
	struct aeg_guard_counts counts;
};

int aeg_guard_open(struct aeg_guard *guard, struct aeg_loop *loop, size_t max);
/* After the server is gone, and with it all connections. */
void aeg_guard_done(struct aeg_guard *guard);
/* For MHD_OPTION_NOTIFY_CONNECTION; arg is the guard. */
void aeg_guard_notify(void *arg, struct MHD_Connection *connection, void **context,
		      enum MHD_ConnectionNotificationCode code);
/* The connection's request is there; from now on it is about the answer. */
void aeg_guard_asked(struct MHD_Connection *connection);

#endif
