/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Ways around that once worked, each as an attack with the control that shows it would have had an
 * effect: bytes that change after they were read, a name server of one's own, answers made up on the
 * spot, sockets that no connect() or sendmsg() hook sees.
 */
#include "tests/prog/say.h"
#include "tests/prog/tests.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

/* ---- A1: pages that the sender can still write to ---- */

enum way { BY_SEND, BY_SENDFILE, BY_SPLICE, BY_ZEROCOPY, WAYS };
static const char *const way_names[WAYS] = {"send", "sendfile", "splice", "MSG_ZEROCOPY"};

static int file_with(const struct wire *wire)
{
	int fd = memfd_create("hello", MFD_CLOEXEC);

	if (fd < 0 || write(fd, wire->data, wire->len) != (ssize_t)wire->len)
		err(1, "memfd");
	return fd;
}

static ssize_t send_by(enum way way, int fd, const struct wire *wire)
{
	AEG_AUTO_CLOSE int file = file_with(wire);
	int pipes[2], on = 1;
	loff_t at = 0;
	off_t from = 0;
	ssize_t n;

	switch (way) {
	case BY_SENDFILE:
		return sendfile(fd, file, &from, wire->len);
	case BY_SPLICE:
		if (pipe(pipes) < 0)
			err(1, "pipe");
		n = splice(file, &at, pipes[1], NULL, wire->len, 0);
		n = n < 0 ? n : splice(pipes[0], NULL, fd, NULL, (size_t)n, 0);
		close(pipes[0]);
		close(pipes[1]);
		return n;
	case BY_ZEROCOPY:
		if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) < 0)
			err(1, "SO_ZEROCOPY");
		return send(fd, wire->data, wire->len, MSG_ZEROCOPY | MSG_NOSIGNAL);
	default:
		return send(fd, wire->data, wire->len, MSG_NOSIGNAL);
	}
}

static bool answered(int fd, int ms)
{
	const struct timeval patience = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	char byte;

	/* Not poll(): the completion of a zero-copy send wakes it, too. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return false;
	return recv(fd, &byte, 1, ms ? 0 : MSG_DONTWAIT) == 1;
}

static void send_shared(enum way way, const char *addr, uint16_t port, bool good)
{
	AEG_AUTO_CLOSE int fd = world_connect(addr, port);
	struct wire wire;

	check_context("%s to %s:%d", way_names[way], addr, port);
	wire_hello("a.wild.test", 0, 2000, &wire);
	named_reset();
	CHECK_EQUAL(send_by(way, fd, &wire), wire.len);
	CHECK_EQUAL(answered(fd, good ? 3000 : 0), good);
	if (!good)
		check_denied(AEG_HOOK_HELLO, AEG_REASON_TLS_MALFORMED, "");
}

static void test_rewritten_pages(void)
{
	if (say_enter()) {
		for (int way = 0; way < WAYS; way++)
			send_shared((enum way)way, SHARED, TLS_PORT, way == BY_SEND);
		/* what was allowed by its address needs no name, and may send files */
		send_shared(BY_SENDFILE, OPEN_ADDR, OTHER_PORT, true);
		stage_leave();
		stage_enter(OUTSIDE);
		for (int way = 0; way < WAYS; way++)
			send_shared((enum way)way, SHARED, TLS_PORT, true);
	}
	names_leave();
}

/* A second hello is looked at like the first. */
static void send_second(enum way way)
{
	AEG_AUTO_CLOSE int fd = say_connect(SHARED, TLS_PORT);
	struct wire wire;

	check_context("a second hello by %s", way_names[way]);
	wire_hello("a.wild.test", 0, 0, &wire);
	CHECK_EQUAL(world_send(fd, wire.data, wire.len), 0);
	named_reset();
	CHECK_EQUAL(send_by(way, fd, &wire), wire.len);
	CHECK_EQUAL(answered(fd, way == BY_SEND ? 3000 : 0), way == BY_SEND);
	if (way != BY_SEND)
		check_denied(AEG_HOOK_HELLO, AEG_REASON_TLS_MALFORMED, "");
}

static void test_rewritten_second(void)
{
	if (say_enter()) {
		for (int way = 0; way < WAYS; way++)
			send_second((enum way)way);
	}
	names_leave();
}

