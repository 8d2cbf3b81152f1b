/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The end of a reported connection: its event and its bytes. The figures are read from the TCP
 * socket through CO-RE, since no helper that sock_release may call gives them.
 */
#ifndef AEG_CLOSE_BPF_H
#define AEG_CLOSE_BPF_H

#include "bpf/bytes.h"
#include "bpf/counters.bpf.h"
#include "bpf/events.bpf.h"

#define SOCK_DONE_BIT 2ul /* of net/sock.h: the peer's FIN has arrived in order */

/* What only the socket knows of its connection; all zero where it forgot. */
struct aeg_ending {
	__u64 sent;
	__u64 received;
	__u32 rtt_us;
	__u32 retransmits;
	__u8 saddr[16] __attribute__((aligned(8)));
	__u16 sport;
	__u8 family;
};

static __always_inline long aeg_tcp_read_sent(const struct tcp_sock *tp, __u8 state, __u64 *ret)
{
	struct aeg_tcp_sent tcp = {.state = state};
	long err = AEG_READ(&tcp.bytes_acked, tp, bytes_acked);

	err |= AEG_READ(&tcp.bytes_sent, tp, bytes_sent);
	err |= AEG_READ(&tcp.bytes_retrans, tp, bytes_retrans);
	err |= AEG_READ(&tcp.snd_una, tp, snd_una);
	err |= AEG_READ(&tcp.snd_nxt, tp, snd_nxt);
	err |= AEG_READ(&tcp.write_seq, tp, write_seq);
	*ret = err ? 0 : aeg_tcp_sent_bytes(&tcp);
	return err;
}

static __always_inline long aeg_tcp_read_received(const struct tcp_sock *tp, unsigned long flags,
						  __u64 *ret)
{
	__u64 bytes = 0;
	long err = AEG_READ(&bytes, tp, bytes_received);

	*ret = aeg_tcp_received_bytes(bytes, (flags & SOCK_DONE_BIT) != 0);
	return err;
}

static __always_inline long aeg_tcp_read_source(const void *socket, struct aeg_ending *ret)
{
	const struct inet_sock *inet = AEG_CAST(struct inet_sock, socket);
	const struct sock *sk = AEG_CAST(struct sock, socket);
	__u32 *words = (__u32 *)ret->saddr;
	__be16 sport = 0;
	long err = AEG_READ(&sport, inet, inet_sport);

	ret->sport = bpf_ntohs(sport);
	if (ret->family != AF_INET6) {
		words[2] = bpf_htonl(0xffff);
		return err | AEG_READ(&words[3], sk, __sk_common.skc_rcv_saddr);
	}
#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++)
		err |= AEG_READ(&words[i], sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i]);
	return err;
}

/* ctx is this socket to the kernel. */
static __always_inline void aeg_tcp_read(const struct bpf_sock *ctx, struct aeg_ending *ret)
{
	const struct tcp_sock *tp = AEG_CAST(struct tcp_sock, ctx);
	const struct sock *sk = AEG_CAST(struct sock, ctx);
	unsigned long flags = 0;
	__u8 state = 0;
	long err = AEG_READ(&state, sk, __sk_common.skc_state);

	err |= AEG_READ(&flags, sk, __sk_common.skc_flags);
	err |= aeg_tcp_read_sent(tp, state, &ret->sent);
	err |= aeg_tcp_read_received(tp, flags, &ret->received);
	err |= AEG_READ(&ret->rtt_us, tp, srtt_us);
	ret->rtt_us >>= 3; /* kept in eighths */
	err |= AEG_READ(&ret->retransmits, tp, total_retrans);
	err |= aeg_tcp_read_source(ctx, ret);
	if (err)
		aeg_failed(AEG_ERROR_TCP_READ);
}

/* Whether bytes of it may still be sent, or again; where it cannot be read, they may. */
static __always_inline bool aeg_tcp_lingers(const struct bpf_sock *ctx)
{
	const struct tcp_sock *tp = AEG_CAST(struct tcp_sock, ctx);
	__u32 una = 0, end = 0;
	long err = AEG_READ(&una, tp, snd_una);

	err |= AEG_READ(&end, tp, write_seq);
	if (err)
		aeg_failed(AEG_ERROR_TCP_READ);
	return err || una != end;
}

static __always_inline void aeg_close_fill(struct aeg_event *event, const struct aeg_sock *sock,
					   const struct aeg_ending *ending)
{
	__u64 established = sock->established;

	event->time = bpf_ktime_get_ns();
	event->generation = sock->generation;
	event->duration = event->time - sock->opened;
	event->sent = ending->sent;
	event->received = ending->received;
	event->rtt_us = ending->rtt_us;
	event->retransmits = ending->retransmits;
	event->workload = sock->workload;
	event->node = sock->node;
	event->decision = sock->decision;
	__builtin_memcpy(event->daddr, sock->daddr, sizeof(event->daddr));
	__builtin_memcpy(event->saddr, ending->saddr, sizeof(event->saddr));
	event->dport = sock->dport;
	event->sport = ending->sport;
	event->type = AEG_EVENT_CLOSE;
	event->proto = sock->proto;
	event->hook = sock->hook;
	event->family = ending->family;
	if (established)
		event->connect_us = (__u32)((established - sock->opened) / 1000);
}

/* One that was reported is, and one that ended before it showed the ClientHello it waited for. */
static __always_inline bool aeg_close_owed(const struct aeg_sock *sock)
{
	return sock->flags & AEG_SOCK_REPORTED || sock->watch == AEG_WATCH_DEMAND;
}

/* Of a connection that nothing was told of yet, the end always is. */
static __always_inline bool aeg_close_told(const struct aeg_sock *sock)
{
	return (sock->flags & (AEG_SOCK_QUIET | AEG_SOCK_REPORTED)) !=
	       (AEG_SOCK_QUIET | AEG_SOCK_REPORTED);
}

/* Counts and reports the end of a connection; counted also where the ring has no room. */
static __always_inline void aeg_close_report(struct aeg_ctl *control, void *ctx,
					     const struct aeg_sock *sock,
					     const struct aeg_ending *ending)
{
	struct aeg_outcome outcome = {
		.decision = sock->decision,
		.workload = sock->workload,
		.node = sock->node,
	};
	struct aeg_event *event;

	aeg_count_close(&outcome, sock->hook, ending->sent, ending->received);
	if (!aeg_close_told(sock))
		return;
	event = aeg_event_new(&events, AEG_ERROR_EVENT_LOST);
	if (!event)
		return;
	aeg_close_fill(event, sock, ending);
	event->cookie = sock->cookie ? sock->cookie : bpf_get_socket_cookie(ctx);
	aeg_event_submit(control, &events, event);
}

#endif
