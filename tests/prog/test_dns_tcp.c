/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is learned from answers over TCP, however they are cut, and what from none. Both ends are here:
 * A's pod asks, and the test answers in the world, piece by piece.
 */
#include "tests/prog/names_policy.h"
#include "tests/prog/tests.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/uio.h>
#include <stdio.h>
#include <stdlib.h>

#define RESOLVER6 "2a00::53"
#define DNS_PORT 53
#define MESSAGE_MAX 65535
#define PATIENCE 3000 /* ms until a test gives up waiting */

/* A connection from A's pod to a resolver of the world. */
struct talk {
	int listener, client, server;
};

/* Messages with their prefixes, one behind the other. */
struct stream {
	size_t len;
	uint8_t data[2 * (2 + MESSAGE_MAX)];
};

static struct stream stream;

static bool talk_open(const char *resolver, struct talk *ret)
{
	int one = 1;

	ret->client = needed(world_connect(resolver, DNS_PORT));
	ret->server = needed(accept4(ret->listener, NULL, NULL, SOCK_CLOEXEC));
	setsockopt(ret->client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(ret->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return true;
}

static void talk_close(struct talk *talk)
{
	close(talk->client);
	close(talk->server);
}

static bool start(const char *resolver, struct talk *ret)
{
	const struct aeg_addr both[] = {world_addr(RESOLVER), world_addr(RESOLVER6)};

	world_start();
	if (!names_start() || !CHECK_EQUAL(aeg_datapath_set_resolvers(datapath, both, 2), 0))
		return false;
	ret->listener = world_listen(resolver, DNS_PORT);
	stage_enter(IN_A);
	named_reset();
	return talk_open(resolver, ret);
}

static void stop(struct talk *talk)
{
	stage_leave();
	talk_close(talk);
	close(talk->listener);
	datapath_stop();
	world_stop();
}

/* ---- streams ---- */

static void stream_put(const void *message, size_t len)
{
	uint8_t prefix[2] = {(uint8_t)(len >> 8), (uint8_t)len};

	memcpy(stream.data + stream.len, prefix, sizeof(prefix));
	memcpy(stream.data + stream.len + 2, message, len);
	stream.len += 2 + len;
}

static void stream_ask(const char *name, uint16_t id, uint16_t type)
{
	struct wire question;

	wire_question(name, id, type, &question);
	stream_put(question.data, question.len);
}

/* n addresses from 5.A.B.0 on, as many as a message has room for. */
static void stream_answer(const char *name, uint16_t id, uint8_t a, uint8_t b, unsigned int n)
{
	static uint8_t message[MESSAGE_MAX];
	struct wire question, answer;
	uint8_t addr[1][16] = {{[10] = 0xff, 0xff, 5}};
	size_t len, record;

	wire_question(name, id, 1, &question);
	wire_answer(question.data, question.len, addr, 1, &answer);
	record = answer.len - question.len;
	answer.data[6] = (uint8_t)(n >> 8);
	answer.data[7] = (uint8_t)n;
	memcpy(message, answer.data, question.len);
	len = question.len;
	for (unsigned int i = 0; i < n && len + record <= sizeof(message); i++, len += record) {
		memcpy(message + len, answer.data + question.len, record);
		message[len + record - 3] = a;
		message[len + record - 2] = (uint8_t)(b + i / 256);
		message[len + record - 1] = (uint8_t)i;
	}
	stream_put(message, len);
}

/* Every piece is a segment of its own: the next one follows when it has been read. */
static bool deliver(int from, int to, size_t piece)
{
	static uint8_t got[sizeof(stream.data)];
	size_t at = 0;

	if (!CHECK(needed(from) != needed(to)) || !CHECK(stream.len <= sizeof(stream.data)))
		return false;
	while (at < stream.len) {
		size_t left = stream.len - at, seen = 0;
		size_t n = left < piece ? left : piece;
		struct pollfd fd = {.fd = to, .events = POLLIN};
		struct iovec out = {.iov_base = stream.data + at, .iov_len = n};
		struct msghdr message = {.msg_iov = &out, .msg_iovlen = 1};

		if (!CHECK_EQUAL(sendmsg(from, &message, MSG_NOSIGNAL), n))
			return false;
		while (seen < n) {
			struct iovec in = {.iov_base = got + at + seen, .iov_len = n - seen};
			ssize_t part;

			if (!CHECK_EQUAL(poll(&fd, 1, PATIENCE), 1))
				return false;
			part = readv(to, &in, 1);
			if (!CHECK(part > 0))
				return false;
			seen += (size_t)part;
		}
		at += n;
	}
	return CHECK(memcmp(got, stream.data, stream.len) == 0);
}

static void ask(struct talk *talk, const char *name, uint16_t id, size_t piece)
{
	stream.len = 0;
	stream_ask(name, id, 1);
	deliver(talk->client, talk->server, piece);
	stream.len = 0;
}

static void answer(struct talk *talk, size_t piece)
{
	deliver(talk->server, talk->client, piece);
	stream.len = 0;
}

static bool learned(uint8_t a, uint8_t b, uint8_t c)
{
	char addr[32];

	snprintf(addr, sizeof(addr), "5.%d.%d.%d", a, b, c);
	return world_learned(addr);
}

/* ---- what is learned ---- */

static void cut_anywhere(const char *resolver, uint8_t a)
{
	static const size_t pieces[] = {1, 2, 3, 7, 100, 1 << 20};
	struct talk talk = {.client = -1, .server = -1, .listener = -1};
	uint8_t b = 0;

	if (start(resolver, &talk)) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(pieces); i++) {
			for (size_t j = 0; j < AEG_ARRAY_SIZE(pieces); j++, b++) {
				check_context("%zu and %zu", pieces[i], pieces[j]);
				ask(&talk, "many.rival.test", b, pieces[i]);
				stream_answer("many.rival.test", b, a, b, 3);
				answer(&talk, pieces[j]);
				CHECK(learned(a, b, 0) && learned(a, b, 2));
				CHECK(!learned(a, b, 3));
			}
		}
		CHECK_EQUAL(dns_results(AEG_DNS_OK), b);
		CHECK_EQUAL(dns_results(AEG_DNS_LOST), 0);
	}
	stop(&talk);
}