/* Once the hello was read, and no second one can come, everything may be sent in every way. */
static void test_files_behind_the_hello(void)
{
	static const struct wire data = {.len = 6, .data = "\x17\x03\x03\x00\x01x"},
				 finished = {.len = 12,
					     .data = "\x14\x03\x03\x00\x01\x01"
						     "\x17\x03\x03\x00\x01x"};
	struct wire wire;

	if (say_enter()) {
		for (int modern = 0; modern < 2; modern++) {
			AEG_AUTO_CLOSE int fd = say_connect(SHARED, TLS_PORT);

			wire_hello("a.wild.test", modern ? 0 : WIRE_TLS12, 0, &wire);
			CHECK_EQUAL(world_send(fd, wire.data, wire.len), 0);
			if (modern)
				CHECK_EQUAL(world_send(fd, finished.data, finished.len), 0);
			CHECK_EQUAL(send_by(BY_SENDFILE, fd, &data), data.len);
			CHECK(answered(fd, 3000));
		}
	}
	names_leave();
}

/* ---- A2: a name server in a network namespace of one's own ---- */

static void sh(const char *command)
{
	if (system(command) != 0)
		errx(1, "failed: %s", command);
}

/* Answers like the world's, at the resolver's address. */
static void false_server(int ready)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(53)}, from;
	uint8_t question[512], addrs[1][16] = {{[10] = 0xff, 0xff, 5, 66, 0, 1}};
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	inet_pton(AF_INET, RESOLVER, &addr.sin_addr);
	fd = needed(socket(AF_INET, SOCK_DGRAM, 0));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || write(ready, "x", 1) != 1)
		err(1, "false server");
	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t len = recvfrom(fd, question, sizeof(question), 0, (struct sockaddr *)&from,
				       &size);
		struct wire answer;

		if (len < 17)
			continue;
		wire_answer(question, (size_t)len, addrs, 1, &answer);
		sendto(fd, answer.data, answer.len, 0, (struct sockaddr *)&from, size);
	}
}

/* Two namespaces and a veth pair: the answers do not come in through lo. */
static pid_t start_false_server(void)
{
	int ready[2], go[2];
	char byte;
	pid_t pid;
	char command[256];

	if (pipe(ready) < 0 || pipe(go) < 0)
		err(1, "pipe");
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "x", 1) != 1 ||
		    read(go[0], &byte, 1) != 1)
			err(1, "false server");
		sh("ip link set lo up; ip link set aegf1 up; ip addr add 10.98.0.2/24 dev aegf1;"
		   "ip addr add " RESOLVER
		   "/32 dev aegf1; ip -6 addr add fd98::2/64 dev aegf1 nodad");
		false_server(ready[1]);
	}
	if (pid < 0 || read(ready[0], &byte, 1) != 1)
		err(1, "false server");
	snprintf(command, sizeof(command),
		 "ip link set lo up; ip link add aegf0 type veth peer name aegf1 netns %d;"
		 "ip link set aegf0 up; ip addr add 10.98.0.1/24 dev aegf0;"
		 "ip -6 addr add fd98::1/64 dev aegf0 nodad; ip route add default via 10.98.0.2",
		 (int)pid);
	sh(command);
	if (write(go[1], "x", 1) != 1 || read(ready[0], &byte, 1) != 1)
		err(1, "false server");
	return pid;
}

/* The last refusal is this one, of something that nobody has read. */
static void check_unread(uint8_t refusal)
{
	const struct aeg_addr resolver = world_addr(RESOLVER);
	const struct named *named = named_last(AEG_EVENT_REFUSED);

	CHECK(named != NULL);
	if (!named)
		return;
	CHECK_EQUAL(named->base.refusal, refusal);
	CHECK_EQUAL(named->base.workload, WORKLOAD_A);
	CHECK(memcmp(named->base.saddr, resolver.bytes, sizeof(resolver.bytes)) == 0);
	CHECK(strcmp(named->name, "") == 0);
}

