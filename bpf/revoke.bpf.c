/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Connections that stand are decided again: whoever runs these programs makes them look at every socket
 * that has a seat or storage, with the tables and the identities in force now. What they deny is marked, so that
 * nothing more leaves, and reported, so that the daemon ends it; what was to end and is still there is
 * reported again. What they allow is not touched.
 */
#define AEG_CLOCK() bpf_ktime_get_ns()
#include "bpf/close.bpf.h"
#include "bpf/identity.bpf.h"
#include "bpf/iterate.bpf.h"
#include "bpf/learned.bpf.h"
#include "bpf/maker.bpf.h"
#include "bpf/standing.bpf.h"

#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)
#include "bpf/ask.h"
#pragma clang attribute pop

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

#define AEG_COOKIE_ANY (~0ull) /* INET_DIAG_NOCOOKIE: nobody ever asked for this socket's */

static __always_inline bool aeg_revoke_concerns(const struct aeg_sock *sock)
{
	if (!aeg_stands(sock))
		return false;
	return sock->watch == AEG_WATCH_DEAD || sock->decision.verdict == AEG_VERDICT_ALLOWED ||
	       sock->decision.verdict == AEG_VERDICT_AUDITED;
}

/* ---- whose it is ---- */

/* The cgroup that made the socket, as in maker.bpf.h; 0: the kernel does not say. */
static __always_inline __u64 aeg_revoke_maker(struct sock *sk)
{
	const struct sock___before_5_15 *former = (const void *)sk;
	__u64 word = 0;

	if (AEG_MAKER_KEPT)
		return (__u64)BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	if (bpf_core_read(&word, sizeof(word), &former->sk_cgrp_data.val))
		aeg_failed(AEG_ERROR_MAKER_READ);
	return word & 3 ? 0 : word;
}

/* See aeg_cgroup_pod(). Global: its loop is verified once. */
AEG_GLOBAL __u64 revoke_pod(__u64 cgroup)
{
	return aeg_cgroup_pod(cgroup);
}

/*
 * A socket that was made before its workload was known, or whose cgroup belongs to a nearer one by now,
 * is looked for again, as connect() would. A stamp that is not its maker's stays what it was.
 */
static __always_inline void aeg_revoke_stamp(const struct aeg_ctl *control, struct sock *sk,
					     struct aeg_sock *sock)
{
	__u64 cgroup, pod;

	if (sock->epoch == aeg_now(control).epoch)
		return;
	cgroup = aeg_revoke_maker(sk);
	if (!cgroup || aeg_cgroup_id(cgroup) != sock->leaf)
		return;
	pod = revoke_pod(cgroup);
	if (pod != AEG_MAKER_NOBODY && pod != sock->pod)
		WRITE_ONCE(sock->pod, pod);
}

/* ---- what holds now ---- */

/* See aeg_choose(). */
AEG_GLOBAL __u64 revoke_choose(__u64 high, __u64 low, __u64 pod, __u64 packed)
{
	return aeg_choose(high, low, pod, packed);
}

/* By the pattern that settled it, while there is one; else by the address, as connect() would now. */
static __always_inline void aeg_revoke_judge_one(const struct aeg_view *view,
						 const struct aeg_sock *sock,
						 const struct aeg_flow *flow, __u64 pod,
						 struct aeg_outcome *ret)
{
	__u32 node = sock->node, choice = AEG_CHOICE_CIDR;
	const struct aeg_dest *dest = bpf_map_lookup_elem(view->nodes, &node);
	struct aeg_reach reach;
	__u64 high, low;

	if (dest) {
		aeg_judge(view, flow, dest, aeg_ident_find(view, pod), ret);
		return;
	}
	__builtin_memcpy(&high, flow->daddr, sizeof(high));
	__builtin_memcpy(&low, flow->daddr + 8, sizeof(low));
	aeg_reach_open(view, flow, &reach);
	if (reach.learned)
		choice = (__u32)revoke_choose(high, low, pod, aeg_choose_pack(flow, &reach.cidr));
	aeg_reach_judge(view, flow, &reach, aeg_ident_find(view, pod), choice, ret);
}

/* For everyone who is at it, as at connect(). */
static __always_inline void aeg_revoke_judge(const struct aeg_view *view,
					     const struct aeg_sock *sock, struct aeg_outcome *ret)
{
	struct aeg_flow flow = {
		.dport = sock->dport,
		.proto = sock->proto,
		.hook = sock->hook,
	};
	__u64 pod = sock->pod;

	__builtin_memcpy(flow.daddr, sock->daddr, sizeof(flow.daddr));
#pragma clang loop unroll(disable)
	for (int i = 0; i < 2; i++) {
		struct aeg_outcome trial = {};

		aeg_revoke_judge_one(view, sock, &flow, pod, &trial);
		if (i == 0 || aeg_stricter(&ret->decision, &trial.decision))
			*ret = trial;
		pod = sock->user;
		if (!pod)
			break;
	}
}

