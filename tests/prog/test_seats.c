/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where the state of a connection is, and that nobody notices: in a seat, in storage, or first here and
 * then there. */
#include "datapath/internal.h"
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
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

/* Whether storage is met only at sockets that a process holds open; the kernel may insist. */
static bool storage_closed;

static bool begin(void)
{
	struct aeg_datapath_config config = stage_config();

	config.storage_closed = storage_closed;
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

/* Once as the kernel has it, and once as others do. */
static void either_way(void (*test)(void))
{
	test();
	storage_closed = true;
	test();
	storage_closed = false;
}

static void walk(void)
{
	CHECK_EQUAL(aeg_datapath_revoke(datapath), 0);
	CHECK_EQUAL(aeg_datapath_revoke_rest(datapath), 0);
}

/* B becomes what A is, to whom that destination is denied. */
static void change_b(void)
{
	struct aeg_ident_row row = ident_row("managed/b", WORKLOAD_B, 1);

	CHECK_EQUAL(aeg_datapath_set_ident(datapath, &row), 0);
	walk();
}

static void check_revoked(uint64_t n)
{
	struct happened happened = happened_take();

	check_total(&happened, AEG_VERDICT_DENIED, AEG_REASON_REVOKED, AEG_HOOK_REVOKE, n);
	for (size_t i = 0; i < happened.nevents; i++)
		CHECK(happened.events[i].cookie != 0);
}

static void revoke_wherever(void)
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

static void revoked_wherever(void)
{
	either_way(revoke_wherever);
}

/* Two walks: all who could still have been at it are looked at again. */
static void check_unreadable(uint64_t n)
{
	CHECK_EQUAL(happened_take().errors[AEG_ERROR_COOKIE_READ], n);
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
		check_unreadable(2);
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

			if (!storage)
				CHECK_EQUAL(seat_of(cookie).held, AEG_SEAT_LINGERS);
			CHECK_EQUAL(drain(server, 5000), sent);
		}
		datapath_stop();
	}
}

/* A line of the kernel's list: number, "address:port" of both ends, state, all but the first hexadecimal. */
static bool sends_from(char *line, uint16_t port)
{
	char *rest = NULL, *field[4], *colon;
	unsigned long state;

	for (size_t i = 0; i < AEG_ARRAY_SIZE(field); i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &rest);
		if (!field[i])
			return false;
	}
	colon = strrchr(field[1], ':');
	state = strtoul(field[3], NULL, 16);
	return colon && strtoul(colon + 1, NULL, 16) == port && state != BPF_TCP_FIN_WAIT2 &&
	       state != BPF_TCP_TIME_WAIT;
}

/* Whether the kernel still has something of this port to send, in this network namespace. */
static bool sends_in(const char *list, uint16_t port)
{
	FILE *file = fopen(list, "re");
	bool found = false;
	char line[512];

	if (!file)
		err(1, "%s", list);
	while (fgets(line, sizeof(line), file))
		found |= sends_from(line, port);
	fclose(file);
	return found;
}

static bool sends(uint16_t port)
{
	return sends_in("/proc/thread-self/net/tcp", port) ||
	       sends_in("/proc/thread-self/net/tcp6", port);
}

/* Everything has come; that the client knows it, too, can take another moment. */
static void drain_all(int server, size_t sent)
{
	uint16_t port = ntohs(port_of(server, getpeername));

	CHECK(sends(port));
	CHECK_EQUAL(drain(server, 5000), sent);
	while (sends(port))
		sched_yield();
}

/* The seat of a closed socket is given away once that has nothing more to send, and not before. */
static void gives_its_seat_away(void)
{
	for (int over = 0; over < 2; over++) {
		check_context("%s", over ? "over" : "still sends");
		if (begin()) {
			uint64_t cookie;
			size_t sent;
			AEG_AUTO_CLOSE int server = close_full(false, &cookie, &sent);
			AEG_AUTO_CLOSE int fd = make(false);
			struct aeg_sock seat = seat_of(cookie);

			put_seat(cookie_of(fd), &seat); /* as if it were the same one */
			if (over)
				drain_all(server, sent);
			CHECK_EQUAL(connect_from_b(fd, TCP_PORT), 0);
			CHECK_EQUAL(stored(fd), !over);
			CHECK_EQUAL(seat_of(cookie_of(fd)).cookie, over ? cookie_of(fd) : cookie);
		}
		datapath_stop();
	}
}

