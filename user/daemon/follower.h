/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Answers that are streams of flow records. A follower that has read everything is suspended, and
 * resumed when the history grows or its client hangs up.
 */
#ifndef AEG_DAEMON_FOLLOWER_H
#define AEG_DAEMON_FOLLOWER_H

#include "base/loop.h"
#include "daemon/stream.h"

struct MHD_Connection;
struct MHD_Response;
struct aeg_follower;

struct aeg_followers {
	struct aeg_loop *loop;
	void (*run)(void *arg); /* lets the server work, when a client hung up */
	void *arg;
	struct aeg_follower *first;
};

/* The response that streams; it frees its follower itself. Takes the range's filter. NULL on failure. */
struct MHD_Response *aeg_follower_response(struct aeg_followers *followers,
					   struct MHD_Connection *connection,
					   const struct aeg_history *history,
					   struct aeg_stream_range *range);
/* Whether anybody was resumed: the server must run then. */
bool aeg_followers_resume(struct aeg_followers *followers);
/* The same, and no follower gets anything more. */
bool aeg_followers_end(struct aeg_followers *followers);

#endif
