/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The ClientHello of a watched connection: read once, in order, before anything behind it leaves.
 * Bytes of a hello that is not complete pass, since TCP would not go on without them and a server can
 * do nothing with them; the segment that completes it is judged. TCP holds the socket's lock, or its
 * softirq equivalent, so one segment of a connection is looked at at a time.
 */
#ifndef AEG_HELLO_BPF_H
#define AEG_HELLO_BPF_H

#include "bpf/counters.bpf.h"
#include "bpf/events.bpf.h"
#include "bpf/heard.bpf.h"
#include "bpf/hello_read.bpf.h"
#include "bpf/identity.bpf.h"
#include "bpf/learned.bpf.h"
#include "bpf/packet.bpf.h"
#include "bpf/seats.bpf.h"

/* ---- judging ---- */

static __always_inline __u8 aeg_hello_reason(__u32 result)
{
	switch (result) {
	case AEG_HELLO_NOT_TLS:
		return AEG_REASON_NOT_TLS;
	case AEG_HELLO_TOO_LONG:
		return AEG_REASON_HELLO_TOO_LONG;
	case AEG_HELLO_NAME_MISSING:
		return AEG_REASON_NAME_MISSING;
	default:
		return AEG_REASON_TLS_MALFORMED;
	}
}

/* scratch->weighed: the decision for everyone who is at it, as at connect(). */
static __always_inline void aeg_hello_weigh(const struct aeg_view *view,
					    const struct aeg_sock *sock,
					    const struct aeg_dest *dest,
					    struct aeg_scratch *scratch)
{
	const struct aeg_flow flow = {
		.dport = sock->dport, .proto = AEG_PROTO_TCP, .hook = AEG_HOOK_HELLO};
	__u64 pod = sock->pod;

#pragma clang loop unroll(disable)
	for (int i = 0; i < 2; i++) {
		struct aeg_outcome *trial = &scratch->trial;

		aeg_judge(view, &flow, dest, aeg_ident_find(view, pod), trial);
		if (i == 0 || aeg_stricter(&scratch->weighed.decision, &trial->decision))
			scratch->weighed = *trial;
		pod = sock->user;
		if (!pod)
			break;
	}
}

/* A second hello has to show what the first one had to: that is what decided then. */
static __always_inline bool aeg_hello_demanded(const struct aeg_sock *sock)
{
	if (sock->watch != AEG_WATCH_SECOND)
		return sock->watch == AEG_WATCH_DEMAND;
	return aeg_watch_of(&sock->decision, sock->by_name, sock->dport) == AEG_WATCH_DEMAND;
}

/* Whether nothing speaks against a hello without a name: nobody demands one, and none is hidden. */
static __always_inline bool aeg_hello_harmless(const struct aeg_sock *sock, __u32 result)
{
	if (sock->watch == AEG_WATCH_SECOND) /* RFC 8446 4.1.2: the name stays as it was */
		return result == AEG_HELLO_NAME_MISSING && !(sock->first & AEG_FIRST_NAMED);
	return result == AEG_HELLO_NOT_TLS || result == AEG_HELLO_NAME_MISSING ||
	       sock->decision.reason != AEG_REASON_NOT_GOVERNED;
}

/*
 * No name was read. Where none is demanded, what a workload that is isolated hides or garbles counts
 * as governed; without a name to hide, as for an address typed in, nothing speaks against it.
 */
static __always_inline void aeg_hello_nameless(const struct aeg_view *view,
					       const struct aeg_sock *sock, __u32 result,
					       struct aeg_scratch *scratch)
{
	const struct aeg_dest hidden = {.flags = AEG_DEST_GOVERNED};
	struct aeg_decision *decision = &scratch->outcome.decision;

	if (aeg_hello_demanded(sock)) {
		aeg_decide_hello(decision, aeg_hello_reason(result));
		return;
	}
	if (aeg_hello_harmless(sock, result))
		return;
	aeg_hello_weigh(view, sock, &hidden, scratch);
	if (scratch->weighed.decision.verdict == AEG_VERDICT_ALLOWED)
		return;
	scratch->outcome = scratch->weighed;
	decision->reason = aeg_hello_reason(result);
}