static void test_cut_anywhere(void)
{
	cut_anywhere(RESOLVER, 60);
}

static void test_cut_anywhere6(void)
{
	cut_anywhere(RESOLVER6, 61);
}

static void test_known_at_connect(void)
{
	struct talk talk = {.client = -1, .server = -1, .listener = -1};
	int fd;

	if (start(RESOLVER, &talk)) {
		fd = world_connect("5.62.0.0", TLS_PORT);
		CHECK(fd >= 0); /* nobody knows it yet */
		close(fd);
		ask(&talk, "first.rival.test", 1, 1 << 20);
		stream_answer("first.rival.test", 1, 62, 0, 1);
		answer(&talk, 1 << 20);
		CHECK_EQUAL(world_connect("5.62.0.0", TLS_PORT), -EPERM);
		check_denied(AEG_HOOK_CONNECT, AEG_REASON_NO_RULE, "");
		CHECK(named_last(AEG_EVENT_NAME) != NULL);
	}
	stop(&talk);
}

/* Nobody listens there; then the same socket goes to the resolver. */
static void test_elsewhere_first(void)
{
	const struct aeg_addr nowhere = world_addr(OPEN_ADDR), resolver = world_addr(RESOLVER);
	struct talk talk = {.client = -1, .server = -1, .listener = -1};
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(CLOSED_PORT)};

	if (start(RESOLVER, &talk)) {
		talk_close(&talk);
		talk.client = needed(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
		memcpy(&to.sin6_addr, nowhere.bytes, sizeof(to.sin6_addr));
		CHECK_EQUAL(connect(talk.client, (struct sockaddr *)&to, sizeof(to)), -1);
		CHECK_EQUAL(errno, ECONNREFUSED);
		memcpy(&to.sin6_addr, resolver.bytes, sizeof(to.sin6_addr));
		to.sin6_port = htons(DNS_PORT);
		CHECK_EQUAL(connect(talk.client, (struct sockaddr *)&to, sizeof(to)), 0);
		talk.server = needed(accept4(talk.listener, NULL, NULL, SOCK_CLOEXEC));
		ask(&talk, "first.rival.test", 1, 1 << 20);
		stream_answer("first.rival.test", 1, 70, 0, 1);
		answer(&talk, 1 << 20);
		CHECK(learned(70, 0, 0));
	}
	stop(&talk);
}

#define PIPELINED 16 /* messages that are read of one segment */

