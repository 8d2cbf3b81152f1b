/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Questions over TCP of a workload that is contained strictly: read in order, or the stream ends. */
#include "tests/prog/asking.h"
#include "tests/prog/say.h"
#include "tests/prog/tests.h"
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#define PATIENCE 3000 /* ms until a test gives up waiting */

struct talk {
	int listener, client, server;
};

static bool talk_start(struct talk *ret)
{
	*ret = (struct talk){-1, -1, -1};
	if (!asking_enter())
		return false;
	ret->listener = world_listen(OPEN_ADDR, DNS_PORT);
	return true;
}

static void talk_open(struct talk *talk)
{
	const struct aeg_addr resolver = world_addr(OPEN_ADDR);

	/* The world's own name server has the port of the other one: datagrams only. */
	CHECK_EQUAL(aeg_datapath_set_resolvers(datapath, &resolver, 1), 0);
	talk->client = needed(world_connect(OPEN_ADDR, DNS_PORT));
	talk->server = needed(accept4(talk->listener, NULL, NULL, SOCK_CLOEXEC));
}

static void talk_close(struct talk *talk)
{
	aeg_closep(&talk->client);
	aeg_closep(&talk->server);
	talk->client = talk->server = -1;
}

static void talk_stop(struct talk *talk)
{
	talk_close(talk);
	aeg_closep(&talk->listener);
	names_leave();
}

static void put_message(struct wire *wire, const char *name)
{
	struct wire question;
	uint8_t prefix[2];

	wire_question(name, 7, 1, &question);
	prefix[0] = (uint8_t)(question.len >> 8);
	prefix[1] = (uint8_t)question.len;
	wire_append(wire, prefix, sizeof(prefix));
	wire_append(wire, question.data, question.len);
}

/* Waits until so many bytes have arrived; how many have. */
static size_t arrived(const struct talk *talk, size_t expected)
{
	struct pollfd ready = {.fd = talk->server, .events = POLLIN};
	uint8_t data[4096];
	size_t n = 0;

	while (n < expected && poll(&ready, 1, PATIENCE) > 0) {
		ssize_t got = recv(talk->server, data, sizeof(data), 0);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return n;
}

/* Waits until TCP has repeated what was not acknowledged, once more than before; how many bytes have arrived. */
static size_t arrived_of_stuck(const struct talk *talk)
{
	uint8_t data[4096];
	ssize_t n;

	CHECK(say_repeated(talk->client));
	n = recv(talk->server, data, sizeof(data), MSG_DONTWAIT);
	return n < 0 ? 0 : (size_t)n;
}

static void send_all(const struct talk *talk, const struct wire *wire, size_t piece, int flags)
{
	for (size_t at = 0; at < wire->len; at += piece) {
		size_t n = wire->len - at < piece ? wire->len - at : piece;

		if (send(talk->client, wire->data + at, n, flags | MSG_NOSIGNAL) < 0)
			return;
		piece = piece < wire->len ? piece : wire->len;
	}
}

static void test_stream(void)
{
	struct talk talk;

	if (talk_start(&talk)) {
		for (size_t piece = 1; piece <= 512; piece *= 8) {
			struct wire good = {0}, bad = {0};

			check_context("pieces of %zu", piece);
			put_message(&good, "a.wild.test");
			put_message(&good, "names.test");
			put_message(&bad, "data.nobody.example");
			talk_open(&talk);
			send_all(&talk, &good, piece, 0);
			CHECK_EQUAL(arrived(&talk, good.len), good.len);
			named_reset();
			send_all(&talk, &bad, piece, 0);
			/* its last byte never leaves, not even when TCP repeats it */
			CHECK(arrived_of_stuck(&talk) < bad.len);
			check_denied(AEG_HOOK_QUESTION, AEG_REASON_DNS_NAME, "data.nobody.example");
			talk_close(&talk);
		}
	}
	talk_stop(&talk);
}

static void test_stream_second(void)
{
	struct talk talk;

	if (talk_start(&talk)) {
		struct wire both = {0};

		put_message(&both, "a.wild.test");
		put_message(&both, "data.nobody.example");
		talk_open(&talk);
		send_all(&talk, &both, both.len, 0);
		CHECK_EQUAL(arrived_of_stuck(&talk), 0);
		send_all(&talk, &both, both.len, 0); /* nothing follows */
		CHECK_EQUAL(arrived_of_stuck(&talk), 0);
		CHECK_EQUAL(asking_denied(AEG_REASON_DNS_NAME), 1);
	}
	talk_stop(&talk);
}

/* What cannot be followed: a byte that may be taken out, a file's pages, too much in one segment. */
static void test_stream_lost(void)
{
	struct talk talk;

	if (talk_start(&talk)) {
		AEG_AUTO_CLOSE int file = needed(memfd_create("question", MFD_CLOEXEC));
		struct wire good = {0}, crowd = {0};
		off_t from = 0;

		put_message(&good, "a.wild.test");
		for (int i = 0; i < 20; i++)
			put_message(&crowd, "a.wild.test");
		talk_open(&talk);
		send_all(&talk, &good, good.len, MSG_OOB);
		CHECK_EQUAL(arrived_of_stuck(&talk), 0);
		talk_close(&talk);
		talk_open(&talk);
		CHECK_EQUAL(write(file, good.data, good.len), good.len);
		CHECK_EQUAL(sendfile(talk.client, file, &from, good.len), good.len);
		CHECK_EQUAL(arrived_of_stuck(&talk), 0);
		talk_close(&talk);
		talk_open(&talk);
		send_all(&talk, &crowd, crowd.len, 0);
		CHECK_EQUAL(arrived_of_stuck(&talk), 0);
		CHECK_EQUAL(asking_denied(AEG_REASON_DNS_NAME), 3);
	}
	talk_stop(&talk);
}

const struct test dns_contain_tcp_tests[] = {
	{"questions: over TCP", test_stream},
	{"questions: over TCP, two in one segment", test_stream_second},
	{"questions: over TCP, what cannot be followed", test_stream_lost},
	{NULL, NULL},
};