/* Whether it was the first hello's name that let the connection through, and not its address. */
static __always_inline bool aeg_hello_decided(const struct aeg_sock *sock)
{
	return sock->watch == AEG_WATCH_SECOND && sock->first & AEG_FIRST_DECIDED;
}

/*
 * In this order:
 * 1. let through for a name, but not for this one -> denied;
 * 2. no pattern covers the name -> as the address;
 * 3. what the tables say of the name; but a CIDR that a rule allows gives way to deny rules only.
 */
static __always_inline void aeg_hello_named(const struct aeg_view *view,
					    const struct aeg_sock *sock,
					    const struct aeg_dest *dest,
					    struct aeg_scratch *scratch)
{
	struct aeg_decision *weighed = &scratch->weighed.decision;
	bool rule = aeg_allowed_by_rule(&scratch->outcome.decision);
	bool cidr = rule && !sock->by_name && !aeg_hello_decided(sock);

	if (rule && sock->by_name && (!dest || !aeg_learned_for(sock->daddr, dest->node))) {
		aeg_decide_hello(&scratch->outcome.decision, AEG_REASON_NAME_ADDRESS_MISMATCH);
		return;
	}
	if (!dest)
		return;
	aeg_hello_weigh(view, sock, dest, scratch);
	if (weighed->verdict != AEG_VERDICT_ALLOWED && cidr &&
	    weighed->reason != AEG_REASON_DENY_RULE)
		return;
	if (weighed->reason == AEG_REASON_NO_RULE)
		weighed->reason = AEG_REASON_NAME_NOT_ALLOWED;
	scratch->outcome = scratch->weighed;
}

static __always_inline void aeg_outcome_recall(const struct aeg_sock *sock, struct aeg_outcome *ret)
{
	ret->decision = sock->decision;
	ret->workload = sock->workload;
	ret->node = sock->node;
	ret->generation = sock->generation;
}

/* Leaves the decision in scratch->outcome, beginning with what was decided at connect(); -1: no tables. */
static __always_inline int aeg_hello_decide(struct aeg_scratch *scratch,
					    const struct aeg_sock *sock, __u32 slot, __u32 result)
{
	const struct aeg_dest *dest;
	struct aeg_view view;
	void *table;

	if (!aeg_view_open(slot, &view))
		return -1;
	table = aeg_inner(&names, slot, AEG_ERROR_NO_NAMES);
	if (!table)
		return -1;
	aeg_outcome_recall(sock, &scratch->outcome);
	if (result != AEG_HELLO_DONE) {
		aeg_hello_nameless(&view, sock, result, scratch);
		return 0;
	}
	dest = aeg_name_find(table, &scratch->name);
	aeg_hello_named(&view, sock, dest, scratch);
	return 0;
}

/* Leaves the outcome in `slot`; not 0: there is none. */
AEG_GLOBAL int hello_judge(struct __sk_buff *skb, __u32 slot, __u32 result)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_ctl *control = aeg_ctl_get();
	struct aeg_moment now;
	struct aeg_sock *sock;

	if (!scratch || !control)
		return -1;
	sock = aeg_scratch_sock(scratch);
	now = aeg_now(control);
	aeg_heard_ask(scratch, sock, control, &now, result);
	if (!aeg_heard_recall(scratch)) {
		if (aeg_hello_decide(scratch, sock, now.slot, result))
			return -1;
		aeg_heard_keep(scratch);
	}
	if (result == AEG_HELLO_DONE)
		aeg_decide_demands(&scratch->outcome.decision, scratch->hello.version,
				   scratch->hello.flags & AEG_HELLO_ECH);
	return 0;
}

/* ---- telling ---- */

static __always_inline void aeg_hello_fill(struct __sk_buff *skb, const struct aeg_sock *sock,
					   const struct aeg_packet *packet,
					   struct aeg_scratch *scratch, bool named)
{
	struct aeg_name_event *event = &scratch->event;
	bool denied = scratch->outcome.decision.verdict == AEG_VERDICT_DENIED;

