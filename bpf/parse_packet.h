/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a frame says of itself, from its network header on: where it goes, and whether that can be
 * told at all. Raw and packet sockets write any header they like, so nothing is believed but what
 * every receiver would read the same way; the rest has a reason why it cannot be attributed.
 */
#ifndef AEG_PARSE_PACKET_H
#define AEG_PARSE_PACKET_H

#include "bpf/abi.h"
#include "bpf/input.h"
#include "bpf/special.h"

#define AEG_ETHER_IP4 0x0800
#define AEG_ETHER_ARP 0x0806
#define AEG_ETHER_IP6 0x86dd

/* IANA protocol numbers that decide here. */
enum aeg_ipproto {
	AEG_IP_HOPOPTS = 0,
	AEG_IP_ICMP = 1,
	AEG_IP_IGMP = 2,
	AEG_IP_IPIP = 4,
	AEG_IP_IPV6 = 41,
	AEG_IP_ROUTING = 43,
	AEG_IP_FRAGMENT = 44,
	AEG_IP_GRE = 47,
	AEG_IP_ESP = 50,
	AEG_IP_AH = 51,
	AEG_IP_ICMPV6 = 58,
	AEG_IP_DSTOPTS = 60,
	AEG_IP_ETHERIP = 97,
	AEG_IP_ENCAP = 98,
	AEG_IP_L2TP = 115,
	AEG_IP_MOBILITY = 135,
	AEG_IP_MPLS = 137,
	AEG_IP_HIP = 139,
	AEG_IP_SHIM6 = 140,
};

#define AEG_CHAIN_MAX 8 /* IPv6 extension headers that are walked; real chains have one or two */
#define AEG_ND_BYTES_MAX 96 /* of neighbour discovery's payload; the usual 24 or 32 and options */
#define AEG_IP_BYTES_MAX 65535 /* what a length field can say; BIG TCP says 0 or jumbo beyond it */

struct aeg_frame {
	__u8 saddr[16]; /* IPv4 mapped */
	__u8 daddr[16];
	__u32 start; /* of what is inside IP */
	__u16 sport; /* host order; TCP and UDP */
	__u16 dport; /* host order */
	__u8 proto;  /* of what is inside IP, behind extension headers */
	__u8 reason; /* enum aeg_reason: why it cannot be attributed; 0: it can */
	__u8 hidden; /* 1: daddr does not say where it goes */
	__u8 local;  /* 1: ARP and the like, which never leaves the link */
	__u8 link; /* 1: neighbour discovery of the sender's own link: part of having an address */
	__u8 opening; /* 1: the first segment of a TCP connection */
	__u8 hops;    /* time to live, hop limit */
	__u8 reset;   /* 1: a TCP segment that ends a connection and carries nothing */
};

AEG_INLINE void aeg_frame_refuse(struct aeg_frame *ret, __u8 reason, __u8 hidden)
{
	ret->reason = reason;
	ret->hidden = hidden;
}

AEG_INLINE __u32 aeg_be16(const __u8 *from)
{
	return (__u32)from[0] << 8 | from[1];
}

/* ---- IPv6 extension headers ---- */

AEG_INLINE int aeg_is_extension(__u32 next)
{
	return next == AEG_IP_HOPOPTS || next == AEG_IP_ROUTING || next == AEG_IP_FRAGMENT ||
	       next == AEG_IP_AH || next == AEG_IP_DSTOPTS || next == AEG_IP_MOBILITY ||
	       next == AEG_IP_HIP || next == AEG_IP_SHIM6;
}

/* What a walk found, in one number: a global function gives back no more. */
#define AEG_CHAIN_ROUTING (1ull << 32)	/* daddr is the next hop, not the last */
#define AEG_CHAIN_FRAGMENT (1ull << 33) /* ports may be in another packet */
#define AEG_CHAIN_BROKEN (1ull << 34)	/* it ends in the middle of a header */
#define AEG_CHAIN_LONG (1ull << 35)	/* more than AEG_CHAIN_MAX */
#define AEG_CHAIN_PROTO(found) ((__u8)(found))
#define AEG_CHAIN_START(found) ((__u32)((found) >> 8) & 0xffffu)

AEG_INLINE __u64 aeg_chain_flags(__u32 next)
{
	if (next == AEG_IP_ROUTING)
		return AEG_CHAIN_ROUTING;
	return next == AEG_IP_FRAGMENT ? AEG_CHAIN_FRAGMENT : 0;
}

AEG_INLINE __u32 aeg_extension_len(__u32 next, __u32 units)
{
	if (next == AEG_IP_FRAGMENT)
		return 8;
	return next == AEG_IP_AH ? (units + 2) * 4 : (units + 1) * 8;
}

