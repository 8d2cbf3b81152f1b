/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is not in line: urgent bytes, bytes laid over others with a segment by hand, sequence numbers that wrap. */
#include "tests/prog/say.h"
#include "tests/prog/tests.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/ip.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- bytes laid over those that were or will be checked ---- */

static uint32_t queue_seq(int fd, int queue)
{
	uint32_t seq = 0;
	socklen_t len = sizeof(seq);

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)) < 0 ||
	    getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, &len) < 0)
		err(1, "TCP_QUEUE_SEQ");
	return seq;
}

struct segment {
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t data[1024];
};

/* The next segment of a connection, as if it had sent this. */
static size_t forge(int fd, const struct wire *wire, struct segment *ret)
{
	const int on = 1, off = TCP_REPAIR_OFF_NO_WP;
	size_t len = sizeof(ret->tcp) + wire->len;
	struct sockaddr_in here = {0}, there = {0};
	socklen_t size = sizeof(here);

	if (getsockname(fd, (struct sockaddr *)&here, &size) < 0 ||
	    getpeername(fd, (struct sockaddr *)&there, &size) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) < 0)
		err(1, "TCP_REPAIR");
	*ret = (struct segment){
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP},
		.tcp = {.doff = 5, .ack = 1, .psh = 1, .window = htons(1000)},
	};
	ret->ip.saddr = here.sin_addr.s_addr;
	ret->ip.daddr = there.sin_addr.s_addr;
	ret->tcp.source = here.sin_port;
	ret->tcp.dest = there.sin_port;
	ret->tcp.seq = htonl(queue_seq(fd, TCP_SEND_QUEUE));
	ret->tcp.ack_seq = htonl(queue_seq(fd, TCP_RECV_QUEUE));
	memcpy(ret->data, wire->data, wire->len);
	/* The pseudo header, for a while: addresses are there, time to live and sum make room. */
	ret->ip.ttl = 0;
	ret->ip.check = htons((uint16_t)len);
	ret->tcp.check = wire_checksum(&ret->ip.ttl, 12 + len);
	ret->ip.ttl = 64;
	ret->ip.check = 0; /* the kernel fills it in */
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) < 0)
		err(1, "TCP_REPAIR");
	return sizeof(ret->ip) + len;
}

/* 0 or the errno. */
static int lay_over(int fd, const struct wire *wire)
{
	AEG_AUTO_CLOSE int raw = needed(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct segment segment;
	size_t len = forge(fd, wire, &segment);

	to.sin_addr.s_addr = segment.ip.daddr;
	return sendto(raw, &segment, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
}

static bool wait_arrived(int fd, size_t len)
{
	for (int i = 0; i < 300 && say_arrived(fd) < len; i++)
		poll(NULL, 0, 10);
	return say_arrived(fd) == len;
}

/*
 * A server keeps what came first: a denied name in a segment by hand, then an allowed one at the same
 * place in the stream. The kernel's TCP repeats what it sent; only a raw socket can say otherwise.
 */
static void test_overlap(void)
{
	struct wire good, bad, piece;

	wire_hello("a.wild.test", 0, 0, &good);
	wire_hello("x.rival.test", 0, 0, &bad);
	if (say_enter()) {
		AEG_AUTO_CLOSE int early = say_connect(SHARED, TLS_PORT);
		AEG_AUTO_CLOSE int late = say_connect(SHARED, TLS_PORT);
		AEG_AUTO_CLOSE int open = say_connect(SHARED, TLS_PORT);

		piece = good;
		piece.len = 40;
		CHECK_EQUAL(lay_over(early, &bad), EPERM);
		CHECK_EQUAL(say_arrived(early), 0);
		CHECK_EQUAL(say(early, &good, 50), good.len);
		CHECK(memcmp(world_arrived(early)->data, good.data, good.len) == 0);
		CHECK_EQUAL(say(late, &piece, 40), 40);
		CHECK_EQUAL(lay_over(late, &bad), EPERM);
		CHECK_EQUAL(say_arrived(late), 40);
		stage_leave();
		stage_enter(OUTSIDE); /* the control: let out, it is what the server sees */
		CHECK_EQUAL(lay_over(open, &bad), 0);
		CHECK(wait_arrived(open, bad.len));
		CHECK(memcmp(world_arrived(open)->data, bad.data, bad.len) == 0);
	}
	names_leave();
}

/* ---- a connection that is denied long after its hello ---- */

#define BULK_PORT 9443
#define BULK ((2ull << 30) + (64 << 20))
#define BULK_PIECE (1u << 20)

/* Counts and forgets what one connection brings. */
static pid_t drain(int listener, volatile uint64_t *count)
{
	pid_t pid = fork();
	ssize_t n;
	int fd;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = needed(accept(listener, NULL, NULL));
	while ((n = recv(fd, NULL, BULK_PIECE, MSG_TRUNC)) > 0)
		*count += (uint64_t)n;
	_exit(0);
}

static bool wait_count(const volatile uint64_t *count, uint64_t want)
{
	for (int i = 0; i < 1000 && *count < want; i++)
		poll(NULL, 0, 10);
	return *count == want;
}

static uint64_t send_bulk(int fd)
{
	static char bytes[BULK_PIECE];
	uint64_t sent = 0;
	ssize_t n = 0;

	for (; sent < BULK && n >= 0; sent += (uint64_t)n)
		n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
	return sent;
}

/* Half the sequence numbers later what is new looks like what was read before: dead is dead. */
static void test_revoked_late(void)
{
	volatile uint64_t *count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct wire hello;
	uint64_t sent;

	wire_hello("a.wild.test", WIRE_TLS12, 0, &hello);
	if (say_enter()) {
		AEG_AUTO_CLOSE int listener = world_listen(SHARED, BULK_PORT);
		pid_t pid = drain(listener, count);
		AEG_AUTO_CLOSE int fd = say_connect(SHARED, BULK_PORT);

		CHECK_EQUAL(send(fd, hello.data, hello.len, MSG_NOSIGNAL), hello.len);
		sent = hello.len + send_bulk(fd);
		CHECK(wait_count(count, sent));
		CHECK(names_revoke_wild());
		CHECK_EQUAL(named_last(AEG_EVENT_DENY)->base.hook, AEG_HOOK_REVOKE);
		CHECK_EQUAL(send(fd, "x", 1, MSG_NOSIGNAL), 1);
		CHECK(say_unacked(fd));
		CHECK_EQUAL(*count, sent);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	munmap((void *)(uintptr_t)count, sizeof(*count));
	names_leave();
}

/* A byte that is out of band: receivers may take it out of the stream, or not. */
static void test_urgent_byte(void)
{
	if (say_enter()) {
		AEG_AUTO_CLOSE int fd = say_connect(SHARED, TLS_PORT);
		struct wire wire;

		wire_hello("a.wild.test", 0, 0, &wire);
		CHECK_EQUAL(send(fd, wire.data, 60, MSG_OOB | MSG_NOSIGNAL), 60);
		check_denied(AEG_HOOK_HELLO, AEG_REASON_TLS_MALFORMED, "");
		CHECK_EQUAL(say_arrived(fd), 0);
	}
	names_leave();
}

const struct test stream_tests[] = {
	{"holes: an urgent byte in the hello", test_urgent_byte},
	{"holes: a segment laid over the hello", test_overlap},
	{"holes: revoked after 2 GiB", test_revoked_late},
	{NULL, NULL},
};