	__builtin_memset(&event->base, 0, sizeof(event->base));
	event->len = 0;
	event->base.time = scratch->time;
	aeg_event_packet(&event->base, skb, sock, packet, &scratch->outcome);
	/* As the client asked for it: a sidecar's NAT is in front of this hook. */
	__builtin_memcpy(event->base.daddr, sock->daddr, sizeof(event->base.daddr));
	event->base.dport = sock->dport;
	event->base.type = denied ? AEG_EVENT_DENY : AEG_EVENT_OPEN;
	event->base.hook = AEG_HOOK_HELLO;
	if (!named)
		return;
	event->len = (__u16)scratch->name.len;
	__builtin_memcpy(event->name, scratch->name.text, sizeof(event->name));
}

/* Denials always; what was let through once, here where connect() left it to the hello. */
static __always_inline void aeg_hello_report(struct __sk_buff *skb, struct aeg_sock *sock,
					     const struct aeg_packet *packet, __u16 sport,
					     struct aeg_scratch *scratch, bool named)
{
	bool denied = scratch->outcome.decision.verdict == AEG_VERDICT_DENIED;
	struct aeg_ctl *control = aeg_ctl_get();

	if (!control || scratch->outcome.decision.reason == AEG_REASON_NOT_GOVERNED)
		return;
	/* Nothing was decided: it goes on as connect() said. */
	if (!named && scratch->outcome.decision.reason == sock->decision.reason)
		return;
	aeg_count_decision(&scratch->outcome, AEG_HOOK_HELLO);
	if (!denied && sock->flags & AEG_SOCK_REPORTED)
		return;
	aeg_hello_fill(skb, sock, packet, scratch, named);
	scratch->event.base.sport = sport;
	if (denied) {
		aeg_name_event_send(control, &denials, AEG_ERROR_DENIAL_LOST, &scratch->event);
		return;
	}
	sock->flags |= AEG_SOCK_REPORTED;
	aeg_name_event_send(control, &events, AEG_ERROR_EVENT_LOST, &scratch->event);
}

static __always_inline void aeg_hello_remember(struct aeg_sock *sock,
					       const struct aeg_outcome *outcome)
{
	sock->decision = outcome->decision;
	sock->workload = outcome->workload;
	sock->node = outcome->node;
	sock->generation = outcome->generation;
}

/* ---- one segment ---- */

struct aeg_segment {
	struct __sk_buff *skb;
	struct bpf_sock *sk;
	struct aeg_sock *sock; /* what is known of the socket: in its place, or a copy in scratch */
	struct aeg_scratch *scratch;
	__u32 slot;
	__u32 start; /* of what was not read yet */
	__u32 len;
	__u32 seq; /* of the byte at start */
	__u16 sport;
};

/* What has been read may pass from now on, repeats included. */
static __always_inline int aeg_hello_advance(struct aeg_segment *at, __u32 n)
{
	at->sock->next = at->seq + n;
	at->start += n;
	at->len -= n;
	at->seq += n;
	return AEG_PASS;
}

static __always_inline void aeg_hello_forget(struct aeg_segment *at)
{
	if (!at->sock->split)
		return;
	at->sock->split = 0;
	bpf_sk_storage_delete(&hellos, at->sk);
}

/*
 * Whether another hello may follow: nobody asks for one who was not offered TLS 1.3 or what came
 * before it, and that takes supported_versions.
 */
static __always_inline bool aeg_hello_retry(const struct aeg_segment *at, __u32 result)
{
	return at->sock->watch != AEG_WATCH_SECOND &&
	       (result == AEG_HELLO_DONE || result == AEG_HELLO_NAME_MISSING) &&
	       at->scratch->hello.versions_at;
}

/* What the second hello is measured by; before the decision is remembered. */
static __always_inline __u8 aeg_hello_first_flags(const struct aeg_segment *at, bool named)
{
	__u8 flags = named ? AEG_FIRST_NAMED : 0;

	if (at->scratch->outcome.node != at->sock->node)
		flags |= AEG_FIRST_DECIDED;
	if (at->scratch->hello.flags & AEG_HELLO_EARLY)
		flags |= AEG_FIRST_EARLY;
	return flags;
}

