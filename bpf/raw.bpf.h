/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Packets of sockets that no connect() or sendmsg() hook has seen: raw and ping sockets, other
 * protocols, multipath subflows that the kernel opens by itself. They are decided one by one, and what
 * has no state in a managed cgroup does not leave it.
 */
#ifndef AEG_RAW_BPF_H
#define AEG_RAW_BPF_H

#include "bpf/counters.bpf.h"
#include "bpf/events.bpf.h"
#include "bpf/identity.bpf.h"
#include "bpf/learned.bpf.h"
#include "bpf/packet.bpf.h"

/* Whether the socket was made in or below a managed directory. */
static __always_inline bool aeg_skb_managed(struct __sk_buff *skb, const struct aeg_ctl *control)
{
	for (__u32 i = 0; i < AEG_ROOTS_MAX; i++) {
		__u64 id;

		if (i >= READ_ONCE(control->nroots))
			break;
		id = READ_ONCE(control->roots[i].cgroup);
		if (id && bpf_skb_ancestor_cgroup_id(skb, (int)control->roots[i].level) == id)
			return true;
	}
	return false;
}

/* The nearest cgroup, the socket's own or one above it, that has an identity; 0: none has. */
static __always_inline __u64 aeg_skb_pod(struct __sk_buff *skb, const struct aeg_ctl *control,
					 void *table)
{
#pragma clang loop unroll(disable)
	for (int level = AEG_LEVELS_MAX - 1; level >= 0; level--) {
		__u64 id;

		if (!(READ_ONCE(control->levels) & (1u << level)))
			continue;
		id = bpf_skb_ancestor_cgroup_id(skb, level);
		if (id && bpf_map_lookup_elem(table, &id))
			return id;
	}
	return 0;
}

/* Whose socket it is; epoch is read first, so that what comes later ages the answer. */
static __always_inline void aeg_skb_stamp(struct __sk_buff *skb, const struct aeg_ctl *control,
					  struct aeg_stamp *ret)
{
	struct aeg_moment now = aeg_now(control);
	void *table = aeg_inner(&idents, now.slot, AEG_ERROR_NO_IDENTS);

	ret->epoch = now.epoch;
	ret->leaf = bpf_skb_cgroup_id(skb);
	ret->pod = table ? aeg_skb_pod(skb, control, table) : 0;
}

/* A RST that carries nothing: the kernel's last word to whoever is at the other end. */
static __always_inline bool aeg_packet_resets(struct __sk_buff *skb,
					      const struct aeg_packet *packet)
{
	__u8 head[14];

	if (packet->proto != AEG_PROTO_TCP ||
	    bpf_skb_load_bytes(skb, packet->start, head, sizeof(head)))
		return false;
	return head[13] & TCP_FLAG_RST && packet->len == packet->start + (head[12] >> 4) * 4;
}

/*
 * A packet of a socket that nothing is known of, while somebody is quarantined: accepted connections
 * and what is older than the programs are found nowhere else. Global: verified once, by itself.
 */
AEG_GLOBAL int held_egress(struct __sk_buff *skb)
{
	struct aeg_ctl *control = aeg_ctl_get();
	struct aeg_outcome outcome = {
		.decision = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_QUARANTINED},
	};
	const struct aeg_ident *ident;
	struct aeg_packet packet;
	void *table;
	__u64 pod;

	if (!control || !aeg_skb_managed(skb, control))
		return AEG_PASS;
	table = aeg_inner(&idents, READ_ONCE(control->now.slot), AEG_ERROR_NO_IDENTS);
	pod = table ? aeg_skb_pod(skb, control, table) : 0;
	ident = pod ? bpf_map_lookup_elem(table, &pod) : NULL;
	if (!ident || !(ident->flags & AEG_IDENT_QUARANTINED))
		return AEG_PASS;
	if (aeg_packet_read(skb, &packet) &&
	    (aeg_loopback(packet.daddr) || aeg_packet_resets(skb, &packet)))
		return AEG_PASS;
	outcome.workload = ident->workload;
	aeg_count_decision(&outcome, AEG_HOOK_PACKET);
	return AEG_DENY;
}

