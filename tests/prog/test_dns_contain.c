/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a workload that is contained strictly may ask: which names, how many, how long, and every way in
 * which it could ask without being read. What arrived is counted at the name server.
 */
#include "bpf/verdict.h"
#include "tests/prog/names_policy.h"
#include "tests/prog/tests.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#define DNS_PORT 53
#define ENFORCED AEG_IDENT_STRICT | AEG_IDENT_STRICT_UNION | AEG_IDENT_ASKS | AEG_IDENT_ASKS_UNION
#define NAMES AEG_IDENT_NAMES | AEG_IDENT_NAMES_UNION
#define AUDITED AEG_IDENT_STRICT_UNION | AEG_IDENT_ASKS_UNION | AEG_IDENT_NAMES_UNION
#define NO_CGROUP (1ull << 63) /* ids count up from 1 with each boot */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static const struct aeg_dns_caps uncapped;

static bool start_with(uint32_t flags, struct aeg_dns_caps caps)
{
	if (!names_enter() || !names_install_asking(flags, caps, caps))
		return false;
	named_reset();
	return true;
}

static bool start(void)
{
	return start_with(ENFORCED | NAMES, uncapped);
}

static uint64_t total(uint8_t verdict, uint8_t reason)
{
	uint64_t totals[AEG_TOTALS];

	CHECK_EQUAL(aeg_datapath_totals(datapath, totals), 0);
	return totals[aeg_total_index(verdict, reason, AEG_HOOK_QUESTION)];
}

static uint64_t denied(uint8_t reason)
{
	return total(AEG_VERDICT_DENIED, reason);
}

static struct sockaddr_in resolver_addr(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(DNS_PORT)};

	CHECK_EQUAL(inet_pton(AF_INET, RESOLVER, &addr.sin_addr), 1);
	return addr;
}

