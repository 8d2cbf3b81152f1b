/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where the state of a connection is, and that nobody notices: in a seat, in storage, or first here and
 * then there. */
#include "datapath/internal.h"
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>

#define BLOCK 65536

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	CHECK_EQUAL(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

static struct aeg_sock seat_of(uint64_t cookie)
{
	uint32_t index = (uint32_t)(cookie % AEG_SEATS);
	struct aeg_sock seat = {0};

	CHECK_EQUAL(bpf_map_lookup_elem(datapath->maps[AEG_MAP_SEATS], &index, &seat), 0);
	return seat;
}

static void put_seat(uint64_t cookie, const struct aeg_sock *seat)
{
	uint32_t index = (uint32_t)(cookie % AEG_SEATS);

	CHECK_EQUAL(bpf_map_update_elem(datapath->maps[AEG_MAP_SEATS], &index, seat, BPF_ANY), 0);
}

static bool stored(int fd)
{
	struct aeg_sock sock;

	return bpf_map_lookup_elem(datapath->maps[AEG_MAP_SOCKS], &fd, &sock) == 0;
}

/* A socket of B's. Where it is `stored`, somebody else has its seat. */
static int make(bool storage)
{
	const struct aeg_sock other = {.cookie = ~0ull, .held = AEG_SEAT_TAKEN};
	int fd;

	stage_enter(IN_B);
	fd = stage_socket(FORM_V4, SOCK_STREAM);
	stage_leave();
	if (storage)
		put_seat(cookie_of(fd), &other);
	return fd;
}

static int connect_from_b(int fd, uint16_t port)
{
	int error;

	stage_enter(IN_B);
	error = stage_connect(fd, DEST_DENIED, FORM_V4, port);
	stage_leave();
	return error;
}

/* So many events of this type, for this port, in what happened. */
static void check_events(const struct happened *happened, uint8_t type, uint16_t port, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < happened->nevents; i++)
		found += happened->events[i].type == type && happened->events[i].dport == port;
	CHECK_EQUAL(found, n);
}

static bool begin(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (!datapath_start(&config))
		return false;
	happened_reset();
	return true;
}

/* ---- one or the other ---- */

static void sits_and_leaves(void)
{
	if (begin()) {
		int fd = make(false);
		uint64_t cookie = cookie_of(fd);
		struct aeg_sock seat;

		CHECK_EQUAL(connect_from_b(fd, TCP_PORT), 0);
		seat = seat_of(cookie);
		CHECK_EQUAL(seat.cookie, cookie);
		CHECK_EQUAL(seat.held, AEG_SEAT_READY);
		CHECK_EQUAL(seat.pod, stage_cgroup("managed/b"));
		CHECK(!stored(fd));
		close(fd);
		CHECK_EQUAL(seat_of(cookie).held, AEG_SEAT_FREE);
	}
	datapath_stop();
}

/* Whoever finds the seat taken fares the same. */
static void taken(void)
{
	if (begin()) {
		int fd = make(true);
		uint64_t cookie = cookie_of(fd);
		struct happened happened;

		CHECK_EQUAL(connect_from_b(fd, TCP_PORT), 0);
		CHECK(stored(fd));
		close(fd);
		CHECK_EQUAL(seat_of(cookie).cookie, ~0ull);
		CHECK_EQUAL(seat_of(cookie).held, AEG_SEAT_TAKEN);
		happened = happened_take();
		check_events(&happened, AEG_EVENT_OPEN, TCP_PORT, 1);
		check_events(&happened, AEG_EVENT_CLOSE, TCP_PORT, 1);
	}
	datapath_stop();
}

/* What a former connection left in the seat says nothing of the next one that sits there. */
static void inherits_nothing(void)
{
	if (begin()) {
		int fd = make(false);
		struct aeg_sock former;
		struct happened happened;

		memset(&former, 0xff, sizeof(former));
		former.held = AEG_SEAT_FREE;
		put_seat(cookie_of(fd), &former);
		CHECK_EQUAL(connect_from_b(fd, TCP_PORT), 0);
		CHECK_EQUAL(seat_of(cookie_of(fd)).pod, stage_cgroup("managed/b"));
		close(fd);
		happened = happened_take();
		check_events(&happened, AEG_EVENT_OPEN, TCP_PORT, 1);
		CHECK_EQUAL(happened.nevents, 2);
	}
	datapath_stop();
}

/* Nobody listens; then somebody does. */
static void connects_again(void)
{
	for (int storage = 0; storage < 2; storage++) {
		check_context("%s", storage ? "stored" : "seated");
		if (begin()) {
			int fd = make(storage);
			struct happened happened;

			CHECK_EQUAL(connect_from_b(fd, CLOSED_PORT), ECONNREFUSED);
			CHECK_EQUAL(connect_from_b(fd, TCP_PORT), 0);
			CHECK_EQUAL(stored(fd), storage);
			close(fd);
			happened = happened_take();
			check_events(&happened, AEG_EVENT_OPEN, CLOSED_PORT, 1);
			check_events(&happened, AEG_EVENT_CLOSE, CLOSED_PORT, 1);
			check_events(&happened, AEG_EVENT_OPEN, TCP_PORT, 1);
			check_events(&happened, AEG_EVENT_CLOSE, TCP_PORT, 1);
		}
		datapath_stop();
	}
}

/* ---- revoked ---- */

/* B becomes what A is, to whom that destination is denied. */
static void change_b(void)
{
	struct aeg_ident_row row = ident_row("managed/b", WORKLOAD_B, 1);

	CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
	CHECK_EQUAL(aeg_datapath_revoke(datapath), 0);
}

