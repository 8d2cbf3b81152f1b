/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The ClientHello: which pass, which are denied and why, however they are cut; and how a denial ends. */
#include "tests/prog/say.h"
#include "tests/prog/tests.h"
#include "gen/loss_test.skel.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#define FIXTURES "tests/fixtures/clienthello"

static void pass_hello(const char *addr, const char *name, unsigned int flags)
{
	AEG_AUTO_CLOSE int fd = say_connect(addr, TLS_PORT);
	struct wire wire;

	wire_hello(name, flags, 0, &wire);
	CHECK_EQUAL(world_send(fd, wire.data, wire.len), 0);
	CHECK_EQUAL(world_send(fd, "\x17\x03\x03\x00\x01x", 6), 0);
	CHECK_EQUAL(say_arrived(fd), wire.len + 6);
}

static void deny_hello(const char *addr, const char *name, unsigned int flags, uint8_t reason,
		       const char *told)
{
	AEG_AUTO_CLOSE int fd = say_connect(addr, TLS_PORT);
	struct wire wire;

	wire_hello(name, flags, 0, &wire);
	say_denied(fd, &wire, reason, told);
}

static void test_names_on_one_address(void)
{
	if (say_enter()) {
		pass_hello(SHARED, "a.wild.test", 0);
		CHECK(named_last(AEG_EVENT_OPEN) != NULL);
		CHECK(strcmp(named_last(AEG_EVENT_OPEN)->name, "a.wild.test") == 0);
		CHECK_EQUAL(named_last(AEG_EVENT_OPEN)->base.node, NODE_WILD);
		pass_hello(SHARED, "A.WILD.test", WIRE_TLS12);
		deny_hello(SHARED, "x.rival.test", 0, AEG_REASON_NAME_NOT_ALLOWED, "x.rival.test");
		deny_hello(SHARED, "names.test", 0, AEG_REASON_NAME_ADDRESS_MISMATCH, "names.test");
		deny_hello(SHARED, "free.test", 0, AEG_REASON_NAME_ADDRESS_MISMATCH, "free.test");
		deny_hello(SHARED, "", WIRE_NO_NAME, AEG_REASON_NAME_MISSING, "");
		deny_hello(SHARED, "a.wild.test", WIRE_ECH, AEG_REASON_ECH, "a.wild.test");
		CHECK(world_ask("a-5-10-0-1.names.test.rival.test"));
	}
	names_leave();
}

static void test_not_tls(void)
{
	struct wire wire = {.len = 16, .data = "GET / HTTP/1.1\r\n"};

	if (say_enter()) {
		AEG_AUTO_CLOSE int tls = say_connect(SHARED, TLS_PORT);
		AEG_AUTO_CLOSE int other = say_connect(SHARED, OTHER_PORT);
		AEG_AUTO_CLOSE int open = say_connect(OPEN_ADDR, TLS_PORT);

		say_denied(tls, &wire, AEG_REASON_NOT_TLS, "");
		CHECK_EQUAL(world_send(other, wire.data, wire.len), 0);
		CHECK_EQUAL(world_send(open, wire.data, wire.len), 0);
	}
	names_leave();
}

/* Nobody knows the address: only a name that is governed speaks against it. */
static void test_unknown_addresses(void)
{
	if (say_enter()) {
		pass_hello("5.11.0.1", "free.test", 0);
		pass_hello("5.11.0.1", "a.wild.test", 0);
		pass_hello("5.11.0.1", "", WIRE_NO_NAME);
		deny_hello("5.11.0.1", "rival.test", 0, AEG_REASON_NAME_NOT_ALLOWED, "rival.test");
		deny_hello("5.11.0.1", "bad.wild.test", 0, AEG_REASON_DENY_RULE, "bad.wild.test");
		/* a CIDR that a rule allows gives way to deny rules only */
		pass_hello(OPEN_ADDR, "rival.test", 0);
		deny_hello(OPEN_ADDR, "bad.wild.test", 0, AEG_REASON_DENY_RULE, "bad.wild.test");
	}
	names_leave();
}