static int udp_socket(bool connected)
{
	struct sockaddr_in addr = resolver_addr();
	int fd = needed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	if (connected && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(1, "connect to the resolver");
	return fd;
}

static int error_of(ssize_t n)
{
	return n < 0 ? errno : 0;
}

/* Sends without an address: no hook but that of packets sees it. 0, or a positive errno. */
static int ask_on(int fd, const struct wire *question)
{
	return error_of(send(fd, question->data, question->len, 0));
}

/* The resolver is asked, or not: a question that is let through proves that nothing came before it. */
static void check_arrived(uint32_t before, uint32_t n)
{
	CHECK(world_ask("last.wild.test"));
	CHECK_EQUAL(world->nquestions - before, n + 1);
}

static int ask(const char *name, uint16_t type)
{
	AEG_AUTO_CLOSE int fd = udp_socket(true);
	struct wire question;

	wire_question(name, 7, type, &question);
	return ask_on(fd, &question);
}

/* ---- names ---- */

static const struct {
	const char *name;
	uint16_t type;
	bool allowed;
} names[] = {
	{"names.test", 1, true},
	{"names.test", 28, true},
	{"names.test", 16, true}, /* TXT */
	{"names.test", 65, true}, /* HTTPS */
	{"NaMeS.tEsT", 1, true},
	{"a.wild.test", 1, true},
	{"a.b.c.wild.test", 1, true},
	{"wild.test", 1, false},
	{"bad.wild.test", 1, false},
	{"rival.test", 1, false},
	{"rival.test", 16, false},
	{"nobody.example", 1, false},
	{"6465616462656566.nobody.example", 16, false},
	{"names.test.nobody.example", 1, false},
	{"1.0.0.5.in-addr.arpa", 12, false},
	{"", 2, false},
	{"odd name.wild.test", 1, false},
};

static void test_names(void)
{
	if (start()) {
		uint32_t before = world->nquestions, let = 0;

		for (size_t i = 0; i < AEG_ARRAY_SIZE(names); i++) {
			check_context("%s type %u", names[i].name, names[i].type);
			CHECK_EQUAL(ask(names[i].name, names[i].type),
				    names[i].allowed ? 0 : EPERM);
			let += names[i].allowed;
		}
		check_context("%s", "");
		check_arrived(before, let);
		CHECK_EQUAL(denied(AEG_REASON_DNS_NAME), AEG_ARRAY_SIZE(names) - let);
		CHECK_EQUAL(total(AEG_VERDICT_ALLOWED, AEG_REASON_RULE), let + 1);
	}
	names_leave();
}

static void test_told(void)
{
	if (start()) {
		CHECK_EQUAL(ask("data.nobody.example", 1), EPERM);
		check_denied(AEG_HOOK_QUESTION, AEG_REASON_DNS_NAME, "data.nobody.example");
		named_reset();
		CHECK_EQUAL(ask("bad.wild.test", 1), EPERM);
		check_denied(AEG_HOOK_QUESTION, AEG_REASON_DNS_NAME, "bad.wild.test");
		CHECK_EQUAL(named_last(AEG_EVENT_DENY)->base.decision.rule, RULE_BAD);
		for (int i = 0; i < 100; i++)
			CHECK_EQUAL(ask("flood.nobody.example", 1), EPERM);
		CHECK_EQUAL(denied(AEG_REASON_DNS_NAME), 102);
	}
	names_leave();
}

static void test_searched(void)
{
	const struct aeg_search search = {.suffix = "svc.cluster.local", .labels = 1};

	if (start()) {
		CHECK_EQUAL(ask("names.test.ml.svc.cluster.local", 1), EPERM);
		CHECK_EQUAL(aeg_datapath_set_searches(datapath, &search, 1), 0);
		CHECK_EQUAL(ask("names.test.ml.svc.cluster.local", 1), 0);
		CHECK_EQUAL(ask("rival.test.ml.svc.cluster.local", 1), EPERM);
		CHECK_EQUAL(ask("data.ml.svc.cluster.local", 1), EPERM);
	}
	names_leave();
}

/* Answers to what was let through are learned from as ever. */
static void test_still_learns(void)
{
	if (start()) {
		CHECK(world_ask("a-5-40-0-1.wild.test"));
		CHECK(world_learned("5.40.0.1"));
		CHECK_EQUAL(learnings(AEG_LEARNING_NEW), 1);
	}
	names_leave();
}

static void test_unreadable(void)
{
	static const struct {
		const char *what;
		size_t at, len; /* what is changed, and how much is sent */
		uint8_t value;
	} cases[] = {
		{"an answer", 2, 0, 0x81},	   {"an update", 2, 0, 0x28},
		{"two questions", 5, 0, 2},	   {"no question", 5, 0, 0},
		{"another class", 31, 0, 3},	   {"cut short", 0, 20, 0},
		{"a pointer", 17, 0, 0xc0},	   {"nothing", 0, 1, 0},
		{"an over-long label", 12, 0, 64},
	};

	if (start()) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(cases); i++) {
			AEG_AUTO_CLOSE int fd = udp_socket(true);
			struct wire question;

			check_context("%s", cases[i].what);
			wire_question("abcd.wild.test", 7, 1, &question);
			question.data[cases[i].at] = cases[i].value;
			if (cases[i].len)
				question.len = cases[i].len;
			CHECK_EQUAL(ask_on(fd, &question), EPERM);
		}
		CHECK_EQUAL(denied(AEG_REASON_DNS_NAME), AEG_ARRAY_SIZE(cases));
	}
	names_leave();
}

/* ---- caps ---- */

static void test_rate(void)
{
	const struct aeg_dns_caps five = {.questions = 5, .seconds = 60}, many = {600, 60, 0};

	if (start_with(ENFORCED | NAMES, five)) {
		uint32_t before = world->nquestions;

		for (int i = 0; i < 10; i++)
			CHECK_EQUAL(ask("data.nobody.example", 1), EPERM); /* uses up nothing */
		for (int i = 0; i < 5; i++)
			CHECK_EQUAL(ask("a.wild.test", 1), 0);
		named_reset();
		CHECK_EQUAL(ask("a.wild.test", 1), EPERM);
		check_denied(AEG_HOOK_QUESTION, AEG_REASON_DNS_RATE, "a.wild.test");
		CHECK_EQUAL(denied(AEG_REASON_DNS_RATE), 1);
		CHECK(names_install_asking(ENFORCED | NAMES, many, many));
		poll(NULL, 0, 100);	      /* the price of one */
		while (ask("a.wild.test", 1)) /* what the slower cap still owes is forgiven */
			poll(NULL, 0, 10);
		CHECK(world->nquestions - before >= 5);
	}
	names_leave();
}

