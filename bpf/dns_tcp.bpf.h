/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DNS over TCP: finds the messages in both directions of a connection to a resolver. Every byte is read
 * once and in order, as the receiver will read it; where that cannot be sure, nothing more is learned
 * from this connection. If a message's border could be got wrong, the contents of some record that
 * a pod may well have chosen itself would be read as an answer.
 */
#ifndef AEG_DNS_TCP_BPF_H
#define AEG_DNS_TCP_BPF_H

#include "bpf/dns.bpf.h"

#define AEG_DNS_MESSAGES_MAX 16 /* in one segment */

enum aeg_talk_side { AEG_TALK_ASKS, AEG_TALK_ANSWERS };

/* The bytes of one segment that were not read yet. */
struct aeg_talk_bytes {
	__u32 start; /* in the skb */
	__u32 len;
};

/* Nobody looks at this connection any more. */
static __always_inline int aeg_talk_lose(struct __sk_buff *skb, struct bpf_sock *sk,
					 struct aeg_sock *sock)
{
	const __u64 *resolver = (const __u64 *)sock->daddr;

	aeg_result_count(&dns_results, AEG_DNS_LOST);
	dns_unread(skb, resolver[0], resolver[1], AEG_REFUSED_MESSAGE | AEG_DNS_LOST);
	sock->watch = AEG_WATCH_DONE;
	bpf_sk_storage_delete(&talks, sk);
	return AEG_PASS;
}

/* Hands what was kept of a message to the parsers; 1 + its length. */
static __always_inline int aeg_talk_take(struct aeg_scratch *scratch, const __u8 *from, __u32 kept)
{
	if (kept > AEG_DATA_MAX)
		return 0;
	if (bpf_probe_read_kernel(scratch->data, kept, from)) {
		aeg_failed(AEG_ERROR_TALK_STORAGE);
		return 0;
	}
	return 1 + (int)kept;
}

/* Goes on with one direction; 0: no further message, else 1 + how many of its bytes are in `slot`. */
AEG_GLOBAL int dns_next(struct __sk_buff *skb, __u32 slot, __u32 start, __u32 len, __u32 side)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_bytes in = {.base = skb, .start = start, .len = len};
	struct bpf_sock *sk = skb->sk;
	struct aeg_dns_talk *talk;

	if (!scratch || !sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	talk = bpf_sk_storage_get(&talks, sk, NULL, 0);
	if (!talk)
		return 0;
	if (side == AEG_TALK_ASKS)
		return aeg_dns_stream_next(&talk->asks, talk->ask, AEG_DNS_ASK_KEPT,
					   AEG_DNS_ASK_CHUNK, &in)
			       ? aeg_talk_take(scratch, talk->ask, talk->asks.kept)
			       : 0;
	return aeg_dns_stream_next(&talk->answers, talk->answer, AEG_DNS_ANSWER_KEPT,
				   AEG_DNS_ANSWER_CHUNK, &in)
		       ? aeg_talk_take(scratch, talk->answer, talk->answers.kept)
		       : 0;
}

/* What of a segment is new. false: *ret_result holds. */
static __always_inline bool aeg_talk_place(__u32 next, const struct aeg_tcp *tcp,
					   struct aeg_talk_bytes *ret, int *ret_result)
{
	__u32 behind = next - tcp->seq;

	*ret_result = AEG_PASS;
	if ((__s32)behind < 0) {
		aeg_failed(AEG_ERROR_HOLE);
		*ret_result = AEG_DENY;
		return false;
	}
	if (behind >= tcp->payload.len) /* read before */
		return false;
	ret->start = tcp->payload.start + behind;
	ret->len = tcp->payload.len - behind;
	return true;
}

/* ---- questions ---- */

/*
 * From the first question on. Both directions have to begin at their first byte: not with data in the
 * SYN, which a server may take or not.
 */
static __always_inline struct aeg_dns_talk *aeg_talk_begin(struct bpf_sock *sk,
							   struct aeg_sock *sock, __u32 seq)
{
	struct aeg_dns_talk *talk;
	struct bpf_tcp_sock *tp;

