/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Questions of workloads that are contained strictly, held against what their policies let them ask:
 * ask.h decides. Every way to a resolver that no such look can follow is closed for them. Everybody
 * else pays one comparison, see aeg_ask_free().
 */
#ifndef AEG_DNS_CONTAIN_BPF_H
#define AEG_DNS_CONTAIN_BPF_H

#include "bpf/counters.bpf.h"
#include "bpf/events.bpf.h"
#include "bpf/raw.bpf.h"
#include "bpf/scratch.bpf.h"

#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)
#include "bpf/ask.h"
#pragma clang attribute pop

/* See dns.bpf.h. */
AEG_GLOBAL int dns_node(struct __sk_buff *skb, __u32 slot);

/* Whether nobody judges what this socket asks: as its last connect() or sendmsg() found, if that is of now. */
static __always_inline bool aeg_ask_free(const struct aeg_sock *sock)
{
	const struct aeg_ctl *control = aeg_ctl_get();

	return control && READ_ONCE(sock->free) == aeg_now(control).epoch + 1;
}

/* ---- what is asked ---- */

/* The name of a question for another type than an address, whose labels dns_query() has walked. */
static __always_inline int aeg_ask_take(struct aeg_scratch *scratch)
{
	__u32 end = AEG_MEM(scratch->question.end);

	if (aeg_get16(scratch->data, end + 2) != AEG_DNS_CLASS_IN ||
	    aeg_name_take(&scratch->name, scratch->data, AEG_DNS_NAME, end - 1 - AEG_DNS_NAME,
			  &scratch->seed))
		return -1;
	return AEG_MEM(scratch->name.borders) + 1 == AEG_MEM(scratch->question.labels) ? 0 : -1;
}

/* The node of the name that the question in `slot` asks for, 0: no pattern covers it; -1: unreadable. */
AEG_GLOBAL int ask_node(struct __sk_buff *skb, __u32 slot, __u32 result)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch)
		return -1;
	scratch->len = 0;
	if (result == AEG_DNS_NOT_ADDRESS) {
		if (aeg_ask_take(scratch))
			return -1;
	} else if (result != AEG_DNS_OK) {
		return -1;
	}
	scratch->len = scratch->name.len;
	return dns_node(skb, slot);
}

/*
 * Whether the packet holds more, or something else, than what was read of it: datagrams that are cut up
 * behind us (UDP_SEGMENT), pages that can still be written to.
 */
static __always_inline bool aeg_ask_slippery(struct __sk_buff *skb, __u32 proto)
{
	return (proto == AEG_PROTO_UDP && skb->gso_segs > 1) || aeg_packet_shared(skb);
}

/* ---- judging ---- */

/* Whose questions they are; the stamp is not renewed: what was decided belongs to the one it has. */
static __always_inline __u64 aeg_ask_pod(struct __sk_buff *skb, const struct aeg_ctl *control,
					 const struct aeg_sock *sock)
{
	struct aeg_stamp stamp;

	if (sock->epoch == aeg_now(control).epoch)
		return sock->pod;
	aeg_skb_stamp(skb, control, &stamp);
	return sock->leaf && sock->leaf != stamp.leaf ? sock->pod : stamp.pod;
}

/* Made when it is not there; NULL: the table is full, and that is counted. */
static __always_inline struct aeg_asker *aeg_asker_get(__u64 pod)
{
	static const struct aeg_asker zero;
	struct aeg_asker *asker = bpf_map_lookup_elem(&askers, &pod);

	if (asker)
		return asker;
	bpf_map_update_elem(&askers, &pod, &zero, BPF_NOEXIST);
	asker = bpf_map_lookup_elem(&askers, &pod);
	if (!asker)
		aeg_failed(AEG_ERROR_ASKER_FULL);
	return asker;
}

