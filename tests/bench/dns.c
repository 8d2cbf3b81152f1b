// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The names of the benchmarks: a server that has an answer for every one, and two clients. Name number
 * N of a zone is nN.ZONE; its addresses are its own, so that a name never asked for before has
 * addresses never seen before.
 *   --serve   answers a CNAME and --records addresses of the type that was asked for
 *   query     one question, one answer, on one socket: the rate is the inverse of what a round trip costs
 *   race      getaddrinfo(), and at once connect() to every address that it gave
 */
#include "tests/bench/load.h"
#include "tests/lib/wire.h"
#include <arpa/inet.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX 512
#define ANSWERS_AT 6
#define BASE4 0xc6130000u      /* 198.19.0.0 */
#define BASE6 "2001:db8:0:5::" /* the number is in the last 32 bits */
#define TTL 300

enum mode { MODE_SERVE, MODE_QUERY, MODE_RACE };

struct options {
	enum mode mode;
	const char *address, *zone;
	uint16_t port;
	uint32_t records;      /* addresses of an answer */
	uint32_t first, names; /* numbers of the names that are used, in turn */
	uint64_t count, millis;
};

/* ---- server ---- */

/* What stands behind the first letter of the first label, 0 for a name without one. */
static uint32_t name_number(const uint8_t *question)
{
	uint32_t number = 0;

	for (unsigned int i = 2; i <= question[0] && question[i] >= '0' && question[i] <= '9'; i++)
		number = number * 10 + (uint32_t)(question[i] - '0');
	return number;
}

/* Where the question section ends; 0: no question that this server understands. */
static size_t question_end(const uint8_t *message, size_t len)
{
	size_t at = 12;

	while (at < len && message[at] && message[at] < 64)
		at += message[at] + 1u;
	return at + 5 <= len && message[at] == 0 ? at + 5 : 0;
}

static void address_put(struct wire *wire, unsigned int type, uint32_t number)
{
	uint8_t addr[16];
	uint32_t tail = htonl(type == WIRE_A ? BASE4 + number : number);

	if (type == WIRE_A) {
		wire_dns_record(wire, WIRE_A, TTL, &tail, 4);
		return;
	}
	inet_pton(AF_INET6, BASE6, addr);
	memcpy(addr + 12, &tail, sizeof(tail));
	wire_dns_record(wire, WIRE_AAAA, TTL, addr, 16);
}

/* Makes the answer out of the question; what the answer's owner is called does not matter to anyone. */
static void message_answer(struct wire *wire, const struct options *options)
{
	size_t end = question_end(wire->data, wire->len), alias;
	uint32_t number = name_number(wire->data + 12) * options->records;
	unsigned int type;

	if (!end)
		return;
	wire->len = end; /* EDNS goes unanswered, as RFC 6891 allows */
	type = wire->data[end - 3];
	memcpy(wire->data + 2, "\x85\x80\0\1\0\0\0\0\0\0", 10);
	if (type != WIRE_A && type != WIRE_AAAA)
		return;
	wire->data[ANSWERS_AT + 1] = (uint8_t)(options->records + 1);
	wire_dns_pointer(wire, 12);
	wire_dns_record(wire, WIRE_CNAME, TTL, "\4edge\3cdn\4test", 15);
	alias = wire->len - 15;
	for (uint32_t i = 0; i < options->records; i++) {
		wire_dns_pointer(wire, alias);
		address_put(wire, type, number + i);
	}
}

static struct sockaddr_in address_of(const struct options *options)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(options->port)};

	errno = EINVAL;
	if (inet_pton(AF_INET, options->address, &addr.sin_addr) != 1)
		die(options->address);
	return addr;
}

static int socket_udp(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int server(const struct options *options)
{
	const struct sockaddr_in addr = address_of(options);
	static struct wire wire;
	int fd = socket_udp();

	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		die(options->address);
	printf("listening\n");
	fflush(stdout);
	for (;;) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		ssize_t n = recvfrom(fd, wire.data, MESSAGE_MAX, 0, (struct sockaddr *)&peer, &len);

		if (n < 12)
			continue;
		wire.len = (size_t)n;
		message_answer(&wire, options);
		if (sendto(fd, wire.data, wire.len, 0, (const struct sockaddr *)&peer, len) < 0)
			continue; /* whoever asked is gone */
	}
}

/* ---- clients ---- */

/* The zone's own name where there is only one. */
static void name_make(const struct options *options, uint64_t turn, char *ret, size_t size)
{
	if (options->names > 1)
		snprintf(ret, size, "n%u.%s", options->first + (uint32_t)(turn % options->names),
			 options->zone);
	else
		snprintf(ret, size, "%s", options->zone);
}

static bool finished(const struct options *options, uint64_t turns, uint64_t elapsed)
{
	if (options->count && turns >= options->count)
		return true;
	return options->millis && elapsed >= options->millis * (NSEC / 1000);
}