static void pieces(const char *name, size_t size, size_t record, size_t piece, bool good)
{
	AEG_AUTO_CLOSE int fd = say_connect(SHARED, TLS_PORT);
	struct wire whole, wire;
	int on = 1;

	check_context("%s, %zu in records of %zu, pieces of %zu", name, size, record, piece);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	wire_hello(name, 0, size, &whole);
	wire = whole;
	if (record)
		wire_split(&whole, record, &wire);
	if (good) {
		CHECK_EQUAL(world_send_pieces(fd, &wire, piece), 0);
		CHECK_EQUAL(world_send(fd, "\x17\x03\x03\x00\x01x", 6), 0);
		CHECK_EQUAL(say_arrived(fd), wire.len + 6);
		return;
	}
	for (size_t at = 0; at + piece < wire.len; at += piece)
		CHECK_EQUAL(world_send(fd, wire.data + at, piece), 0);
	whole.len = (wire.len - 1) % piece + 1;
	memcpy(whole.data, wire.data + wire.len - whole.len, whole.len);
	say_denied(fd, &whole, AEG_REASON_NAME_NOT_ALLOWED, name);
}

static void test_pieces(void)
{
	static const struct {
		size_t size, record, piece;
	} cuts[] = {{0, 0, 1},	  {0, 0, 7},	     {1800, 0, 1400}, {1800, 0, 600},
		    {0, 9, 8192}, {1800, 100, 8192}, {0, 5, 3},	      {3900, 0, 1000}};

	if (say_enter()) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(cuts); i++) {
			pieces("a.wild.test", cuts[i].size, cuts[i].record, cuts[i].piece, true);
			pieces("x.rival.test", cuts[i].size, cuts[i].record, cuts[i].piece, false);
		}
	}
	names_leave();
}

/* What was gathered of a hello does not outlive its connection. */
static void test_connect_again(void)
{
	const struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(TLS_PORT),
				       .sin_addr.s_addr = inet_addr(SHARED)};
	struct wire good, bad;

	if (say_enter()) {
		AEG_AUTO_CLOSE int fd = say_connect(SHARED, TLS_PORT);

		wire_hello("a.wild.test", 0, 0, &good);
		wire_hello("x.rival.test", 0, 0, &bad);
		CHECK_EQUAL(world_send(fd, good.data, 70), 0);
		CHECK_EQUAL(connect(fd, &unspec, sizeof(unspec)), 0);
		CHECK_EQUAL(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
		CHECK_EQUAL(world_send_pieces(fd, &good, 50), 0);
		CHECK_EQUAL(connect(fd, &unspec, sizeof(unspec)), 0);
		CHECK_EQUAL(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
		say_denied(fd, &bad, AEG_REASON_NAME_NOT_ALLOWED, "x.rival.test");
	}
	names_leave();
}

static void test_too_long(void)
{
	struct wire wire;

	if (say_enter()) {
		AEG_AUTO_CLOSE int fd = say_connect(SHARED, TLS_PORT);

		wire_hello("a.wild.test", 0, 4200, &wire);
		say_denied(fd, &wire, AEG_REASON_HELLO_TOO_LONG, "");
	}
	names_leave();
}

static bool read_fixture(const char *name, struct wire *ret)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf(FIXTURES "/%s", name);
	FILE *file = fopen(path, "re");

	if (!file)
		return false;
	ret->len = fread(ret->data, 1, sizeof(ret->data), file);
	fclose(file);
	return ret->len > 0;
}

/* What real clients send; most name huggingface.co, one an endpoint of its own that nobody knows. */
static void test_real_hellos(void)
{
	struct dirent *entry;
	struct wire wire;
	DIR *dir = opendir(FIXTURES);
	int n = 0;

	if (!dir) {
		check_skip(FIXTURES " is not here");
		return;
	}
	if (say_enter()) {
		while ((entry = readdir(dir))) {
			AEG_AUTO_CLOSE int fd = -1;

			if (!strstr(entry->d_name, ".bin") || !read_fixture(entry->d_name, &wire))
				continue;
			check_context("%s", entry->d_name);
			n++;
			fd = say_connect("5.12.0.1", TLS_PORT);
			/* Chromium's: they may hide a name, or only look as if. */
			if (strstr(entry->d_name, "grease"))
				say_denied(fd, &wire, AEG_REASON_ECH, "huggingface.co");
			else
				CHECK_EQUAL(world_send(fd, wire.data, wire.len), 0);
		}
		CHECK(n > 10);
	}
	closedir(dir);
	names_leave();
}

