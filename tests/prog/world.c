/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* See world.h. The world is a child with one loop; what it sees is in shared memory. */
#include "tests/prog/world.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define PATIENCE 3000 /* ms until a test gives up waiting */

struct world *world;
static pid_t world_pid;

const char *const manner_names[MANNERS] = {
	"honestly",   "wrong id",      "wrong name", "wrong type", "wrong source",
	"wrong port", "as a question", "NXDOMAIN",   "truncated",  "cut",
	"silently",   "pointer loop",  "bad label",  "bad length",
};

static void sh(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void sh(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0)
		errx(1, "failed: %s", command);
}

/* ---- inside the world ---- */

static int listen_on(uint16_t port)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), off = 0, fast = 16;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, 23 /* TCP_FASTOPEN */, &fast, sizeof(fast)) < 0 ||
	    listen(fd, 1024) < 0)
		err(1, "world: port %d", port);
	return fd;
}

static int name_server(const char *addr, uint16_t port)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, addr, &in.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
		err(1, "world: %s:%d", addr, port);
	return fd;
}

/* "a-5-1-2-3.…" -> 5.1.2.3, or 2a00::5:1:2:3 */
static bool address_of(const char *name, uint16_t type, uint8_t ret[16])
{
	uint8_t bytes[4];
	char *end;

	if (strncmp(name, "a-", 2) != 0)
		return false;
	name += 2;
	for (int i = 0; i < 4; i++, name = end + 1) {
		bytes[i] = (uint8_t)strtoul(name, &end, 10);
		if (end == name || *end != (i < 3 ? '-' : '.'))
			return false;
	}
	memset(ret, 0, 16);
	if (type == 28)
		ret[0] = 0x2a;
	else
		ret[10] = ret[11] = 0xff;
	memcpy(ret + 12, bytes, sizeof(bytes));
	return true;
}

/* Where the first record begins, behind the question. */
static size_t records_at(const struct wire *answer)
{
	size_t at = 12;

	while (answer->data[at])
		at += answer->data[at] + 1u;
	return at + 5;
}

static void lie(struct wire *answer, enum manner manner)
{
	size_t at = records_at(answer);

	switch (manner) {
	case WRONG_ID:
		answer->data[1] ^= 1;
		break;
	case WRONG_NAME:
		answer->data[13] ^= 2;
		break;
	case WRONG_TYPE:
		for (size_t i = 12; i + 4 < answer->len; i++) {
			if (answer->data[i] == 0) {
				answer->data[i + 2] = 28;
				break;
			}
		}
		break;
	case A_QUESTION:
		answer->data[2] &= 0x7f;
		break;
	case NO_SUCH_NAME:
		answer->data[3] |= 3;
		break;
	case TRUNCATED:
		answer->data[2] |= 2;
		break;
	case CUT:
		answer->len -= 2;
		break;
	case POINTER_LOOP:
		answer->data[at] = (uint8_t)(0xc0 | at >> 8);
		answer->data[at + 1] = (uint8_t)at;
		break;
	case BAD_LABEL:
		answer->data[at] = 0x80;
		break;
	case BAD_LENGTH:
		answer->data[at + 11]++;
		answer->len++;
		break;
	default:
		break;
	}
}

/* fds: the name server, another port of it, another address. */
static void answer_question(const int fds[3])
{
	uint8_t question[512], addr[64][16];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t len =
		recvfrom(fds[0], question, sizeof(question), 0, (struct sockaddr *)&from, &size);
	enum manner manner = world->manner;
	struct wire answer;
	char name[256];
	size_t n;
	int fd = fds[0];

	__atomic_add_fetch(&world->nquestions, 1, __ATOMIC_SEQ_CST);
	if (len < 17 || manner == SILENTLY)
		return;
	while (__atomic_load_n(&world->hold, __ATOMIC_SEQ_CST))
		sched_yield();
	wire_name(question, (size_t)len, name);
	n = address_of(name, question[len - 3], addr[0]) ? world->records + !world->records : 0;
	for (size_t i = 1; i < n; i++) {
		memcpy(addr[i], addr[i - 1], sizeof(addr[i]));
		addr[i][15]++;
	}
	wire_answer(question, (size_t)len, addr, n, &answer);
	lie(&answer, manner);
	if (manner == WRONG_PORT)
		fd = fds[1];
	if (manner == WRONG_SOURCE)
		fd = fds[2];
	sendto(fd, answer.data, answer.len, 0, (struct sockaddr *)&from, size);
}

struct client {
	int fd;
	struct world_conn *conn;
};

