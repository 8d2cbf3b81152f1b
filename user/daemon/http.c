/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Followers of flows are suspended while there is nothing to send. */
#include "daemon/http.h"
#include "daemon/follower.h"
#include "daemon/server.h"

#include <errno.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 72
#define CONNECTIONS_KEPT 8 /* of them, for root and our own user */
#define ASK_MS 5000
#define HURRY_MS 500
#define BODY_MS 15000
#define CONNECTION_MEMORY (32 * 1024) /* header lines and buffers of one connection */
#define IDLE_SECONDS 15
#define DISCARD_MAX (8 * AEG_API_BODY_MAX) /* of a body that is too long, before hanging up */

struct aeg_http {
	struct aeg_daemon *daemon;
	struct aeg_server server;
	struct aeg_followers followers;
	struct aeg_guard guard;
};

struct exchange { /* one request, while it is received and answered */
	const struct aeg_route *route;
	struct ucred peer; /* of routes that write */
	struct aeg_buf body;
	size_t received;
};

void aeg_http_flows_grew(void *arg)
{
	struct aeg_http *http = arg;

	if (aeg_followers_resume(&http->followers))
		aeg_server_run(&http->server);
}

/* ---- replies ---- */

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct aeg_reply *reply)
{
	return aeg_server_respond(connection, reply, aeg_server_response(reply));
}

static enum MHD_Result send_error(struct MHD_Connection *connection, unsigned int status,
				  const char *sentence)
{
	struct aeg_reply reply = {0};

	aeg_reply_error(&reply, status, "%s", sentence);
	return send_reply(connection, &reply);
}

static bool accepts_text(struct MHD_Connection *connection)
{
	const char *accept =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	return accept && strncmp(accept, "text/plain", strlen("text/plain")) == 0;
}

static enum MHD_Result answer(struct aeg_http *http, struct MHD_Connection *connection,
			      const struct exchange *exchange, const char *url)
{
	const struct aeg_request request = {
		.method = exchange->route->method,
		.path = url,
		.rest = url + strlen(exchange->route->path),
		.body = aeg_buf_text(&exchange->body),
		.len = exchange->body.len,
		.wants_text = accepts_text(connection),
		.query = aeg_server_query,
		.transport = connection,
		.peer = exchange->peer,
	};
	struct aeg_reply reply = {.status = MHD_HTTP_OK, .type = AEG_API_JSON};

	aeg_guard_answering(connection);
	exchange->route->fn(http->daemon, &request, &reply);
	if (!reply.flows)
		return send_reply(connection, &reply);
	return aeg_server_respond(connection, &reply,
				  aeg_follower_response(&http->followers, connection,
							http->daemon->events->history,
							&reply.range));
}

/* ---- requests ---- */

/* Who wrote: asked of the kernel, as of the time of connect(). */
static bool may_write(struct MHD_Connection *connection, struct ucred *ret)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	socklen_t len = sizeof(*ret);

	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, ret, &len) < 0)
		return false;
	return ret->uid == 0 || ret->uid == geteuid();
}

/* Refusals that need no body come before the body. */
static enum MHD_Result begin(struct MHD_Connection *connection, const char *url, const char *method,
			     void **ret_exchange)
{
	struct aeg_reply reply = {0};
	const struct aeg_route *route = aeg_route_find(aeg_api_routes, method, url, &reply);
	struct exchange *exchange;
	struct ucred peer = {0};

	if (!route)
		return send_reply(connection, &reply);
	if (route->writes && !may_write(connection, &peer))
		return send_error(connection, MHD_HTTP_FORBIDDEN,
				  "only root and the daemon's own user may change anything");
	exchange = aeg_xcalloc(1, sizeof(*exchange));
	exchange->route = route;
	exchange->peer = peer;
	*ret_exchange = exchange;
	return MHD_YES;
}

static enum MHD_Result receive(struct exchange *exchange, const char *data, size_t len)
{
	exchange->received += len;
	if (exchange->received <= AEG_API_BODY_MAX)
		aeg_buf_add(&exchange->body, data, len);
	else
		aeg_buf_done(&exchange->body);
	return exchange->received <= DISCARD_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *data_len, void **exchange)
{
	size_t len = *data_len;

	if (!*exchange)
		aeg_guard_asked(connection);
	if (!*exchange)
		return begin(connection, url, method, exchange);
	if (len) {
		*data_len = 0;
		return receive(*exchange, data, len);
	}
	if (((struct exchange *)*exchange)->received > AEG_API_BODY_MAX)
		return send_error(connection, MHD_HTTP_CONTENT_TOO_LARGE,
				  "the body is longer than 1 MiB");
	return answer(arg, connection, *exchange, url);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **at,
			 enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = AEG_TAKE_PTR(*at);

	aeg_guard_answered(connection);
	if (!exchange)
		return;
	aeg_buf_done(&exchange->body);
	free(exchange);
}

/* ---- life ---- */

static struct MHD_Daemon *start_server(struct aeg_http *http, int listen_fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
				http, MHD_OPTION_LISTEN_SOCKET, listen_fd,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
				MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
				MHD_OPTION_NOTIFY_CONNECTION, aeg_guard_notify, &http->guard,
				MHD_OPTION_END);
}

int aeg_http_open(struct aeg_daemon *daemon, int listen_fd, struct aeg_buf *error,
		  struct aeg_http **ret)
{
	static const struct aeg_guard_settings guard = {
		.component = "api",
		.max = CONNECTIONS_MAX,
		.kept = CONNECTIONS_KEPT,
		.ask_ms = ASK_MS,
		.hurry_ms = HURRY_MS,
		.asked_ms = BODY_MS,
	};
	struct aeg_http *http = aeg_xcalloc(1, sizeof(*http));
	int err;

	http->daemon = daemon;
	http->followers = (struct aeg_followers){
		.loop = daemon->loop,
		.run = aeg_server_run,
		.arg = &http->server,
	};
	err = aeg_guard_open(&http->guard, daemon->loop, &guard);
	if (!err)
		err = aeg_server_enter(&http->server, daemon->loop, start_server(http, listen_fd));
	if (!http->server.mhd)
		aeg_closep(&listen_fd);
	if (err) {
		aeg_buf_printf(error, "the HTTP server does not start: %s", strerror(-err));
		aeg_http_close(http);
		return err;
	}
	daemon->http = *ret = http;
	return 0;
}

void aeg_http_close(struct aeg_http *http)
{
	if (!http)
		return;
	aeg_server_leave(&http->server);
	/* A suspended connection must not outlive the server. */
	if (http->server.mhd && aeg_followers_end(&http->followers))
		MHD_run(http->server.mhd);
	aeg_server_done(&http->server);
	aeg_guard_done(&http->guard);
	http->daemon->http = NULL;
	free(http);
}

struct aeg_guard_counts aeg_http_counts(const struct aeg_http *http)
{
	return http->guard.counts;
}
