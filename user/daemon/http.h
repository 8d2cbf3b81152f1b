/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * HTTP on a Unix socket, by libmicrohttpd inside our own event loop: no thread, no wake-up without a
 * client. Owns connections and bodies; what is said is daemon/api.h's.
 */
#ifndef AEG_DAEMON_HTTP_H
#define AEG_DAEMON_HTTP_H

#include "daemon/daemon.h"
#include "daemon/guard.h"

struct aeg_http;

/* Takes the listening socket. */
int aeg_http_open(struct aeg_daemon *daemon, int listen_fd, struct aeg_buf *error,
		  struct aeg_http **ret);
void aeg_http_close(struct aeg_http *http);
/* New flow records are there: those who follow them go on. */
void aeg_http_flows_grew(void *arg); /* a struct aeg_http */
struct aeg_guard_counts aeg_http_counts(const struct aeg_http *http);

#endif