	if (sock->synced)
		return bpf_sk_storage_get(&talks, sk, NULL, 0);
	tp = bpf_tcp_sock(sk);
	if (!tp || sk->state == TCP_SYN_SENT || tp->bytes_received)
		return NULL;
	talk = bpf_sk_storage_get(&talks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!talk) {
		aeg_failed(AEG_ERROR_TALK_STORAGE);
		return NULL;
	}
	/* One of a former connection of this socket is told apart by nothing else. */
	__builtin_memset(talk, 0, offsetof(struct aeg_dns_talk, ask));
	talk->sent = seq;
	talk->received = tp->rcv_nxt;
	sock->synced = 1;
	return talk;
}

/*
 * false: there were more messages than are read of one segment, or one that is not let through: then
 * scratch->outcome says so.
 */
static __always_inline bool aeg_talk_ask(struct __sk_buff *skb, struct aeg_dns_talk *talk,
					 const struct aeg_talk_bytes *bytes, __u32 slot,
					 bool judged)
{
	talk->asks.at = 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < AEG_DNS_MESSAGES_MAX; i++) {
		int n = dns_next(skb, slot, bytes->start, bytes->len, AEG_TALK_ASKS);

		if (n <= 0)
			break;
		n = dns_query(skb, slot, (__u32)n - 1);
		if (judged && aeg_ask_judge(skb, slot, (__u32)n) == AEG_VERDICT_DENIED)
			return false;
	}
	talk->sent += bytes->len;
	return talk->asks.at == bytes->len;
}

/* Not a byte leaves any more, repeats included. The daemon ends the connection. */
static __always_inline int aeg_talk_refuse(struct bpf_sock *sk, struct aeg_sock *sock)
{
	sock->watch = AEG_WATCH_DEAD;
	sock->synced = 0;
	bpf_sk_storage_delete(&talks, sk);
	return AEG_DENY;
}

/* A segment that cannot be followed: for who is judged, nothing goes on behind it. */
static __always_inline int aeg_talk_stray(struct __sk_buff *skb, struct bpf_sock *sk,
					  struct aeg_sock *sock, const struct aeg_packet *packet)
{
	struct aeg_scratch *scratch;
	__u32 slot = 0, verdict;
	int result;

	if (aeg_ask_free(sock))
		return aeg_talk_lose(skb, sk, sock);
	scratch = aeg_dns_claim(packet->daddr, &slot);
	if (!scratch)
		return AEG_DENY;
	verdict = aeg_ask_judge(skb, slot, AEG_DNS_LOST);
	result = aeg_ask_conclude(skb, sock, packet, (__u16)sk->src_port, scratch, verdict);
	aeg_scratch_release(scratch);
	return result == AEG_DENY ? aeg_talk_refuse(sk, sock) : aeg_talk_lose(skb, sk, sock);
}

#define AEG_TALK_STRAYS 2 /* neither AEG_PASS nor AEG_DENY: aeg_talk_stray() says */

static __always_inline int aeg_talk_follow(struct __sk_buff *skb, struct bpf_sock *sk,
					   struct aeg_sock *sock, const struct aeg_packet *packet)
{
	struct aeg_talk_bytes bytes = {};
	struct aeg_scratch *scratch;
	struct aeg_dns_talk *talk;
	struct aeg_tcp tcp;
	int result = AEG_PASS;
	__u32 slot = 0;
	bool whole, judged;

	if (!aeg_tcp_segment(skb, packet, &tcp))
		return AEG_TALK_STRAYS;
	if (!tcp.payload.len)
		return AEG_PASS;
	talk = aeg_talk_begin(sk, sock, tcp.seq);
	judged = !aeg_ask_free(sock);
	if (!talk || (judged && tcp.urgent))
		return AEG_TALK_STRAYS;
	if (!aeg_talk_place(talk->sent, &tcp, &bytes, &result))
		return result;
	scratch = aeg_dns_claim(packet->daddr, &slot);
	if (!scratch)
		return AEG_DENY;
	scratch->outcome.decision.verdict = AEG_VERDICT_NONE;
	whole = aeg_talk_ask(skb, talk, &bytes, slot, judged);
	result = aeg_ask_conclude(skb, sock, packet, tcp.sport, scratch,
				  scratch->outcome.decision.verdict);
	aeg_scratch_release(scratch);
	if (result == AEG_DENY)
		return aeg_talk_refuse(sk, sock);
	if (!whole)
		return AEG_TALK_STRAYS;
	sock->next = talk->sent; /* where it ends if it is revoked */
	return AEG_PASS;
}