/* Without AllowedNames: any name, but not too many and none that is too long. */
static void test_size(void)
{
	const struct aeg_dns_caps caps = {.name_len = 11};

	if (start_with(ENFORCED, caps)) {
		CHECK_EQUAL(ask("abc.example", 1), 0);
		CHECK_EQUAL(ask("abcd.example", 1), EPERM);
		check_denied(AEG_HOOK_QUESTION, AEG_REASON_DNS_SIZE, "abcd.example");
		CHECK_EQUAL(ask("abcd.example", 16), EPERM);
		CHECK_EQUAL(denied(AEG_REASON_DNS_SIZE), 2);
		CHECK_EQUAL(total(AEG_VERDICT_ALLOWED, AEG_REASON_DNS), 1);
	}
	names_leave();
}

static int askers_map(void)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/maps/askers", stage.pin_dir);

	return needed(bpf_obj_get(path));
}

/* No room to count means no question, and is counted; the daemon makes room with the next generation. */
static void test_no_room(void)
{
	const struct aeg_dns_caps caps = {.questions = 100, .seconds = 1};

	if (start_with(ENFORCED | NAMES, caps)) {
		AEG_AUTO_CLOSE int map = askers_map();
		const struct aeg_asker asker = {0};
		uint64_t errors[AEG_ERROR_MAX];

		for (uint64_t i = 0; i < AEG_ASKERS_MAX; i++) {
			const uint64_t key = NO_CGROUP + i;

			CHECK_EQUAL(bpf_map_update_elem(map, &key, &asker, BPF_ANY), 0);
		}
		CHECK_EQUAL(ask("a.wild.test", 1), EPERM);
		CHECK_EQUAL(denied(AEG_REASON_TABLE_FULL), 1);
		CHECK_EQUAL(aeg_datapath_errors(datapath, errors), 0);
		CHECK(errors[AEG_ERROR_ASKER_FULL] >= 1);
		CHECK(names_install_asking(ENFORCED | NAMES, caps, caps));
		CHECK_EQUAL(ask("a.wild.test", 1), 0);
	}
	names_leave();
}

/* ---- audits, and who is not judged ---- */

static void test_audited(void)
{
	if (start_with(AUDITED, uncapped)) {
		CHECK_EQUAL(ask("data.nobody.example", 1), 0);
		CHECK_EQUAL(total(AEG_VERDICT_AUDITED, AEG_REASON_DNS_NAME), 1);
		CHECK(named_last(AEG_EVENT_DENY) == NULL);
		CHECK(named_last(AEG_EVENT_OPEN) != NULL);
		CHECK_EQUAL(named_last(AEG_EVENT_OPEN)->base.decision.verdict, AEG_VERDICT_AUDITED);
	}
	names_leave();
}

static void test_others(void)
{
	if (start()) {
		stage_leave();
		stage_enter(IN_B);
		CHECK_EQUAL(ask("data.nobody.example", 1), 0);
		stage_leave();
		stage_enter(OUTSIDE);
		CHECK_EQUAL(ask("data.nobody.example", 1), 0);
		for (int reason = 0; reason < AEG_REASON_MAX; reason++)
			CHECK_EQUAL(denied((uint8_t)reason), 0);
	}
	names_leave();
}

/* ---- ways around ---- */

/* Connected while anything could be asked; then the policy comes. And the other way round. */
static void test_older_socket(void)
{
	if (start_with(0, uncapped)) {
		AEG_AUTO_CLOSE int fd = udp_socket(true);
		struct wire question;

		wire_question("data.nobody.example", 7, 1, &question);
		CHECK_EQUAL(ask_on(fd, &question), 0);
		CHECK(names_install_asking(ENFORCED | NAMES, uncapped, uncapped));
		CHECK_EQUAL(ask_on(fd, &question), EPERM);
		CHECK(names_install());
		CHECK_EQUAL(ask_on(fd, &question), 0);
	}
	names_leave();
}

/* Made by somebody who may ask anything, used by A; and made by A, used by him. */
static void test_handed_socket(void)
{
	struct sockaddr_in addr = resolver_addr();
	struct wire question;

	wire_question("data.nobody.example", 7, 1, &question);
	if (start()) {
		stage_leave();
		stage_enter(IN_B);
		AEG_AUTO_CLOSE int theirs = udp_socket(false);

		stage_leave();
		stage_enter(IN_A);
		AEG_AUTO_CLOSE int ours = udp_socket(true);

		CHECK_EQUAL(error_of(sendto(theirs, question.data, question.len, 0,
					    (struct sockaddr *)&addr, sizeof(addr))),
			    EPERM);
		CHECK_EQUAL(error_of(connect(theirs, (struct sockaddr *)&addr, sizeof(addr))), 0);
		CHECK_EQUAL(ask_on(theirs, &question), EPERM);
		stage_leave();
		stage_enter(IN_B);
		CHECK_EQUAL(ask_on(ours, &question), EPERM);
	}
	names_leave();
}

