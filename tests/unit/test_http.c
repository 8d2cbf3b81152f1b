// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The HTTP server in the event loop: limits, followers, and clients that go away. No kernel needed. */
#include "daemon/http.h"
#include "daemon/run.h"
#include "daemon/socket.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define DEADLINE_MS 10000
#define NOBODY 65534
#define CONNECTIONS 64 /* of others than root that the server takes at once */
#define FOLLOW "GET /v1/flows?follow=1&limit=0 HTTP/1.1\r\nHost: x\r\n\r\n"

struct fixture {
	char dir[32];
	char *path;
	struct aeg_config config;
	struct aeg_events events;
	struct aeg_daemon daemon;
	struct aeg_http *http;
	struct aeg_watch *deadline;
	bool late;
};

struct client {
	struct fixture *fixture;
	int fd;
	struct aeg_watch *watch;
	struct aeg_buf got;
	const char *until; /* NULL: the end of the connection */
	bool ended;
};

static void on_deadline(void *arg)
{
	struct fixture *fixture = arg;

	fixture->late = true;
	aeg_loop_stop(fixture->daemon.loop);
}

static int setup(void **state)
{
	struct fixture *fixture = aeg_xcalloc(1, sizeof(*fixture));
	struct aeg_buf error = {0};
	int fd;

	*state = fixture;
	strcpy(fixture->dir, "/tmp/aegress-http-XXXXXX");
	if (!mkdtemp(fixture->dir) || aeg_loop_new(&fixture->daemon.loop))
		return -1;
	fixture->path = aeg_xasprintf("%s/run/s.sock", fixture->dir);
	fixture->events.history = aeg_history_new(100, "node-1");
	fixture->daemon.config = &fixture->config;
	fixture->daemon.events = &fixture->events;
	if (aeg_loop_timer(fixture->daemon.loop, on_deadline, fixture, &fixture->deadline) ||
	    aeg_socket_listen(fixture->path, "no-such-group", &error, &fd))
		return -1;
	return aeg_http_open(&fixture->daemon, fd, &error, &fixture->http);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *run = aeg_xasprintf("%s/run", fixture->dir);

	aeg_http_close(fixture->http);
	aeg_loop_free(fixture->daemon.loop);
	aeg_history_free(fixture->events.history);
	unlink(fixture->path);
	rmdir(run);
	rmdir(fixture->dir);
	free(fixture->path);
	free(fixture);
	return 0;
}

/* ---- clients ---- */

static void on_readable(void *arg, int fd, uint32_t events)
{
	struct client *client = arg;
	char block[4096];
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0)
		aeg_buf_add(&client->got, block, (size_t)n);
	client->ended = n == 0 || errno != EAGAIN;
	if (client->ended)
		aeg_watch_remove(AEG_TAKE_PTR(client->watch));
	if (client->ended || (client->until && strstr(aeg_buf_text(&client->got), client->until)))
		aeg_loop_stop(client->fixture->daemon.loop);
}

