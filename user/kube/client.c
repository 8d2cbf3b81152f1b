/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* libcurl's multi interface over the daemon's loop: its sockets become watches, its time a timer. */
#include "kube/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>

#define COMPLAINT_MAX 4096 /* of a bad answer's body */
#define CONNECT_TIMEOUT_MS 10000L
#define KEEPALIVE_S 30L

struct aeg_kube_call {
	struct aeg_kube_client *client;
	struct aeg_kube_call *next, *previous;
	const struct aeg_kube_ops *ops;
	void *arg;
	CURL *easy;
	struct curl_slist *headers;
	char *url, *body;
	struct aeg_buf complaint;
	char curl_error[CURL_ERROR_SIZE];
	char *early_error; /* it never reached curl */
};

struct aeg_kube_client {
	struct aeg_kube_access access;
	struct aeg_loop *loop;
	struct aeg_watch *timer, *sweep; /* curl's time; calls that never reached curl */
	CURLM *multi;
	struct aeg_kube_call *calls;
};

/* A descriptor of curl's in our loop. */
struct watched {
	struct aeg_kube_client *client;
	struct aeg_watch *watch;
};

/* ---- calls ---- */

static void call_free(struct aeg_kube_call *call)
{
	if (call->previous)
		call->previous->next = call->next;
	else
		call->client->calls = call->next;
	if (call->next)
		call->next->previous = call->previous;
	if (call->easy) {
		curl_multi_remove_handle(call->client->multi, call->easy);
		curl_easy_cleanup(call->easy);
	}
	for (struct curl_slist *header = call->headers; header; header = header->next)
		explicit_bzero(header->data, strlen(header->data)); /* one holds the token */
	curl_slist_free_all(call->headers);
	aeg_buf_done(&call->complaint);
	free(call->url);
	free(call->body);
	free(call->early_error);
	free(call);
}

static void call_end(struct aeg_kube_call *call, long status, const char *error)
{
	const struct aeg_kube_ops *ops = call->ops;
	AEG_AUTO_FREE char *text = aeg_xstrdup(error);
	void *arg = call->arg;

	call_free(call); /* first: done() may close the client */
	ops->done(arg, status, text);
}

static long status_of(const struct aeg_kube_call *call)
{
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static void call_finished(struct aeg_kube_call *call, CURLcode result)
{
	const char *error = *call->curl_error ? call->curl_error : curl_easy_strerror(result);

	if (result == CURLE_OK)
		call_end(call, status_of(call), aeg_buf_text(&call->complaint));
	else
		call_end(call, 0, error);
}

/* done() may start and cancel calls, so each message is asked for anew. */
static void reap(struct aeg_kube_client *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left))) {
		struct aeg_kube_call *call;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		call_finished(call, message->data.result);
	}
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct aeg_kube_call *call = arg;
	size_t len = size * n, room = COMPLAINT_MAX - call->complaint.len;

	if (status_of(call) / 100 == 2)
		return call->ops->data && call->ops->data(call->arg, data, len) ? 0 : len;
	aeg_buf_add(&call->complaint, data, len < room ? len : room);
	return len;
}

/* The empty line ends the headers; those of an interim answer (1xx) are no answer yet. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct aeg_kube_call *call = arg;
	size_t len = size * n;

	if (call->ops->begun && *data == '\r' && status_of(call) / 100 == 2)
		call->ops->begun(call->arg);
	return len;
}

/* ---- sockets and time ---- */

