/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Answers are large, and a thousand clients may ask at the same moment: for a tenth of a second all of
 * them get the same one, and no more than a few of them are in memory at once, however slowly they are
 * read.
 */
#include "daemon/monitor.h"
#include "daemon/page.h"
#include "daemon/server.h"

#include <errno.h>

#define CONNECTIONS_MAX 128
#define CONNECTION_MEMORY (8 * 1024) /* header lines of one connection */
#define ASK_MS 5000
#define HURRY_MS 500
#define WHOLE_MS 15000 /* until the answer is read: longer than Prometheus waits */
#define FRESH_NS 100000000u
#define ANSWERS_MAX 8 /* large ones in memory */

struct shared { /* an answer for all who ask while it is fresh */
	struct MHD_Response *response;
	uint64_t made_ns;
};

enum { SHARED_METRICS, SHARED_METRICS_OPEN, SHARED_STATUS, SHARED_MAX };

struct aeg_monitor {
	struct aeg_daemon *daemon;
	struct aeg_listen listen;
	struct aeg_server server;
	struct aeg_guard guard;
	struct aeg_collector collector;
	struct shared shared[SHARED_MAX];
	unsigned int answers; /* large ones in memory */
};

static aeg_route_fn reply_metrics;

static const struct aeg_route routes[] = {
	{"GET", "/metrics", false, reply_metrics},
	{"GET", "/livez", false, aeg_api_livez},
	{"GET", "/readyz", false, aeg_api_readyz},
	{"GET", "/status.json", false, aeg_page_status},
	{"GET", "/index.html", false, aeg_page_html},
	{0},
};

static void reply_metrics(const struct aeg_daemon *daemon, const struct aeg_request *request,
			  struct aeg_reply *reply)
{
	enum aeg_metrics_format format = aeg_metrics_accepted(request->accept);

	reply->type = format == AEG_METRICS_OPEN ? AEG_METRICS_OPEN_TYPE : AEG_METRICS_TEXT_TYPE;
	aeg_collector_put(&daemon->monitor->collector, format, &reply->body);
}

/* ---- answers ---- */

