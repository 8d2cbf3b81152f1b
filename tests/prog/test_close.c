/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How a connection ends, and the bytes that are said of it: exact whatever the manner of closing. */
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>

#define SENT 123457
#define RECEIVED 7654321

/* A connection from A to a server outside. */
struct pair {
	int client, server;
};

static struct pair connect_pair(enum form form)
{
	struct pair pair;

	stage_enter(IN_A);
	pair.client = stage_socket(form, SOCK_STREAM);
	CHECK_EQUAL(stage_connect(pair.client, DEST_ALLOWED, form, TCP_PORT), 0);
	stage_leave();
	/* Connections that other tests left in the backlog come first, and are at their end. */
	for (;;) {
		struct pollfd hung = {.events = POLLRDHUP};

		pair.server = stage_accept();
		hung.fd = pair.server;
		if (poll(&hung, 1, 0) == 0)
			return pair;
		close(pair.server);
	}
}

static void close_client(struct pair *pair)
{
	close(pair->client);
	pair->client = -1;
}

static void close_server(struct pair *pair)
{
	close(pair->server);
	pair->server = -1;
}

/* Sends n bytes one way, alternately as far as either end takes it. */
static void transfer(int from, int to, size_t n)
{
	static char block[65536];
	size_t sent = 0, received = 0;

	while (received < n) {
		size_t left = n - sent < sizeof(block) ? n - sent : sizeof(block);
		ssize_t got = left ? send(from, block, left, MSG_DONTWAIT) : 0;

		if (got > 0)
			sent += (size_t)got;
		got = recv(to, block, sizeof(block), sent > received ? 0 : MSG_DONTWAIT);
		if (!CHECK(got > 0))
			return;
		received += (size_t)got;
	}
}

/* Waits for the peer's FIN or reset to arrive. */
static void await_hangup(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLRDHUP};

	CHECK(poll(&wait, 1, 5000) == 1);
}

static const struct aeg_event *find_close(const struct happened *happened)
{
	const struct aeg_event *found = NULL;

	for (size_t i = 0; i < happened->nevents; i++) {
		if (happened->events[i].type == AEG_EVENT_CLOSE) {
			CHECK(!found);
			found = &happened->events[i];
		}
	}
	CHECK(found);
	return found;
}

static void check_bytes(uint64_t sent, uint64_t received)
{
	struct happened happened = happened_take();
	const struct aeg_event *event = find_close(&happened);

	for (int i = 0; i < AEG_ERROR_MAX; i++)
		CHECK_EQUAL(happened.errors[i], 0);
	if (!event)
		return;
	CHECK_EQUAL(event->sent, sent);
	CHECK_EQUAL(event->received, received);
	CHECK(event->duration > 0);
}

/* ---- manners of closing ---- */

static uint8_t tcp_state(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	return info.tcpi_state;
}

static void plainly(struct pair *pair)
{
}

static void after_shutdown(struct pair *pair)
{
	shutdown(pair->client, SHUT_WR);
	await_hangup(pair->server);
}

static void after_both_fins(struct pair *pair)
{
	char byte;

	shutdown(pair->client, SHUT_WR);
	await_hangup(pair->server);
	close_server(pair);
	CHECK(recv(pair->client, &byte, 1, 0) == 0);
}

static void after_peers_fin(struct pair *pair)
{
	close_server(pair);
	await_hangup(pair->client);
}

static void after_peers_fin_and_ours(struct pair *pair)
{
	close_server(pair);
	await_hangup(pair->client);
	shutdown(pair->client, SHUT_WR);
	/* The peer acknowledges at once: it only waited for this. */
	while (tcp_state(pair->client) != TCP_CLOSE)
		;
}