/*
 * No descriptor is left, but the kernel goes on sending: what is revoked then stops all the same. Where it
 * is stored, and storage is looked for at descriptors, nobody finds it, and it is held.
 */
static void revoke_while_it_lingers(void)
{
	for (int storage = 0; storage < 2; storage++) {
		check_context("%s", storage ? "stored" : "seated");
		if (begin()) {
			uint64_t cookie;
			size_t sent;
			AEG_AUTO_CLOSE int server = close_full(storage, &cookie, &sent);

			happened_reset();
			change_b();
			CHECK(drain(server, 1000) < sent);
			if (storage && datapath->revoke.partial)
				CHECK(happened_take().errors[AEG_ERROR_UNSEEN] > 0);
			else
				check_revoked(1);
		}
		datapath_stop();
	}
}

static void revoked_while_it_lingers(void)
{
	either_way(revoke_while_it_lingers);
}

/* ---- on its way from one process to another ---- */

/* Whether a byte gets through. */
static bool says(int fd, int server)
{
	struct pollfd wait = {.fd = server, .events = POLLIN};
	char byte = 0;

	return send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && poll(&wait, 1, 500) == 1 &&
	       recv(server, &byte, 1, 0) == 1;
}

static void put_on_its_way(int pair, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = {.head = {.cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
			      .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec byte = {.iov_base = &(char){0}, .iov_len = 1};
	const struct msghdr message = {.msg_iov = &byte,
				       .msg_iovlen = 1,
				       .msg_control = &control,
				       .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	CHECK_EQUAL(sendmsg(pair, &message, 0), 1);
	close(fd);
}

static int take_from_its_way(int pair)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = {{0}};
	char byte;
	struct iovec one = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &one,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int fd = -1;

	CHECK_EQUAL(recvmsg(pair, &message, MSG_CMSG_CLOEXEC), 1);
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

/*
 * No process has a descriptor of it when connections are decided again, nothing of which concerns it. One
 * that sits is met all the same; one that is stored where that is closed can only be held.
 */
static void decide_on_its_way(bool storage)
{
	AEG_AUTO_CLOSE int fd = make(storage);
	AEG_AUTO_CLOSE int server = -1;
	int pair[2];
	bool held;

	CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CHECK_EQUAL(connect_from_b(fd, TCP_PORT), 0);
	server = accept_from(fd);
	put_on_its_way(pair[0], AEG_TAKE_FD(fd));
	walk();
	fd = take_from_its_way(pair[1]);
	held = storage && datapath->revoke.partial;
	CHECK_EQUAL(says(fd, server), !held);
	CHECK_EQUAL(happened_take().errors[AEG_ERROR_UNSEEN] > 0, held);
	close(pair[0]);
	close(pair[1]);
}

static void decide_all_on_their_way(void)
{
	for (int storage = 0; storage < 2; storage++) {
		check_context("%s", storage ? "stored" : "seated");
		if (begin())
			decide_on_its_way(storage);
		datapath_stop();
	}
}

static void on_its_way(void)
{
	either_way(decide_all_on_their_way);
}

/* What is held open is met, and goes on. */
static void undisturbed(void)
{
	storage_closed = true;
	if (begin()) {
		AEG_AUTO_CLOSE int fd = make(true);
		AEG_AUTO_CLOSE int server = -1;

		CHECK_EQUAL(connect_from_b(fd, TCP_PORT), 0);
		server = accept_from(fd);
		CHECK(stored(fd));
		walk();
		walk();
		CHECK(says(fd, server));
		CHECK_EQUAL(happened_take().errors[AEG_ERROR_UNSEEN], 0);
	}
	datapath_stop();
	storage_closed = false;
}

const struct test seat_tests[] = {
	{"seats: a connection sits, and leaves", sits_and_leaves},
	{"seats: the seat is taken", taken},
	{"seats: nothing is inherited", inherits_nothing},
	{"seats: one socket connects again", connects_again},
	{"seats: revoked in a seat and in storage", revoked_wherever},
	{"seats: a socket that is gone", nobodys_socket},
	{"seats: closed with bytes on their way", lingers},
	{"seats: the seat of a closed socket", gives_its_seat_away},
	{"seats: revoked with bytes on their way", revoked_while_it_lingers},
	{"seats: decided again on the way to another process", on_its_way},
	{"seats: decided again where storage is closed", undisturbed},
	{NULL, NULL},
};