static __always_inline int aeg_talk_egress(struct __sk_buff *skb, struct bpf_sock *sk,
					   struct aeg_sock *sock, const struct aeg_packet *packet)
{
	int result = aeg_talk_follow(skb, sk, sock, packet);

	return result == AEG_TALK_STRAYS ? aeg_talk_stray(skb, sk, sock, packet) : result;
}

/* ---- answers ---- */

static __always_inline bool aeg_talk_enter(struct aeg_sock *sock, struct aeg_dns_talk *talk)
{
	bool got;

	bpf_spin_lock(&sock->lock);
	got = !talk->busy;
	talk->busy = 1;
	bpf_spin_unlock(&sock->lock);
	return got;
}

/* As aeg_talk_ask(). */
static __always_inline bool aeg_talk_answer(struct __sk_buff *skb, struct aeg_dns_talk *talk,
					    const struct aeg_talk_bytes *bytes, __u32 slot)
{
	talk->answers.at = 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < AEG_DNS_MESSAGES_MAX; i++) {
		int n = dns_next(skb, slot, bytes->start, bytes->len, AEG_TALK_ANSWERS);

		if (n <= 0)
			break;
		dns_message(skb, slot, (__u32)n - 1);
	}
	talk->received += bytes->len;
	return talk->answers.at == bytes->len;
}

/* A segment that nobody else reads at the moment. false: the connection is lost. */
static __always_inline bool aeg_talk_receive(struct __sk_buff *skb, struct bpf_sock *sk,
					     struct aeg_dns_talk *talk, const struct aeg_tcp *tcp,
					     const struct aeg_packet *packet, int *ret_result)
{
	struct aeg_talk_bytes bytes = {};
	struct bpf_tcp_sock *tp = bpf_tcp_sock(sk);
	struct aeg_scratch *scratch;
	__u32 slot = 0;
	bool whole;

	/* Whatever the socket has was read here, or it came from elsewhere. */
	if (!tp || (__s32)(tp->rcv_nxt - talk->received) > 0 || tcp->urgent)
		return false;
	if (!aeg_talk_place(talk->received, tcp, &bytes, ret_result))
		return true;
	*ret_result = AEG_DENY;
	scratch = aeg_dns_claim(packet->saddr, &slot);
	if (!scratch)
		return true;
	whole = aeg_talk_answer(skb, talk, &bytes, slot);
	aeg_scratch_release(scratch);
	*ret_result = AEG_PASS;
	return whole;
}

/* What comes before the first question answers none. */
static __always_inline int aeg_talk_ingress(struct __sk_buff *skb, struct bpf_sock *sk,
					    struct aeg_sock *sock, const struct aeg_packet *packet)
{
	struct aeg_dns_talk *talk;
	struct aeg_tcp tcp;
	int result = AEG_PASS;
	bool kept;

	if (!aeg_tcp_segment(skb, packet, &tcp))
		return aeg_talk_lose(skb, sk, sock);
	if (!tcp.payload.len)
		return AEG_PASS;
	talk = sock->synced ? bpf_sk_storage_get(&talks, sk, NULL, 0) : NULL;
	if (!talk || tcp.sport != AEG_PORT_DNS)
		return aeg_talk_lose(skb, sk, sock);
	if (!aeg_dns_trusted(skb, sock, packet))
		return AEG_PASS;
	if (!aeg_talk_enter(sock, talk))
		return AEG_DENY;
	kept = aeg_talk_receive(skb, sk, talk, &tcp, packet, &result);
	WRITE_ONCE(talk->busy, 0);
	return kept ? result : aeg_talk_lose(skb, sk, sock);
}

#endif
