/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Frames as a pod's packet socket can send them, one of every class that is told apart, each with what
 * a reader has to find. The same list serves the native tests, the kernel's and the generator.
 */
#ifndef AEG_TEST_FRAMES_H
#define AEG_TEST_FRAMES_H

#include "bpf/parse_packet.h"
#include "tests/lib/wire.h"
#include <stdbool.h>

#define FRAME_ETHER 14
#define FRAME_ODD_ETHER 0x88b5 /* IEEE 802, for local experiments */

enum frame_form { FRAME_IP4, FRAME_IP6, FRAME_FORMS };

/* Where it goes and where it says it comes from: mapped for IPv4. */
struct frame_ends {
	uint8_t saddr[16];
	uint8_t daddr[16];
	uint16_t dport;
};

struct frame_case {
	const char *name;
	enum frame_form form;
	void (*build)(struct wire *wire, const struct frame_ends *ends);
	uint8_t reason; /* enum aeg_reason; 0: it can be attributed */
	bool hidden, local, opening;
	uint8_t proto; /* where it can be attributed */
};

static inline void frame_ether(struct wire *wire, unsigned int type)
{
	wire->len = 0;
	wire_bytes(wire, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
	wire_u16(wire, type);
}

/* ---- headers ---- */

struct frame_ip4 {
	unsigned int proto, frag, options, hops;
};

/* The total length is filled in by frame_close4(). */
static inline void frame_open4(struct wire *wire, const struct frame_ends *ends,
			       struct frame_ip4 ip)
{
	frame_ether(wire, AEG_ETHER_IP4);
	wire_u8(wire, 0x45 + ip.options / 4);
	wire_u8(wire, 0);
	wire_u16(wire, 0);
	wire_u16(wire, 0x1234);
	wire_u16(wire, ip.frag);
	wire_u8(wire, ip.hops ? ip.hops : 64);
	wire_u8(wire, ip.proto);
	wire_u16(wire, 0);
	wire_bytes(wire, ends->saddr + 12, 4);
	wire_bytes(wire, ends->daddr + 12, 4);
}

static inline void frame_close4(struct wire *wire)
{
	uint32_t sum = 0, header = (wire->data[FRAME_ETHER] & 15u) * 4;
	uint8_t *ip = wire->data + FRAME_ETHER;

	ip[2] = (uint8_t)((wire->len - FRAME_ETHER) >> 8);
	ip[3] = (uint8_t)(wire->len - FRAME_ETHER);
	for (uint32_t i = 0; i < header; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static inline void frame_open6(struct wire *wire, const struct frame_ends *ends, unsigned int next,
			       unsigned int hops)
{
	frame_ether(wire, AEG_ETHER_IP6);
	wire_u32(wire, 6u << 28);
	wire_u16(wire, 0);
	wire_u8(wire, next);
	wire_u8(wire, hops);
	wire_bytes(wire, ends->saddr, 16);
	wire_bytes(wire, ends->daddr, 16);
}

static inline void frame_close6(struct wire *wire)
{
	wire->data[FRAME_ETHER + 4] = (uint8_t)((wire->len - FRAME_ETHER - 40) >> 8);
	wire->data[FRAME_ETHER + 5] = (uint8_t)(wire->len - FRAME_ETHER - 40);
}

static inline void frame_tcp(struct wire *wire, unsigned int dport, unsigned int flags)
{
	wire_u16(wire, 40000);
	wire_u16(wire, dport);
	wire_u32(wire, 1);
	wire_u32(wire, 0);
	wire_u8(wire, 5 << 4);
	wire_u8(wire, flags);
	wire_u16(wire, 65535);
	wire_u32(wire, 0);
}

static inline void frame_udp(struct wire *wire, unsigned int dport)
{
	wire_u16(wire, 40001);
	wire_u16(wire, dport);
	wire_u16(wire, 12);
	wire_u16(wire, 0);
	wire_bytes(wire, "quic", 4);
}

static inline void frame_icmp(struct wire *wire, unsigned int type)
{
	wire_u8(wire, type);
	wire_fill(wire, 0, 7);
	wire_bytes(wire, "carried in a ping", 17);
}

/* An extension header of 8 bytes. */
static inline void frame_extension(struct wire *wire, unsigned int next)
{
	wire_u8(wire, next);
	wire_u8(wire, 0);
	wire_bytes(wire, "\x01\x04\0\0\0\0", 6);
}

/* ---- IPv4 ---- */

#define FRAME_BUILD4(name, ip, body)                                                               \
	static inline void frame_##name(struct wire *wire, const struct frame_ends *ends)          \
	{                                                                                          \
		frame_open4(wire, ends, (struct frame_ip4)ip);                                     \
		body;                                                                              \
		frame_close4(wire);                                                                \
	}
#define IP(...) {__VA_ARGS__}

FRAME_BUILD4(syn4, IP(.proto = 6), frame_tcp(wire, ends->dport, AEG_TCP_SYN))
FRAME_BUILD4(ack4, IP(.proto = 6), frame_tcp(wire, ends->dport, AEG_TCP_ACK))
FRAME_BUILD4(null4, IP(.proto = 6), frame_tcp(wire, ends->dport, 0))
FRAME_BUILD4(udp4, IP(.proto = 17), frame_udp(wire, ends->dport))
FRAME_BUILD4(ping4, IP(.proto = 1), frame_icmp(wire, 8))
FRAME_BUILD4(error4, IP(.proto = 1), frame_icmp(wire, 3))
FRAME_BUILD4(first4, IP(.proto = 17, .frag = 0x2000), frame_udp(wire, ends->dport))
FRAME_BUILD4(later4, IP(.proto = 17, .frag = 4), frame_icmp(wire, 0))
FRAME_BUILD4(tiny4, IP(.proto = 6, .frag = 0x2000), wire_fill(wire, 0, 8))
FRAME_BUILD4(route4, IP(.proto = 6, .options = 8),
	     wire_bytes(wire, "\x83\x07\x04\x01\x02\x03\x04\0", 8);
	     frame_tcp(wire, ends->dport, AEG_TCP_SYN))
FRAME_BUILD4(alert4, IP(.proto = 17, .options = 4), wire_bytes(wire, "\x94\x04\0\0", 4);
	     frame_udp(wire, ends->dport))
FRAME_BUILD4(ipip4, IP(.proto = 4), wire_fill(wire, 0x45, 20))
FRAME_BUILD4(sit4, IP(.proto = 41), wire_fill(wire, 0x60, 40))
FRAME_BUILD4(gre4, IP(.proto = 47), wire_bytes(wire, "\0\0\x08\0", 4); wire_fill(wire, 0x45, 20))
FRAME_BUILD4(esp4, IP(.proto = 50), wire_fill(wire, 1, 24))
FRAME_BUILD4(sctp4, IP(.proto = 132), wire_fill(wire, 1, 16))
FRAME_BUILD4(odd4, IP(.proto = 253), wire_fill(wire, 1, 16))
FRAME_BUILD4(cut_tcp4, IP(.proto = 6), wire_fill(wire, 0, 19))
FRAME_BUILD4(cut_udp4, IP(.proto = 17), wire_fill(wire, 0, 7))

static inline void frame_igmp4(struct wire *wire, const struct frame_ends *ends)
{
	frame_open4(wire, ends, (struct frame_ip4){.proto = 2, .options = 4, .hops = 1});
	wire_bytes(wire, "\x94\x04\0\0\x22\0\0\0\0\0\0\0", 12);
	memcpy(wire->data + FRAME_ETHER + 16, "\xe0\0\0\x16", 4);
	frame_close4(wire);
}

static inline void frame_loopback4(struct wire *wire, const struct frame_ends *ends)
{
	frame_open4(wire, ends, (struct frame_ip4){.proto = 6});
	frame_tcp(wire, ends->dport, AEG_TCP_SYN);
	memcpy(wire->data + FRAME_ETHER + 16, "\x7f\0\0\x01", 4);
	frame_close4(wire);
}

static inline void frame_short4(struct wire *wire, const struct frame_ends *ends)
{
	frame_syn4(wire, ends);
	wire->len = FRAME_ETHER + 19;
}

static inline void frame_long4(struct wire *wire, const struct frame_ends *ends)
{
	frame_syn4(wire, ends);
	wire->data[FRAME_ETHER + 3]++; /* the header says more than there is */
}

static inline void frame_ihl4(struct wire *wire, const struct frame_ends *ends)
{
	frame_syn4(wire, ends);
	wire->data[FRAME_ETHER] = 0x44;
}

static inline void frame_version4(struct wire *wire, const struct frame_ends *ends)
{
	frame_syn4(wire, ends);
	wire->data[FRAME_ETHER] = 0x65;
}

static inline void frame_doff4(struct wire *wire, const struct frame_ends *ends)
{
	frame_syn4(wire, ends);
	wire->data[FRAME_ETHER + 32] = 4 << 4;
}

/* ---- IPv6 ---- */

#define FRAME_BUILD6(name, next, body)                                                             \
	static inline void frame_##name(struct wire *wire, const struct frame_ends *ends)          \
	{                                                                                          \
		frame_open6(wire, ends, next, 64);                                                 \
		body;                                                                              \
		frame_close6(wire);                                                                \
	}

FRAME_BUILD6(syn6, 6, frame_tcp(wire, ends->dport, AEG_TCP_SYN))
FRAME_BUILD6(ack6, 6, frame_tcp(wire, ends->dport, AEG_TCP_ACK))
FRAME_BUILD6(udp6, 17, frame_udp(wire, ends->dport))
FRAME_BUILD6(ping6, 58, frame_icmp(wire, 128))
FRAME_BUILD6(error6, 58, frame_icmp(wire, 1))
FRAME_BUILD6(redirect6, 58, frame_icmp(wire, 137))
FRAME_BUILD6(far_nd6, 58, frame_icmp(wire, 135)) /* hop limit 64: it came from afar */
FRAME_BUILD6(options6, 60, frame_extension(wire, 6); frame_tcp(wire, ends->dport, AEG_TCP_SYN))
FRAME_BUILD6(hopopts6, 0, frame_extension(wire, 17); frame_udp(wire, ends->dport))
FRAME_BUILD6(chain6, 0, frame_extension(wire, 60); frame_extension(wire, 60);
	     frame_extension(wire, 6); frame_tcp(wire, ends->dport, AEG_TCP_SYN))
FRAME_BUILD6(routing6, 0, frame_extension(wire, 43); frame_extension(wire, 6);
	     frame_tcp(wire, ends->dport, AEG_TCP_SYN))
FRAME_BUILD6(first6, 44, wire_bytes(wire, "\x11\0\0\x01\0\0\0\x01", 8);
	     frame_udp(wire, ends->dport))
FRAME_BUILD6(later6, 44, wire_bytes(wire, "\x3c\0\x05\xa8\0\0\0\x01", 8); wire_fill(wire, 9, 32))
FRAME_BUILD6(long6, 60, for (int i = 0; i < AEG_CHAIN_MAX; i++) frame_extension(wire, 60);
	     frame_extension(wire, 6); frame_tcp(wire, ends->dport, AEG_TCP_SYN))
FRAME_BUILD6(cut6, 60, wire_u8(wire, 6))
FRAME_BUILD6(auth6, 51, wire_bytes(wire, "\x06\x04", 2); wire_fill(wire, 0, 22);
	     frame_tcp(wire, ends->dport, AEG_TCP_SYN))
FRAME_BUILD6(mld_far6, 0, frame_extension(wire, 58); frame_icmp(wire, 143))
FRAME_BUILD6(sit6, 41, wire_fill(wire, 0x60, 40))
FRAME_BUILD6(ipip6, 4, wire_fill(wire, 0x45, 20))
FRAME_BUILD6(gre6, 47, wire_fill(wire, 0, 24))
FRAME_BUILD6(esp6, 50, wire_fill(wire, 1, 24))
FRAME_BUILD6(nothing6, 59, wire_fill(wire, 1, 8))
FRAME_BUILD6(sctp6, 132, wire_fill(wire, 1, 16))

static inline void frame_link6(struct wire *wire, const struct frame_ends *ends, unsigned int type,
			       const char *daddr, bool mld)
{
	frame_open6(wire, ends, mld ? 0 : 58, mld ? 1 : 255);
	if (mld)
		frame_extension(wire, 58);
	wire_u8(wire, type);
	wire_fill(wire, 0, 23);
	memcpy(wire->data + FRAME_ETHER + 24, daddr, 16);
	frame_close6(wire);
}

static inline void frame_solicit6(struct wire *wire, const struct frame_ends *ends)
{
	frame_link6(wire, ends, 135, "\xff\x02\0\0\0\0\0\0\0\0\0\x01\xff\0\0\x01", false);
}

static inline void frame_advertise6(struct wire *wire, const struct frame_ends *ends)
{
	frame_link6(wire, ends, 136, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", false);
}

static inline void frame_mld6(struct wire *wire, const struct frame_ends *ends)
{
	frame_link6(wire, ends, 143, "\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x16", true);
}

static inline void frame_short6(struct wire *wire, const struct frame_ends *ends)
{
	frame_syn6(wire, ends);
	wire->len = FRAME_ETHER + 39;
}

static inline void frame_version6(struct wire *wire, const struct frame_ends *ends)
{
	frame_syn6(wire, ends);
	wire->data[FRAME_ETHER] = 0x45;
}

/* ---- no IP ---- */

static inline void frame_arp(struct wire *wire, const struct frame_ends *ends)
{
	frame_ether(wire, AEG_ETHER_ARP);
	wire_bytes(wire, "\0\x01\x08\0\x06\x04\0\x01", 8);
	wire_fill(wire, 0, 20);
}

static inline void frame_odd(struct wire *wire, const struct frame_ends *ends)
{
	frame_ether(wire, FRAME_ODD_ETHER);
	wire_fill(wire, 7, 46);
}

static inline void frame_pppoe(struct wire *wire, const struct frame_ends *ends)
{
	frame_ether(wire, 0x8864);
	wire_bytes(wire, "\x11\0\0\x01\0\x2a\0\x21", 8);
	wire_fill(wire, 0x45, 40);
}

#define FRAME_PLAIN(n, f, p) {.name = #n, .form = (f), .build = frame_##n, .proto = (p)}
#define FRAME_LOCAL(n, f) {.name = #n, .form = (f), .build = frame_##n, .local = true}
#define FRAME_OPAQUE(n, f, r)                                                                      \
	{.name = #n, .form = (f), .build = frame_##n, .reason = AEG_REASON_##r}
#define FRAME_HIDDEN(n, f, r)                                                                      \
	{.name = #n, .form = (f), .build = frame_##n, .reason = AEG_REASON_##r, .hidden = true}

static const struct frame_case frame_cases[] = {
	{.name = "syn4", .build = frame_syn4, .proto = 6, .opening = true},
	{.name = "syn6", .form = FRAME_IP6, .build = frame_syn6, .proto = 6, .opening = true},
	FRAME_PLAIN(ack4, FRAME_IP4, 6),
	FRAME_PLAIN(null4, FRAME_IP4, 6),
	FRAME_PLAIN(udp4, FRAME_IP4, 17),
	FRAME_PLAIN(ping4, FRAME_IP4, 1),
	FRAME_PLAIN(error4, FRAME_IP4, 1),
	FRAME_PLAIN(ack6, FRAME_IP6, 6),
	FRAME_PLAIN(udp6, FRAME_IP6, 17),
	FRAME_PLAIN(ping6, FRAME_IP6, 58),
	FRAME_PLAIN(error6, FRAME_IP6, 58),
	FRAME_PLAIN(redirect6, FRAME_IP6, 58),
	FRAME_PLAIN(far_nd6, FRAME_IP6, 58),
	FRAME_LOCAL(arp, FRAME_IP4),
	FRAME_LOCAL(igmp4, FRAME_IP4),
	FRAME_LOCAL(solicit6, FRAME_IP6),
	FRAME_LOCAL(advertise6, FRAME_IP6),
	FRAME_LOCAL(mld6, FRAME_IP6),
	FRAME_OPAQUE(first4, FRAME_IP4, FRAGMENT),
	FRAME_OPAQUE(later4, FRAME_IP4, FRAGMENT),
	FRAME_OPAQUE(tiny4, FRAME_IP4, FRAGMENT),
	FRAME_OPAQUE(first6, FRAME_IP6, FRAGMENT),
	FRAME_OPAQUE(later6, FRAME_IP6, FRAGMENT),
	FRAME_OPAQUE(options6, FRAME_IP6, EXTENSION_HEADER),
	FRAME_OPAQUE(hopopts6, FRAME_IP6, EXTENSION_HEADER),
	FRAME_OPAQUE(chain6, FRAME_IP6, EXTENSION_HEADER),
	FRAME_OPAQUE(auth6, FRAME_IP6, EXTENSION_HEADER),
	FRAME_OPAQUE(mld_far6, FRAME_IP6, EXTENSION_HEADER),
	FRAME_OPAQUE(cut_tcp4, FRAME_IP4, MALFORMED),
	FRAME_OPAQUE(cut_udp4, FRAME_IP4, MALFORMED),
	FRAME_OPAQUE(doff4, FRAME_IP4, MALFORMED),
	FRAME_HIDDEN(route4, FRAME_IP4, IP_OPTIONS),
	FRAME_HIDDEN(alert4, FRAME_IP4, IP_OPTIONS),
	FRAME_HIDDEN(routing6, FRAME_IP6, EXTENSION_HEADER),
	FRAME_HIDDEN(long6, FRAME_IP6, EXTENSION_HEADER),
	FRAME_HIDDEN(ipip4, FRAME_IP4, TUNNEL),
	FRAME_HIDDEN(sit4, FRAME_IP4, TUNNEL),
	FRAME_HIDDEN(gre4, FRAME_IP4, TUNNEL),
	FRAME_HIDDEN(esp4, FRAME_IP4, TUNNEL),
	FRAME_HIDDEN(sit6, FRAME_IP6, TUNNEL),
	FRAME_HIDDEN(ipip6, FRAME_IP6, TUNNEL),
	FRAME_HIDDEN(gre6, FRAME_IP6, TUNNEL),
	FRAME_HIDDEN(esp6, FRAME_IP6, TUNNEL),
	FRAME_HIDDEN(sctp4, FRAME_IP4, PROTOCOL),
	FRAME_HIDDEN(odd4, FRAME_IP4, PROTOCOL),
	FRAME_HIDDEN(sctp6, FRAME_IP6, PROTOCOL),
	FRAME_HIDDEN(nothing6, FRAME_IP6, PROTOCOL),
	FRAME_HIDDEN(odd, FRAME_IP4, NON_IP),
	FRAME_HIDDEN(pppoe, FRAME_IP4, NON_IP),
	FRAME_HIDDEN(loopback4, FRAME_IP4, MALFORMED),
	FRAME_HIDDEN(short4, FRAME_IP4, MALFORMED),
	FRAME_HIDDEN(long4, FRAME_IP4, MALFORMED),
	FRAME_HIDDEN(ihl4, FRAME_IP4, MALFORMED),
	FRAME_HIDDEN(version4, FRAME_IP4, MALFORMED),
	FRAME_HIDDEN(short6, FRAME_IP6, MALFORMED),
	FRAME_HIDDEN(version6, FRAME_IP6, MALFORMED),
	FRAME_HIDDEN(cut6, FRAME_IP6, MALFORMED),
};
#define FRAME_CASES (sizeof(frame_cases) / sizeof(frame_cases[0]))

#undef FRAME_PLAIN
#undef FRAME_LOCAL
#undef FRAME_OPAQUE
#undef FRAME_HIDDEN

#endif
