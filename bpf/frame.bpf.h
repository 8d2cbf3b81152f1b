/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The path of one frame of a pod, at the host's end of its veth. Whose it is the interface says, never
 * an address. What a socket sent that the cgroup's programs have let through passes after one look at
 * its state; everything else is decided by what its headers say.
 */
#ifndef AEG_FRAME_BPF_H
#define AEG_FRAME_BPF_H

#include "bpf/counters.bpf.h"
#include "bpf/events.bpf.h"
#include "bpf/identity.bpf.h"
#include "bpf/learned.bpf.h"
#include "bpf/packet.bpf.h"
#include "bpf/parse_packet.h"
#include "bpf/seats.bpf.h"

#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)
#include "bpf/ask.h"
#pragma clang attribute pop

/* TCX_NEXT and TC_ACT_UNSPEC; TCX_DROP and TC_ACT_SHOT: the same numbers. */
#define AEG_FRAME_NEXT (-1)
#define AEG_FRAME_DROP 2

#define ETHER_HEADER 14
#define DHCP_SERVER 67
#define TCP_TIME_WAIT 6
#define TCP_NEW_SYN_RECV 12

/* Everything about one frame. */
struct aeg_passage {
	struct aeg_ctl *control;
	struct aeg_veth *veth;
	struct aeg_frame frame;
	struct aeg_outcome outcome;
};

/* ---- sockets that were checked already ---- */

static __always_inline bool aeg_sock_sends_to4(const struct aeg_sock *sock, const __u8 *packet,
					       const __u8 *end)
{
	const __u32 *addr = (const __u32 *)sock->daddr;
	__u16 frag;

	if (packet + 24 > end || packet[0] != 0x45 || packet[9] != sock->proto)
		return false;
	if (addr[0] || addr[1] || addr[2] != bpf_htonl(0xffff) ||
	    addr[3] != *(const __u32 *)(packet + 16))
		return false;
	frag = (__u16)aeg_be16(packet + 6);
	return frag & 0x1fff || aeg_be16(packet + 22) == sock->dport;
}

/* A jumbo header is the kernel's own, on segments that are cut up later (BIG TCP). */
static __always_inline bool aeg_sock_sends_to6(const struct aeg_sock *sock, const __u8 *packet,
					       const __u8 *end, __u32 len)
{
	if (packet + 44 > end || packet[0] >> 4 != 6 || !aeg_addr_equal(packet + 24, sock->daddr))
		return false;
	if (packet[6] == AEG_IP_HOPOPTS)
		return len > AEG_IP_BYTES_MAX && sock->proto == AEG_PROTO_TCP;
	return packet[6] == sock->proto && aeg_be16(packet + 42) == sock->dport;
}

/*
 * Whether it goes where its socket was allowed to go. The header is looked at all the same: IP_OPTIONS
 * needs no privilege and can name another first hop.
 */
static __always_inline bool aeg_sock_sends(struct __sk_buff *skb, const struct aeg_sock *sock)
{
	const __u8 *packet = (const __u8 *)(long)skb->data + ETHER_HEADER;
	const __u8 *end = (const __u8 *)(long)skb->data_end;

	if (skb->protocol == bpf_htons(AEG_ETHER_IP4))
		return aeg_sock_sends_to4(sock, packet, end);
	if (skb->protocol == bpf_htons(AEG_ETHER_IP6))
		return aeg_sock_sends_to6(sock, packet, end, skb->len);
	return false;
}

/* TCP is checked at connect(), and again by whoever revokes; a UDP socket's decision may be old. */
static __always_inline bool aeg_sock_decided(const struct aeg_ctl *control,
					     const struct aeg_sock *sock)
{
	__u8 verdict = sock->decision.verdict;

	if (verdict != AEG_VERDICT_ALLOWED && verdict != AEG_VERDICT_AUDITED)
		return false;
	if (sock->proto == AEG_PROTO_TCP)
		return true;
	return sock->proto == AEG_PROTO_UDP && sock->epoch == aeg_now(control).epoch;
}

