/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a pod with a packet socket can send, and what of it arrives on the other side.
 *
 *   frames list                            the classes of tests/lib/frames.h
 *   frames send IF MAC SRC DST PORT CLASS  one frame of a class
 *   frames flood IF MAC N SEED SRC4 SRC6 DST4 DST6 DENIED4 DENIED6
 *                                          N frames of every class to both destinations, half of them
 *                                          mutated, some of them nothing but random bytes
 *   frames watch IF DENIED4 DENIED6        counts what arrives until its standard input ends; says so
 *                                          far for each line of it
 */
#include "base/addr.h"
#include "base/mem.h"
#include "tests/lib/frames.h"
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#define MUTATIONS_MAX 4
#define FRAME_MAX 400
#define TAGGED_MIN 32
#define RECEIVE_BYTES (64 << 20)

static struct sockaddr_ll link_of(const char *name)
{
	struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

	link.sll_ifindex = (int)if_nametoindex(name);
	if (!link.sll_ifindex)
		err(2, "%s", name);
	return link;
}

static int packet_socket(const char *name)
{
	struct sockaddr_ll link = link_of(name);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (fd < 0 || bind(fd, (struct sockaddr *)&link, sizeof(link)) < 0)
		err(2, "packet socket");
	return fd;
}

static void read_addr(const char *text, uint8_t ret[16])
{
	struct aeg_addr addr;

	if (aeg_addr_parse(text, &addr))
		errx(2, "%s: no address", text);
	memcpy(ret, addr.bytes, 16);
}

static void read_mac(const char *text, uint8_t ret[6])
{
	struct ether_addr addr;

	if (!ether_aton_r(text, &addr))
		errx(2, "%s: no hardware address", text);
	memcpy(ret, addr.ether_addr_octet, 6);
}

/* ---- sending ---- */

static void send_frame(int fd, const struct wire *wire)
{
	/* A queue that is full empties; what the kernel refuses to send at all is no frame. */
	while (send(fd, wire->data, wire->len, 0) < 0) {
		if (errno != ENOBUFS && errno != EAGAIN)
			return;
	}
}

static int send_one(char **argv)
{
	AEG_AUTO_CLOSE int fd = packet_socket(argv[2]);
	static struct wire wire;
	struct frame_ends ends;

	read_addr(argv[4], ends.saddr);
	read_addr(argv[5], ends.daddr);
	ends.dport = (uint16_t)strtoul(argv[6], NULL, 10);
	for (size_t i = 0; i < FRAME_CASES; i++) {
		if (!aeg_streq(frame_cases[i].name, argv[7]))
			continue;
		frame_cases[i].build(&wire, &ends);
		read_mac(argv[3], wire.data);
		send_frame(fd, &wire);
		return 0;
	}
	errx(2, "%s: no such class", argv[7]);
}

static uint64_t random_state;

/* xorshift64*: the same seed, the same frames. */
static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1dull) >> 33) % n;
}

static void mutate(struct wire *wire)
{
	for (uint32_t n = random_below(MUTATIONS_MAX) + 1; n > 0; n--)
		wire->data[12 + random_below((uint32_t)wire->len - 12)] =
			(uint8_t)random_below(256);
	if (random_below(8) == 0)
		wire->len = FRAME_ETHER + random_below((uint32_t)wire->len - FRAME_ETHER) + 1;
	if (random_below(8) == 0)
		wire_fill(wire, (uint8_t)random_below(256), random_below(64));
}

/* A VLAN tag that is cut short the kernel drops before anybody sees the frame, or counts it. */
static void complete_tag(struct wire *wire)
{
	unsigned int type = (unsigned int)wire->data[12] << 8 | wire->data[13];

	if ((type == ETH_P_8021Q || type == ETH_P_8021AD) && wire->len < TAGGED_MIN)
		wire_fill(wire, 0, TAGGED_MIN - wire->len);
}

static void scramble(struct wire *wire)
{
	wire->len = FRAME_ETHER + random_below(FRAME_MAX - FRAME_ETHER) + 1;
	for (size_t i = 14; i < wire->len; i++)
		wire->data[i] = (uint8_t)random_below(256);
}

