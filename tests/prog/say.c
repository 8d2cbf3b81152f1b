/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* See say.h. */
#include "tests/prog/say.h"
#include "tests/prog/check.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

bool say_enter(void)
{
	if (!names_enter())
		return false;
	CHECK(world_ask("a-5-10-0-1.wild.test"));
	CHECK(world_ask("a-5-10-0-1.rival.test"));
	CHECK(world_learned(SHARED));
	named_reset();
	return true;
}

int say_connect(const char *addr, uint16_t port)
{
	return needed(world_connect(addr, port));
}

/* How often in a row TCP has given up an acknowledgement, or -1. */
static int unacked(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return -1;
	return info.tcpi_retransmits + info.tcpi_probes + info.tcpi_backoff;
}

static bool unacked_more(int fd, int than)
{
	int n = unacked(fd);

	for (int i = 0; i < 300 && n >= 0 && n <= than; i++) {
		poll(NULL, 0, 10);
		n = unacked(fd);
	}
	return n > than;
}

bool say_unacked(int fd)
{
	return unacked_more(fd, 0);
}

bool say_repeated(int fd)
{
	return unacked_more(fd, unacked(fd));
}

size_t say_arrived(int fd)
{
	const struct world_conn *conn = world_arrived(fd);

	return conn ? conn->len : 0;
}

void say_denied(int fd, const struct wire *wire, uint8_t reason, const char *name)
{
	const struct named *named;
	size_t before = say_arrived(fd);
	ssize_t n;
	char byte;

	named_reset();
	CHECK_EQUAL(send(fd, wire->data, wire->len, MSG_NOSIGNAL), wire->len);
	check_denied(AEG_HOOK_HELLO, reason, name);
	CHECK(say_unacked(fd));
	CHECK_EQUAL(say_arrived(fd), before);
	named = named_last(AEG_EVENT_DENY);
	if (!named)
		return;
	CHECK_EQUAL(named->base.pid, getpid());
	CHECK_EQUAL(aeg_datapath_kill(datapath, &named->base), 0);
	while ((n = recv(fd, &byte, 1, 0)) == 1)
		; /* the answers to what was said before */
	CHECK_EQUAL(n, -1);
	CHECK_EQUAL(errno, ECONNABORTED);
	CHECK_EQUAL(aeg_datapath_kill(datapath, &named->base), -ENOENT);
}

/* Waits until so much has arrived, or (false) a denial was told. */
static bool passed(int fd, size_t want)
{
	for (int i = 0; i < 5000 && say_arrived(fd) < want; i++) {
		if (named_last(AEG_EVENT_DENY))
			return false;
		poll(NULL, 0, 1);
	}
	return say_arrived(fd) >= want;
}

size_t say(int fd, const struct wire *wire, size_t piece)
{
	size_t before = say_arrived(fd), n;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	named_reset();
	for (size_t at = 0; at < wire->len; at += n) {
		n = wire->len - at < piece ? wire->len - at : piece;
		CHECK_EQUAL(send(fd, wire->data + at, n, MSG_NOSIGNAL), n);
		if (!passed(fd, before + at + n))
			break;
	}
	return say_arrived(fd) - before;
}