/* In a child of A's. */
static void ask_elsewhere(void)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(CLOSED_PORT)};
	pid_t server;
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		err(1, "unshare");
	server = start_false_server();
	CHECK(world_ask("one.wild.test"));
	CHECK(!world_learned("5.66.0.1"));
	CHECK(learnings(AEG_LEARNING_AWAY) > 0);
	check_unread(AEG_LEARNING_AWAY);
	/* The kernel's own packets, neighbour discovery here, are not the pod's. */
	inet_pton(AF_INET6, "fd98::2", &v6.sin6_addr);
	fd = needed(socket(AF_INET6, SOCK_STREAM, 0));
	CHECK_EQUAL(connect(fd, (struct sockaddr *)&v6, sizeof(v6)), -1);
	CHECK_EQUAL(errno, ECONNREFUSED);
	close(fd);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static int in_a_child(void (*fn)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		check_begin();
		fn();
		_exit(check_failed());
	}
	waitpid(pid, &status, 0);
	return status;
}

static void test_own_name_server(void)
{
	if (say_enter())
		CHECK_EQUAL(in_a_child(ask_elsewhere), 0);
	names_leave();
}

/* The guess goes wrong: the workload's first question comes from a namespace of its own making. */
static void ask_first(void)
{
	pid_t server;

	if (unshare(CLONE_NEWNET) < 0)
		err(1, "unshare");
	server = start_false_server();
	CHECK(world_ask("one.wild.test"));
	CHECK(world_learned("5.66.0.1")); /* the control: nothing else would have stopped it */
	named_reset();			  /* as the daemon reads its events */
	CHECK(world_ask("two.wild.test"));
	CHECK_EQUAL(learnings(AEG_LEARNING_AWAY), 1);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static void test_first_to_ask(void)
{
	if (names_enter()) {
		CHECK_EQUAL(in_a_child(ask_first), 0);
		CHECK(world_ask("a-5-20-0-9.wild.test"));
		CHECK(world_learned("5.20.0.9"));
	}
	names_leave();
}

/* ---- A3: answers from a raw socket ---- */

/* From the resolver, as it says, to a port of ours; 0 or the errno. */
static int inject(uint16_t port, const struct wire *answer)
{
	AEG_AUTO_CLOSE int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr("10.99.0.1")};
	struct {
		struct iphdr ip;
		struct udphdr udp;
		uint8_t data[512];
	} packet = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP}};
	size_t len = sizeof(packet.ip) + sizeof(packet.udp) + answer->len;

	packet.ip.saddr = inet_addr(RESOLVER);
	packet.ip.daddr = to.sin_addr.s_addr;
	packet.ip.tot_len = htons((uint16_t)len);
	packet.ip.check = wire_checksum(&packet.ip, sizeof(packet.ip));
	packet.udp.source = htons(53);
	packet.udp.dest = htons(port);
	packet.udp.len = htons((uint16_t)(sizeof(packet.udp) + answer->len));
	memcpy(packet.data, answer->data, answer->len);
	if (fd < 0)
		err(1, "raw socket");
	return sendto(fd, &packet, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
}

/* A asks, nobody answers but the injector. */
static int ask_silently(const char *name, uint16_t id, struct wire *ret_answer, uint16_t *ret_port)
{
	static const uint8_t addrs[1][16] = {{[10] = 0xff, 0xff, 5, 67, 0, 1}};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct sockaddr_in ours = {0};
	socklen_t size = sizeof(ours);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct wire question;

	world->manner = SILENTLY;
	inet_pton(AF_INET, RESOLVER, &to.sin_addr);
	wire_question(name, id, 1, &question);
	if (fd < 0 ||
	    sendto(fd, question.data, question.len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&ours, &size) < 0)
		err(1, "question");
	wire_answer(question.data, question.len, addrs, 1, ret_answer);
	*ret_port = ntohs(ours.sin_port);
	return fd;
}

static bool received(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 3000) == 1;
}

static void test_injected_answers(void)
{
	struct wire answer;
	uint16_t port;

	if (say_enter()) {
		AEG_AUTO_CLOSE int fd = ask_silently("one.wild.test", 7, &answer, &port);

		CHECK_EQUAL(inject(port, &answer), EPERM); /* a raw socket of the pod */
		check_denied(AEG_HOOK_PACKET, AEG_REASON_PROTOCOL, "");
		stage_leave();
		stage_enter(OUTSIDE); /* were it let out, or from a neighbour in the namespace */
		CHECK_EQUAL(inject(port, &answer), 0);
		CHECK(received(fd)); /* it arrives, and is as it should be */
		CHECK(!world_learned("5.67.0.1"));
		CHECK_EQUAL(learnings(AEG_LEARNING_LOOPBACK), 1);
		check_unread(AEG_LEARNING_LOOPBACK);
	}
	names_leave();
}

