/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The ClientHello: which pass, which are denied and why, however they are cut; and how a denial ends. */
#include "tests/prog/names_policy.h"
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

#define SHARED "5.10.0.1" /* names.test, wild.test and rival.test live there */
#define FIXTURES "tests/fixtures/clienthello"

static bool start(void)
{
	world_start();
	if (!names_start())
		return false;
	stage_enter(IN_A);
	CHECK(world_ask("a-5-10-0-1.wild.test"));
	CHECK(world_ask("a-5-10-0-1.rival.test"));
	CHECK(world_learned(SHARED));
	named_reset();
	return true;
}

static void stop(void)
{
	stage_leave();
	datapath_stop();
	world_stop();
}

static int connected(const char *addr, uint16_t port)
{
	return needed(world_connect(addr, port));
}

/* Waits until TCP gave up an acknowledgement: what was sent did not get out. */
static bool wait_unacked(int fd)
{
	for (int i = 0; i < 300; i++) {
		struct tcp_info info;
		socklen_t len = sizeof(info);

		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
			return false;
		if (info.tcpi_retransmits || info.tcpi_probes || info.tcpi_backoff)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static size_t arrived(int fd)
{
	const struct world_conn *conn = world_arrived(fd);

	return conn ? conn->len : 0;
}

/* Sends what must not get out: nothing arrives, the denial is told, the kill ends it. */
static void send_denied(int fd, const struct wire *wire, uint8_t reason, const char *name)
{
	const struct named *named;
	size_t before = arrived(fd);
	char byte;

	named_reset();
	CHECK_EQUAL(send(fd, wire->data, wire->len, MSG_NOSIGNAL), wire->len);
	check_denied(AEG_HOOK_HELLO, reason, name);
	CHECK(wait_unacked(fd));
	CHECK_EQUAL(arrived(fd), before);
	named = named_last(AEG_EVENT_DENY);
	if (!named)
		return;
	CHECK_EQUAL(named->base.pid, getpid());
	CHECK_EQUAL(aeg_datapath_kill(datapath, &named->base), 0);
	CHECK_EQUAL(recv(fd, &byte, 1, 0), -1);
	CHECK_EQUAL(errno, ECONNABORTED);
	CHECK_EQUAL(aeg_datapath_kill(datapath, &named->base), -ENOENT);
}

static void pass_hello(const char *addr, const char *name, unsigned int flags)
{
	AEG_AUTO_CLOSE int fd = connected(addr, TLS_PORT);
	struct wire wire;

	wire_hello(name, flags, 0, &wire);
	CHECK_EQUAL(world_send(fd, wire.data, wire.len), 0);
	CHECK_EQUAL(world_send(fd, "\x17\x03\x03\x00\x01x", 6), 0);
	CHECK_EQUAL(arrived(fd), wire.len + 6);
}

static void deny_hello(const char *addr, const char *name, unsigned int flags, uint8_t reason,
		       const char *told)
{
	AEG_AUTO_CLOSE int fd = connected(addr, TLS_PORT);
	struct wire wire;

	wire_hello(name, flags, 0, &wire);
	send_denied(fd, &wire, reason, told);
}

static void test_names_on_one_address(void)
{
	if (start()) {
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
	stop();
}

static void test_not_tls(void)
{
	struct wire wire = {.len = 16, .data = "GET / HTTP/1.1\r\n"};

	if (start()) {
		AEG_AUTO_CLOSE int tls = connected(SHARED, TLS_PORT);
		AEG_AUTO_CLOSE int other = connected(SHARED, OTHER_PORT);
		AEG_AUTO_CLOSE int open = connected(OPEN_ADDR, TLS_PORT);

		send_denied(tls, &wire, AEG_REASON_NOT_TLS, "");
		CHECK_EQUAL(world_send(other, wire.data, wire.len), 0);
		CHECK_EQUAL(world_send(open, wire.data, wire.len), 0);
	}
	stop();
}

/* Nobody knows the address: only a name that is governed speaks against it. */
static void test_unknown_addresses(void)
{
	if (start()) {
		pass_hello("5.11.0.1", "free.test", 0);
		pass_hello("5.11.0.1", "a.wild.test", 0);
		pass_hello("5.11.0.1", "", WIRE_NO_NAME);
		deny_hello("5.11.0.1", "rival.test", 0, AEG_REASON_NAME_NOT_ALLOWED, "rival.test");
		deny_hello("5.11.0.1", "bad.wild.test", 0, AEG_REASON_DENY_RULE, "bad.wild.test");
		/* a CIDR that a rule allows gives way to deny rules only */
		pass_hello(OPEN_ADDR, "rival.test", 0);
		deny_hello(OPEN_ADDR, "bad.wild.test", 0, AEG_REASON_DENY_RULE, "bad.wild.test");
	}
	stop();
}

static void pieces(const char *name, size_t size, size_t record, size_t piece, bool good)
{
	AEG_AUTO_CLOSE int fd = connected(SHARED, TLS_PORT);
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
		CHECK_EQUAL(arrived(fd), wire.len + 6);
		return;
	}
	for (size_t at = 0; at + piece < wire.len; at += piece)
		CHECK_EQUAL(world_send(fd, wire.data + at, piece), 0);
	whole.len = (wire.len - 1) % piece + 1;
	memcpy(whole.data, wire.data + wire.len - whole.len, whole.len);
	send_denied(fd, &whole, AEG_REASON_NAME_NOT_ALLOWED, name);
}

static void test_pieces(void)
{
	static const struct {
		size_t size, record, piece;
	} cuts[] = {{0, 0, 1},	  {0, 0, 7},	     {1800, 0, 1400}, {1800, 0, 600},
		    {0, 9, 8192}, {1800, 100, 8192}, {0, 5, 3},	      {3900, 0, 1000}};

	if (start()) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(cuts); i++) {
			pieces("a.wild.test", cuts[i].size, cuts[i].record, cuts[i].piece, true);
			pieces("x.rival.test", cuts[i].size, cuts[i].record, cuts[i].piece, false);
		}
	}
	stop();
}

