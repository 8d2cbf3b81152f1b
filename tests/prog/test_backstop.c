/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a denied connection ends where nobody destroys it: no daemon is near. And that every other
 * connection has no time-out of ours any more once its hello is through.
 */
#include "tests/prog/names_policy.h"
#include "tests/prog/tests.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#define BOUND_MS 2000
#define PATIENCE 5000 /* ms until a test gives up waiting */

static bool start(void)
{
	struct aeg_datapath_config config = stage_config();
	uint8_t addrs[4][16];

	config.sockops = true;
	if (!names_enter_with(&config))
		return false;
	CHECK(world_ask("a-5-80-0-1.wild.test"));
	return CHECK_EQUAL(world_resolve("a-5-80-0-1.wild.test", 28, addrs, 4), 1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int time_out_of(int fd)
{
	socklen_t len = sizeof(int);
	int ms = -1;

	CHECK_EQUAL(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &len), 0);
	return ms;
}

static void set_time_out(int fd, int ms)
{
	CHECK_EQUAL(setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)), 0);
}

static void check_ended(const char *addr)
{
	AEG_AUTO_CLOSE int fd = needed(world_connect(addr, TLS_PORT));
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	const struct world_conn *conn;
	int64_t begin = now_ms(), took;
	struct wire hello;
	char byte;

	wire_hello("bad.wild.test", 0, 600, &hello);
	CHECK_EQUAL(send(fd, hello.data, hello.len, MSG_NOSIGNAL), hello.len);
	CHECK_EQUAL(poll(&wait, 1, PATIENCE), 1);
	took = now_ms() - begin;
	CHECK(recv(fd, &byte, 1, 0) < 0);
	CHECK_EQUAL(errno, ETIMEDOUT);
	CHECK(took < BOUND_MS);
	printf("# %s: the client knew after %lld ms\n", addr, (long long)took);
	conn = world_arrived(fd);
	CHECK(!conn || conn->len == 0);
}

static void test_denied_ends(void)
{
	if (start()) {
		check_ended("5.80.0.1");
		check_denied(AEG_HOOK_HELLO, AEG_REASON_NAME_ADDRESS_MISMATCH, "bad.wild.test");
		check_ended("2a00::550:1");
		check_ended("::ffff:5.80.0.1");
	}
	names_leave();
}

/* The byte that answers carries the acknowledgement that measures the round trip. */
static void test_taken_off(void)
{
	struct wire hello;
	int fd;

	if (start()) {
		fd = needed(world_connect("5.80.0.1", TLS_PORT));
		CHECK(time_out_of(fd) >= 1000);
		wire_hello("a.wild.test", WIRE_TLS12, 600, &hello);
		CHECK_EQUAL(world_send(fd, hello.data, hello.len), 0);
		CHECK_EQUAL(time_out_of(fd), 0);
		close(fd);

		fd = needed(world_connect("5.80.0.1", TLS_PORT));
		wire_hello("a.wild.test", 0, 600, &hello);
		CHECK_EQUAL(world_send(fd, hello.data, hello.len), 0);
		CHECK(time_out_of(fd) >= 1000); /* a second hello may follow */
		CHECK_EQUAL(world_send(fd, "\x17\x03\x03\x00\x0a----------", 15), 0);
		CHECK_EQUAL(time_out_of(fd), 0);
		close(fd);

		fd = needed(world_connect("5.80.0.2", OTHER_PORT));
		CHECK_EQUAL(world_send(fd, "no hello", 8), 0);
		CHECK_EQUAL(time_out_of(fd), 0);
		close(fd);
	}
	names_leave();
}

/* What the application wants, before or after connect(), is not touched. */
static void test_of_ones_own(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(TLS_PORT)};
	struct wire hello;
	int fd;

	if (start()) {
		memcpy(&to.sin_addr, world_addr("5.80.0.1").bytes + 12, 4);
		wire_hello("a.wild.test", WIRE_TLS12, 600, &hello);
		fd = needed(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		set_time_out(fd, 7000);
		CHECK_EQUAL(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
		CHECK_EQUAL(time_out_of(fd), 7000);
		CHECK_EQUAL(world_send(fd, hello.data, hello.len), 0);
		CHECK_EQUAL(time_out_of(fd), 7000);
		close(fd);

		fd = needed(world_connect("5.80.0.1", TLS_PORT));
		set_time_out(fd, 8000);
		CHECK_EQUAL(world_send(fd, hello.data, hello.len), 0);
		CHECK_EQUAL(time_out_of(fd), 8000);
		close(fd);
	}
	names_leave();
}

const struct test backstop_tests[] = {
	{"backstop: a denied client is told, and nothing has left", test_denied_ends},
	{"backstop: taken off when the hello is through", test_taken_off},
	{"backstop: an application's own time-out stays", test_of_ones_own},
	{NULL, NULL},
};