/* -EPROTO: not the answer to this question, or not with as many records as it should have. */
static int query_run(int fd, const uint8_t *message, size_t len, const struct options *options)
{
	uint8_t answer[MESSAGE_MAX];
	ssize_t n;

	if (send(fd, message, len, 0) < 0)
		return -errno;
	n = recv(fd, answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	if (n < 12 || memcmp(answer, message, 2) != 0 ||
	    answer[ANSWERS_AT + 1] != options->records + 1)
		return -EPROTO;
	return 0;
}

struct message {
	size_t len;
	uint8_t data[MESSAGE_MAX];
};

/* All questions, made before the clock runs. */
static struct message *messages_new(const struct options *options)
{
	struct message *messages = body_new(options->names * sizeof(*messages));
	static struct wire wire;
	char name[256];

	for (uint32_t i = 0; i < options->names; i++) {
		wire.len = 0;
		name_make(options, i, name, sizeof(name));
		wire_dns_header(&wire, i, WIRE_DNS_QUERY, 0);
		wire_dns_question(&wire, name, WIRE_A);
		if (wire.len > MESSAGE_MAX)
			die(name);
		messages[i].len = wire.len;
		memcpy(messages[i].data, wire.data, wire.len);
	}
	return messages;
}

static void query(const struct options *options, struct outcome *outcome)
{
	const struct sockaddr_in addr = address_of(options);
	struct message *messages = messages_new(options);
	const struct timeval patience = {.tv_sec = 2};
	uint64_t begin, before, now;
	int fd = socket_udp(), r;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		die("connect");
	begin = before = now = clock_ns(CLOCK_MONOTONIC);
	while (!finished(options, outcome->total, now - begin)) {
		const struct message *message = &messages[outcome->total % options->names];

		r = query_run(fd, message->data, message->len, options);
		now = clock_ns(CLOCK_MONOTONIC);
		outcome_add(outcome, r, now - before);
		before = now;
	}
	outcome->ns = now - begin;
	close(fd);
	free(messages);
}

static int connect_once(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, info->ai_addr, info->ai_addrlen) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Counts every connect(); a name that has no address is an outcome, too. */
static void race_run(const char *name, const struct options *options, struct outcome *outcome)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	uint64_t before = clock_ns(CLOCK_MONOTONIC);
	struct addrinfo *list, *info;
	char port[8];

	snprintf(port, sizeof(port), "%u", options->port);
	if (getaddrinfo(name, port, &hints, &list)) {
		outcome_add(outcome, -ENODATA, clock_ns(CLOCK_MONOTONIC) - before);
		return;
	}
	for (info = list; info; info = info->ai_next) {
		int r = connect_once(info);
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		outcome_add(outcome, r, now - before);
		before = now;
	}
	freeaddrinfo(list);
}

/* Here `count` is of names, and the address is where connections go to only if there were none. */
static void race(const struct options *options, struct outcome *outcome)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);
	char name[256];

	for (uint64_t i = 0; i < options->count; i++) {
		name_make(options, i, name, sizeof(name));
		race_run(name, options, outcome);
	}
	outcome->ns = clock_ns(CLOCK_MONOTONIC) - begin;
}

static int client(const struct options *options)
{
	struct outcome outcome = {.bins = body_new(BINS * sizeof(uint32_t))};
	uint64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	if (options->mode == MODE_RACE)
		race(options, &outcome);
	else
		query(options, &outcome);
	outcome.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	outcome_print(&outcome);
	free(outcome.bins);
	return 0;
}

/* ---- command line ---- */

static _Noreturn void usage(void)
{
	fputs("usage: dns serve [--records N] ADDRESS PORT\n"
	      "       dns query [options] ADDRESS PORT   as many questions as fit\n"
	      "       dns race  [options] - PORT         asks those of resolv.conf, connects to PORT\n"
	      "  --zone NAME    of the names              --names N    different ones; 1: the zone's\n"
	      "  --first N      number of the first one   --records N  addresses of an answer (4)\n"
	      "  --millis N     stop after so long        --count N    stop after so many questions\n",
	      stderr);
	exit(2);
}

static enum mode mode_parse(const char *text)
{
	static const char *const words[] = {"serve", "query", "race"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(text, words[i]) == 0)
			return (enum mode)i;
	usage();
}

static void option_set(struct options *options, int which, const char *text)
{
	switch (which) {
	case 'z':
		options->zone = text;
		break;
	case 'r':
		options->records = (uint32_t)number(text, 16);
		break;
	case 'f':
		options->first = (uint32_t)number(text, 65535);
		break;
	case 'a':
		options->names = (uint32_t)number(text, 65535);
		break;
	case 'n':
		options->count = number(text, UINT64_MAX);
		break;
	case 's':
		options->millis = number(text, 3600000);
		break;
	default:
		usage();
	}
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{"zone", required_argument, NULL, 'z'},
		{"records", required_argument, NULL, 'r'},
		{"first", required_argument, NULL, 'f'},
		{"names", required_argument, NULL, 'a'},
		{"count", required_argument, NULL, 'n'},
		{"millis", required_argument, NULL, 's'},
		{0},
	};
	struct options options = {.zone = "bench.test", .records = 4, .names = 1};
	int which;

	while ((which = getopt_long(argc, argv, "", known, NULL)) != -1)
		option_set(&options, which, optarg);
	if (argc - optind != 3)
		usage();
	options.mode = mode_parse(argv[optind]);
	options.address = argv[optind + 1];
	options.port = (uint16_t)number(argv[optind + 2], UINT16_MAX);
	if (options.mode == MODE_SERVE)
		return server(&options);
	if (!options.names || (!options.count && (options.mode == MODE_RACE || !options.millis)))
		usage();
	return client(&options);
}
