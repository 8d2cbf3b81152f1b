// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The load of the benchmarks: one client, one server, one connection at a time, so that with both
 * on one CPU the rate is nothing but the inverse of what a connection costs. It judges nothing:
 * every outcome is counted by errno and printed as one JSON object; who called it decides.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NSEC 1000000000ull
#define ERRNO_MAX 200
#define BIN_NS 100   /* resolution of the latency histogram */
#define BINS 1000000 /* the last one also takes everything above */
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
};

struct outcome {
	uint64_t by_errno[ERRNO_MAX]; /* 0: it worked */
	uint64_t total, ns, cpu_ns;
	uint32_t *bins;
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

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "crr: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC + (uint64_t)now.tv_nsec;
}

static void *body_new(size_t size)
{
	void *body = calloc(1, size ? size : 1);

	if (!body)
		die("calloc");
	return body;
}

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

static int exchange(int fd, char *body, const struct options *options)
{
	int r = send_all(fd, body, options->request);

	return r < 0 ? r : receive_all(fd, body, options->reply);
}

/* Returns the connected socket or -errno. */
static int target_connect(const struct target *target)
{
	int fd = socket(target->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, &target->addr.any, target->len) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* ---- client ---- */

/* One whole connection, in the way the mode says. */
static int connection_run(const struct target *target, char *body, const struct options *options)
{
	int fd = target_connect(target), r = 0;

	if (fd < 0)
		return fd;
	if (options->mode == MODE_CRR)
		r = exchange(fd, body, options);
	close(fd);
	return r;
}

static void outcome_add(struct outcome *outcome, int r, uint64_t ns)
{
	uint64_t bin = ns / BIN_NS;

	outcome->by_errno[-r < ERRNO_MAX ? -r : ERRNO_MAX - 1]++;
	outcome->bins[bin < BINS ? bin : BINS - 1]++;
	outcome->total++;
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
	char *body =
		body_new(options->request > options->reply ? options->request : options->reply);
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), before = begin, now = begin;
	int fd = -1, r;

	if (options->mode == MODE_RR) {
		fd = target_connect(target);
		if (fd < 0) {
			errno = -fd;
			die("connect");
		}
	}
	while (!finished(options, outcome, now - begin)) {
		if (options->spread > 1)
			target_move(target,
				    (uint32_t)(outcome->total % options->spread) * options->stride);
		r = fd < 0 ? connection_run(target, body, options) : exchange(fd, body, options);
		now = clock_ns(CLOCK_MONOTONIC);
		outcome_add(outcome, r, now - before);
		before = now;
	}
	outcome->ns = now - begin;
	if (fd >= 0)
		close(fd);
	free(body);
}

static double quantile_us(const struct outcome *outcome, double share)
{
	uint64_t want = (uint64_t)((double)outcome->total * share), have = 0;

	for (size_t i = 0; i < BINS; i++) {
		have += outcome->bins[i];
		if (have > want)
			return ((double)i + 0.5) * BIN_NS / 1000.0;
	}
	return 0;
}

static void outcome_print(const struct outcome *outcome)
{
	const char *comma = "";

	printf("{\"total\": %llu, \"seconds\": %.6f, \"cpu_ns\": %llu, \"p50_us\": %.2f, "
	       "\"p99_us\": %.2f, \"outcomes\": {",
	       (unsigned long long)outcome->total, (double)outcome->ns / (double)NSEC,
	       (unsigned long long)outcome->cpu_ns, quantile_us(outcome, 0.5),
	       quantile_us(outcome, 0.99));
	for (int i = 0; i < ERRNO_MAX; i++) {
		if (!outcome->by_errno[i])
			continue;
		printf("%s\"%s\": %llu", comma, i ? strerrorname_np(i) : "OK",
		       (unsigned long long)outcome->by_errno[i]);
		comma = ", ";
	}
	printf("}}\n");
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
static void server_answer(int fd, char *body, const struct options *options)
{
	while (receive_all(fd, body, options->request) == 0)
		if (send_all(fd, body, options->reply) < 0)
			break;
	close(fd);
}

static int server(const struct options *options)
{
	char *body =
		body_new(options->request > options->reply ? options->request : options->reply);
	int listener = server_listen(options);

	printf("listening\n");
	fflush(stdout);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			server_answer(fd, body, options);
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
	      "  --spread N     addresses used in turn    --stride N    distance between them\n",
	      stderr);
	exit(2);
}

static uint64_t number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (*end || end == text || value > max)
		usage();
	return value;
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
	case 'd':
		options->stride = (uint32_t)number(text, UINT32_MAX);
		break;
	default:
		usage();
	}
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
		{"spread", required_argument, NULL, 'a'},
		{"stride", required_argument, NULL, 'd'},
		{0},
	};
	struct options options = {.request = 517, .reply = 64, .spread = 1, .stride = 1};
	int which;

	while ((which = getopt_long(argc, argv, "", known, NULL)) != -1)
		option_set(&options, which, optarg);
	if (argc - optind != 2 || (!options.serve && !options.count && !options.millis))
		usage();
	options.address = argv[optind];
	options.port = (uint16_t)number(argv[optind + 1], UINT16_MAX);
	return options.serve ? server(&options) : client(&options);
}