/* skb->sk survives the way through a veth, until the host routes the packet. */
static __always_inline bool aeg_frame_verified(struct __sk_buff *skb, const struct aeg_ctl *control)
{
	struct bpf_sock *sk = skb->sk;
	const struct aeg_sock *sock;

	if (!sk || skb->vlan_present)
		return false;
	/* Nothing is found of what is no full socket. */
	sock = aeg_state_of_packet(sk, aeg_tcp_of_packet(sk));
	if (!sock || sock->watch == AEG_WATCH_PACKETS)
		return false;
	return aeg_sock_decided(control, sock) && aeg_sock_sends(skb, sock);
}

/*
 * Whether the kernel's TCP sent it: an accepted connection, one that is older than the programs, the
 * end of one. It began with a segment that was decided, or with somebody else's.
 */
static __always_inline bool aeg_frame_kernels(struct __sk_buff *skb, const struct aeg_frame *frame)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk || frame->reason || frame->proto != AEG_PROTO_TCP || frame->opening)
		return false;
	if (sk->family != AF_INET && sk->family != AF_INET6)
		return false;
	if (sk->state == TCP_NEW_SYN_RECV || sk->state == TCP_TIME_WAIT)
		return true;
	sk = bpf_sk_fullsock(sk);
	if (sk && sk->protocol == AEG_PROTO_TCP && sk->type == SOCK_STREAM)
		return true;
	return aeg_sock_kernels(skb);
}

/* Whether it stops all the same, but for the RST that tells the peer. */
static __always_inline bool aeg_frame_held(const struct aeg_passage *at)
{
	__u64 pod = at->veth->cgroup;
	const struct aeg_ident *ident;
	void *table;

	if (!(READ_ONCE(at->control->levels) & AEG_LEVELS_HELD) || at->frame.reset)
		return false;
	table = aeg_inner(&idents, aeg_now(at->control).slot, AEG_ERROR_NO_IDENTS);
	ident = table ? bpf_map_lookup_elem(table, &pod) : NULL;
	return ident && ident->flags & AEG_IDENT_QUARANTINED;
}

/* ---- reading ---- */

static __always_inline struct aeg_bytes aeg_frame_bytes(struct __sk_buff *skb)
{
	struct aeg_bytes bytes = {.base = skb, .start = ETHER_HEADER};

	bytes.len = skb->len > ETHER_HEADER ? skb->len - ETHER_HEADER : 0;
	return bytes;
}

/* See aeg_chain_walk(). Global: verified once, whatever was read before. */
AEG_GLOBAL __u64 frame_chain(struct __sk_buff *skb, __u32 next)
{
	struct aeg_bytes bytes = aeg_frame_bytes(skb);

	return aeg_chain_walk(&bytes, next);
}

static __always_inline void aeg_frame_parse(struct __sk_buff *skb, struct aeg_frame *ret)
{
	struct aeg_bytes bytes = aeg_frame_bytes(skb);
	/* A tag is taken off the frame before anybody sees it; where it leads only bridges know. */
	__u32 ethertype = skb->vlan_present ? 0 : bpf_ntohs((__u16)skb->protocol);

	if (aeg_frame_begin(&bytes, ethertype, ret))
		aeg_chain_take(ret, frame_chain(skb, ret->proto));
	aeg_frame_finish(&bytes, ret);
}

/* ---- deciding ---- */

/* See aeg_choose(). */
AEG_GLOBAL __u64 frame_choose(struct __sk_buff *skb, __u64 high, __u64 low, __u64 pod, __u64 packed)
{
	return aeg_choose(high, low, pod, packed);
}

/* Decides about the address; whether a name lets it through that only a checked socket can show. */
static __always_inline bool aeg_frame_judge_address(struct __sk_buff *skb,
						    const struct aeg_view *view,
						    const struct aeg_frame *frame, __u64 pod,
						    struct aeg_outcome *ret)
{
	struct aeg_flow flow = {.dport = frame->dport, .proto = frame->proto};
	__u32 choice = AEG_CHOICE_CIDR;
	struct aeg_reach reach;
	__u64 high, low;

