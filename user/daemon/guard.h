/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How long a connection may take, and who finds a place. Every one has a deadline that nothing moves, so
 * that a client that sends a byte now and then (slow loris) or reads one cannot hold a place; when all
 * places are taken, who has not asked yet must hurry. Some places can be kept for root and the daemon's
 * own user, so that nobody else can lock them out.
 */
#ifndef AEG_DAEMON_GUARD_H
#define AEG_DAEMON_GUARD_H

#include "base/log.h"
#include "base/loop.h"
#include <microhttpd.h>
#include <stddef.h>

struct aeg_guarded; /* one connection */

struct aeg_guard_counts { /* of connections that have ended */
	uint64_t answered, slow, unreadable;
	uint64_t refused; /* there was no place for them */
};

struct aeg_guard_settings {
	const char *component; /* in the log */
	size_t max;	       /* places, those that are kept among them */
	size_t kept;	       /* for root and our own user */
	uint32_t ask_ms;       /* to send a request's lines */
	uint32_t hurry_ms;     /* the same while all places are taken */
	uint32_t asked_ms;     /* from the beginning until aeg_guard_answering() or the end */
};

struct aeg_guard {
	struct aeg_guard_settings settings;
	struct aeg_watch *timer;
	struct aeg_guarded *first;
	size_t n, others; /* others: neither root nor ourselves */
	struct aeg_guard_counts counts;
	struct aeg_log_limit slow, unreadable, refused; /* of the lines in the log */
};

int aeg_guard_open(struct aeg_guard *guard, struct aeg_loop *loop,
		   const struct aeg_guard_settings *settings);
/* After the server is gone, and with it all connections. */
void aeg_guard_done(struct aeg_guard *guard);
/* For MHD_OPTION_NOTIFY_CONNECTION; arg is the guard. */
void aeg_guard_notify(void *arg, struct MHD_Connection *connection, void **context,
		      enum MHD_ConnectionNotificationCode code);
/* The lines of a request are there. */
void aeg_guard_asked(struct MHD_Connection *connection);
/* All of it is: the answer may take as long as it likes. */
void aeg_guard_answering(struct MHD_Connection *connection);
/* The answer was sent; another request may follow, and has its own time. */
void aeg_guard_answered(struct MHD_Connection *connection);

#endif
