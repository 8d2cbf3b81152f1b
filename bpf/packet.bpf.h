/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a packet program reads of a packet. Both hooks see it from the network header on, before it is
 * cut into fragments or after it was put together.
 */
#ifndef AEG_PACKET_BPF_H
#define AEG_PACKET_BPF_H

#include "bpf/input.h"
#include "bpf/errors.bpf.h"

#define LO_IFINDEX 1 /* of every network namespace's loopback device */

struct aeg_packet {
	__u8 saddr[16]; /* IPv4 mapped */
	__u8 daddr[16];
	__u32 start; /* of what is inside IP */
	__u32 len;   /* of the whole packet */
	__u8 proto;  /* IPPROTO_*; with IPv6 the first header's, which may be an extension */
};

/* false: no IP, or shorter than a header. */
static __always_inline bool aeg_packet_read(struct __sk_buff *skb, struct aeg_packet *ret)
{
	__u8 head[20];

	if (bpf_skb_load_bytes(skb, 0, head, sizeof(head)))
		return false;
	ret->len = skb->len;
	if (head[0] >> 4 == 4) {
		__builtin_memset(ret, 0, 32);
		ret->saddr[10] = ret->saddr[11] = ret->daddr[10] = ret->daddr[11] = 0xff;
		__builtin_memcpy(ret->saddr + 12, head + 12, 4);
		__builtin_memcpy(ret->daddr + 12, head + 16, 4);
		ret->start = (head[0] & 15u) * 4;
		ret->proto = head[9];
		return true;
	}
	ret->start = 40;
	ret->proto = head[6];
	return head[0] >> 4 == 6 && !bpf_skb_load_bytes(skb, 8, ret->saddr, 32);
}

struct aeg_udp {
	__u16 sport; /* host order */
	__u16 dport;
	struct aeg_bytes payload;
};

static __always_inline bool aeg_udp_read(struct __sk_buff *skb, const struct aeg_packet *packet,
					 struct aeg_udp *ret)
{
	__be16 head[4];

	if (packet->proto != AEG_PROTO_UDP ||
	    bpf_skb_load_bytes(skb, packet->start, head, sizeof(head)))
		return false;
	ret->sport = bpf_ntohs(head[0]);
	ret->dport = bpf_ntohs(head[1]);
	ret->payload.base = skb;
	ret->payload.start = packet->start + sizeof(head);
	ret->payload.len = packet->len - ret->payload.start;
	return true;
}

struct aeg_tcp {
	__u32 seq;   /* of the first payload byte */
	bool syn;    /* the first segment of a connection */
	bool urgent; /* receivers may take a byte out of the stream */
	__u16 sport;
	struct aeg_bytes payload;
};

#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10
#define TCP_FLAG_URG 0x20

static __always_inline bool aeg_tcp_segment(struct __sk_buff *skb, const struct aeg_packet *packet,
					    struct aeg_tcp *ret)
{
	__u8 head[20];
	__u32 offset;

	if (packet->proto != AEG_PROTO_TCP ||
	    bpf_skb_load_bytes(skb, packet->start, head, sizeof(head)))
		return false;
	ret->sport = (__u16)(head[0] << 8 | head[1]);
	ret->seq = (__u32)head[4] << 24 | (__u32)head[5] << 16 | (__u32)head[6] << 8 | head[7];
	ret->syn = (head[13] & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN;
	ret->urgent = head[13] & TCP_FLAG_URG;
	if (head[13] & TCP_FLAG_SYN)
		ret->seq++;
	offset = packet->start + (head[12] >> 4) * 4;
	ret->payload.base = skb;
	ret->payload.start = offset;
	ret->payload.len = packet->len - offset;
	return offset <= packet->len;
}

/*
 * Whether there is nothing to read in a segment: it has no payload, and passes. Most do that, so this
 * looks at the headers in place, where the kernel has just put them; what is unusual is left to others.
 * A SYN says where the stream begins.
 */
static __always_inline bool aeg_tcp_empty(struct __sk_buff *skb, struct aeg_sock *sock)
{
	const __u8 *ip = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;
	const __u8 *tcp;
	__u32 start;

	if (ip + 40 > end || ip[ip[0] >> 4 == 4 ? 9 : 6] != AEG_PROTO_TCP)
		return false;
	start = ip[0] >> 4 == 4 ? (ip[0] & 15u) * 4 : 40;
	tcp = ip + start;
	if (tcp + 20 > end || skb->len != start + (tcp[12] >> 4) * 4)
		return false;
	if ((tcp[13] & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN) {
		sock->next = bpf_ntohl(*(const __be32 *)(tcp + 4)) + 1;
		sock->synced = 1;
	}
	return true;
}

/*
 * Whether parts of the packet are pages that somebody else can still write to: sendfile(), splice(),
 * MSG_ZEROCOPY. What is read in them now is not what is sent later.
 */
static __always_inline bool aeg_packet_shared(struct __sk_buff *skb)
{
	const struct sk_buff *kernel = AEG_CAST_CONTEXT(struct sk_buff, skb);
	struct skb_shared_info *shared;
	unsigned char *head = NULL;
	__u32 end = 0;
	__u8 flags = 0;
	long err;

	err = AEG_CONTEXT_READ(&head, kernel, head);
	err |= AEG_CONTEXT_READ(&end, kernel, end);
	shared = (struct skb_shared_info *)(head + end);
	if (bpf_core_field_exists(shared->flags)) {
		err |= bpf_core_read(&flags, sizeof(flags), &shared->flags);
		flags &= SKBFL_ZEROCOPY_ENABLE | SKBFL_SHARED_FRAG;
	} else { /* before 5.12 */
		err |= bpf_core_read(&flags, sizeof(flags), &shared->tx_flags);
		flags &= SKBTX_DEV_ZEROCOPY | SKBTX_SHARED_FRAG;
	}
	if (err)
		aeg_failed(AEG_ERROR_SKB_READ);
	return err || flags;
}

/* One of the kernel's own: neighbour discovery, ICMP errors. */
static __always_inline bool aeg_sock_kernels(struct __sk_buff *skb)
{
	struct sk_buff *kernel = (struct sk_buff *)skb;
	struct sock *sk = NULL;

	if (bpf_core_read(&sk, sizeof(sk), &kernel->sk))
		aeg_failed(AEG_ERROR_SKB_READ);
	if (!sk)
		return false;
	return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock);
}

#endif