/* What was gathered of a hello does not outlive its connection. */
static void test_connect_again(void)
{
	const struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_port = htons(TLS_PORT),
				       .sin_addr.s_addr = inet_addr(SHARED)};
	struct wire good, bad;

	if (start()) {
		AEG_AUTO_CLOSE int fd = connected(SHARED, TLS_PORT);

		wire_hello("a.wild.test", 0, 0, &good);
		wire_hello("x.rival.test", 0, 0, &bad);
		CHECK_EQUAL(world_send(fd, good.data, 70), 0);
		CHECK_EQUAL(connect(fd, &unspec, sizeof(unspec)), 0);
		CHECK_EQUAL(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
		CHECK_EQUAL(world_send_pieces(fd, &good, 50), 0);
		CHECK_EQUAL(connect(fd, &unspec, sizeof(unspec)), 0);
		CHECK_EQUAL(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
		send_denied(fd, &bad, AEG_REASON_NAME_NOT_ALLOWED, "x.rival.test");
	}
	stop();
}

static void test_too_long(void)
{
	struct wire wire;

	if (start()) {
		AEG_AUTO_CLOSE int fd = connected(SHARED, TLS_PORT);

		wire_hello("a.wild.test", 0, 4200, &wire);
		send_denied(fd, &wire, AEG_REASON_HELLO_TOO_LONG, "");
	}
	stop();
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
	if (start()) {
		while ((entry = readdir(dir))) {
			AEG_AUTO_CLOSE int fd = -1;

			if (!strstr(entry->d_name, ".bin") || !read_fixture(entry->d_name, &wire))
				continue;
			check_context("%s", entry->d_name);
			n++;
			fd = connected("5.12.0.1", TLS_PORT);
			/* Chromium's: they may hide a name, or only look as if. */
			if (strstr(entry->d_name, "grease"))
				send_denied(fd, &wire, AEG_REASON_ECH, "huggingface.co");
			else
				CHECK_EQUAL(world_send(fd, wire.data, wire.len), 0);
		}
		CHECK(n > 10);
	}
	closedir(dir);
	stop();
}

/* A second hello, as after a HelloRetryRequest, with and without the record that may lead it. */
static void second_hello(const char *name, bool lead, bool same_segment, bool good)
{
	AEG_AUTO_CLOSE int fd = connected(SHARED, TLS_PORT);
	struct wire first, second, both = {0};

	check_context("second hello for %s%s%s", name, lead ? ", led" : "",
		      same_segment ? ", at once" : "");
	wire_hello("a.wild.test", 0, 0, &first);
	if (lead)
		wire_append(&both, "\x14\x03\x03\x00\x01\x01", 6);
	wire_hello(name, 0, 0, &second);
	wire_append(&both, second.data, second.len);
	if (same_segment) {
		wire_append(&first, both.data, both.len);
		both = first;
	} else {
		CHECK_EQUAL(world_send(fd, first.data, first.len), 0);
	}
	if (good)
		CHECK_EQUAL(world_send(fd, both.data, both.len), 0);
	else
		send_denied(fd, &both, AEG_REASON_NAME_NOT_ALLOWED, name);
}

static void test_second_hello(void)
{
	if (start()) {
		for (int i = 0; i < 4; i++) {
			second_hello("b.wild.test", i & 1, i & 2, true);
			second_hello("x.rival.test", i & 1, i & 2, false);
		}
	}
	stop();
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
		CHECK_EQUAL(arrived(fd), wire.len);
		CHECK_EQUAL(syn_had_data(fd), in_syn);
		return;
	}
	CHECK(wait_unacked(fd));
	check_denied(AEG_HOOK_HELLO, AEG_REASON_NAME_NOT_ALLOWED, name);
	CHECK_EQUAL(arrived(fd), 0);
}

static void test_fast_open(void)
{
	if (start()) {
		fast_open("a.wild.test", false, true);
		fast_open("b.wild.test", true, true);
		fast_open("x.rival.test", true, false);
	}
	stop();
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

	if (start() && lose_packets(&loss)) {
		for (int i = 0; i < 10; i++) {
			pieces("a.wild.test", 1800, 0, 600, true);
			pieces("x.rival.test", 1800, 0, 600, false);
		}
	}
	loss_test__destroy(loss);
	stop();
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

	if (start()) {
		AEG_AUTO_CLOSE int fd = connected(SHARED, TLS_PORT);
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
	stop();
}

const struct test hello_tests[] = {
	{"hello: many names on one address", test_names_on_one_address},
	{"hello: what is not TLS", test_not_tls},
	{"hello: addresses that nobody knows", test_unknown_addresses},
	{"hello: in pieces and records of any size", test_pieces},
	{"hello: on a socket that connects again", test_connect_again},
	{"hello: longer than 4 KB", test_too_long},
	{"hello: of real clients", test_real_hellos},
	{"hello: the one after a HelloRetryRequest", test_second_hello},
	{"hello: in the SYN", test_fast_open},
	{"hello: over a lossy line", test_lossy_line},
	{"hello: a denial ends the connection soon", test_killed_soon},
	{NULL, NULL},
};