static void reset_by_peer(struct pair *pair)
{
	struct linger hard = {.l_onoff = 1};

	setsockopt(pair->server, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close_server(pair);
	await_hangup(pair->client);
}

static const struct {
	const char *name;
	void (*prepare)(struct pair *pair);
} manners[] = {
	{"plainly", plainly},
	{"after shutdown", after_shutdown},
	{"after both FINs", after_both_fins},
	{"after the peer's FIN", after_peers_fin},
	{"after the peer's FIN and ours", after_peers_fin_and_ours},
	{"reset by the peer", reset_by_peer},
};

static void check_manner(size_t manner, enum form form, size_t sent, size_t received)
{
	struct pair pair = connect_pair(form);

	check_context("%s, %s, %zu sent, %zu received", manners[manner].name, form_names[form],
		      sent, received);
	transfer(pair.client, pair.server, sent);
	transfer(pair.server, pair.client, received);
	manners[manner].prepare(&pair);
	close_client(&pair);
	check_bytes(sent, received);
	aeg_closep(&pair.server);
}

static void exact_bytes(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		for (size_t i = 0; i < AEG_ARRAY_SIZE(manners); i++) {
			check_manner(i, FORM_V4, 0, 0);
			check_manner(i, FORM_V4, SENT, RECEIVED);
			check_manner(i, FORM_V6, SENT, 0);
			check_manner(i, FORM_MAPPED, 0, RECEIVED);
		}
	}
	datapath_stop();
}

/* What the peer never read counts as sent all the same. */
static void unread_bytes(void)
{
	const struct aeg_datapath_config config = stage_config();
	static char block[65536];

	if (datapath_start(&config)) {
		struct pair pair = connect_pair(FORM_V4);
		uint64_t sent = 0;
		ssize_t got;

		while ((got = send(pair.client, block, sizeof(block), MSG_DONTWAIT)) > 0)
			sent += (uint64_t)got;
		CHECK(sent > sizeof(block));
		close_client(&pair);
		check_bytes(sent, 0);
		close_server(&pair);
	}
	datapath_stop();
}

/* ---- the rest of the event ---- */

static void source_and_timing(void)
{
	static const uint8_t loopback_v4[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
	struct aeg_datapath_config config = stage_config();

	config.sockops = true;
	if (!datapath_start(&config))
		return;
	for (int form = 0; form < FORM_MAX; form++) {
		struct pair pair = connect_pair((enum form)form);
		struct sockaddr_in6 local = {0};
		socklen_t len = sizeof(local);
		struct happened happened;
		const struct aeg_event *event;

		check_context("%s", form_names[form]);
		CHECK(getsockname(pair.client, (struct sockaddr *)&local, &len) == 0);
		transfer(pair.client, pair.server, 1000);
		close_client(&pair);
		happened = happened_take();
		event = find_close(&happened);
		if (event) {
			/* The port is at the same place in both kinds of address. */
			CHECK_EQUAL(event->sport, ntohs(local.sin6_port));
			CHECK(form == FORM_V6 ? memcmp(event->saddr, &local.sin6_addr, 16) == 0
					      : memcmp(event->saddr, loopback_v4, 16) == 0);
			CHECK(event->rtt_us > 0);
			CHECK(event->connect_us > 0);
			CHECK(event->connect_us < event->duration / 1000 + 1);
			CHECK_EQUAL(event->retransmits, 0);
		}
		close_server(&pair);
	}
	datapath_stop();
}

static void counters_add_up(void *arg, const struct aeg_count_key *key,
			    const struct aeg_count *count)
{
	struct aeg_count *sum = arg;

	sum->decisions += count->decisions;
	sum->closed += count->closed;
	sum->sent += count->sent;
	sum->received += count->received;
}

static void counted_bytes(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct aeg_count sum = {0};

	if (datapath_start(&config)) {
		check_manner(0, FORM_V4, 1000, 20);
		check_manner(1, FORM_V6, 2000, 30);
		CHECK_EQUAL(aeg_datapath_counts(datapath, counters_add_up, &sum), 0);
		CHECK_EQUAL(sum.decisions, 2);
		CHECK_EQUAL(sum.closed, 2);
		CHECK_EQUAL(sum.sent, 3000);
		CHECK_EQUAL(sum.received, 50);
	}
	datapath_stop();
}

/* Where nobody wants to know of ends, they are counted all the same; the next generation may want to. */
static void untold(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct aeg_gen settings = default_settings();
	struct aeg_count sum = {0};

	if (datapath_start(&config)) {
		struct happened happened;
		struct pair pair;

		settings.reports &= ~AEG_REPORT_CLOSES;
		install(settings, RULE_A_ALLOWS);
		pair = connect_pair(FORM_V4);
		transfer(pair.client, pair.server, 1000);
		close_client(&pair);
		close_server(&pair);
		happened = happened_take();
		if (CHECK_EQUAL(happened.nevents, 1))
			CHECK_EQUAL(happened.events[0].type, AEG_EVENT_OPEN);
		CHECK_EQUAL(aeg_datapath_counts(datapath, counters_add_up, &sum), 0);
		CHECK_EQUAL(sum.closed, 1);
		CHECK_EQUAL(sum.sent, 1000);
		install(default_settings(), RULE_A_ALLOWS);
		pair = connect_pair(FORM_V4);
		close_client(&pair);
		close_server(&pair);
		CHECK_EQUAL(happened_take().nevents, 2);
	}
	datapath_stop();
}

/* ---- failed and repeated connections ---- */

static void refused_connection(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		struct happened happened;
		int fd;

		stage_enter(IN_A);
		fd = stage_socket(FORM_V4, SOCK_STREAM);
		CHECK_EQUAL(stage_connect(fd, DEST_ALLOWED, FORM_V4, CLOSED_PORT), ECONNREFUSED);
		CHECK_EQUAL(happened_take().nevents, 1);
		/* The same socket, once more: the failed attempt is closed first. */
		CHECK_EQUAL(stage_connect(fd, DEST_ALLOWED, FORM_V4, TCP_PORT), 0);
		happened = happened_take();
		CHECK_EQUAL(happened.nevents, 2);
		CHECK_EQUAL(happened.events[0].type, AEG_EVENT_CLOSE);
		CHECK_EQUAL(happened.events[0].dport, CLOSED_PORT);
		CHECK_EQUAL(happened.events[0].sent + happened.events[0].received, 0);
		CHECK_EQUAL(happened.events[1].type, AEG_EVENT_OPEN);
		CHECK_EQUAL(happened.events[1].dport, TCP_PORT);
		close(fd);
		check_bytes(0, 0);
		stage_leave();
	}
	datapath_stop();
}