/*
 * Whether it is a connection that nothing can be known of: no storage, nor a cookie that would name a seat.
 * Those of everybody who is not governed are, so this asks no more than it must; see aeg_stranger_egress().
 */
static __always_inline bool aeg_stranger_passes(const struct sock *tcp)
{
	const struct aeg_ctl *control;

	/* The cookie first: who sits has one, and needs no other line of the socket. */
	if (tcp->__sk_common.skc_cookie.counter || tcp->sk_bpf_storage ||
	    tcp->__sk_common.skc_state == TCP_SYN_SENT)
		return false;
	control = aeg_ctl_get();
	return control && !(READ_ONCE(control->levels) & AEG_LEVELS_HELD);
}

/* What another packet of the socket finds in the moment before it is stamped. */
static const char aeg_raw_first[sizeof(struct aeg_sock)] = {
	[offsetof(struct aeg_sock, watch)] = AEG_WATCH_PACKETS,
};

/*
 * A socket without storage: unmanaged, or accepted, or never seen by a hook. UDP is seen at every
 * sendmsg(), and a TCP connection that stands was let through or came in. The others are watched from
 * their first packet on; NULL: *ret_verdict is for this one.
 */
static __always_inline struct aeg_sock *aeg_stranger_egress(struct __sk_buff *skb,
							    struct bpf_sock *sk, int *ret_verdict)
{
	__u32 proto = sk->protocol;
	bool raw = sk->type == SOCK_RAW || (proto != AEG_PROTO_UDP && proto != AEG_PROTO_TCP);
	struct aeg_stamp stamp = {};
	struct aeg_outcome outcome;
	struct aeg_ctl *control;
	struct aeg_sock *sock;

	*ret_verdict = AEG_PASS;
	control = aeg_ctl_get();
	if (!raw && (proto == AEG_PROTO_UDP || sk->state != TCP_SYN_SENT)) {
		if (control && READ_ONCE(control->levels) & AEG_LEVELS_HELD)
			*ret_verdict = held_egress(skb) & 1;
		return NULL;
	}
	if (!control || !aeg_skb_managed(skb, control) || (raw && aeg_sock_kernels(skb)))
		return NULL;
	if (raw) {
		sock = bpf_sk_storage_get(&socks, sk, (void *)aeg_raw_first,
					  BPF_SK_STORAGE_GET_F_CREATE);
		if (sock) {
			aeg_skb_stamp(skb, control, &stamp);
			aeg_stamp_put(sock, &stamp);
			return sock;
		}
	}
	aeg_judge_internal(&outcome);
	aeg_count_decision(&outcome, AEG_HOOK_PACKET);
	*ret_verdict = AEG_DENY;
	return NULL;
}

/*
 * Raw sockets write any header: what is no ICMP cannot be attributed and counts as governed. A UDP-Lite
 * socket's is the kernel's.
 */
static __always_inline bool aeg_raw_hides(const struct bpf_sock *sk,
					  const struct aeg_packet *packet)
{
	if (packet->proto == IPPROTO_UDPLITE)
		return sk->type == SOCK_RAW;
	return packet->proto != IPPROTO_ICMP && packet->proto != IPPROTO_ICMPV6;
}

/* See aeg_choose(). */
AEG_GLOBAL __u64 raw_choose(struct __sk_buff *skb, __u64 high, __u64 low, __u64 pod, __u64 packed)
{
	return aeg_choose(high, low, pod, packed);
}

static __always_inline void aeg_raw_judge_address(struct __sk_buff *skb,
						  const struct aeg_view *view,
						  const struct aeg_packet *packet, __u64 pod,
						  struct aeg_outcome *ret)
{
	struct aeg_flow flow = {.proto = packet->proto};
	__u32 choice = AEG_CHOICE_CIDR;
	struct aeg_reach reach;
	__u64 high, low;