/* next: of the IPv6 header. The protocol and the start of what is behind the chain, and its flags. */
AEG_INLINE __u64 aeg_chain_walk(const struct aeg_bytes *in, __u32 next)
{
	__u32 at = 40;
	__u64 flags = 0;
	__u8 head[2];

	for (int i = 0; i < AEG_CHAIN_MAX; i++) {
		if (!aeg_is_extension(AEG_MEM(next)))
			return flags | (__u64)AEG_MEM(at) << 8 | AEG_MEM(next);
		if (aeg_bytes_copy(in, AEG_MEM(at), head, sizeof(head), sizeof(head)))
			return AEG_CHAIN_BROKEN;
		AEG_MEM(flags) |= aeg_chain_flags(AEG_MEM(next));
		AEG_MEM(at) += aeg_extension_len(AEG_MEM(next), head[1]);
		AEG_MEM(next) = head[0];
		/* What follows the header of a later fragment is no header. */
		if (AEG_MEM(flags) & AEG_CHAIN_FRAGMENT)
			return flags | (__u64)at << 8;
	}
	return flags | (aeg_is_extension(next) ? AEG_CHAIN_LONG : 0) | (__u64)at << 8 | next;
}

/* Listener discovery: a router alert, one hop, one link. */
AEG_INLINE int aeg_chain_is_mld(const struct aeg_frame *frame, __u64 found)
{
	return found == ((__u64)48 << 8 | AEG_IP_ICMPV6) && frame->hops == 1 &&
	       frame->daddr[0] == 0xff && frame->daddr[1] == 0x02;
}

AEG_INLINE void aeg_chain_take(struct aeg_frame *frame, __u64 found)
{
	frame->proto = AEG_CHAIN_PROTO(found);
	frame->start = AEG_CHAIN_START(found);
	if (found & AEG_CHAIN_BROKEN)
		aeg_frame_refuse(frame, AEG_REASON_MALFORMED, 1);
	else if (found & (AEG_CHAIN_ROUTING | AEG_CHAIN_LONG))
		aeg_frame_refuse(frame, AEG_REASON_EXTENSION_HEADER, 1);
	else if (found & AEG_CHAIN_FRAGMENT)
		aeg_frame_refuse(frame, AEG_REASON_FRAGMENT, 0);
	else if (aeg_chain_is_mld(frame, found))
		frame->local = 1;
	else
		aeg_frame_refuse(frame, AEG_REASON_EXTENSION_HEADER, 0);
}

/* ---- IP ---- */

AEG_INLINE void aeg_frame_ip4(const struct aeg_bytes *in, struct aeg_frame *ret)
{
	__u8 head[20];
	__u32 total;

	if (aeg_bytes_copy(in, 0, head, sizeof(head), 32)) {
		aeg_frame_refuse(ret, AEG_REASON_MALFORMED, 1);
		return;
	}
	ret->saddr[10] = ret->saddr[11] = ret->daddr[10] = ret->daddr[11] = 0xff;
	__builtin_memcpy(ret->saddr + 12, head + 12, 4);
	__builtin_memcpy(ret->daddr + 12, head + 16, 4);
	ret->start = (head[0] & 15u) * 4;
	ret->hops = head[8];
	ret->proto = head[9];
	total = aeg_be16(head + 2);
	if (total == 0 && in->len > AEG_IP_BYTES_MAX)
		total = in->len;
	if (head[0] >> 4 != 4 || ret->start < 20 || total < ret->start || total > in->len)
		aeg_frame_refuse(ret, AEG_REASON_MALFORMED, 1);
	else if (ret->proto == AEG_IP_IGMP && ret->hops == 1 && head[16] >> 4 == 14)
		ret->local = 1; /* it carries a router alert option */
	else if (ret->start > 20)
		aeg_frame_refuse(ret, AEG_REASON_IP_OPTIONS, 1); /* source routes among them */
	else if (aeg_be16(head + 6) & 0x3fff)
		aeg_frame_refuse(ret, AEG_REASON_FRAGMENT, 0);
}

AEG_INLINE void aeg_frame_ip6(const struct aeg_bytes *in, struct aeg_frame *ret)
{
	__u8 head[8];
	__u32 len;

	if (aeg_bytes_copy(in, 0, head, sizeof(head), sizeof(head)) ||
	    aeg_bytes_copy(in, 8, ret->saddr, 32, 32)) {
		aeg_frame_refuse(ret, AEG_REASON_MALFORMED, 1);
		return;
	}
	ret->start = 40;
	ret->proto = head[6];
	ret->hops = head[7];
	len = aeg_be16(head + 4) + 40;
	if (head[0] >> 4 != 6 || len > in->len)
		aeg_frame_refuse(ret, AEG_REASON_MALFORMED, 1);
}

/* ---- what is inside IP ---- */

AEG_INLINE int aeg_is_tunnel(__u32 proto)
{
	return proto == AEG_IP_IPIP || proto == AEG_IP_IPV6 || proto == AEG_IP_GRE ||
	       proto == AEG_IP_ESP || proto == AEG_IP_AH || proto == AEG_IP_ETHERIP ||
	       proto == AEG_IP_ENCAP || proto == AEG_IP_L2TP || proto == AEG_IP_MPLS;
}