/* ---- A4: sockets without connect() and sendmsg() hooks ---- */

static int echo_on(int fd, const char *addr)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct icmphdr echo = {.type = ICMP_ECHO};

	inet_pton(AF_INET, addr, &to.sin_addr);
	echo.checksum = wire_checksum(&echo, sizeof(echo));
	return sendto(fd, &echo, sizeof(echo), 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? errno
											  : 0;
}

static int echo(int type, const char *addr)
{
	AEG_AUTO_CLOSE int fd = needed(socket(AF_INET, type | SOCK_CLOEXEC, IPPROTO_ICMP));

	if (fd < 0)
		err(1, "socket");
	return echo_on(fd, addr);
}

static int raw_tcp(const char *addr)
{
	AEG_AUTO_CLOSE int fd = needed(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
	struct sockaddr_in to = {.sin_family = AF_INET};
	char segment[20] = {0, 1, 1, (char)0xbb, [12] = 0x50, [13] = 2};

	inet_pton(AF_INET, addr, &to.sin_addr);
	return sendto(fd, segment, sizeof(segment), 0, (struct sockaddr *)&to, sizeof(to)) < 0
		       ? errno
		       : 0;
}

static void try_raw(const char *who, int denied, int crafted)
{
	static const int types[] = {SOCK_DGRAM, SOCK_RAW};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(types); i++) {
		check_context("%s, ICMP, type %d", who, types[i]);
		CHECK_EQUAL(echo(types[i], CIDR_ADDR), denied);
		CHECK_EQUAL(echo(types[i], "5.21.0.1"), denied);
		CHECK_EQUAL(echo(types[i], "5.21.0.2"), 0); /* nobody's */
	}
	check_context("%s, TCP by hand", who);
	CHECK_EQUAL(raw_tcp("5.21.0.2"), crafted);
}

static void test_raw_sockets(void)
{
	if (say_enter()) {
		sh("sysctl -qw 'net.ipv4.ping_group_range=0 2147483647'");
		CHECK(world_ask("a-5-21-0-1.rival.test"));
		try_raw("A", EPERM, EPERM);
		check_denied(AEG_HOOK_PACKET, AEG_REASON_PROTOCOL, "");
		stage_leave();
		stage_enter(OUTSIDE);
		try_raw("outside", 0, 0);
	}
	names_leave();
}

/* ---- A4: the same sockets, where connect() or sendmsg() has seen them once ---- */

static struct sockaddr_in at_port(const char *addr)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(OTHER_PORT)};

	inet_pton(AF_INET, addr, &to.sin_addr);
	return to;
}

static int connected_to(int fd, const char *addr)
{
	struct sockaddr_in to = at_port(addr);

	return connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
}

/* To where it is connected, or else to an address; an echo request is as good as any payload. */
static int ping(int fd, const char *addr)
{
	struct sockaddr_in to = at_port(addr ? addr : "0.0.0.0");
	struct icmphdr echo = {.type = ICMP_ECHO};

	echo.checksum = wire_checksum(&echo, sizeof(echo));
	/* That nobody is there, the datagram before was told. */
	while (sendto(fd, &echo, sizeof(echo), 0, addr ? (struct sockaddr *)&to : NULL,
		      addr ? sizeof(to) : 0) < 0) {
		if (errno != ECONNREFUSED)
			return errno;
	}
	return 0;
}

/* Whichever hook made the storage, each packet is looked at. Nobody governs FREE; CIDR_ADDR is governed. */
static void try_both_orders(const char *what, int proto)
{
	AEG_AUTO_CLOSE int first = needed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, proto));
	AEG_AUTO_CLOSE int second = needed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, proto));
	AEG_AUTO_CLOSE int third = needed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, proto));

	check_context("%s, connect() to what is free first", what);
	CHECK_EQUAL(connected_to(first, "5.21.0.2"), 0);
	CHECK_EQUAL(ping(first, NULL), 0);
	CHECK_EQUAL(ping(first, CIDR_ADDR), EPERM);
	CHECK_EQUAL(ping(first, "5.21.0.2"), 0);
	check_context("%s, connect() to what is governed first", what);
	connected_to(second, CIDR_ADDR); /* the kernel asks since 6.1, for some */
	CHECK_EQUAL(ping(second, CIDR_ADDR), EPERM);
	CHECK_EQUAL(ping(second, "5.21.0.2"), 0);
	CHECK_EQUAL(ping(second, CIDR_ADDR), EPERM);
	check_context("%s, send first", what);
	CHECK_EQUAL(ping(third, "5.21.0.2"), 0);
	if (connected_to(third, CIDR_ADDR) == 0)
		CHECK_EQUAL(ping(third, NULL), EPERM);
	CHECK_EQUAL(ping(third, CIDR_ADDR), EPERM);
}