	/* What cannot be attributed is allowed by no rule, but a deny rule may have a word on it. */
	if (frame->reason)
		flow = (struct aeg_flow){.proto = AEG_PROTO_OTHER};
	__builtin_memcpy(flow.daddr, frame->daddr, sizeof(flow.daddr));
	__builtin_memcpy(&high, frame->daddr, sizeof(high));
	__builtin_memcpy(&low, frame->daddr + 8, sizeof(low));
	aeg_reach_open(view, &flow, &reach);
	if (reach.learned)
		choice = (__u32)frame_choose(skb, high, low, pod,
					     aeg_choose_pack(&flow, &reach.cidr));
	aeg_reach_judge(view, &flow, &reach, aeg_ident_find(view, pod), choice, ret);
	return flow.proto == AEG_PROTO_TCP &&
	       aeg_watch_of(&ret->decision, reach.by_name, flow.dport) == AEG_WATCH_DEMAND;
}

/* Who hides where something goes may mean a governed destination. */
static __always_inline void aeg_frame_judge_hidden(const struct aeg_view *view,
						   const struct aeg_frame *frame,
						   const struct aeg_ident *ident,
						   struct aeg_outcome *ret)
{
	const struct aeg_dest hidden = {.flags = AEG_DEST_GOVERNED};
	const struct aeg_flow flow = {.proto = frame->proto};

	aeg_judge(view, &flow, &hidden, ident, ret);
}

/* Whether the address is one of the interface's. */
static __always_inline bool aeg_frame_owns_source(struct __sk_buff *skb,
						  const struct aeg_frame *frame)
{
	struct aeg_source source = {.ifindex = skb->ifindex};

	__builtin_memcpy(source.addr, frame->saddr, sizeof(source.addr));
	return bpf_map_lookup_elem(&sources, &source);
}

/* Whoever has no address yet asks for one; nothing else comes from nowhere. */
static __always_inline bool aeg_frame_asks_address(const struct aeg_frame *frame)
{
	const __u32 *saddr = (const __u32 *)frame->saddr;

	return !frame->reason && frame->proto == AEG_PROTO_UDP && frame->dport == DHCP_SERVER &&
	       !saddr[3];
}

/* Another one's source, wherever it goes: an answer would be another one's, or the blame. */
static __always_inline void aeg_frame_check_source(struct __sk_buff *skb, struct aeg_frame *frame)
{
	if (!frame->hidden && !aeg_frame_owns_source(skb, frame) && !aeg_frame_asks_address(frame))
		aeg_frame_refuse(frame, AEG_REASON_SPOOFED_SOURCE, 1);
}

/* What the headers say against what the tables let through, and why. */
static __always_inline void aeg_frame_object(const struct aeg_frame *frame, bool demands,
					     struct aeg_decision *decision)
{
	if (frame->reason && decision->verdict != AEG_VERDICT_ALLOWED)
		decision->reason = frame->reason;
	else if (frame->link && decision->reason == AEG_REASON_STRICT)
		*decision = (struct aeg_decision){.verdict = AEG_VERDICT_ALLOWED,
						  .reason = AEG_REASON_NOT_GOVERNED};
	else if (demands)
		aeg_decide_hello(decision, AEG_REASON_UNVERIFIED);
}

/* A question that the cgroup's programs have not read, of a workload whose questions are judged. */
static __always_inline void aeg_frame_ask(const struct aeg_frame *frame,
					  const struct aeg_ident *ident,
					  struct aeg_decision *decision)
{
	if (frame->dport == AEG_PORT_DNS && aeg_asks_judged(ident) &&
	    decision->verdict != AEG_VERDICT_DENIED &&
	    bpf_map_lookup_elem(&resolvers, frame->daddr))
		aeg_decide_unasked(ident, decision);
}