static void client_open(struct client *client, struct fixture *fixture, const char *request)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	*client = (struct client){.fixture = fixture};
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", fixture->path);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->fd < 0)
		abort();
	assert_int_equal(connect(client->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(send(client->fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	assert_int_equal(aeg_loop_fd(fixture->daemon.loop, client->fd, EPOLLIN, on_readable, client,
				     &client->watch),
			 0);
}

static void client_close(struct client *client)
{
	aeg_watch_remove(client->watch);
	close(client->fd);
	aeg_buf_done(&client->got);
}

static bool has(const struct client *client, const char *until)
{
	return until ? strstr(aeg_buf_text(&client->got), until) != NULL : client->ended;
}

/* Runs the loop until the client has read this (NULL: until the end). */
static void wait_for(struct client *client, const char *until)
{
	struct fixture *fixture = client->fixture;

	client->until = until;
	aeg_timer_arm(fixture->deadline, DEADLINE_MS);
	while (!has(client, until) && !client->ended && !fixture->late)
		assert_int_equal(aeg_loop_run(fixture->daemon.loop, NULL, NULL), 0);
	aeg_timer_disarm(fixture->deadline);
	if (!has(client, until))
		fail_msg("waited for '%s', got '%s'", until ? until : "the end",
			 aeg_buf_text(&client->got));
}

static void assert_answer(struct fixture *fixture, const char *request, const char *expected)
{
	struct client client;

	client_open(&client, fixture, request);
	wait_for(&client, expected);
	client_close(&client);
}

/* A record that is easy to tell from others, and needs no names. */
static void add_record(struct fixture *fixture, uint64_t lost)
{
	struct aeg_flow flow = {.lost = lost, .lost_where = AEG_LOST_EVENTS};

	aeg_history_add(fixture->events.history, &flow);
	aeg_http_flows_grew(fixture->http);
}

/* ---- tests ---- */

static void test_answers(void **state)
{
	assert_answer(*state, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nok\n");
	assert_answer(*state, "GET /nope HTTP/1.1\r\nHost: x\r\n\r\n", "\"GET /v1/status\"");
	assert_answer(*state, "DELETE /livez HTTP/1.1\r\nHost: x\r\n\r\n", "Allow: GET\r\n");
	assert_answer(*state, "GET /v1/flows?limit=-1 HTTP/1.1\r\nHost: x\r\n\r\n",
		      "\"limit=-1 is not a number\"");
}

static void test_body_too_long(void **state)
{
	AEG_AUTO_FREE char *body = aeg_xcalloc(1, 2048 * 1024);
	struct client client;
	size_t left = 2000000, n;

	memset(body, 'x', left);
	client_open(&client, *state,
		    "POST /v1/explain HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n");
	while (left) {
		ssize_t sent = send(client.fd, body, left, MSG_NOSIGNAL);

		n = sent > 0 ? (size_t)sent : 0;
		left -= n;
		if (left) /* lets the server take what is there */
			assert_answer(*state, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "ok\n");
	}
	wait_for(&client, "longer than 1 MiB");
	assert_non_null(strstr(aeg_buf_text(&client.got), "HTTP/1.1 413"));
	client_close(&client);
}

static void test_flows_end(void **state)
{
	struct client client;

	add_record(*state, 101);
	client_open(&client, *state, "GET /v1/flows HTTP/1.0\r\n\r\n");
	wait_for(&client, NULL);
	assert_non_null(strstr(aeg_buf_text(&client.got), "application/x-ndjson"));
	assert_non_null(strstr(aeg_buf_text(&client.got), "\"lost\":101"));
	client_close(&client);
}

static void test_follow(void **state)
{
	struct client client;

	add_record(*state, 101);
	client_open(&client, *state, FOLLOW);
	wait_for(&client, "\r\n\r\n");
	add_record(*state, 102);
	wait_for(&client, "\"lost\":102");
	add_record(*state, 103);
	wait_for(&client, "\"lost\":103");
	assert_null(strstr(aeg_buf_text(&client.got), "\"lost\":101"));
	client_close(&client);
}

/* A follower that went away must not keep its connection: after 64 of them nobody could come in. */
static void test_followers_that_hang_up(void **state)
{
	for (int i = 0; i < 2 * CONNECTIONS; i++) {
		struct client client;

		client_open(&client, *state, FOLLOW);
		wait_for(&client, "\r\n\r\n");
		client_close(&client);
	}
	assert_answer(*state, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "ok\n");
}

/* Followers that are there when the daemon stops. */
static void test_close_with_followers(void **state)
{
	struct fixture *fixture = *state;
	struct client clients[3];

	for (size_t i = 0; i < AEG_ARRAY_SIZE(clients); i++) {
		client_open(&clients[i], fixture, FOLLOW);
		wait_for(&clients[i], "\r\n\r\n");
	}
	aeg_http_close(AEG_TAKE_PTR(fixture->http));
	for (size_t i = 0; i < AEG_ARRAY_SIZE(clients); i++) {
		wait_for(&clients[i], NULL);
		client_close(&clients[i]);
	}
}

/* ---- runs ---- */

static void test_run(void **state)
{
	AEG_AUTO_FREE char *header = aeg_xasprintf("Aegress-Run: %s\r\n", aeg_run());
	AEG_AUTO_FREE char *mine = aeg_xasprintf(
		"GET /v1/flows?since=1&run=%s HTTP/1.1\r\nHost: x\r\n\r\n", aeg_run());

	add_record(*state, 101);
	assert_answer(*state, mine, header);
	assert_answer(*state, mine, "\"lost\":101");
	/* The reader comes back after a restart: what it asks for is of the run before. */
	assert_answer(*state, "GET /v1/flows?since=1&run=0123 HTTP/1.1\r\nHost: x\r\n\r\n",
		      "HTTP/1.1 409");
	assert_answer(*state, "GET /v1/flows?follow=1&since=3 HTTP/1.1\r\nHost: x\r\n\r\n",
		      "HTTP/1.1 409");
	assert_answer(*state, "GET /v1/flows?since=2 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
}

/* ---- bad input ---- */

static void assert_livez(struct fixture *fixture)
{
	assert_answer(fixture, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nok\n");
}

static char *filled(const char *begin, size_t n, const char *end)
{
	AEG_AUTO_FREE char *middle = aeg_xcalloc(1, n + 1);

	memset(middle, 'a', n);
	return aeg_xasprintf("%s%s%s", begin, middle, end);
}

static void test_garbage(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *url = filled("GET /", 100000, " HTTP/1.1\r\n\r\n");
	AEG_AUTO_FREE char *header = filled("GET / HTTP/1.1\r\nX: ", 100000, "\r\n\r\n");

	assert_answer(fixture, "\x16\x03\x01\x02 \r\n\r\n", NULL);
	assert_answer(fixture, "GET\r\n\r\n", NULL);
	assert_answer(fixture, url, "HTTP/1.1 414");
	assert_answer(fixture, header, "HTTP/1.1 431");
	assert_livez(fixture);
	assert_int_equal(aeg_http_counts(fixture->http).unreadable, 4);
	assert_int_equal(aeg_http_counts(fixture->http).slow, 0);
}

/* Sends a byte now and then, for longer than a request may take. */
static void test_slow_client(void **state)
{
	struct fixture *fixture = *state;
	struct client client;
	uint64_t began = aeg_now_ns(), passed, sent = 0;

	client_open(&client, fixture, "GET /livez HTTP/1.1\r\nX: ");
	while (!client.ended && (passed = aeg_now_ns() - began) < DEADLINE_MS * UINT64_C(1000000)) {
		if (passed > sent * UINT64_C(20000000)) /* few: else the header gets too long */
			sent += send(client.fd, "y", 1, MSG_NOSIGNAL) > 0;
		assert_livez(fixture);
	}
	assert_true(client.ended);
	assert_int_equal(aeg_http_counts(fixture->http).slow, 1);
	client_close(&client);
}

/* One that was served and says no more is let go, and is no trouble. */
static void test_idle_client(void **state)
{
	struct fixture *fixture = *state;
	struct client client;

	client_open(&client, fixture, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_for(&client, "ok\n");
	wait_for(&client, NULL);
	client_close(&client);
	assert_int_equal(aeg_http_counts(fixture->http).slow, 0);
	assert_int_equal(aeg_http_counts(fixture->http).answered, 1);
}

/* The kernel notes who connects. */
static void open_as_somebody(struct client *client, struct fixture *fixture, const char *request)
{
	assert_int_equal(seteuid(NOBODY), 0);
	client_open(client, fixture, request);
	assert_int_equal(seteuid(0), 0);
}

/* Members of the socket's group take every place that they can get: root still gets in, at once. */
static void test_places_for_root(void **state)
{
	struct fixture *fixture = *state;
	struct client clients[100];
	size_t n = AEG_ARRAY_SIZE(clients);

	if (geteuid() != 0) {
		print_message("needs root: others must connect\n");
		skip();
	}
	assert_int_equal(chmod(fixture->dir, 0755), 0);
	assert_int_equal(chmod(fixture->path, 0666), 0);
	for (size_t i = 0; i < n; i++) {
		open_as_somebody(&clients[i], fixture, "GET /livez HTTP/1.1\r\nX: ");
		if (i % 50 == 49) /* the server takes them: the queue is short */
			assert_livez(fixture);
	}
	assert_livez(fixture);
	assert_true(aeg_http_counts(fixture->http).refused >= n - CONNECTIONS);
	for (size_t i = 0; i < n; i++) { /* those that were let in are too slow: they must hurry */
		wait_for(&clients[i], NULL);
		client_close(&clients[i]);
	}
	assert_int_equal(
		aeg_http_counts(fixture->http).refused + aeg_http_counts(fixture->http).slow, n);
	open_as_somebody(&clients[0], fixture, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_for(&clients[0], "ok\n");
	client_close(&clients[0]);
}

/* ---- the socket ---- */

static void test_socket_mode(void **state)
{
	const struct fixture *fixture = *state;
	struct stat st;

	assert_int_equal(stat(fixture->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void test_socket_in_use(void **state)
{
	const struct fixture *fixture = *state;
	AEG_AUTO_FREE char *sentence =
		aeg_xasprintf("socket '%s': another aegressd is running", fixture->path);
	struct aeg_buf error = {0};
	int fd = -1;

	assert_int_equal(aeg_socket_listen(fixture->path, "x", &error, &fd), -EADDRINUSE);
	assert_string_equal(aeg_buf_text(&error), sentence);
	assert_int_equal(fd, -1);
	aeg_buf_done(&error);
}

static void test_stale_socket(void **state)
{
	struct fixture *fixture = *state;
	struct aeg_buf error = {0};
	int fd;

	aeg_http_close(AEG_TAKE_PTR(fixture->http)); /* nobody listens, the file is there */
	assert_int_equal(access(fixture->path, F_OK), 0);
	assert_int_equal(aeg_socket_listen(fixture->path, "x", &error, &fd), 0);
	assert_int_equal(aeg_http_open(&fixture->daemon, fd, &error, &fixture->http), 0);
	assert_answer(fixture, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "ok\n");
}

static void test_no_socket_there(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *file = aeg_xasprintf("%s/run", fixture->dir);
	struct aeg_buf error = {0};
	int fd = -1;

	assert_int_equal(aeg_socket_listen(file, "x", &error, &fd), -EEXIST);
	assert_non_null(strstr(aeg_buf_text(&error), "something that is no socket is there"));
	aeg_buf_done(&error);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_body_too_long),
		TEST(test_flows_end),
		TEST(test_follow),
		TEST(test_followers_that_hang_up),
		TEST(test_close_with_followers),
		TEST(test_run),
		TEST(test_garbage),
		TEST(test_slow_client),
		TEST(test_idle_client),
		TEST(test_places_for_root),
		TEST(test_socket_mode),
		TEST(test_socket_in_use),
		TEST(test_stale_socket),
		TEST(test_no_socket_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