static int flood(char **argv)
{
	AEG_AUTO_CLOSE int fd = packet_socket(argv[2]);
	unsigned long n = strtoul(argv[4], NULL, 10);
	struct frame_ends ends[FRAME_FORMS][2]; /* by what is denied */
	static struct wire wire;

	random_state = strtoull(argv[5], NULL, 10) | 1;
	for (int form = 0; form < FRAME_FORMS; form++) {
		for (int denied = 0; denied < 2; denied++) {
			read_addr(argv[6 + form], ends[form][denied].saddr);
			read_addr(argv[8 + 2 * denied + form], ends[form][denied].daddr);
			ends[form][denied].dport = 443;
		}
	}
	for (unsigned long i = 0; i < n; i++) {
		const struct frame_case *one = &frame_cases[random_below(FRAME_CASES)];

		one->build(&wire, &ends[one->form][random_below(2)]);
		if (random_below(2))
			mutate(&wire);
		if (random_below(16) == 0)
			scramble(&wire);
		complete_tag(&wire);
		read_mac(argv[3], wire.data);
		send_frame(fd, &wire);
	}
	printf("{\"sent\": %lu}\n", n);
	return 0;
}

/* ---- watching ---- */

struct seen {
	unsigned long frames, to_denied, mentions, lost;
};

static bool has(const uint8_t *data, size_t len, const uint8_t *what, size_t size)
{
	return memmem(data, len, what, size) != NULL;
}

/* Reads the two destination fields by itself and nothing else: it must not share a parser's mistake. */
static void count(struct seen *seen, const uint8_t *data, size_t len, uint8_t denied[2][16])
{
	bool v4 = len >= 34 && data[12] == 8 && data[13] == 0;
	bool v6 = len >= 54 && data[12] == 0x86 && data[13] == 0xdd;

	seen->frames++;
	seen->to_denied += (v4 && memcmp(data + 30, denied[0] + 12, 4) == 0) ||
			   (v6 && memcmp(data + 38, denied[1], 16) == 0);
	seen->mentions += has(data, len, denied[0] + 12, 4) || has(data, len, denied[1], 16);
}

/* What was sent by the watched side itself is left out. */
static void drain(int fd, struct seen *seen, uint8_t denied[2][16])
{
	static uint8_t data[65536];
	struct sockaddr_ll from = {0};

	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t len = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &size);

		if (len < 0)
			return;
		if (from.sll_pkttype != PACKET_OUTGOING)
			count(seen, data, (size_t)len, denied);
	}
}

/* Reading the kernel's count sets it back. */
static unsigned int lost_since(int fd)
{
	struct tpacket_stats stats = {0};
	socklen_t size = sizeof(stats);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) < 0)
		err(1, "PACKET_STATISTICS");
	return stats.tp_drops;
}

/* false: nobody asks any more. */
static bool tell(int fd, struct seen *seen, uint8_t denied[2][16])
{
	char question[64];
	ssize_t len = read(0, question, sizeof(question));

	drain(fd, seen, denied);
	seen->lost += lost_since(fd);
	printf("{\"frames\": %lu, \"toDenied\": %lu, \"mentions\": %lu, \"lost\": %lu}\n",
	       seen->frames, seen->to_denied, seen->mentions, seen->lost);
	fflush(stdout);
	return len > 0;
}

static int watch(char **argv)
{
	AEG_AUTO_CLOSE int fd = packet_socket(argv[2]);
	struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	int size = RECEIVE_BYTES;
	struct seen seen = {0};
	uint8_t denied[2][16];

	read_addr(argv[3], denied[0]);
	read_addr(argv[4], denied[1]);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		err(1, "SO_RCVBUFFORCE");
	puts("{\"ready\": true}");
	fflush(stdout);
	for (;;) {
		if (poll(ready, 2, -1) < 0)
			err(1, "poll");
		drain(fd, &seen, denied);
		if (ready[1].revents && !tell(fd, &seen, denied))
			return 0;
	}
}

static int list(void)
{
	for (size_t i = 0; i < FRAME_CASES; i++)
		printf("{\"name\": \"%s\", \"v6\": %s, \"reason\": %u, \"hidden\": %s, \"local\": %s, "
		       "\"proto\": %u}\n",
		       frame_cases[i].name, frame_cases[i].form == FRAME_IP6 ? "true" : "false",
		       frame_cases[i].reason, frame_cases[i].hidden ? "true" : "false",
		       frame_cases[i].local ? "true" : "false", frame_cases[i].proto);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (aeg_streq(verb, "list"))
		return list();
	if (aeg_streq(verb, "send") && argc == 8)
		return send_one(argv);
	if (aeg_streq(verb, "flood") && argc == 12)
		return flood(argv);
	if (aeg_streq(verb, "watch") && argc == 5)
		return watch(argv);
	fputs("usage: frames list|send|flood|watch …, see tests/bypass/frames.c\n", stderr);
	return 2;
}
