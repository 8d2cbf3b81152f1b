/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every way in which a workload that is contained strictly could ask without being read. */
#include "tests/prog/asking.h"
#include "tests/prog/tests.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/udp.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

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

	if (asking_enter()) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(cases); i++) {
			AEG_AUTO_CLOSE int fd = asking_socket(true);
			struct wire question;

			check_context("%s", cases[i].what);
			wire_question("abcd.wild.test", 7, 1, &question);
			question.data[cases[i].at] = cases[i].value;
			if (cases[i].len)
				question.len = cases[i].len;
			CHECK_EQUAL(asking_on(fd, &question), EPERM);
		}
		CHECK_EQUAL(asking_denied(AEG_REASON_DNS_NAME), AEG_ARRAY_SIZE(cases));
	}
	names_leave();
}

/* Connected while anything could be asked; then the policy comes. And the other way round. */
static void test_older_socket(void)
{
	if (asking_enter_with(0, uncapped)) {
		AEG_AUTO_CLOSE int fd = asking_socket(true);
		struct wire question;

		wire_question("data.nobody.example", 7, 1, &question);
		CHECK_EQUAL(asking_on(fd, &question), 0);
		CHECK(names_install_asking(ENFORCED | NAMES, uncapped, uncapped));
		CHECK_EQUAL(asking_on(fd, &question), EPERM);
		CHECK(names_install());
		CHECK_EQUAL(asking_on(fd, &question), 0);
	}
	names_leave();
}

/* Made by somebody who may ask anything, used by A; and made by A, used by him. */
static void test_handed_socket(void)
{
	struct sockaddr_in addr = resolver_addr();
	struct wire question;

	wire_question("data.nobody.example", 7, 1, &question);
	if (asking_enter()) {
		stage_leave();
		stage_enter(IN_B);
		AEG_AUTO_CLOSE int theirs = asking_socket(false);

		stage_leave();
		stage_enter(IN_A);
		AEG_AUTO_CLOSE int ours = asking_socket(true);

		CHECK_EQUAL(error_of(sendto(theirs, question.data, question.len, 0,
					    (struct sockaddr *)&addr, sizeof(addr))),
			    EPERM);
		CHECK_EQUAL(error_of(connect(theirs, (struct sockaddr *)&addr, sizeof(addr))), 0);
		CHECK_EQUAL(asking_on(theirs, &question), EPERM);
		stage_leave();
		stage_enter(IN_B);
		CHECK_EQUAL(asking_on(ours, &question), EPERM);
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
	if (asking_enter()) {
		AEG_AUTO_CLOSE int fd = asking_socket(true);

		(void)sendto(fd, question.data, question.len, 0, (struct sockaddr *)&other,
			     sizeof(other));
		CHECK_EQUAL(asking_on(fd, &question), EPERM);
	}
	names_leave();
}

/* Two questions in one packet, which is cut up behind the programs. */
static void test_segmented(void)
{
	if (asking_enter()) {
		AEG_AUTO_CLOSE int fd = asking_socket(true);
		struct wire both, second;
		uint32_t before = world->nquestions;
		int size;

		wire_question("abcd.wild.test", 7, 1, &both);
		wire_question("data.a.example", 7, 1, &second);
		size = (int)both.len;
		CHECK_EQUAL(second.len, both.len);
		wire_append(&both, second.data, second.len);
		CHECK_EQUAL(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
		CHECK_EQUAL(asking_on(fd, &both), EPERM);
		asking_check_arrived(before, 0);
	}
	names_leave();
}

/* A page that could be rewritten once it was read. */
static void test_shared_page(void)
{
	struct wire question;
	uint32_t before;

	wire_question("a.wild.test", 7, 1, &question);
	if (asking_enter()) {
		AEG_AUTO_CLOSE int fd = asking_socket(true);
		AEG_AUTO_CLOSE int file = needed(memfd_create("question", MFD_CLOEXEC));
		off_t from = 0;

		before = world->nquestions;
		CHECK_EQUAL(write(file, question.data, question.len), question.len);
		CHECK_EQUAL(error_of(sendfile(fd, file, &from, question.len)), EPERM);
		asking_check_arrived(before, 0);
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
	if (asking_enter() && CHECK_EQUAL(aeg_datapath_set_resolvers(datapath, &resolver, 1), 0)) {
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

const struct test dns_unread_tests[] = {
	{"questions unread: what cannot be read", test_unreadable},
	{"questions unread: a socket that is older than the policy", test_older_socket},
	{"questions unread: sockets of others", test_handed_socket},
	{"questions unread: a socket that asks somebody else meanwhile", test_distracted_socket},
	{"questions unread: two in one packet", test_segmented},
	{"questions unread: a page that may be rewritten", test_shared_page},
	{"questions unread: behind an extension header", test_extension_header},
	{"questions: frames of packet sockets", test_frames},
	{NULL, NULL},
};