static void check_revoked(uint64_t n)
{
	struct happened happened = happened_take();

	check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_REVOKED, AEG_HOOK_REVOKE, n);
	for (size_t i = 0; i < happened.nevents; i++)
		CHECK(happened.events[i].cookie != 0);
}

static void revoked_wherever(void)
{
	if (begin()) {
		AEG_AUTO_CLOSE int seated = make(false), storage = make(true);
		int closed = make(false);

		CHECK_EQUAL(connect_from_b(seated, TCP_PORT), 0);
		CHECK_EQUAL(connect_from_b(storage, TCP_PORT), 0);
		CHECK_EQUAL(connect_from_b(closed, TCP_PORT), 0);
		close(closed);
		happened_reset();
		change_b();
		check_revoked(2);
		CHECK_EQUAL(seat_of(cookie_of(seated)).watch, AEG_WATCH_DEAD);
	}
	datapath_stop();
}

/* A seat whose socket is gone, as no release would leave it: its memory is somebody else's by now. */
static void nobodys_socket(void)
{
	if (begin()) {
		AEG_AUTO_CLOSE int fd = make(false);
		struct aeg_sock seat;

		CHECK_EQUAL(connect_from_b(fd, TCP_PORT), 0);
		seat = seat_of(cookie_of(fd));
		seat.socket += 8;
		put_seat(cookie_of(fd), &seat);
		happened_reset();
		change_b();
		check_no_decision((struct happened[]){happened_take()});
		seat.socket = 8; /* no memory at all */
		put_seat(cookie_of(fd), &seat);
		change_b();
		CHECK_EQUAL(happened_take().errors[AEG_ERROR_COOKIE_READ], 1);
	}
	datapath_stop();
}

/* ---- closed, with bytes on their way ---- */

/* Sends until neither end takes any more; how much. */
static size_t fill(int fd)
{
	static char block[BLOCK];
	size_t sent = 0;
	ssize_t n;

	while ((n = send(fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		sent += (size_t)n;
	CHECK_EQUAL(errno, EAGAIN);
	return sent;
}

/* How much comes until the end, or until nothing has come for so long. */
static size_t drain(int fd, int patience)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	static char block[BLOCK];
	size_t got = 0;
	ssize_t n;

	while (poll(&wait, 1, patience) == 1 && (n = recv(fd, block, sizeof(block), 0)) > 0)
		got += (size_t)n;
	return got;
}

static int in_flight(int server)
{
	int unread = 0;

	CHECK_EQUAL(ioctl(server, SIOCINQ, &unread), 0);
	return unread;
}

/* 0: the connection is gone. */
static uint16_t port_of(int fd, int (*name)(int, struct sockaddr *restrict, socklen_t *restrict))
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (name(fd, (struct sockaddr *)&addr, &len))
		return 0;
	return addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
					  : ((struct sockaddr_in *)&addr)->sin_port;
}

/* The server's end. What other tests left in the backlog comes first. */
static int accept_from(int client)
{
	uint16_t port = port_of(client, getsockname);

	CHECK(port != 0);
	for (;;) {
		int server = stage_accept();

		if (port_of(server, getpeername) == port)
			return server;
		close(server);
	}
}

/* B's connection, full, and the server's end; the descriptor is closed, what it sent is not there yet. */
static int close_full(bool storage, uint64_t *ret_cookie, size_t *ret_sent)
{
	int fd = make(storage), server;

	*ret_cookie = cookie_of(fd);
	CHECK_EQUAL(connect_from_b(fd, TCP_PORT), 0);
	server = accept_from(fd);
	*ret_sent = fill(fd);
	close(fd);
	CHECK((size_t)in_flight(server) < *ret_sent);
	return server;
}

static void lingers(void)
{
	for (int storage = 0; storage < 2; storage++) {
		check_context("%s", storage ? "stored" : "seated");
		if (begin()) {
			uint64_t cookie;
			size_t sent;
			AEG_AUTO_CLOSE int server = close_full(storage, &cookie, &sent);

			if (!storage) {
				CHECK_EQUAL(seat_of(cookie).held, AEG_SEAT_FREE);
				CHECK_EQUAL(seat_of(cookie).cookie, 0);
			}
			CHECK_EQUAL(drain(server, 5000), sent);
		}
		datapath_stop();
	}
}

/* No descriptor is left, but the kernel goes on sending: what is revoked then stops all the same. */
static void revoked_while_it_lingers(void)
{
	for (int storage = 0; storage < 2; storage++) {
		check_context("%s", storage ? "stored" : "seated");
		if (begin()) {
			uint64_t cookie;
			size_t sent;
			AEG_AUTO_CLOSE int server = close_full(storage, &cookie, &sent);

			happened_reset();
			change_b();
			check_revoked(1);
			CHECK(drain(server, 1000) < sent);
		}
		datapath_stop();
	}
}

const struct test seat_tests[] = {
	{"seats: a connection sits, and leaves", sits_and_leaves},
	{"seats: the seat is taken", taken},
	{"seats: nothing is inherited", inherits_nothing},
	{"seats: one socket connects again", connects_again},
	{"seats: revoked in a seat and in storage", revoked_wherever},
	{"seats: a socket that is gone", nobodys_socket},
	{"seats: closed with bytes on their way", lingers},
	{"seats: revoked with bytes on their way", revoked_while_it_lingers},
	{NULL, NULL},
};