/* Always leaves an outcome: what cannot be decided is denied, reason internal. */
static __always_inline void aeg_frame_judge(struct __sk_buff *skb, struct aeg_passage *at)
{
	const struct aeg_frame *frame = &at->frame;
	__u64 pod = at->veth->cgroup;
	struct aeg_view view;
	bool demands = false;

	aeg_judge_internal(&at->outcome);
	if (!aeg_view_open(aeg_now(at->control).slot, &view))
		return;
	if (frame->hidden)
		aeg_frame_judge_hidden(&view, frame, aeg_ident_find(&view, pod), &at->outcome);
	else
		demands = aeg_frame_judge_address(skb, &view, frame, pod, &at->outcome);
	aeg_frame_object(frame, demands, &at->outcome.decision);
	aeg_frame_ask(frame, aeg_ident_find(&view, pod), &at->outcome.decision);
}

/* ---- reporting ---- */

/* A pod can send millions of frames a second: a few are reported, all are counted. */
static __always_inline bool aeg_frame_reportable(struct aeg_veth *veth, __u64 now)
{
	return aeg_reportable(&veth->second, &veth->reported, AEG_VETH_EVENTS, now);
}

static __always_inline void aeg_frame_report(struct aeg_passage *at, __u64 now)
{
	struct aeg_event *event = aeg_event_new(&denials, AEG_ERROR_DENIAL_LOST);
	const struct aeg_frame *frame = &at->frame;

	if (!event)
		return;
	event->time = now;
	event->generation = at->outcome.generation;
	event->cgroup = at->veth->cgroup;
	event->workload = at->outcome.workload;
	event->node = at->outcome.node;
	event->decision = at->outcome.decision;
	__builtin_memcpy(event->daddr, frame->daddr, sizeof(event->daddr));
	__builtin_memcpy(event->saddr, frame->saddr, sizeof(event->saddr));
	event->dport = frame->dport;
	event->sport = frame->sport;
	event->type = AEG_EVENT_DENY;
	event->proto = frame->proto;
	event->hook = AEG_HOOK_FRAME;
	event->family = frame->daddr[10] == 0xff && frame->daddr[11] == 0xff ? AF_INET : AF_INET6;
	aeg_event_submit(at->control, &denials, event);
}

static __always_inline int aeg_frame_end(enum aeg_frame_result result)
{
	aeg_result_count(&frames, result);
	return result == AEG_FRAME_DENIED || result == AEG_FRAME_QUIET ? AEG_FRAME_DROP
								       : AEG_FRAME_NEXT;
}

static __always_inline int aeg_frame_conclude(struct aeg_passage *at)
{
	__u8 verdict = at->outcome.decision.verdict;
	__u64 now;

	if (verdict == AEG_VERDICT_ALLOWED)
		return aeg_frame_end(AEG_FRAME_ALLOWED);
	aeg_count_decision(&at->outcome, AEG_HOOK_FRAME);
	if (verdict == AEG_VERDICT_AUDITED)
		return aeg_frame_end(AEG_FRAME_AUDITED);
	now = bpf_ktime_get_ns();
	if (!aeg_frame_reportable(at->veth, now))
		return aeg_frame_end(AEG_FRAME_QUIET);
	aeg_frame_report(at, now);
	return aeg_frame_end(AEG_FRAME_DENIED);
}

static __always_inline int aeg_frame_police(struct __sk_buff *skb)
{
	struct aeg_passage at = {.control = aeg_ctl_get()};
	__u32 ifindex = skb->ifindex;

	if (!at.control)
		return AEG_FRAME_NEXT;
	if (aeg_frame_verified(skb, at.control))
		return aeg_frame_end(AEG_FRAME_VERIFIED);
	at.veth = bpf_map_lookup_elem(&veths, &ifindex);
	if (!at.veth)
		return aeg_frame_end(AEG_FRAME_STRAY);
	aeg_frame_parse(skb, &at.frame);
	if (at.frame.local)
		return aeg_frame_end(AEG_FRAME_LOCAL);
	if (aeg_frame_kernels(skb, &at.frame) && !aeg_frame_held(&at))
		return aeg_frame_end(AEG_FRAME_KERNEL);
	aeg_frame_check_source(skb, &at.frame);
	aeg_frame_judge(skb, &at);
	return aeg_frame_conclude(&at);
}

#endif