/* A way to a resolver on which nobody reads the questions, of a workload whose questions are judged now. */
static __always_inline bool aeg_revoke_unread(const struct aeg_view *view,
					      const struct aeg_sock *sock)
{
	const struct aeg_ident *ident;
	__u8 addr[16];

	if (sock->dport != AEG_PORT_DNS || sock->watch == AEG_WATCH_DNS)
		return false;
	ident = aeg_ident_find(view, sock->pod);
	if (!ident)
		return false;
	if (!(ident->flags & AEG_IDENT_ASKS))
		return false;
	__builtin_memcpy(addr, sock->daddr, sizeof(addr)); /* no key where it is, up to 6.1 */
	return bpf_map_lookup_elem(&resolvers, addr);
}

/* On a stack of its own. */
static __attribute__((noinline)) void aeg_revoke_fill(struct aeg_event *event, struct sock *sk,
						      const struct aeg_sock *sock,
						      const struct aeg_outcome *outcome, __u8 type)
{
	struct aeg_ending ending = {};
	__u64 cookie = 0;

	ending.family = (__u8)BPF_CORE_READ(sk, __sk_common.skc_family);
	if (aeg_tcp_read_source(sk, &ending) ||
	    bpf_core_read(&cookie, sizeof(cookie), &sk->__sk_common.skc_cookie))
		aeg_failed(AEG_ERROR_TCP_READ);
	event->time = bpf_ktime_get_ns();
	event->generation = outcome->generation;
	event->cookie = cookie ? cookie : AEG_COOKIE_ANY;
	event->cgroup = sock->leaf;
	event->workload = outcome->workload;
	event->node = outcome->node;
	event->decision = outcome->decision;
	event->pid = sock->pid;
	__builtin_memcpy(event->daddr, sock->daddr, sizeof(event->daddr));
	__builtin_memcpy(event->saddr, ending.saddr, sizeof(event->saddr));
	event->dport = sock->dport;
	event->sport = ending.sport;
	event->type = type;
	event->proto = sock->proto;
	event->hook = AEG_HOOK_REVOKE;
	event->family = ending.family;
}

static __always_inline void aeg_revoke_report(struct aeg_ctl *control, struct sock *sk,
					      const struct aeg_sock *sock,
					      const struct aeg_outcome *outcome, __u8 type)
{
	struct aeg_event *event = aeg_event_new(&denials, AEG_ERROR_DENIAL_LOST);

	if (!event)
		return;
	aeg_revoke_fill(event, sk, sock, outcome, type);
	aeg_event_submit(control, &denials, event);
}

/* Once in a walk, however many processes hold it open; so is what was decided since the walk began. */
static __always_inline bool aeg_revoke_due(const struct aeg_ctl *control, struct aeg_sock *sock)
{
	__u32 walk = READ_ONCE(control->walk);

	if (sock->walk == walk || !aeg_revoke_concerns(sock))
		return false;
	WRITE_ONCE(sock->walk, walk);
	return true;
}

static __always_inline void aeg_revoke_look(struct sock *sk, struct aeg_sock *sock)
{
	struct aeg_ctl *control = aeg_ctl_get();
	__u64 cookie = READ_ONCE(sock->cookie);
	struct aeg_outcome outcome;
	struct aeg_view view;
	bool dead;

	if (!control || !aeg_revoke_due(control, sock))
		return;
	dead = sock->watch == AEG_WATCH_DEAD;
	if (dead && aeg_iterated_over(sk))
		return;
	aeg_revoke_stamp(control, sk, sock);
	aeg_judge_internal(&outcome);
	if (aeg_view_open(aeg_now(control).slot, &view)) {
		aeg_revoke_judge(&view, sock, &outcome);
		if (aeg_revoke_unread(&view, sock))
			outcome.decision.verdict = AEG_VERDICT_DENIED;
	}
	/* A ClientHello's denial is not what the tables say of the address. */
	if (outcome.decision.verdict != AEG_VERDICT_DENIED &&
	    sock->decision.verdict != AEG_VERDICT_DENIED)
		return;
	if (READ_ONCE(sock->cookie) != cookie) /* somebody else sits there by now */
		return;
	outcome.decision.verdict = AEG_VERDICT_DENIED;
	outcome.decision.reason = AEG_REASON_REVOKED;
	WRITE_ONCE(sock->watch, AEG_WATCH_DEAD);
	if (!dead)
		aeg_count_decision(&outcome, AEG_HOOK_REVOKE);
	aeg_revoke_report(control, sk, sock, &outcome, dead ? AEG_EVENT_KILL : AEG_EVENT_DENY);
}

AEG_WALKERS(revoke, aeg_revoke_look)