/* Pays in both layers; the layers whose caps are used up. */
static __always_inline __u8 aeg_ask_pay(struct aeg_asker *asker, const struct aeg_ident *ident)
{
	const struct aeg_dns_caps enforce = ident->caps[0], all = ident->caps[1];
	__u64 now = bpf_ktime_get_ns();
	__u8 late = 0;

	bpf_spin_lock(&asker->lock);
	if (!aeg_asker_pay(&enforce, now, &asker->due[0]))
		late |= AEG_IDENT_ISOLATED;
	if (!aeg_asker_pay(&all, now, &asker->due[1]))
		late |= AEG_IDENT_ISOLATED_UNION;
	bpf_spin_unlock(&asker->lock);
	return late;
}

/* A question that its name lets through. */
static __always_inline void aeg_ask_cap(__u64 pod, struct aeg_ask *ask,
					struct aeg_decision *decision)
{
	struct aeg_asker *asker;

	if (!ask->ident->caps[1].questions) /* all: no layer has a cap that this one has not */
		return;
	asker = aeg_asker_get(pod);
	if (!asker) {
		*decision = (struct aeg_decision){.verdict = AEG_VERDICT_DENIED,
						  .reason = AEG_REASON_TABLE_FULL};
		return;
	}
	ask->late = aeg_ask_pay(asker, ask->ident);
	if (ask->late)
		aeg_decide_ask(ask, decision);
}

/* scratch->trial: the decision for one identity; verdict NONE: nobody judges it. */
static __always_inline void aeg_ask_weigh(const struct aeg_view *view, __u64 pod,
					  const struct aeg_dest *dest, bool unreadable,
					  struct aeg_scratch *scratch)
{
	const struct aeg_ident *ident = aeg_ident_find(view, pod);
	struct aeg_outcome *trial = &scratch->trial;
	struct aeg_ask ask = {.ident = ident, .unreadable = unreadable};
	struct aeg_cell_key key = {.port = AEG_PORT_ANY, .proto = AEG_PROTO_NAMED};

	*trial = (struct aeg_outcome){.generation = view->gen->number};
	if (!ident || !aeg_asks_judged(ident))
		return;
	trial->workload = ident->workload;
	if (dest) {
		trial->node = dest->node;
		key.profile = ident->profile;
		key.class = dest->class;
		ask.cell = bpf_map_lookup_elem(view->cells, &key);
	}
	ask.name_len = scratch->len;
	aeg_decide_ask(&ask, &trial->decision);
	aeg_outcome_forget(trial, trial->generation);
	if (trial->decision.verdict != AEG_VERDICT_DENIED)
		aeg_ask_cap(pod, &ask, &trial->decision);
}

/* For everyone who is at the socket, as at connect(). */
static __always_inline void aeg_ask_weigh_all(const struct aeg_view *view, __u64 pod, __u64 user,
					      const struct aeg_dest *dest, bool unreadable,
					      struct aeg_scratch *scratch)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < 2; i++) {
		aeg_ask_weigh(view, pod, dest, unreadable, scratch);
		if (i == 0 || aeg_stricter(&scratch->outcome.decision, &scratch->trial.decision))
			scratch->outcome = scratch->trial;
		if (!user || user == pod)
			break;
		pod = user;
	}
}

/* What is let through is in the totals only: rows are for what somebody has to look at. */
static __always_inline int aeg_ask_count(const struct aeg_outcome *outcome)
{
	__u8 verdict = outcome->decision.verdict;

	if (verdict == AEG_VERDICT_ALLOWED)
		aeg_total_add(&outcome->decision, AEG_HOOK_QUESTION);
	else if (verdict != AEG_VERDICT_NONE)
		aeg_count_decision(outcome, AEG_HOOK_QUESTION);
	return verdict;
}

/*
 * Judges the question in `slot`, which is for a name of this node, and counts it; enum aeg_verdict, and
 * the outcome is in scratch. NONE: nobody judges it. Not what finds the node: both together take more
 * stack than there is.
 */