/* The verdict over what was read; sets the state that follows. */
static __always_inline int aeg_hello_settle(struct aeg_segment *at, const struct aeg_packet *packet,
					    __u32 result)
{
	struct aeg_outcome *outcome = &at->scratch->outcome;
	bool named = result == AEG_HELLO_DONE;
	bool retry = aeg_hello_retry(at, result);

	aeg_result_count(&hello_results, result);
	aeg_hello_forget(at);
	at->scratch->time = bpf_ktime_get_ns();
	if (hello_judge(at->skb, at->slot, result))
		aeg_judge_internal(outcome);
	aeg_hello_report(at->skb, at->sock, packet, at->sport, at->scratch, named);
	if (retry)
		at->sock->first = aeg_hello_first_flags(at, named);
	aeg_hello_remember(at->sock, outcome);
	if (outcome->decision.verdict == AEG_VERDICT_DENIED) {
		at->sock->watch = AEG_WATCH_DEAD;
		return AEG_DENY;
	}
	at->sock->watch = retry ? AEG_WATCH_SECOND : AEG_WATCH_DONE;
	return AEG_PASS;
}

/* Begins a buffer. What an earlier connection of the socket left behind is not its beginning. */
static __always_inline void aeg_hello_split(struct aeg_segment *at)
{
	if (!at->sock->split)
		bpf_sk_storage_delete(&hellos, at->sk);
	at->sock->split = 1;
}

/* The beginning of the stream. */
static __always_inline int aeg_hello_first(struct aeg_segment *at, const struct aeg_packet *packet)
{
	__u32 result = AEG_HELLO_NEED_MORE;

	if (!at->sock->split)
		result = (__u32)hello_whole(at->skb, at->slot, at->start, at->len);
	if (result == AEG_HELLO_NEED_MORE) {
		aeg_hello_split(at);
		result = (__u32)hello_piece(at->skb, at->slot, at->start, at->len, 0);
	}
	if (result == AEG_HELLO_NEED_MORE)
		return aeg_hello_advance(at, at->len);
	if (result == AEG_HELLO_NO_MEMORY)
		return AEG_DENY;
	if (aeg_hello_settle(at, packet, result) == AEG_DENY)
		return AEG_DENY;
	return aeg_hello_advance(at, at->scratch->len < at->len ? at->scratch->len : at->len);
}

/* Whether a look at the next records suffices to know that there is no second hello. */
static __always_inline bool aeg_hello_over(const struct aeg_segment *at, __u32 second)
{
	__u8 head[AEG_SECOND_HEAD];

	return !at->sock->split && at->len >= sizeof(head) &&
	       !bpf_skb_load_bytes(at->skb, at->start, head, sizeof(head)) &&
	       aeg_second_over(head, second);
}

/*
 * What comes behind the first hello, in the same segment or later. Where that offered early data, this
 * goes on as long as the connection: what is encrypted does not show where the early data ends.
 */
static __always_inline int aeg_hello_second(struct aeg_segment *at, const struct aeg_packet *packet)
{
	__u32 second = AEG_SECOND_HELLO, result = AEG_HELLO_NOT_TLS;

	if (at->sock->first & AEG_FIRST_EARLY)
		second |= AEG_SECOND_EARLY;
	if (!aeg_hello_over(at, second)) {
		aeg_hello_split(at);
		result = (__u32)hello_behind(at->skb, at->slot, at->start, at->len, second);
	}
	if (result == AEG_HELLO_NEED_MORE)
		return aeg_hello_advance(at, at->len);
	if (result == AEG_HELLO_NO_MEMORY)
		return AEG_DENY;
	if (result == AEG_HELLO_NOT_TLS) {
		aeg_hello_forget(at);
		at->sock->watch = AEG_WATCH_DONE;
		return AEG_PASS;
	}
	return aeg_hello_settle(at, packet, result);
}

/* Places what is new of a segment; false: *ret_result holds. */
static __always_inline bool aeg_segment_place(struct aeg_segment *at, const struct aeg_tcp *tcp,
					      int *ret_result)
{
	struct aeg_sock *sock = at->sock;
	__u32 behind;

	if (tcp->syn) {
		sock->next = tcp->seq;
		sock->synced = 1;
	}
	*ret_result = AEG_PASS;
	if (!tcp->payload.len)
		return false; /* a RST must get out, too */
	*ret_result = AEG_DENY;
	/* First of all: 2 GiB behind what was read last, everything looks as if it had been read before. */
	if (sock->watch == AEG_WATCH_DEAD)
		return false;
	behind = sock->next - tcp->seq;
	if (!sock->synced || (__s32)behind < 0) {
		aeg_failed(AEG_ERROR_HOLE);
		return false;
	}
	if (behind >= tcp->payload.len) {
		*ret_result = AEG_PASS; /* read before */
		return false;
	}
	at->start = tcp->payload.start + behind;
	at->len = tcp->payload.len - behind;
	at->seq = sock->next;
	at->sport = tcp->sport;
	return true;
}

