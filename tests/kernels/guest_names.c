/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Names: a resolver that answers datagrams whole and streams byte by byte, and what a pod's sockets
 * may do with what it says. The first label of a name tells what its address ends in.
 */
#include "tests/kernels/guest.h"
#include "tests/prog/wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#define RESOLVER "198.51.100.53"
#define DNS_PORT 53
#define LONG_MS 8000 /* an emulated machine may take that long for a second or two */

/* ---- the resolver ---- */

static void answer_of(const uint8_t *question, size_t len, struct wire *ret)
{
	uint8_t addr[1][16] = {{[10] = 0xff, 0xff, 203, 0, 113}};
	char name[256];

	wire_name(question, len, name);
	addr[0][15] = (uint8_t)strtoul(name, NULL, 10);
	wire_answer(question, len, addr, 1, ret);
}

static void answer_datagram(int fd)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	uint8_t question[512];
	struct wire answer;
	ssize_t len = recvfrom(fd, question, sizeof(question), 0, (struct sockaddr *)&from, &size);

	if (len < 17)
		return;
	answer_of(question, (size_t)len, &answer);
	sendto(fd, answer.data, answer.len, 0, (struct sockaddr *)&from, size);
}

/* The other side asks in one piece. */
static void answer_stream(int listener)
{
	AEG_AUTO_CLOSE int fd = accept(listener, NULL, NULL);
	uint8_t question[514], prefix[2];
	ssize_t len = fd < 0 ? -1 : recv(fd, question, sizeof(question), 0);
	struct wire answer;
	int one = 1;

	if (len < 19)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	answer_of(question + 2, (size_t)len - 2, &answer);
	prefix[0] = (uint8_t)(answer.len >> 8);
	prefix[1] = (uint8_t)answer.len;
	for (size_t i = 0; i < answer.len + 2; i++)
		send(fd, i < 2 ? &prefix[i] : &answer.data[i - 2], 1, MSG_NOSIGNAL);
	recv(fd, question, sizeof(question), 0);
}

static int bind_resolver(int type)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(DNS_PORT)};
	int fd = socket(AF_INET, type, 0);

	inet_pton(AF_INET, RESOLVER, &addr.sin_addr);
	return fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -1 : fd;
}

bool guest_serve_names(void)
{
	struct pollfd fds[] = {{.fd = bind_resolver(SOCK_DGRAM), .events = POLLIN},
			       {.fd = bind_resolver(SOCK_STREAM), .events = POLLIN}};

	if (fds[0].fd < 0 || fds[1].fd < 0 || listen(fds[1].fd, 16) < 0)
		return guest_say("machine", "resolver", strerror(errno));
	if (fork() == 0) {
		while (poll(fds, 2, -1) > 0) {
			if (fds[0].revents)
				answer_datagram(fds[0].fd);
			if (fds[1].revents)
				answer_stream(fds[1].fd);
		}
		_exit(1);
	}
	close(fds[0].fd);
	close(fds[1].fd);
	return true;
}

/* ---- inside the pod: 0, an errno, or -1 ---- */

static int connect_to(int type, const char *addr, uint16_t port, int *ret_fd)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	AEG_AUTO_CLOSE int fd = socket(AF_INET, type, 0);

	inet_pton(AF_INET, addr, &to.sin_addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return errno;
	*ret_fd = AEG_TAKE_FD(fd);
	return 0;
}

static int ask(const char *name, int type)
{
	struct wire question, message = {0};
	uint8_t answer[512], prefix[2];
	AEG_AUTO_CLOSE int fd = -1;
	size_t want;
	int err = connect_to(type, RESOLVER, DNS_PORT, &fd);

	if (err)
		return err;
	wire_question(name, 7, 1, &question);
	prefix[0] = (uint8_t)(question.len >> 8);
	prefix[1] = (uint8_t)question.len;
	if (type == SOCK_STREAM)
		wire_append(&message, prefix, sizeof(prefix));
	wire_append(&message, question.data, question.len);
	want = message.len + 16; /* one record more than the question */
	if (send(fd, message.data, message.len, 0) != (ssize_t)message.len)
		return errno;
	return recv(fd, answer, want, type == SOCK_STREAM ? MSG_WAITALL : 0) == (ssize_t)want ? 0
											      : -1;
}

static int greet(const char *addr, const char *name)
{
	AEG_AUTO_CLOSE int fd = -1;
	struct wire hello;
	char echo;
	int err = connect_to(SOCK_STREAM, addr, GUEST_PORT, &fd);

	if (err)
		return err;
	wire_hello(name, 0, 1700, &hello); /* post-quantum size */
	for (size_t at = 0; at < hello.len; at += 1000) {
		size_t n = hello.len - at < 1000 ? hello.len - at : 1000;

		if (send(fd, hello.data + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			return errno;
	}
	/* The first piece is echoed; the name is in the last one. */
	for (size_t seen = 0; seen < hello.len; seen++) {
		ssize_t n = recv(fd, &echo, 1, 0);

		if (n <= 0)
			return n < 0 ? errno : -1;
	}
	return 0;
}

static int try_name(const void *arg)
{
	const struct guest_name *name = arg;
	int err = name->asked ? ask(name->asked, name->type) : 0;

	return err ? 255 : greet(name->addr, name->said);
}

/* ---- outside ---- */

static uint64_t ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Whether it ended as it must: an end after connect() is the daemon's, or the time-out's. */
static bool ended(const struct guest_name *name, int got, bool alive)
{
	if (name->verdict != AEG_VERDICT_DENIED)
		return got == 0;
	if (name->hook == AEG_HOOK_CONNECT)
		return got == EPERM;
	return got == ETIMEDOUT || (alive && (got == ECONNABORTED || got == EPIPE));
}

bool guest_name(const char *phase, const struct guest_name *name, bool alive)
{
	uint32_t index = aeg_total_index(name->verdict, name->reason, name->hook);
	uint64_t counted = guest_element("totals", index), begin = ms(), took;
	AEG_AUTO_FREE char *why = NULL;
	int got = guest_in(name->cgroup, try_name, name);

	took = ms() - begin;
	counted = guest_element("totals", index) - counted;
	if (!ended(name, got, alive))
		why = aeg_xasprintf("it ended with %d", got);
	else if (counted != 1)
		why = aeg_xasprintf("counted %llu times", (unsigned long long)counted);
	else if (took > LONG_MS)
		why = aeg_xasprintf("it took %llu ms", (unsigned long long)took);
	if (got == ETIMEDOUT)
		guest_note("%s: %s: told after %llu ms\n", phase, name->name,
			   (unsigned long long)took);
	return guest_say(phase, name->name, why);
}