static void accept_client(int listener, struct pollfd *fds, struct client *clients)
{
	struct sockaddr_in6 from = {0};
	socklen_t size = sizeof(from);
	int fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = 0; i < WORLD_KEPT; i++) {
		if (clients[i].fd >= 0)
			continue;
		clients[i].fd = fds[i].fd = fd;
		clients[i].conn = &world->conns[world->nconns % WORLD_KEPT];
		clients[i].conn->len = 0;
		clients[i].conn->port = ntohs(from.sin6_port);
		__atomic_add_fetch(&world->nconns, 1, __ATOMIC_SEQ_CST);
		return;
	}
	close(fd);
}

static void read_client(struct client *client, struct pollfd *fd)
{
	struct world_conn *conn = client->conn;
	ssize_t n = recv(client->fd, conn->data + conn->len, sizeof(conn->data) - conn->len, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close(client->fd);
		client->fd = fd->fd = -1;
		return;
	}
	__atomic_add_fetch(&conn->len, (size_t)n, __ATOMIC_SEQ_CST);
	(void)!write(client->fd, "k", 1);
}

static void live(void)
{
	const int servers[3] = {name_server(RESOLVER, 53), name_server(RESOLVER, 54),
				name_server(STRANGER, 53)};
	const int listeners[2] = {listen_on(TLS_PORT), listen_on(OTHER_PORT)};
	struct pollfd fds[WORLD_KEPT + 3];
	struct client clients[WORLD_KEPT];

	for (int i = 0; i < WORLD_KEPT + 3; i++)
		fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	for (int i = 0; i < WORLD_KEPT; i++)
		clients[i].fd = -1;
	fds[WORLD_KEPT].fd = servers[0];
	fds[WORLD_KEPT + 1].fd = listeners[0];
	fds[WORLD_KEPT + 2].fd = listeners[1];
	for (;;) {
		if (poll(fds, WORLD_KEPT + 3, -1) < 0)
			err(1, "world: poll");
		if (fds[WORLD_KEPT].revents)
			answer_question(servers);
		for (int i = 0; i < WORLD_KEPT; i++) {
			if (fds[i].fd >= 0 && fds[i].revents)
				read_client(&clients[i], &fds[i]);
		}
		for (int i = 1; i <= 2; i++) {
			if (fds[WORLD_KEPT + i].revents)
				accept_client(listeners[i - 1], fds, clients);
		}
	}
}

/* Two pipes: the namespace is there; the network is there. */
static void be_world(int ready, int go)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) < 0 || write(ready, "x", 1) != 1 || read(go, &byte, 1) != 1)
		err(1, "world");
	sh("ip link set lo up; ip link set aegw1 up; ip addr add 10.99.0.2/24 dev aegw1;"
	   "ip -6 addr add fd99::2/64 dev aegw1 nodad; ip route add local 5.0.0.0/8 dev lo;"
	   "ip -6 route add local 2a00::/16 dev lo");
	sh("sysctl -qw net.ipv4.tcp_fastopen=1027 net.ipv4.conf.all.rp_filter=0");
	if (write(ready, "x", 1) != 1)
		err(1, "world");
	live();
}

/* ---- outside ---- */

void world_start(void)
{
	int ready[2], go[2];
	char byte;

	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (world == MAP_FAILED || pipe(ready) < 0 || pipe(go) < 0)
		err(1, "world");
	world_pid = fork();
	if (world_pid == 0)
		be_world(ready[1], go[0]);
	if (world_pid < 0 || read(ready[0], &byte, 1) != 1)
		err(1, "world");
	sh("ip link add aegw0 type veth peer name aegw1 netns %d", (int)world_pid);
	sh("ip link set aegw0 up; ip addr add 10.99.0.1/24 dev aegw0;"
	   "ip -6 addr add fd99::1/64 dev aegw0 nodad; ip route add default via 10.99.0.2;"
	   "ip -6 route add default via fd99::2; sysctl -qw net.ipv4.tcp_fastopen=1 "
	   "net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.aegw0.rp_filter=0");
	if (write(go[1], "x", 1) != 1 || read(ready[0], &byte, 1) != 1)
		err(1, "world");
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
}

void world_mtu(int mtu)
{
	sh("nsenter -t %d -n ip link set aegw1 mtu %d", (int)world_pid, mtu);
}

void world_stop(void)
{
	kill(world_pid, SIGKILL);
	waitpid(world_pid, NULL, 0);
	sh("ip link del aegw0 2>/dev/null || true");
	munmap(world, sizeof(*world));
}

static struct sockaddr_storage sockaddr_of(const char *text, uint16_t port, socklen_t *ret_len)
{
	struct sockaddr_storage addr = {0};
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr;
	struct sockaddr_in *in = (struct sockaddr_in *)&addr;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		*ret_len = sizeof(*in);
		return addr;
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		errx(1, "%s: no address", text);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	*ret_len = sizeof(*in6);
	return addr;
}