static __always_inline int aeg_hello_read(struct aeg_segment *at, const struct aeg_packet *packet)
{
	if (at->sock->watch != AEG_WATCH_SECOND &&
	    (aeg_hello_first(at, packet) == AEG_DENY || at->sock->watch != AEG_WATCH_SECOND ||
	     !at->len))
		return at->sock->watch == AEG_WATCH_DEAD ? AEG_DENY : AEG_PASS;
	return aeg_hello_second(at, packet);
}

/*
 * Whether the stream begins with something else than TLS and need not: then it is nobody's business. On
 * the port of TLS pages that may still change do not get away with that.
 */
static __always_inline bool aeg_hello_none(const struct aeg_segment *at, bool slippery)
{
	__u8 first = AEG_TLS_HANDSHAKE;

	if (at->sock->watch != AEG_WATCH_HELLO || at->sock->split ||
	    (slippery && at->sock->dport == AEG_PORT_TLS))
		return false;
	return !bpf_skb_load_bytes(at->skb, at->start, &first, 1) && first != AEG_TLS_HANDSHAKE;
}

/*
 * The place of a socket's state is one of two, and the verifier follows all that is done there twice: so
 * segments are read with a copy at hand.
 */
static __always_inline void aeg_hello_recall(struct aeg_segment *at)
{
	aeg_state_copy(at->scratch->sock, at->sock);
	at->sock = aeg_scratch_sock(at->scratch);
}

/* What reading changed. Whoever revoked the connection meanwhile has the last word. */
static __always_inline void aeg_hello_keep(struct aeg_sock *sock, const struct aeg_sock *copy)
{
	sock->generation = copy->generation;
	sock->decision = copy->decision;
	sock->workload = copy->workload;
	sock->node = copy->node;
	sock->flags = copy->flags;
	sock->next = copy->next;
	sock->split = copy->split;
	sock->first = copy->first;
	if (READ_ONCE(sock->watch) != AEG_WATCH_DEAD)
		WRITE_ONCE(sock->watch, copy->watch);
}

static __always_inline int aeg_hello_egress(struct __sk_buff *skb, struct bpf_sock *sk,
					    struct aeg_sock *sock)
{
	struct aeg_segment at = {.skb = skb, .sk = sk, .sock = sock};
	struct aeg_ctl *control = aeg_ctl_get();
	struct aeg_packet packet;
	struct aeg_tcp tcp;
	bool slippery;
	int result;

	/* IPv6 extension headers are not skipped: no client sets any before its hello. */
	if (!control || !aeg_packet_read(skb, &packet) || !aeg_tcp_segment(skb, &packet, &tcp)) {
		aeg_failed(AEG_ERROR_PACKET_READ);
		return AEG_DENY;
	}
	if (!aeg_segment_place(&at, &tcp, &result))
		return result;
	/* What cannot be read for sure: pages that may change, a byte that receivers take out. */
	slippery = tcp.urgent || aeg_packet_shared(skb);
	if (aeg_hello_none(&at, slippery)) {
		aeg_result_count(&hello_results, AEG_HELLO_NOT_TLS);
		sock->watch = AEG_WATCH_DONE;
		return AEG_PASS;
	}
	at.scratch = aeg_scratch_claim(&at.slot);
	if (!at.scratch) {
		aeg_failed(AEG_ERROR_SCRATCH_BUSY);
		return AEG_DENY;
	}
	aeg_scratch_seed(at.scratch, control);
	aeg_hello_recall(&at);
	result = slippery ? aeg_hello_settle(&at, &packet, AEG_HELLO_MALFORMED)
			  : aeg_hello_read(&at, &packet);
	aeg_hello_keep(sock, at.sock);
	aeg_scratch_release(at.scratch);
	return result;
}

#endif
