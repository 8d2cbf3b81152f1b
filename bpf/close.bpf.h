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
	__u8 saddr[16];
	__u16 sport;
	__u8 family;
};

#define AEG_READ(ret, from, field) bpf_core_read(ret, sizeof(*(ret)), &(from)->field)

static __always_inline long aeg_tcp_read_sent(struct tcp_sock *tp, __u64 *ret)
{
	struct aeg_tcp_sent tcp = {};
	long err = AEG_READ(&tcp.bytes_acked, tp, bytes_acked);

	err |= AEG_READ(&tcp.bytes_sent, tp, bytes_sent);
	err |= AEG_READ(&tcp.bytes_retrans, tp, bytes_retrans);
	err |= AEG_READ(&tcp.snd_una, tp, snd_una);
	err |= AEG_READ(&tcp.snd_nxt, tp, snd_nxt);
	err |= AEG_READ(&tcp.write_seq, tp, write_seq);
	err |= AEG_READ(&tcp.state, (struct sock *)tp, __sk_common.skc_state);
	*ret = err ? 0 : aeg_tcp_sent_bytes(&tcp);
	return err;
}

static __always_inline long aeg_tcp_read_received(struct tcp_sock *tp, __u64 *ret)
{
	unsigned long flags = 0;
	__u64 bytes = 0;
	long err = AEG_READ(&bytes, tp, bytes_received);

	err |= AEG_READ(&flags, (struct sock *)tp, __sk_common.skc_flags);
	*ret = aeg_tcp_received_bytes(bytes, (flags & SOCK_DONE_BIT) != 0);
	return err;
}

static __always_inline long aeg_tcp_read_source(struct sock *sk, struct aeg_ending *ret)
{
	__be16 sport = 0;
	long err = AEG_READ(&sport, (struct inet_sock *)sk, inet_sport);

	ret->sport = bpf_ntohs(sport);
	if (ret->family == AF_INET6)
		return err | AEG_READ(&ret->saddr, sk, __sk_common.skc_v6_rcv_saddr);
	ret->saddr[10] = ret->saddr[11] = 0xff;
	return err | AEG_READ((__u32 *)&ret->saddr[12], sk, __sk_common.skc_rcv_saddr);
}

static __always_inline void aeg_tcp_read(struct sock *sk, struct aeg_ending *ret)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	long err = aeg_tcp_read_sent(tp, &ret->sent);

	err |= aeg_tcp_read_received(tp, &ret->received);
	err |= AEG_READ(&ret->rtt_us, tp, srtt_us);
	ret->rtt_us >>= 3; /* kept in eighths */
	err |= AEG_READ(&ret->retransmits, tp, total_retrans);
	err |= aeg_tcp_read_source(sk, ret);
	if (err)
		aeg_failed(AEG_ERROR_TCP_READ);
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
	event = aeg_event_new(&events, AEG_ERROR_EVENT_LOST);
	if (!event)
		return;
	aeg_close_fill(event, sock, ending);
	event->cookie = bpf_get_socket_cookie(ctx);
	aeg_event_submit(control, &events, event);
}

#endif