/* Names as no client writes them: nothing of such a hello arrives. `from` is changed to `to`, where given. */
static const struct odd {
	const char *what, *name, *from, *to;
	unsigned int flags;
	uint8_t reason;
	const char *told;
} odd[] = {
	{"NUL inside", "a.wild.test_x.rival.test", "_", "", 0, AEG_REASON_TLS_MALFORMED, ""},
	{"NUL at the end", "a.wild.test_", "_", "", 0, AEG_REASON_TLS_MALFORMED, ""},
	{"NUL in front", "_a.wild.test", "_", "", 0, AEG_REASON_TLS_MALFORMED, ""},
	{"a dot at the end", "a.wild.test.", "", "", 0, AEG_REASON_TLS_MALFORMED, ""},
	{"two dots", "a..wild.test", "", "", 0, AEG_REASON_TLS_MALFORMED, ""},
	{"an IPv4 address", SHARED, "", "", 0, AEG_REASON_TLS_MALFORMED, ""},
	{"an IPv6 address", "2a00::50a:1", "", "", 0, AEG_REASON_TLS_MALFORMED, ""},
	{"UTF-8", "\xc3\xa4.wild.test", "", "", 0, AEG_REASON_TLS_MALFORMED, ""},
	{"a space", "a b.wild.test", "", "", 0, AEG_REASON_TLS_MALFORMED, ""},
	{"nothing", "", "", "", 0, AEG_REASON_TLS_MALFORMED, ""},
	{"two extensions", "a.wild.test", "", "", WIRE_TWICE, AEG_REASON_TLS_MALFORMED, ""},
	{"two extensions, the first denied", "a.wild.test", "a.wild", "rival.", WIRE_TWICE,
	 AEG_REASON_TLS_MALFORMED, ""},
	{"upper case, denied", "X.RIVAL.TEST", "", "", 0, AEG_REASON_NAME_NOT_ALLOWED,
	 "x.rival.test"},
};

static void odd_wire(const struct odd *row, struct wire *ret)
{
	size_t len = strlen(row->from);
	uint8_t *at;

	wire_hello(row->name, row->flags, 0, ret);
	at = len ? memmem(ret->data, ret->len, row->from, len) : NULL;
	if (at)
		memcpy(at, row->to, len);
	CHECK(!len || at);
}

static void test_odd_names(void)
{
	struct wire wire;

	if (say_enter()) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(odd); i++) {
			AEG_AUTO_CLOSE int fd = say_connect(SHARED, TLS_PORT);

			check_context("%s", odd[i].what);
			odd_wire(&odd[i], &wire);
			say_denied(fd, &wire, odd[i].reason, odd[i].told);
			CHECK_EQUAL(say_arrived(fd), 0);
		}
		check_context("upper case, allowed");
		pass_hello(SHARED, "A.WILD.TEST", 0);
	}
	names_leave();
}

/* Options make the IP header longer: the hello is found all the same. */
static void test_ipv4_options(void)
{
	struct wire good, bad;

	wire_hello("a.wild.test", 0, 0, &good);
	wire_hello("x.rival.test", 0, 0, &bad);
	if (say_enter()) {
		for (int i = 0; i < 2; i++) {
			AEG_AUTO_CLOSE int fd = say_connect(SHARED, TLS_PORT);

			CHECK_EQUAL(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, "\1\1\1\1\1\1\1\0", 8),
				    0);
			check_context("IPv4 options, %s", i ? "denied" : "allowed");
			if (i)
				say_denied(fd, &bad, AEG_REASON_NAME_NOT_ALLOWED, "x.rival.test");
			else
				CHECK_EQUAL(say(fd, &good, 40), good.len);
		}
	}
	names_leave();
}

/* Extension headers are not skipped: what lies behind them does not leave before the hello is through. */
static void test_ipv6_extensions(void)
{
	static const uint8_t padding[8] = {0, 0, 1, 4};
	static const int options[] = {IPV6_HOPOPTS, IPV6_DSTOPTS};
	struct wire hello;

	wire_hello("a.wild.test", 0, 0, &hello);
	if (say_enter()) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(options); i++) {
			AEG_AUTO_CLOSE int fd = say_connect("2a00::50a:1", TLS_PORT);

			check_context("IPv6 option %d", options[i]);
			CHECK_EQUAL(setsockopt(fd, IPPROTO_IPV6, options[i], padding,
					       sizeof(padding)),
				    0);
			CHECK_EQUAL(send(fd, hello.data, hello.len, MSG_NOSIGNAL), hello.len);
			CHECK(say_unacked(fd));
			CHECK_EQUAL(say_arrived(fd), 0);
			/* the control: without it, what TCP repeats gets there */
			CHECK_EQUAL(setsockopt(fd, IPPROTO_IPV6, options[i], padding, 0), 0);
			CHECK_EQUAL(world_send(fd, "\x17\x03\x03\x00\x01x", 6), 0);
			CHECK(say_arrived(fd) > 0);
		}
	}
	names_leave();
}

