/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A libmicrohttpd server inside our own event loop: its epoll descriptor is one of ours, and there is
 * one timer while clients are connected. No thread, no wake-up without a client.
 */
#ifndef AEG_DAEMON_SERVER_H
#define AEG_DAEMON_SERVER_H

#include "base/loop.h"
#include "daemon/api.h"

#include <microhttpd.h>

struct aeg_server {
	struct MHD_Daemon *mhd;
	struct aeg_watch *watch, *timer;
};

/* Takes the server, made with MHD_USE_EPOLL and no thread; NULL: it did not start, -EIO. */
int aeg_server_enter(struct aeg_server *server, struct aeg_loop *loop, struct MHD_Daemon *mhd);
/* Takes no more requests; the server can still be run. */
void aeg_server_leave(struct aeg_server *server);
void aeg_server_done(struct aeg_server *server);
/* Lets it work, and asks to be called again when it has to. */
void aeg_server_run(void *arg); /* a struct aeg_server */

/* Queues the response with the reply's status and headers and gives up the reference to it; NULL: there
 * is none. */
enum MHD_Result aeg_server_respond(struct MHD_Connection *connection, const struct aeg_reply *reply,
				   struct MHD_Response *response);
/* The body of a reply as a response of its own; nothing is left in the reply. */
struct MHD_Response *aeg_server_response(struct aeg_reply *reply);

/* For aeg_request.query; of a key without a value "". */
const char *aeg_server_query(const struct aeg_request *request, const char *key);

#endif