static bool has_udplite(void)
{
	AEG_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDPLITE);

	return fd >= 0; /* 7.1 has none */
}

static void test_connected_oddities(void)
{
	if (say_enter()) {
		sh("sysctl -qw 'net.ipv4.ping_group_range=0 2147483647'");
		try_both_orders("ping", IPPROTO_ICMP);
		if (has_udplite())
			try_both_orders("UDP-Lite", IPPROTO_UDPLITE);
	}
	names_leave();
}

/* Made before the programs were there: they are their makers' all the same. */
static void test_sockets_without_state(void)
{
	struct happened happened;
	int inside, outside, tcp;

	world_start();
	stage_enter(OUTSIDE);
	outside = needed(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
	stage_leave();
	stage_enter(IN_A);
	inside = needed(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
	tcp = world_connect("5.22.0.1", OTHER_PORT);
	if (names_start()) {
		CHECK_EQUAL(echo_on(inside, "5.21.0.2"), 0);
		CHECK_EQUAL(echo_on(inside, CIDR_ADDR), EPERM);
		CHECK_EQUAL(echo_on(outside, CIDR_ADDR), 0);
		happened = happened_take();
		check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_PROTOCOL, AEG_HOOK_PACKET, 1);
		/* a connection that stands goes on */
		CHECK_EQUAL(world_send(tcp, "x", 1), 0);
	}
	close(inside);
	close(outside);
	close(tcp);
	names_leave();
}

/* Where nobody sees what it sends; used in A. */
static int connect_made_outside(const char *text, int type, uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	AEG_AUTO_CLOSE int fd = -1;

	CHECK_EQUAL(inet_pton(AF_INET, text, &addr.sin_addr), 1);
	stage_leave();
	stage_enter(OUTSIDE);
	fd = needed(socket(AF_INET, type | SOCK_CLOEXEC, 0));
	stage_leave();
	stage_enter(IN_A);
	return connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? errno : 0;
}

static void test_made_outside(void)
{
	if (say_enter()) {
		const struct aeg_dns_caps nothing = {0}; /* no cap */
		AEG_AUTO_CLOSE int own = say_connect(SHARED, TLS_PORT);

		CHECK_EQUAL(connect_made_outside(SHARED, SOCK_STREAM, TLS_PORT), EPERM);
		check_denied(AEG_HOOK_CONNECT, AEG_REASON_OUTSIDE, "");
		/* where no name is asked for, the address decides */
		CHECK_EQUAL(connect_made_outside(OPEN_ADDR, SOCK_STREAM, TLS_PORT), 0);
		CHECK_EQUAL(connect_made_outside(CIDR_ADDR, SOCK_STREAM, TLS_PORT), EPERM);
		CHECK_EQUAL(connect_made_outside(RESOLVER, SOCK_DGRAM, 53), 0);
		CHECK(names_install_asking(AEG_IDENT_ASKS | AEG_IDENT_ASKS_UNION, nothing,
					   nothing));
		CHECK_EQUAL(connect_made_outside(RESOLVER, SOCK_DGRAM, 53), EPERM);
	}
	names_leave();
}

const struct test hole_tests[] = {
	{"holes: pages that are rewritten (A1)", test_rewritten_pages},
	{"holes: pages that are rewritten, of a second hello (A1)", test_rewritten_second},
	{"holes: files behind the hello are fine", test_files_behind_the_hello},
	{"holes: a name server of one's own (A2)", test_own_name_server},
	{"holes: who asks first is looked at (A2)", test_first_to_ask},
	{"holes: injected answers (A3)", test_injected_answers},
	{"holes: raw and ping sockets (A4)", test_raw_sockets},
	{"holes: ping and UDP-Lite sockets that connect (A4)", test_connected_oddities},
	{"holes: sockets without state (A4)", test_sockets_without_state},
	{"holes: a socket that was made outside", test_made_outside},
	{NULL, NULL},
};
