// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The load of the benchmarks: one client, one server, one connection at a time, so that with both
 * on one CPU the rate is nothing but the inverse of what a connection costs.
 */
#include "tests/bench/load.h"
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX (1u << 24)

enum mode { MODE_CRR, MODE_RR, MODE_CONNECT };

static const char *const mode_names[] = {"crr", "rr", "connect"};

struct options {
	enum mode mode;
	bool serve;
	const char *address;
	uint16_t port;
	uint64_t millis; /* stop after so long; 0: no limit */
	uint64_t count;	 /* stop after so many; 0: no limit */
	uint32_t spread; /* connect to this many addresses in turn */
	uint32_t stride; /* distance between two of them */
	size_t request, reply;
	const char *request_path; /* its bytes; NULL: zeros */
	size_t split; /* of the request go alone, ahead of the rest; 0: all go together */
	char *request_body, *reply_body;
};

struct target {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr;
	socklen_t len;
	uint32_t base; /* the address's last 32 bits, host order */
};

/* ---- addresses ---- */

static struct target target_parse(const char *address, uint16_t port)
{
	struct target target = {.len = sizeof(target.addr.v4)};
	uint32_t tail;

	if (inet_pton(AF_INET, address, &target.addr.v4.sin_addr) == 1) {
		target.addr.v4.sin_family = AF_INET;
		target.addr.v4.sin_port = htons(port);
		target.base = ntohl(target.addr.v4.sin_addr.s_addr);
		return target;
	}
	if (inet_pton(AF_INET6, address, &target.addr.v6.sin6_addr) != 1) {
		errno = EINVAL;
		die(address);
	}
	target.addr.v6.sin6_family = AF_INET6;
	target.addr.v6.sin6_port = htons(port);
	target.len = sizeof(target.addr.v6);
	memcpy(&tail, &target.addr.v6.sin6_addr.s6_addr[12], sizeof(tail));
	target.base = ntohl(tail);
	return target;
}

/* The address `offset` behind the one that was given. */
static void target_move(struct target *target, uint32_t offset)
{
	uint32_t tail = htonl(target->base + offset);

	if (target->addr.any.sa_family == AF_INET)
		target->addr.v4.sin_addr.s_addr = tail;
	else
		memcpy(&target->addr.v6.sin6_addr.s6_addr[12], &tail, sizeof(tail));
}

/* ---- sockets; every function returns 0 or -errno ---- */

/* Reads exactly size bytes; -EPIPE when the peer closed before. */
static int receive_all(int fd, char *body, size_t size)
{
	for (size_t have = 0; have < size;) {
		ssize_t n = recv(fd, body + have, size - have, 0);

		if (n < 0)
			return -errno;
		if (n == 0)
			return -EPIPE;
		have += (size_t)n;
	}
	return 0;
}

static int send_all(int fd, const char *body, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = send(fd, body + done, size - done, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

static int exchange(int fd, const struct options *options)
{
	size_t first = options->split;
	int r = send_all(fd, options->request_body, first);

	if (r == 0)
		r = send_all(fd, options->request_body + first, options->request - first);
	return r < 0 ? r : receive_all(fd, options->reply_body, options->reply);
}

/* Returns the connected socket or -errno. */
static int target_connect(const struct target *target, const struct options *options)
{
	int one = 1, fd = socket(target->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (options->split)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, &target->addr.any, target->len) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* ---- client ---- */

/* One whole connection, in the way the mode says. */
static int connection_run(const struct target *target, const struct options *options)
{
	int fd = target_connect(target, options), r = 0;

	if (fd < 0)
		return fd;
	if (options->mode == MODE_CRR)
		r = exchange(fd, options);
	close(fd);
	return r;
}

static bool finished(const struct options *options, const struct outcome *outcome, uint64_t elapsed)
{
	if (options->count && outcome->total >= options->count)
		return true;
	return options->millis && elapsed >= options->millis * (NSEC / 1000);
}

static void client_loop(struct target *target, const struct options *options,
			struct outcome *outcome)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), before = begin, now = begin;
	int fd = -1, r;

	if (options->mode == MODE_RR) {
		fd = target_connect(target, options);
		if (fd < 0) {
			errno = -fd;
			die("connect");
		}
	}
	while (!finished(options, outcome, now - begin)) {
		if (options->spread > 1)
			target_move(target,
				    (uint32_t)(outcome->total % options->spread) * options->stride);
		r = fd < 0 ? connection_run(target, options) : exchange(fd, options);
		now = clock_ns(CLOCK_MONOTONIC);
		outcome_add(outcome, r, now - before);
		before = now;
	}
	outcome->ns = now - begin;
	if (fd >= 0)
		close(fd);
}

static int client(const struct options *options)
{
	struct target target = target_parse(options->address, options->port);
	struct outcome outcome = {.bins = body_new(BINS * sizeof(uint32_t))};
	uint64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	client_loop(&target, options, &outcome);
	outcome.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	outcome_print(&outcome);
	free(outcome.bins);
	return 0;
}

/* ---- server ---- */

static int server_listen(const struct options *options)
{
	struct target target = target_parse(options->address, options->port);
	int one = 1, fd = socket(target.addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (target.addr.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, &target.addr.any, target.len) < 0 || listen(fd, 4096) < 0)
		die(options->address);
	return fd;
}

/* The client closes first; whatever it does wrong ends this connection, not the server. */
static void server_answer(int fd, const struct options *options)
{
	while (receive_all(fd, options->request_body, options->request) == 0)
		if (send_all(fd, options->reply_body, options->reply) < 0)
			break;
	close(fd);
}

static int server(const struct options *options)
{
	int listener = server_listen(options);

	printf("listening\n");
	fflush(stdout);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			server_answer(fd, options);
		else if (errno != ECONNABORTED && errno != EINTR)
			die("accept");
	}
}