/* A datagram to another port 53 in between does not make the socket forget whom it is connected to. */
static void test_distracted_socket(void)
{
	struct sockaddr_in other = resolver_addr();
	struct wire question;

	inet_pton(AF_INET, OPEN_ADDR, &other.sin_addr);
	wire_question("data.nobody.example", 7, 1, &question);
	if (start()) {
		AEG_AUTO_CLOSE int fd = udp_socket(true);

		(void)sendto(fd, question.data, question.len, 0, (struct sockaddr *)&other,
			     sizeof(other));
		CHECK_EQUAL(ask_on(fd, &question), EPERM);
	}
	names_leave();
}

/* Two questions in one packet, which is cut up behind the programs. */
static void test_segmented(void)
{
	if (start()) {
		AEG_AUTO_CLOSE int fd = udp_socket(true);
		struct wire both, second;
		uint32_t before = world->nquestions;
		int size;

		wire_question("abcd.wild.test", 7, 1, &both);
		wire_question("data.a.example", 7, 1, &second);
		size = (int)both.len;
		CHECK_EQUAL(second.len, both.len);
		wire_append(&both, second.data, second.len);
		CHECK_EQUAL(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
		CHECK_EQUAL(ask_on(fd, &both), EPERM);
		check_arrived(before, 0);
	}
	names_leave();
}

/* A page that could be rewritten once it was read. */
static void test_shared_page(void)
{
	struct wire question;
	uint32_t before;

	wire_question("a.wild.test", 7, 1, &question);
	if (start()) {
		AEG_AUTO_CLOSE int fd = udp_socket(true);
		AEG_AUTO_CLOSE int file = needed(memfd_create("question", MFD_CLOEXEC));
		off_t from = 0;

		before = world->nquestions;
		CHECK_EQUAL(write(file, question.data, question.len), question.len);
		CHECK_EQUAL(error_of(sendfile(fd, file, &from, question.len)), EPERM);
		check_arrived(before, 0);
	}
	names_leave();
}

static int ask_at(int fd, const struct sockaddr_in6 *addr, const struct wire *question)
{
	return error_of(sendto(fd, question->data, question->len, 0, (const struct sockaddr *)addr,
			       sizeof(*addr)));
}

/* Behind an IPv6 extension header. */
static void test_extension_header(void)
{
	static const uint8_t hop[8] = {0, 0, 1, 4};
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT)};
	const struct aeg_addr resolver = world_addr("2a00::53");
	struct wire bad, good;

	memcpy(&addr.sin6_addr, resolver.bytes, 16);
	wire_question("data.nobody.example", 7, 1, &bad);
	wire_question("a.wild.test", 7, 1, &good);
	if (start() && CHECK_EQUAL(aeg_datapath_set_resolvers(datapath, &resolver, 1), 0)) {
		AEG_AUTO_CLOSE int fd = needed(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));

		/* not connected: nobody answers there, and such errors are for connected sockets */
		CHECK_EQUAL(ask_at(fd, &addr, &good), 0);
		CHECK_EQUAL(ask_at(fd, &addr, &bad), EPERM);
		CHECK_EQUAL(setsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, hop, sizeof(hop)), 0);
		CHECK_EQUAL(ask_at(fd, &addr, &bad), EPERM);
		CHECK_EQUAL(ask_at(fd, &addr, &good), EPERM);
	}
	names_leave();
}

/* ---- over TCP ---- */

struct talk {
	int listener, client, server;
};