AEG_GLOBAL int ask_weigh(struct __sk_buff *skb, __u32 slot, __u32 node)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_ctl *control = aeg_ctl_get();
	struct bpf_sock *sk = skb->sk;
	const struct aeg_dest *dest = NULL;
	struct aeg_sock *sock;
	struct aeg_view view;
	bool unreadable;

	if (!scratch || !control || !sk)
		return AEG_VERDICT_DENIED;
	aeg_judge_internal(&scratch->outcome);
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return AEG_VERDICT_DENIED;
	sock = bpf_sk_storage_get(&socks, sk, NULL, 0);
	if (!sock || !aeg_view_open(READ_ONCE(control->now.slot), &view))
		return aeg_ask_count(&scratch->outcome);
	unreadable = (int)node < 0 || aeg_ask_slippery(skb, sk->protocol);
	if (!unreadable)
		dest = bpf_map_lookup_elem(view.nodes, &node);
	aeg_ask_weigh_all(&view, aeg_ask_pod(skb, control, sock), sock->user, dest, unreadable,
			  scratch);
	return aeg_ask_count(&scratch->outcome);
}

/* The same for what dns_query() said `result` of. */
static __always_inline __u32 aeg_ask_judge(struct __sk_buff *skb, __u32 slot, __u32 result)
{
	return (__u32)ask_weigh(skb, slot, (__u32)ask_node(skb, slot, result));
}

/* ---- telling ---- */

/* A workload can ask thousands of questions a second: a few are reported, all are counted. */
static __always_inline bool aeg_ask_reportable(__u64 pod, __u64 now)
{
	struct aeg_asker *asker = aeg_asker_get(pod);

	return asker && aeg_reportable(&asker->second, &asker->reported, AEG_ASKER_EVENTS, now);
}

static __always_inline void aeg_ask_fill(struct __sk_buff *skb, const struct aeg_sock *sock,
					 const struct aeg_packet *packet, __u16 sport,
					 struct aeg_scratch *scratch)
{
	struct aeg_name_event *event = &scratch->event;

	__builtin_memset(&event->base, 0, sizeof(event->base));
	aeg_event_packet(&event->base, skb, sock, packet, &scratch->outcome);
	event->base.dport = AEG_PORT_DNS;
	event->base.sport = sport;
	event->base.hook = AEG_HOOK_QUESTION;
	event->len = scratch->len ? (__u16)scratch->name.len : 0;
	__builtin_memcpy(event->name, scratch->name.text, sizeof(event->name));
}

/* Reports what aeg_ask_judge() said of a packet, and does it. */
static __always_inline int aeg_ask_conclude(struct __sk_buff *skb, const struct aeg_sock *sock,
					    const struct aeg_packet *packet, __u16 sport,
					    struct aeg_scratch *scratch, __u32 verdict)
{
	struct aeg_ctl *control = aeg_ctl_get();
	__u64 now = bpf_ktime_get_ns();

	if (verdict != AEG_VERDICT_DENIED && verdict != AEG_VERDICT_AUDITED)
		return AEG_PASS;
	if (control && aeg_ask_reportable(sock->pod, now)) {
		aeg_ask_fill(skb, sock, packet, sport, scratch);
		scratch->event.base.time = now;
		scratch->event.base.type = verdict == AEG_VERDICT_DENIED ? AEG_EVENT_DENY
									 : AEG_EVENT_OPEN;
		if (verdict == AEG_VERDICT_DENIED)
			aeg_name_event_send(control, &denials, AEG_ERROR_DENIAL_LOST,
					    &scratch->event);
		else
			aeg_name_event_send(control, &events, AEG_ERROR_EVENT_LOST,
					    &scratch->event);
	}
	return verdict == AEG_VERDICT_DENIED ? AEG_DENY : AEG_PASS;
}

/* A datagram to a resolver whose beginning is in `slot`. */
static __always_inline int aeg_ask_datagram(struct __sk_buff *skb, const struct aeg_sock *sock,
					    const struct aeg_packet *packet, __u16 sport,
					    struct aeg_scratch *scratch, __u32 slot, __u32 result)
{
	if (aeg_ask_free(sock))
		return AEG_PASS;
	return aeg_ask_conclude(skb, sock, packet, sport, scratch,
				aeg_ask_judge(skb, slot, result));
}

#endif
