/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The end of a reported connection: its event and its bytes. The figures are read from the TCP
 * socket through CO-RE, since no helper that sock_release may call gives them.
 */
#ifndef AEG_CLOSE_BPF_H
#define AEG_CLOSE_BPF_H

#include "bpf/counters.bpf.h"
#include "bpf/events.bpf.h"

/* net/tcp_states.h, and bit SOCK_DONE of net/sock.h: the peer's FIN has arrived in order. */
enum {
	TCP_FIN_WAIT1 = 4,
	TCP_FIN_WAIT2 = 5,
	TCP_TIME_WAIT = 6,
	TCP_CLOSE = 7,
	TCP_LAST_ACK = 9,
	TCP_CLOSING = 11,
};
#define TCP_FIN_SENT_STATES                                                                        \
	(1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 | 1u << TCP_TIME_WAIT | 1u << TCP_LAST_ACK |    \
	 1u << TCP_CLOSING)
#define SOCK_DONE_BIT 2ul

struct aeg_tcp_sent {
	__u64 acked;   /* sequence numbers that the peer acknowledged */
	__u64 sent;    /* payload bytes, repeats included */
	__u64 retrans; /* of these, repeats */
	__u32 una, nxt, end;
};

/*
 * Payload handed to the socket. Sequence numbers count it exactly, plus one for the SYN and one for
 * a FIN. acked has 64 bits and what is not acknowledged fits the send buffer, so 32-bit differences
 * do not wrap. A closed socket no longer says whether it sent a FIN: then fewer payload bytes than
 * sequence numbers were sent.
 */
static __always_inline __u64 aeg_tcp_sent_bytes(const struct aeg_tcp_sent *tcp, __u8 state)
{
	__u64 bytes = tcp->acked + (__u32)(tcp->end - tcp->una);
	__u64 payload = tcp->sent - tcp->retrans + (__u32)(tcp->end - tcp->nxt);

	if (bytes)
		bytes--;
	if ((TCP_FIN_SENT_STATES >> state & 1) || (state == TCP_CLOSE && payload < bytes))
		return bytes ? bytes - 1 : 0;
	return bytes;
}

#define AEG_READ(ret, from, field) bpf_core_read(ret, sizeof(*(ret)), &(from)->field)

static __always_inline long aeg_tcp_read_sent(struct tcp_sock *tp, __u8 state, __u64 *ret)
{
	struct aeg_tcp_sent tcp = {};
	long err = AEG_READ(&tcp.acked, tp, bytes_acked);

	err |= AEG_READ(&tcp.sent, tp, bytes_sent);
	err |= AEG_READ(&tcp.retrans, tp, bytes_retrans);
	err |= AEG_READ(&tcp.una, tp, snd_una);
	err |= AEG_READ(&tcp.nxt, tp, snd_nxt);
	err |= AEG_READ(&tcp.end, tp, write_seq);
	*ret = err ? 0 : aeg_tcp_sent_bytes(&tcp, state);
	return err;
}

static __always_inline long aeg_tcp_read_received(struct tcp_sock *tp, __u64 *ret)
{
	unsigned long flags = 0;
	__u64 bytes = 0;
	long err = AEG_READ(&bytes, tp, bytes_received);

	err |= AEG_READ(&flags, (struct sock *)tp, __sk_common.skc_flags);
	*ret = bytes - (bytes && (flags & SOCK_DONE_BIT));
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
	__u8 state = 0;
	long err = AEG_READ(&state, sk, __sk_common.skc_state);

	err |= aeg_tcp_read_sent(tp, state, &event->sent);
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

static __always_inline void aeg_close_count(const struct aeg_sock *sock, __u64 sent, __u64 received)
{
	struct aeg_count_key key = {
		.workload = sock->workload,
		.node = sock->node,
		.rule = sock->decision.rule,
		.verdict = sock->decision.verdict,
		.reason = sock->decision.reason,
		.hook = sock->hook,
	};

	aeg_count_close(&key, sent, received);
}

/* Counts and reports the end; the caller has filled in what it knows of the socket. */
static __always_inline void aeg_close_report(struct aeg_ctl *control, const struct aeg_sock *sock,
					     struct aeg_event *event)
{
	aeg_close_count(sock, event->sent, event->received);
	aeg_event_send(control, &events, AEG_ERROR_EVENT_LOST, event);
}

#endif