/* As many as a segment may hold, answered in one. */
static void test_pipelined(void)
{
	struct talk talk = {.client = -1, .server = -1, .listener = -1};

	if (start(RESOLVER, &talk)) {
		for (uint16_t i = 0; i < PIPELINED; i++)
			stream_ask("many.rival.test", i, 1);
		deliver(talk.client, talk.server, sizeof(stream.data));
		stream.len = 0;
		for (uint16_t i = PIPELINED; i > 0; i--)
			stream_answer("many.rival.test", i - 1, 63, (uint8_t)(i - 1), 1);
		answer(&talk, sizeof(stream.data));
		for (uint8_t i = 0; i < PIPELINED; i++)
			CHECK(learned(63, i, 0));
		CHECK_EQUAL(learnings(AEG_LEARNING_UNASKED), 0);
	}
	stop(&talk);
}

/* As many records as are read, one more, and as many as a message holds: the border is never lost. */
static void test_long_answers(void)
{
	static const unsigned int counts[] = {40, AEG_DNS_RECORDS_MAX, AEG_DNS_RECORDS_MAX + 1,
					      4000};
	static const size_t pieces[] = {1000, 1 << 20};
	struct talk talk = {.client = -1, .server = -1, .listener = -1};
	uint8_t b = 0;

	if (start(RESOLVER, &talk)) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(counts) * AEG_ARRAY_SIZE(pieces); i++, b++) {
			unsigned int n = counts[i / 2];
			bool few = n <= AEG_DNS_RECORDS_MAX;

			check_context("%u in pieces of %zu", n, pieces[i % 2]);
			ask(&talk, "many.rival.test", b, 1 << 20);
			stream_answer("many.rival.test", b, 64, (uint8_t)(b * 16), n);
			answer(&talk, pieces[i % 2]);
			CHECK_EQUAL(learned(64, (uint8_t)(b * 16), 0), few);
			CHECK_EQUAL(learned(64, (uint8_t)(b * 16), (uint8_t)(n - 1)), few);
		}
		CHECK_EQUAL(dns_results(AEG_DNS_TOO_MANY), 4);
		ask(&talk, "many.rival.test", 99, 1 << 20);
		stream_answer("many.rival.test", 99, 64, 250, 1);
		answer(&talk, 1 << 20);
		CHECK(learned(64, 250, 0));
	}
	stop(&talk);
}

/* ---- what is not ---- */

static void lie(size_t at, uint8_t bits)
{
	stream.data[2 + at] ^= bits;
}

static void test_lies(void)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t bits;
	} lies[] = {
		{"wrong id", 1, 1},	   {"wrong name", 13, 2}, {"a question", 2, 0x80},
		{"NXDOMAIN", 3, 3},	   {"truncated", 2, 2},	  {"two questions", 5, 3},
		{"a pointer", 12, 0xc0},   {"no length", 12, 5},  {"too many records", 6, 1},
		{"one record more", 7, 3},
	};
	struct talk talk = {.client = -1, .server = -1, .listener = -1};

	if (start(RESOLVER, &talk)) {
		for (unsigned int i = 0; i < AEG_ARRAY_SIZE(lies); i++) {
			check_context("%s", lies[i].what);
			ask(&talk, "first.rival.test", i, 1 << 20);
			stream_answer("first.rival.test", i, 65, i, 1);
			lie(lies[i].at, lies[i].bits);
			answer(&talk, i % 2 ? 5 : 1 << 20);
			CHECK(!learned(65, i, 0));
		}
		check_context("the truth");
		ask(&talk, "first.rival.test", 99, 1 << 20);
		stream_answer("first.rival.test", 99, 65, 99, 1);
		stream_answer("first.rival.test", 99, 65, 100, 1); /* once */
		answer(&talk, 1 << 20);
		CHECK(learned(65, 99, 0));
		CHECK(!learned(65, 100, 0));
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), 1);
		CHECK_EQUAL(dns_results(AEG_DNS_TRUNCATED), 1);
		CHECK_EQUAL(dns_results(AEG_DNS_LOST), 0);
	}
	stop(&talk);
}