static bool talk_start(struct talk *ret)
{
	*ret = (struct talk){-1, -1, -1};
	if (!start())
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

/* What is on its way to the server has arrived when the client's bytes are acknowledged or dropped. */
static size_t arrived(const struct talk *talk, size_t expected)
{
	struct pollfd ready = {.fd = talk->server, .events = POLLIN};
	uint8_t data[4096];
	size_t n = 0;

	while (poll(&ready, 1, n < expected ? 3000 : 300) > 0) {
		ssize_t got = recv(talk->server, data, sizeof(data), 0);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return n;
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
			CHECK(arrived(&talk, 0) < bad.len);
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
		CHECK_EQUAL(arrived(&talk, 0), 0);
		send_all(&talk, &both, both.len, 0); /* nothing follows */
		CHECK_EQUAL(arrived(&talk, 0), 0);
		CHECK_EQUAL(denied(AEG_REASON_DNS_NAME), 1);
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
		CHECK_EQUAL(arrived(&talk, 0), 0);
		talk_close(&talk);
		talk_open(&talk);
		CHECK_EQUAL(write(file, good.data, good.len), good.len);
		CHECK_EQUAL(sendfile(talk.client, file, &from, good.len), good.len);
		CHECK_EQUAL(arrived(&talk, 0), 0);
		talk_close(&talk);
		talk_open(&talk);
		send_all(&talk, &crowd, crowd.len, 0);
		CHECK_EQUAL(arrived(&talk, 0), 0);
		CHECK_EQUAL(denied(AEG_REASON_DNS_NAME), 3);
	}
	talk_stop(&talk);
}

/* ---- frames that no checked socket sent ---- */

static int tc_program(void)
{
	struct aeg_prog_stat stats[16];
	size_t n = aeg_datapath_programs(datapath, stats, AEG_ARRAY_SIZE(stats));

	for (size_t i = 0; i < n; i++) {
		if (aeg_streq(stats[i].name, "veth_ingress"))
			return bpf_prog_get_fd_by_id(stats[i].id);
	}
	return -1;
}

/* What TC makes of a datagram to a resolver: Ethernet, IPv4 from 10.9.9.2, UDP, nothing in it. */
static int frame_result(int tc)
{
	uint8_t frame[14 + 20 + 8] = {
		[12] = 0x08, [14] = 0x45, [17] = 28, [22] = 64, [23] = 17, [26] = 10, 9, 9,
		2,	     [34] = 0x9c, 0x41,	     0,		DNS_PORT,  0,	      8,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

	memcpy(frame + 30, world_addr(RESOLVER).bytes + 12, 4);
	CHECK_EQUAL(bpf_prog_test_run_opts(tc, &opts), 0);
	return (int)opts.retval;
}

static void test_frames(void)
{
	struct aeg_datapath_config config = stage_config();
	const struct aeg_addr source = world_addr("10.9.9.2");
	struct aeg_veth_row row = {.ifindex = 1, .sources = &source, .nsources = 1};

	config.tc = true;
	world_start();
	if (names_start_with(&config)) {
		AEG_AUTO_CLOSE int tc = tc_program();

		row.cgroup = stage_cgroup("managed/a");
		CHECK_EQUAL(aeg_datapath_set_veths(datapath, &row, 1), 0);
		CHECK_EQUAL(frame_result(tc), -1);
		CHECK(names_install_asking(AUDITED, uncapped, uncapped));
		CHECK_EQUAL(frame_result(tc), -1);
		CHECK(names_install_asking(ENFORCED | NAMES, uncapped, uncapped));
		named_reset();
		CHECK_EQUAL(frame_result(tc), 2);
		check_denied(AEG_HOOK_FRAME, AEG_REASON_UNVERIFIED, "");
		CHECK(names_install_asking(AEG_IDENT_STRICT | AEG_IDENT_STRICT_UNION, uncapped,
					   uncapped));
		CHECK_EQUAL(frame_result(tc), -1);
	}
	datapath_stop();
	world_stop();
}

const struct test dns_contain_tests[] = {
	{"questions: which names", test_names},
	{"questions: what is told of them", test_told},
	{"questions: search suffixes", test_searched},
	{"questions: answers are learned from", test_still_learns},
	{"questions unread: what cannot be read", test_unreadable},
	{"questions: how many", test_rate},
	{"questions: how long", test_size},
	{"questions: no room to count them", test_no_room},
	{"questions: audits", test_audited},
	{"questions: who is not judged", test_others},
	{"questions unread: a socket that is older than the policy", test_older_socket},
	{"questions unread: sockets of others", test_handed_socket},
	{"questions unread: a socket that asks somebody else meanwhile", test_distracted_socket},
	{"questions unread: two in one packet", test_segmented},
	{"questions unread: a page that may be rewritten", test_shared_page},
	{"questions unread: behind an extension header", test_extension_header},
	{"questions: over TCP", test_stream},
	{"questions: over TCP, two in one segment", test_stream_second},
	{"questions: over TCP, what cannot be followed", test_stream_lost},
	{"questions: frames of packet sockets", test_frames},
	{NULL, NULL},
};
