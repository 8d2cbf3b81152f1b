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

static __always_inline long aeg_tcp_read_source(struct sock *sk, struct aeg_event *event)
{
	long err = AEG_READ(&event->sport, sk, __sk_common.skc_num);

	if (event->family == AF_INET6)
		return err | AEG_READ(&event->saddr, sk, __sk_common.skc_v6_rcv_saddr);
	event->saddr[10] = event->saddr[11] = 0xff;
	return err | AEG_READ((__u32 *)&event->saddr[12], sk, __sk_common.skc_rcv_saddr);
}

/* Everything that only the socket knows. */
static __always_inline void aeg_tcp_read(struct sock *sk, struct aeg_event *event)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	long err = aeg_tcp_read_sent(tp, &event->sent);

	err |= aeg_tcp_read_received(tp, &event->received);
	err |= AEG_READ(&event->rtt_us, tp, srtt_us);
	event->rtt_us >>= 3; /* kept in eighths */
	err |= AEG_READ(&event->retransmits, tp, total_retrans);
	err |= aeg_tcp_read_source(sk, event);
	if (err)
		aeg_failed(AEG_ERROR_TCP_READ);
}

/* The event of a connection's end, from what the socket's storage remembers. */
static __always_inline void aeg_close_fill(struct aeg_event *event, void *ctx,
					   const struct aeg_sock *sock)
{
	__u64 established = sock->established;

	event->time = bpf_ktime_get_ns();
	event->generation = sock->generation;
	event->cookie = bpf_get_socket_cookie(ctx);
	event->duration = event->time - sock->opened;
	event->workload = sock->workload;
	event->node = sock->node;
	event->decision = sock->decision;
	__builtin_memcpy(event->daddr, sock->daddr, sizeof(event->daddr));
	event->dport = sock->dport;
	event->type = AEG_EVENT_CLOSE;
	event->proto = sock->proto;
	event->hook = sock->hook;
	if (established)
		event->connect_us = (__u32)((established - sock->opened) / 1000);
}

/* Counts and reports the end; the caller has filled in what it knows of the socket. */
static __always_inline void aeg_close_report(struct aeg_ctl *control, struct aeg_event *event)
{
	struct aeg_outcome outcome = {
		.decision = event->decision,
		.workload = event->workload,
		.node = event->node,
	};

	aeg_count_close(&outcome, event->hook, event->sent, event->received);
	aeg_event_send(control, &events, AEG_ERROR_EVENT_LOST, event);
}

#endif