/* An answer inside of an answer: were a border got wrong, it would be read as one. */
static void test_an_answer_within(void)
{
	struct talk talk = {.client = -1, .server = -1, .listener = -1};
	size_t inner;

	if (start(RESOLVER, &talk)) {
		stream_ask("first.rival.test", 7, 1);
		deliver(talk.client, talk.server, 1 << 20);
		stream.len = 0;
		stream_answer("other.rival.test", 8, 66, 0, 1);
		inner = stream.len;
		stream_answer("first.rival.test", 7, 66, 1, 1);
		/* One message of all: the first one's prefix spans both. */
		stream.data[0] = (uint8_t)((stream.len - 2) >> 8);
		stream.data[1] = (uint8_t)(stream.len - 2);
		CHECK(inner < stream.len);
		answer(&talk, 3);
		CHECK(!learned(66, 1, 0));
		stream_answer("first.rival.test", 7, 66, 2, 1);
		answer(&talk, 1 << 20);
		CHECK(learned(66, 2, 0));
	}
	stop(&talk);
}

/* What comes before any question cannot be placed for sure: the connection teaches nothing any more. */
static void test_answered_before_asked(void)
{
	const struct named *lost;
	struct talk talk = {.client = -1, .server = -1, .listener = -1};

	if (start(RESOLVER, &talk)) {
		stream_answer("first.rival.test", 1, 67, 0, 1);
		answer(&talk, 1 << 20);
		CHECK_EQUAL(dns_results(AEG_DNS_LOST), 1);
		lost = named_last(AEG_EVENT_REFUSED);
		CHECK(lost && lost->base.refusal == (AEG_REFUSED_MESSAGE | AEG_DNS_LOST) &&
		      lost->base.workload == WORKLOAD_A);
		ask(&talk, "first.rival.test", 1, 1 << 20);
		stream_answer("first.rival.test", 1, 67, 1, 1);
		answer(&talk, 1 << 20);
		CHECK(!learned(67, 0, 0) && !learned(67, 1, 0));
		talk_close(&talk);
		if (talk_open(RESOLVER, &talk)) {
			ask(&talk, "first.rival.test", 1, 1 << 20);
			stream_answer("first.rival.test", 1, 67, 2, 1);
			answer(&talk, 1 << 20);
			CHECK(learned(67, 2, 0));
		}
	}
	stop(&talk);
}

static void test_more_than_are_read(void)
{
	struct talk talk = {.client = -1, .server = -1, .listener = -1};

	if (start(RESOLVER, &talk)) {
		ask(&talk, "first.rival.test", 1, 1 << 20);
		for (uint16_t i = 0; i < 40; i++)
			stream_answer("other.rival.test", i, 68, 0, 1);
		answer(&talk, sizeof(stream.data));
		CHECK_EQUAL(dns_results(AEG_DNS_LOST), 1);
		stream_answer("first.rival.test", 1, 68, 1, 1);
		answer(&talk, 1 << 20);
		CHECK(!learned(68, 0, 0) && !learned(68, 1, 0));
	}
	stop(&talk);
}

static void test_other_ports_and_names(void)
{
	struct talk talk = {.client = -1, .server = -1, .listener = -1};

	if (start(RESOLVER, &talk)) {
		ask(&talk, "first.free.test", 1, 1 << 20);
		stream_answer("first.free.test", 1, 69, 0, 1);
		answer(&talk, 1 << 20);
		CHECK(!learned(69, 0, 0));
		CHECK_EQUAL(learnings(AEG_LEARNING_NO_PATTERN), 1);
		CHECK_EQUAL(aeg_datapath_set_resolvers(datapath, NULL, 0), 0);
		ask(&talk, "first.rival.test", 2, 1 << 20);
		stream_answer("first.rival.test", 2, 69, 1, 1);
		answer(&talk, 1 << 20);
		CHECK(!learned(69, 1, 0)); /* nobody's resolver any more */
	}
	stop(&talk);
}

const struct test dns_tcp_tests[] = {
	{"dns over TCP: an address is known before its answer is read", test_known_at_connect},
	{"dns over TCP: a socket that was connected elsewhere before", test_elsewhere_first},
	{"dns over TCP: questions and answers cut anywhere", test_cut_anywhere},
	{"dns over TCP: the same over IPv6", test_cut_anywhere6},
	{"dns over TCP: pipelined questions, answers in any order", test_pipelined},
	{"dns over TCP: answers of up to 64 KB", test_long_answers},
	{"dns over TCP: lies teach nothing", test_lies},
	{"dns over TCP: an answer within an answer is none", test_an_answer_within},
	{"dns over TCP: what comes before a question is not followed", test_answered_before_asked},
	{"dns over TCP: more messages than are read of a segment", test_more_than_are_read},
	{"dns over TCP: other names, other resolvers", test_other_ports_and_names},
	{NULL, NULL},
};