static bool syn_had_data(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_options & TCPI_OPT_SYN_DATA;
}

/* Data in the SYN: the second connection has the cookie that the first one got. */
static void fast_open(const char *name, bool in_syn, bool good)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(TLS_PORT),
				       .sin_addr.s_addr = inet_addr(SHARED)};
	AEG_AUTO_CLOSE int fd = needed(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	struct wire wire;

	check_context("fast open, %s", name);
	wire_hello(name, 0, 0, &wire);
	named_reset();
	CHECK_EQUAL(sendto(fd, wire.data, wire.len, MSG_FASTOPEN, (const struct sockaddr *)&to,
			   sizeof(to)),
		    wire.len);
	if (good) {
		CHECK_EQUAL(poll(&poll_fd, 1, 3000), 1);
		CHECK_EQUAL(say_arrived(fd), wire.len);
		CHECK_EQUAL(syn_had_data(fd), in_syn);
		return;
	}
	CHECK(say_unacked(fd));
	check_denied(AEG_HOOK_HELLO, AEG_REASON_NAME_NOT_ALLOWED, name);
	CHECK_EQUAL(say_arrived(fd), 0);
}

static void test_fast_open(void)
{
	if (say_enter()) {
		fast_open("a.wild.test", false, true);
		fast_open("b.wild.test", true, true);
		fast_open("x.rival.test", true, false);
	}
	names_leave();
}

static bool lose_packets(struct loss_test **ret)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("aegw0"),
		    .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts);

	*ret = loss_test__open_and_load();
	if (!CHECK(*ret != NULL))
		return false;
	opts.prog_fd = bpf_program__fd((*ret)->progs.lose);
	return CHECK_EQUAL(bpf_tc_hook_create(&hook), 0) &&
	       CHECK_EQUAL(bpf_tc_attach(&hook, &opts), 0);
}

/* What is lost is sent again: what was read before passes, what was not is still read in order. */
static void test_lossy_line(void)
{
	struct loss_test *loss = NULL;

	if (say_enter() && lose_packets(&loss)) {
		for (int i = 0; i < 10; i++) {
			pieces("a.wild.test", 1800, 0, 600, true);
			pieces("x.rival.test", 1800, 0, 600, false);
		}
	}
	loss_test__destroy(loss);
	names_leave();
}

static double ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) * 1e3 +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

/* As the daemon does: sleep until the ring wakes it, read, kill. The client waits in recv(). */
static void test_killed_soon(void)
{
	struct timespec begin;
	struct wire wire;

	if (say_enter()) {
		AEG_AUTO_CLOSE int fd = say_connect(SHARED, TLS_PORT);
		struct pollfd ring = {.fd = aeg_datapath_fd(datapath), .events = POLLIN};
		struct pollfd client = {.fd = fd, .events = POLLIN};
		const struct named *named;

		named_reset();
		while (!aeg_datapath_doze(datapath))
			named_reset();
		wire_hello("x.rival.test", 0, 0, &wire);
		clock_gettime(CLOCK_MONOTONIC, &begin);
		CHECK_EQUAL(send(fd, wire.data, wire.len, MSG_NOSIGNAL), wire.len);
		CHECK_EQUAL(poll(&ring, 1, 3000), 1);
		named = named_last(AEG_EVENT_DENY);
		if (CHECK(named != NULL))
			CHECK_EQUAL(aeg_datapath_kill(datapath, &named->base), 0);
		CHECK_EQUAL(poll(&client, 1, 3000), 1);
		printf("# from send() to the error: %.2f ms\n", ms_since(&begin));
	}
	names_leave();
}

const struct test hello_tests[] = {
	{"hello: many names on one address", test_names_on_one_address},
	{"hello: what is not TLS", test_not_tls},
	{"hello: addresses that nobody knows", test_unknown_addresses},
	{"hello: in pieces and records of any size", test_pieces},
	{"hello: on a socket that connects again", test_connect_again},
	{"hello: longer than 4 KB", test_too_long},
	{"hello: of real clients", test_real_hellos},
	{"hello: names as no client writes them", test_odd_names},
	{"hello: behind IPv4 options", test_ipv4_options},
	{"hello: behind IPv6 extension headers", test_ipv6_extensions},
	{"hello: in the SYN", test_fast_open},
	{"hello: over a lossy line", test_lossy_line},
	{"hello: a denial ends the connection soon", test_killed_soon},
	{NULL, NULL},
};