static int world_socket(int family, int type)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("/proc/%d/ns/net", (int)world_pid);
	AEG_AUTO_CLOSE int here = needed(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	AEG_AUTO_CLOSE int there = needed(open(path, O_RDONLY | O_CLOEXEC));
	int fd;

	if (setns(there, CLONE_NEWNET) < 0)
		err(1, "setns");
	fd = needed(socket(family, type | SOCK_CLOEXEC, 0));
	if (setns(here, CLONE_NEWNET) < 0)
		err(1, "setns");
	return fd;
}

int world_listen(const char *text, uint16_t port)
{
	struct sockaddr_storage addr;
	int fd, one = 1;
	socklen_t len;

	addr = sockaddr_of(text, port, &len);
	fd = world_socket(addr.ss_family, SOCK_STREAM);
	/* Local by a route only: IPv6 wants to be told. IP_FREEBIND is for both. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 8) < 0)
		err(1, "listening on %s", text);
	return fd;
}

static int wait_readable(int fd, int ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, ms);
}

static int parse_answer(const uint8_t *data, size_t len, uint16_t type, uint8_t (*ret)[16],
			size_t max)
{
	size_t count = (size_t)data[6] << 8 | data[7], size = type == 1 ? 4 : 16;
	size_t at = len - count * (12 + size);

	for (size_t i = 0; i < count && i < max; i++) {
		memset(ret[i], 0, 16);
		if (type == 1)
			ret[i][10] = ret[i][11] = 0xff;
		memcpy(ret[i] + 16 - size, data + at + i * (12 + size) + 12, size);
	}
	return (int)count;
}

int world_asker(void)
{
	return needed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

void world_query(int fd, const char *server, const char *name, uint16_t id)
{
	struct sockaddr_storage to;
	struct wire question;
	socklen_t len;

	to = sockaddr_of(server, 53, &len);
	wire_question(name, id, 1, &question);
	if (sendto(fd, question.data, question.len, 0, (struct sockaddr *)&to, len) < 0)
		err(1, "asking for %s", name);
}

bool world_answered(int fd)
{
	uint8_t answer[2048];

	return wait_readable(fd, PATIENCE) > 0 && recv(fd, answer, sizeof(answer), 0) > 0;
}

int world_resolve(const char *name, uint16_t type, uint8_t (*ret_addrs)[16], size_t max)
{
	AEG_AUTO_CLOSE int fd = needed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	static uint16_t id = 1000;
	struct sockaddr_storage to;
	struct wire question;
	uint8_t answer[2048];
	socklen_t len;
	ssize_t n;

	to = sockaddr_of(RESOLVER, 53, &len);
	wire_question(name, ++id, type, &question);
	if (sendto(fd, question.data, question.len, 0, (struct sockaddr *)&to, len) < 0)
		return -1;
	if (wait_readable(fd, world->manner == SILENTLY ? 0 : PATIENCE) <= 0)
		return -1;
	n = recv(fd, answer, sizeof(answer), 0);
	return n < 12 ? -1 : parse_answer(answer, (size_t)n, type, ret_addrs, max);
}

bool world_ask(const char *name)
{
	uint8_t addrs[4][16];

	return world_resolve(name, 1, addrs, 4) >= 0;
}

int world_connect(const char *text, uint16_t port)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int fd;

	addr = sockaddr_of(text, port, &len);
	fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&addr, len) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

int world_send(int fd, const void *data, size_t len)
{
	char answer[64];
	ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	n = wait_readable(fd, PATIENCE);
	if (n <= 0)
		return -ETIMEDOUT;
	n = recv(fd, answer, sizeof(answer), 0);
	return n < 0 ? -errno : n == 0 ? -ENODATA : 0;
}

int world_send_pieces(int fd, const struct wire *wire, size_t piece)
{
	int err = 0;

	for (size_t at = 0; at < wire->len && !err; at += piece)
		err = world_send(fd, wire->data + at,
				 wire->len - at < piece ? wire->len - at : piece);
	return err;
}

const struct world_conn *world_arrived(int fd)
{
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(addr);
	uint16_t port;

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		err(1, "getsockname");
	port = ntohs(((struct sockaddr_in *)&addr)->sin_port); /* at the same place for IPv6 */
	for (int i = 0; i < WORLD_KEPT; i++) {
		if (world->conns[i].port == port)
			return &world->conns[i];
	}
	return NULL;
}

struct aeg_addr world_addr(const char *text)
{
	struct aeg_addr addr = {.bytes = {[10] = 0xff, 0xff}};

	if (inet_pton(AF_INET, text, addr.bytes + 12) != 1 &&
	    inet_pton(AF_INET6, text, addr.bytes) != 1)
		errx(1, "%s: no address", text);
	return addr;
}

bool world_learned(const char *text)
{
	struct aeg_addr addr = world_addr(text);
	struct aeg_learned learned;

	return aeg_datapath_learned_get(datapath, &addr, &learned) == 0;
}