static void disconnected_socket(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		struct sockaddr unspec = {.sa_family = AF_UNSPEC};
		struct happened happened;
		int fd;

		stage_enter(IN_A);
		fd = stage_socket(FORM_V4, SOCK_STREAM);
		CHECK_EQUAL(stage_connect(fd, DEST_ALLOWED, FORM_V4, TCP_PORT), 0);
		CHECK_EQUAL(connect(fd, &unspec, sizeof(unspec)), 0);
		CHECK_EQUAL(stage_connect(fd, DEST_DENIED, FORM_V4, TCP_PORT), EPERM);
		happened = happened_take();
		if (CHECK_EQUAL(happened.nevents, 3)) {
			CHECK_EQUAL(happened.events[0].type, AEG_EVENT_DENY);
			CHECK_EQUAL(happened.events[1].type, AEG_EVENT_OPEN);
			CHECK_EQUAL(happened.events[2].type, AEG_EVENT_CLOSE);
		}
		close(fd);
		CHECK_EQUAL(happened_take().nevents, 0);
		stage_leave();
	}
	datapath_stop();
}

/*
 * The connection belongs to a subflow that the kernel made, whose release runs no program: it opens
 * and never closes. A close here is good news, and the end of this test.
 */
static void multipath_does_not_close(void)
{
	const struct aeg_datapath_config config = stage_config();

	if (datapath_start(&config)) {
		struct happened happened;
		int fd;

		stage_enter(IN_A);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
		if (fd < 0) {
			check_skip("the kernel has no multipath TCP");
		} else {
			CHECK_EQUAL(stage_connect(fd, DEST_ALLOWED, FORM_V4, TCP_PORT), 0);
			close(fd);
			happened = happened_take();
			CHECK_EQUAL(happened.nevents, 1);
			CHECK_EQUAL(happened.events[0].type, AEG_EVENT_OPEN);
		}
		stage_leave();
	}
	datapath_stop();
}

const struct test close_tests[] = {
	{"close: bytes are exact in every manner of closing", exact_bytes},
	{"close: bytes that nobody read", unread_bytes},
	{"close: source, round trip, handshake", source_and_timing},
	{"close: counters add up", counted_bytes},
	{"close: counted, and told to nobody", untold},
	{"close: a refused connection closes with nothing", refused_connection},
	{"close: a disconnected socket closes once", disconnected_socket},
	{"close: multipath TCP has none (known gap)", multipath_does_not_close},
	{NULL, NULL},
};