	__builtin_memcpy(flow.daddr, packet->daddr, sizeof(flow.daddr));
	__builtin_memcpy(&high, packet->daddr, sizeof(high));
	__builtin_memcpy(&low, packet->daddr + 8, sizeof(low));
	aeg_reach_open(view, &flow, &reach);
	if (reach.learned)
		choice =
			(__u32)raw_choose(skb, high, low, pod, aeg_choose_pack(&flow, &reach.cidr));
	aeg_reach_judge(view, &flow, &reach, aeg_ident_find(view, pod), choice, ret);
}

/* The pod of a stamped socket, looked for again after every change of identities. */
static __always_inline __u64 aeg_raw_pod(struct __sk_buff *skb, const struct aeg_ctl *control,
					 struct aeg_sock *sock)
{
	struct aeg_stamp stamp;

	if (sock->epoch == aeg_now(control).epoch)
		return sock->pod;
	aeg_skb_stamp(skb, control, &stamp);
	if (sock->leaf && sock->leaf != stamp.leaf) /* see maker.bpf.h: sock_create knew better */
		return sock->pod;
	bpf_spin_lock(&sock->lock);
	aeg_stamp_write(sock, &stamp);
	bpf_spin_unlock(&sock->lock);
	return stamp.pod;
}

static __always_inline void aeg_raw_judge(struct __sk_buff *skb, const struct aeg_ctl *control,
					  struct aeg_sock *sock, const struct aeg_packet *packet,
					  bool hides, struct aeg_outcome *ret)
{
	const struct aeg_dest hidden = {.flags = AEG_DEST_GOVERNED};
	const struct aeg_flow flow = {.proto = AEG_PROTO_OTHER};
	__u64 pod = aeg_raw_pod(skb, control, sock);
	struct aeg_view view;

	aeg_judge_internal(ret);
	if (!aeg_view_open(READ_ONCE(control->now.slot), &view))
		return;
	if (hides)
		aeg_judge(&view, &flow, &hidden, aeg_ident_find(&view, pod), ret);
	else
		aeg_raw_judge_address(skb, &view, packet, pod, ret);
}

static __always_inline void aeg_raw_report(struct __sk_buff *skb, struct aeg_ctl *control,
					   const struct aeg_sock *sock,
					   const struct aeg_packet *packet,
					   const struct aeg_outcome *outcome)
{
	struct aeg_event *event = aeg_event_new(&denials, AEG_ERROR_DENIAL_LOST);

	if (!event)
		return;
	event->time = bpf_ktime_get_ns();
	event->generation = outcome->generation;
	event->cookie = bpf_get_socket_cookie(skb);
	event->cgroup = sock->leaf;
	event->workload = outcome->workload;
	event->node = outcome->node;
	event->decision = outcome->decision;
	__builtin_memcpy(event->daddr, packet->daddr, sizeof(event->daddr));
	event->type = AEG_EVENT_DENY;
	event->proto = packet->proto;
	event->hook = AEG_HOOK_PACKET;
	event->family = (__u8)skb->family;
	aeg_event_submit(control, &denials, event);
}

/* A packet of a stamped socket; a denial is reported once for a run of packets to one address. */
static __always_inline int aeg_raw_egress(struct __sk_buff *skb, const struct bpf_sock *sk,
					  struct aeg_sock *sock, const struct aeg_packet *packet)
{
	struct aeg_ctl *control = aeg_ctl_get();
	struct aeg_outcome outcome;
	bool repeat;

	if (!control)
		return AEG_PASS;
	aeg_raw_judge(skb, control, sock, packet, aeg_raw_hides(sk, packet), &outcome);
	if (outcome.decision.verdict != AEG_VERDICT_DENIED)
		return AEG_PASS;
	aeg_count_decision(&outcome, AEG_HOOK_PACKET);
	repeat = sock->generation == outcome.generation &&
		 aeg_addr_equal(sock->daddr, packet->daddr);
	sock->generation = outcome.generation;
	__builtin_memcpy(sock->daddr, packet->daddr, sizeof(sock->daddr));
	if (!repeat)
		aeg_raw_report(skb, control, sock, packet, &outcome);
	return AEG_DENY;
}

#endif