/* ---- command line ---- */

static _Noreturn void usage(void)
{
	fputs("usage: crr --serve [options] ADDRESS PORT\n"
	      "       crr [--mode crr|rr|connect] [options] ADDRESS PORT\n"
	      "  --millis N     stop after so long        --count N     stop after so many\n"
	      "  --request N    bytes of a request (517)  --reply N     bytes of a reply (64)\n"
	      "  --request-file PATH  what it consists of --split N     its first bytes go alone\n"
	      "  --spread N     addresses used in turn    --stride N    distance between them\n",
	      stderr);
	exit(2);
}

static enum mode mode_parse(const char *text)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(*mode_names); i++)
		if (strcmp(text, mode_names[i]) == 0)
			return (enum mode)i;
	usage();
}

static void option_set(struct options *options, int which, const char *text)
{
	switch (which) {
	case 'l':
		options->serve = true;
		break;
	case 'm':
		options->mode = mode_parse(text);
		break;
	case 's':
		options->millis = number(text, 3600000);
		break;
	case 'n':
		options->count = number(text, UINT64_MAX);
		break;
	case 'q':
		options->request = number(text, BODY_MAX);
		break;
	case 'p':
		options->reply = number(text, BODY_MAX);
		break;
	case 'a':
		options->spread = (uint32_t)number(text, UINT32_MAX);
		break;
	case 'f':
		options->request_path = text;
		break;
	case 't':
		options->split = number(text, BODY_MAX);
		break;
	case 'd':
		options->stride = (uint32_t)number(text, UINT32_MAX);
		break;
	default:
		usage();
	}
}

static void bodies_make(struct options *options)
{
	FILE *file;

	options->reply_body = body_new(options->reply);
	if (!options->request_path) {
		options->request_body = body_new(options->request);
	} else {
		options->request_body = body_new(BODY_MAX);
		file = fopen(options->request_path, "re");
		if (!file)
			die(options->request_path);
		options->request = fread(options->request_body, 1, BODY_MAX, file);
		fclose(file);
	}
	if (options->split > options->request)
		usage();
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{"serve", no_argument, NULL, 'l'},
		{"mode", required_argument, NULL, 'm'},
		{"millis", required_argument, NULL, 's'},
		{"count", required_argument, NULL, 'n'},
		{"request", required_argument, NULL, 'q'},
		{"reply", required_argument, NULL, 'p'},
		{"request-file", required_argument, NULL, 'f'},
		{"split", required_argument, NULL, 't'},
		{"spread", required_argument, NULL, 'a'},
		{"stride", required_argument, NULL, 'd'},
		{0},
	};
	struct options options = {.request = 517, .reply = 64, .spread = 1, .stride = 1};
	int which, r;

	while ((which = getopt_long(argc, argv, "", known, NULL)) != -1)
		option_set(&options, which, optarg);
	if (argc - optind != 2 || (!options.serve && !options.count && !options.millis))
		usage();
	options.address = argv[optind];
	options.port = (uint16_t)number(argv[optind + 1], UINT16_MAX);
	bodies_make(&options);
	r = options.serve ? server(&options) : client(&options);
	free(options.request_body);
	free(options.reply_body);
	return r;
}