static void on_ready(void *arg, int fd, uint32_t events)
{
	struct watched *watched = arg;
	struct aeg_kube_client *client = watched->client;
	int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		   (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		   (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	int running;

	curl_multi_socket_action(client->multi, fd, what, &running);
	reap(client);
}

static void on_time(void *arg)
{
	struct aeg_kube_client *client = arg;
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(client);
}

static void unwatch(struct aeg_kube_client *client, curl_socket_t fd, struct watched *watched)
{
	if (!watched)
		return;
	aeg_watch_remove(watched->watch);
	curl_multi_assign(client->multi, fd, NULL);
	free(watched);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *data)
{
	struct aeg_kube_client *client = arg;
	struct watched *watched = data;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
			  (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

	unwatch(client, fd, watched);
	if (what == CURL_POLL_REMOVE)
		return 0;
	watched = aeg_xcalloc(1, sizeof(*watched));
	watched->client = client;
	if (aeg_loop_fd(client->loop, fd, events, on_ready, watched, &watched->watch)) {
		free(watched);
		return -1;
	}
	curl_multi_assign(client->multi, fd, watched);
	return 0;
}

static int on_timer(CURLM *multi, long after_ms, void *arg)
{
	struct aeg_kube_client *client = arg;

	if (after_ms < 0)
		aeg_timer_disarm(client->timer);
	else
		aeg_timer_arm(client->timer, (uint64_t)after_ms);
	return 0;
}

/* What failed before it began ends here, outside of whoever started it. */
static void on_sweep(void *arg)
{
	struct aeg_kube_client *client = arg;
	struct aeg_kube_call *call = client->calls;

	while (call) {
		struct aeg_kube_call *next = call->next;

		if (call->early_error) {
			call_end(call, 0, call->early_error);
			next = client->calls; /* done() may have changed the list */
		}
		call = next;
	}
}

/* ---- starting ---- */

static int set_blob(CURL *easy, CURLoption file, CURLoption blob, const struct aeg_kube_blob *pem)
{
	struct curl_blob text = {.data = pem->text, .flags = CURL_BLOB_COPY};

	if (pem->file)
		return (int)curl_easy_setopt(easy, file, pem->file);
	if (!pem->text)
		return 0;
	text.len = strlen(pem->text);
	return (int)curl_easy_setopt(easy, blob, &text);
}

static void set_tls(CURL *easy, const struct aeg_kube_access *access)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_blob(easy, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, &access->ca);
	set_blob(easy, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB, &access->cert);
	set_blob(easy, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB, &access->key);
}

static void add_header(struct aeg_kube_call *call, const char *name, const char *value)
{
	AEG_AUTO_FREE char *line = aeg_xasprintf("%s: %s", name, value);

	call->headers = curl_slist_append(call->headers, line);
}

static int set_headers(struct aeg_kube_call *call, const struct aeg_kube_request *request,
		       struct aeg_buf *error)
{
	char *bearer;
	int err = aeg_kube_access_bearer(&call->client->access, &bearer, error);

	if (err)
		return err;
	if (bearer) {
		call->headers = curl_slist_append(call->headers, bearer);
		explicit_bzero(bearer, strlen(bearer));
		free(bearer);
	}
	add_header(call, "Accept", request->accept ? request->accept : "application/json");
	if (request->body)
		add_header(call, "Content-Type", request->type);
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	return 0;
}

static void set_transfer(struct aeg_kube_call *call, const struct aeg_kube_request *request)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_URL, call->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "aegressd");
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S / 3);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (call->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(call->body));
	}
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
}

static int call_begin(struct aeg_kube_call *call, const struct aeg_kube_request *request,
		      struct aeg_buf *error)
{
	CURLMcode code;
	int err;

	call->easy = curl_easy_init();
	if (!call->easy)
		abort(); /* out of memory, as in base/mem.h */
	set_transfer(call, request);
	set_tls(call->easy, &call->client->access);
	err = set_headers(call, request, error);
	if (err)
		return err;
	code = curl_multi_add_handle(call->client->multi, call->easy);
	if (code != CURLM_OK)
		aeg_buf_puts(error, curl_multi_strerror(code));
	return code == CURLM_OK ? 0 : -EIO;
}

struct aeg_kube_call *aeg_kube_call_start(struct aeg_kube_client *client,
					  const struct aeg_kube_request *request,
					  const struct aeg_kube_ops *ops, void *arg)
{
	struct aeg_kube_call *call = aeg_xcalloc(1, sizeof(*call));
	struct aeg_buf error = {0};

	call->client = client;
	call->ops = ops;
	call->arg = arg;
	call->url = aeg_xasprintf("%s%s", client->access.server, request->path);
	call->body = request->body ? aeg_xstrdup(request->body) : NULL;
	call->next = client->calls;
	if (call->next)
		call->next->previous = call;
	client->calls = call;
	if (call_begin(call, request, &error)) {
		call->early_error = aeg_buf_take(&error);
		aeg_timer_arm(client->sweep, 1);
	}
	aeg_buf_done(&error);
	return call;
}

void aeg_kube_call_cancel(struct aeg_kube_call *call)
{
	if (call)
		call_free(call);
}

/* ---- life ---- */

int aeg_kube_client_open(struct aeg_kube_access *access, struct aeg_loop *loop,
			 struct aeg_buf *error, struct aeg_kube_client **ret)
{
	struct aeg_kube_client *client = aeg_xcalloc(1, sizeof(*client));
	int err;

	client->access = *access;
	*access = (struct aeg_kube_access){0};
	client->loop = loop;
	err = aeg_loop_timer(loop, on_time, client, &client->timer);
	if (!err)
		err = aeg_loop_timer(loop, on_sweep, client, &client->sweep);
	if (!err && (curl_global_init(CURL_GLOBAL_DEFAULT) || !(client->multi = curl_multi_init())))
		err = -EIO;
	if (err) {
		aeg_buf_printf(error, "API server client: %s", strerror(-err));
		aeg_kube_client_close(client);
		return err;
	}
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	*ret = client;
	return 0;
}

void aeg_kube_client_close(struct aeg_kube_client *client)
{
	if (!client)
		return;
	for (struct aeg_kube_call *call = client->calls, *next; call; call = next) {
		next = call->next;
		call_free(call);
	}
	if (client->multi)
		curl_multi_cleanup(client->multi);
	aeg_watch_remove(client->timer);
	aeg_watch_remove(client->sweep);
	aeg_kube_access_done(&client->access);
	free(client);
}