static void add_headers(struct MHD_Response *response, const struct aeg_reply *reply)
{
	const char *const headers[][2] = {
		{"Connection", "close"},
		{"Cache-Control", "no-store"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Content-Security-Policy", aeg_page_csp},
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(headers); i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	if (reply->allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct aeg_reply *reply)
{
	struct MHD_Response *response = aeg_server_response(reply);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	add_headers(response, reply);
	result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

struct answer { /* the bytes of a shared response */
	struct aeg_monitor *monitor;
	char *text;
};

static void answer_free(void *arg)
{
	struct answer *answer = arg;

	answer->monitor->answers--;
	free(answer->text);
	free(answer);
}

static struct MHD_Response *make_shared(struct aeg_monitor *monitor, struct aeg_reply *reply)
{
	struct answer *answer = aeg_xcalloc(1, sizeof(*answer));
	size_t len = reply->body.len;
	struct MHD_Response *response;

	answer->monitor = monitor;
	answer->text = aeg_buf_take(&reply->body);
	monitor->answers++;
	response = MHD_create_response_from_buffer_with_free_callback_cls(len, answer->text,
									  answer_free, answer);
	if (response)
		add_headers(response, reply);
	else
		answer_free(answer);
	return response;
}

/* Which of the shared answers it is; SHARED_MAX: none. */
static int shared_of(const struct aeg_route *route, const struct aeg_request *request)
{
	if (route->fn == aeg_page_status)
		return SHARED_STATUS;
	if (route->fn != reply_metrics)
		return SHARED_MAX;
	return aeg_metrics_accepted(request->accept) == AEG_METRICS_OPEN ? SHARED_METRICS_OPEN
									 : SHARED_METRICS;
}

static void forget(struct shared *shared)
{
	if (shared->response)
		MHD_destroy_response(shared->response);
	*shared = (struct shared){0};
}

/* An old answer is kept only while too many are being read: better than none. */
static bool is_good(const struct aeg_monitor *monitor, const struct shared *shared)
{
	return shared->response &&
	       (aeg_now_ns() - shared->made_ns < FRESH_NS || monitor->answers >= ANSWERS_MAX);
}

static enum MHD_Result send_shared(struct aeg_monitor *monitor, struct shared *shared,
				   const struct aeg_route *route, const struct aeg_request *request)
{
	struct aeg_reply reply = {.status = MHD_HTTP_OK, .type = AEG_API_JSON};

	if (!is_good(monitor, shared)) {
		forget(shared);
		route->fn(monitor->daemon, request, &reply);
		shared->response = make_shared(monitor, &reply);
		shared->made_ns = aeg_now_ns();
	}
	if (!shared->response)
		return MHD_NO;
	return MHD_queue_response(request->transport, MHD_HTTP_OK, shared->response);
}

/* ---- requests ---- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result answer(struct aeg_monitor *monitor, struct MHD_Connection *connection,
			      const struct aeg_route *route, const char *url)
{
	const struct aeg_request request = {
		.method = route->method,
		.path = url,
		.rest = "",
		.body = "",
		.accept = header(connection, MHD_HTTP_HEADER_ACCEPT),
		.query = aeg_server_query,
		.transport = connection,
	};
	struct aeg_reply reply = {.status = MHD_HTTP_OK, .type = AEG_API_JSON};
	int shared = shared_of(route, &request);

	if (shared < SHARED_MAX)
		return send_shared(monitor, &monitor->shared[shared], route, &request);
	route->fn(monitor->daemon, &request, &reply);
	return send_reply(connection, &reply);
}

/* A body is not waited for: nothing here has a use for one. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *data_len, void **exchange)
{
	struct aeg_monitor *monitor = arg;
	const char *path = aeg_streq(url, "/") ? "/index.html" : url;
	struct aeg_reply reply = {0};
	const struct aeg_route *route;

	aeg_guard_asked(connection);
	if (aeg_listen_is_local(&monitor->listen) &&
	    !aeg_host_is_local(header(connection, MHD_HTTP_HEADER_HOST))) {
		aeg_reply_error(&reply, MHD_HTTP_FORBIDDEN,
				"ask for 127.0.0.1 or localhost: this port is for this machine");
		return send_reply(connection, &reply);
	}
	route = aeg_route_find(routes, method, path, &reply);
	return route ? answer(monitor, connection, route, path) : send_reply(connection, &reply);
}

/* ---- life ---- */

static struct MHD_Daemon *start_server(struct aeg_monitor *monitor, int listen_fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, monitor,
				MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
				(unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_CONNECTION,
				aeg_guard_notify, &monitor->guard, MHD_OPTION_END);
}

static int open_server(struct aeg_monitor *monitor)
{
	int fd, err = aeg_listen_open(&monitor->listen, &fd);

	if (err)
		return err;
	err = aeg_server_enter(&monitor->server, monitor->daemon->loop, start_server(monitor, fd));
	if (!monitor->server.mhd)
		aeg_closep(&fd);
	return err;
}

int aeg_monitor_open(struct aeg_daemon *daemon)
{
	static const struct aeg_guard_settings guard = {
		.component = "metrics",
		.max = CONNECTIONS_MAX,
		.ask_ms = ASK_MS,
		.hurry_ms = HURRY_MS,
		.asked_ms = WHOLE_MS,
	};
	struct aeg_monitor *monitor = aeg_xcalloc(1, sizeof(*monitor));
	int err;

	monitor->daemon = daemon;
	monitor->listen = daemon->config->metrics.listen;
	err = aeg_guard_open(&monitor->guard, daemon->loop, &guard);
	if (!err)
		err = open_server(monitor);
	if (err) {
		aeg_monitor_close(monitor);
		return err;
	}
	aeg_collector_open(&monitor->collector, daemon);
	daemon->monitor = monitor;
	return 0;
}

void aeg_monitor_close(struct aeg_monitor *monitor)
{
	if (!monitor)
		return;
	aeg_server_done(&monitor->server);
	for (size_t i = 0; i < SHARED_MAX; i++)
		forget(&monitor->shared[i]);
	aeg_guard_done(&monitor->guard);
	aeg_collector_close(&monitor->collector);
	free(monitor);
}

void aeg_monitor_address(const struct aeg_monitor *monitor, char ret[AEG_LISTEN_TEXT])
{
	aeg_listen_format(&monitor->listen, ret);
}

struct aeg_guard_counts aeg_monitor_counts(const struct aeg_monitor *monitor)
{
	return monitor->guard.counts;
}

struct aeg_collector *aeg_monitor_collector(struct aeg_monitor *monitor)
{
	return &monitor->collector;
}