#define AEG_TCP_SYN 0x02
#define AEG_TCP_RST 0x04
#define AEG_TCP_ACK 0x10

AEG_INLINE void aeg_frame_tcp(const struct aeg_bytes *in, struct aeg_frame *ret)
{
	__u8 head[20];

	if (aeg_bytes_copy(in, ret->start, head, sizeof(head), 32) || head[12] >> 4 < 5) {
		aeg_frame_refuse(ret, AEG_REASON_MALFORMED, 0);
		return;
	}
	ret->sport = (__u16)aeg_be16(head);
	ret->dport = (__u16)aeg_be16(head + 2);
	ret->opening = (head[13] & (AEG_TCP_SYN | AEG_TCP_ACK)) == AEG_TCP_SYN;
	ret->reset = head[13] & AEG_TCP_RST && in->len == ret->start + (head[12] >> 4) * 4u;
}

AEG_INLINE void aeg_frame_udp(const struct aeg_bytes *in, struct aeg_frame *ret)
{
	__u8 head[8];

	if (aeg_bytes_copy(in, ret->start, head, sizeof(head), sizeof(head))) {
		aeg_frame_refuse(ret, AEG_REASON_MALFORMED, 0);
		return;
	}
	ret->sport = (__u16)aeg_be16(head);
	ret->dport = (__u16)aeg_be16(head + 2);
}

/* The prefix that links have (RFC 4291, 2.5.4), of both ends. */
AEG_INLINE int aeg_frame_same_net(const struct aeg_frame *frame)
{
	return aeg_be64(frame->saddr) == aeg_be64(frame->daddr);
}

/*
 * RFC 4861, 7.1: neighbour discovery has crossed no router when its hop limit is still 255. That is for
 * those who receive it: one to an address elsewhere would be routed there, with whatever it carries.
 */
AEG_INLINE void aeg_frame_icmp6(const struct aeg_bytes *in, struct aeg_frame *ret)
{
	__u8 type;

	if (aeg_bytes_copy(in, ret->start, &type, sizeof(type), sizeof(type))) {
		aeg_frame_refuse(ret, AEG_REASON_MALFORMED, 0);
		return;
	}
	if (type < 133 || type > 136 || ret->hops != 255)
		return;
	ret->local = (ret->daddr[0] == 0xfe && ret->daddr[1] >> 6 == 2) ||
		     (ret->daddr[0] == 0xff && ret->daddr[1] == 0x02);
	ret->link = in->len <= 40 + AEG_ND_BYTES_MAX && aeg_frame_same_net(ret);
}

AEG_INLINE void aeg_frame_inside(const struct aeg_bytes *in, struct aeg_frame *ret)
{
	__u8 proto = ret->proto;

	/* No loopback address leaves a machine, but kube-proxy's route_localnet would deliver it. */
	if (aeg_loopback(ret->daddr))
		aeg_frame_refuse(ret, AEG_REASON_MALFORMED, 1);
	else if (proto == AEG_PROTO_TCP)
		aeg_frame_tcp(in, ret);
	else if (proto == AEG_PROTO_UDP)
		aeg_frame_udp(in, ret);
	else if (proto == AEG_IP_ICMPV6)
		aeg_frame_icmp6(in, ret);
	else if (aeg_is_tunnel(proto))
		aeg_frame_refuse(ret, AEG_REASON_TUNNEL, 1);
	else if (proto != AEG_IP_ICMP)
		aeg_frame_refuse(ret, AEG_REASON_PROTOCOL, 1);
}

/* ---- the whole, in three steps: a program has the second one verified by itself ---- */

/* Whether there is a chain of extension headers to be walked. ret is filled completely. */
AEG_INLINE int aeg_frame_begin(const struct aeg_bytes *in, __u32 ethertype, struct aeg_frame *ret)
{
	*ret = (struct aeg_frame){0};
	if (ethertype == AEG_ETHER_IP4)
		aeg_frame_ip4(in, ret);
	else if (ethertype == AEG_ETHER_IP6)
		aeg_frame_ip6(in, ret);
	else if (ethertype == AEG_ETHER_ARP)
		ret->local = 1;
	else
		aeg_frame_refuse(ret, AEG_REASON_NON_IP, 1);
	return ethertype == AEG_ETHER_IP6 && !ret->reason && aeg_is_extension(ret->proto);
}

AEG_INLINE void aeg_frame_finish(const struct aeg_bytes *in, struct aeg_frame *ret)
{
	if (!ret->reason && !ret->local)
		aeg_frame_inside(in, ret);
}

/* in: from the network header on. ethertype: host order. */
AEG_INLINE void aeg_frame_read(const struct aeg_bytes *in, __u32 ethertype, struct aeg_frame *ret)
{
	if (aeg_frame_begin(in, ethertype, ret))
		aeg_chain_take(ret, aeg_chain_walk(in, ret->proto));
	aeg_frame_finish(in, ret);
}

#endif
