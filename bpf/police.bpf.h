/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The path of one connect() or sendmsg(): whose it is, what the tables say, what is remembered,
 * counted and reported. Tasks and sockets that are not managed leave it as early as possible.
 */
#ifndef AEG_POLICE_BPF_H
#define AEG_POLICE_BPF_H

#include "bpf/close.bpf.h"
#include "bpf/identity.bpf.h"
#include "bpf/learned.bpf.h"
#include "bpf/maker.bpf.h"
#include "bpf/recent.bpf.h"
#include "bpf/seats.bpf.h"
#include "bpf/talk.bpf.h"

#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)
#include "bpf/ask.h"
#pragma clang attribute pop

/* Everything about one attempt. Two identities where a socket was handed to another cgroup. */
struct aeg_attempt {
	struct aeg_ctl *control;
	struct bpf_sock *sk;
	struct aeg_moment now;
	struct aeg_sock *sock;	       /* the socket's state; NULL: none (yet) */
	struct aeg_stamp stamp;	       /* the socket's; leaf 0: it was made by who uses it */
	struct aeg_stamp task;	       /* leaf and epoch always, pod once it is looked for */
	const struct aeg_ident *ident; /* task.pod's, once it is looked for */
	bool locked;		       /* a stream: the kernel holds the socket's lock */
	bool managed;		       /* the task is in a managed directory */
	bool foreign;		       /* the socket carries another cgroup's stamp */
	bool own;		       /* the kernel remembers that the task's cgroup made it */
	bool fresh;		       /* the stamp is of this epoch: task.pod is known from it */
	bool repeat;		       /* decided before: the same socket, destination and tables */
	bool by_name;		       /* a name that the address was learned for lets it through */
	bool free;		       /* nobody judges its DNS questions */
	bool seated;		       /* its state is in a seat, which it just took */
	__u8 talk;		       /* AEG_TALK_*, of what goes to port 53 */
	__u8 watch;  /* enum aeg_watch_state: what is left to the packet programs */
	__u32 walk;  /* over what stands, that had begun before anything was looked up */
	__u64 netns; /* the socket's, where it is watched for DNS */
	struct aeg_view view;
	struct aeg_outcome outcome;
};

static __always_inline void aeg_attempt_forget(struct aeg_attempt *at)
{
	at->managed = aeg_forget(at->managed, at->task.leaf) & 1;
	at->foreign = aeg_forget(at->foreign, at->task.leaf) & 1;
	at->fresh = aeg_forget(at->fresh, at->task.leaf) & 1;
	at->own = aeg_forget(at->own, at->task.leaf) & 1;
	at->task.pod = aeg_forget(at->task.pod, at->task.leaf);
	at->stamp.leaf = aeg_forget(at->stamp.leaf, at->task.leaf);
	at->stamp.pod = aeg_forget(at->stamp.pod, at->task.leaf);
}

/* See aeg_maker_pod(). */
AEG_GLOBAL __u64 connect_maker(struct bpf_sock_addr *ctx)
{
	return aeg_maker_pod(ctx);
}

/* The stamp of a socket that has none, where somebody else made it. */
static __always_inline void aeg_attempt_maker(struct aeg_attempt *at, struct bpf_sock_addr *ctx)
{
	__u64 leaf = aeg_maker_leaf(ctx, at->sk), pod;

	at->own = leaf == at->task.leaf;
	if (!leaf || at->own)
		return;
	pod = connect_maker(ctx);
	if (pod == AEG_MAKER_NOBODY)
		return;
	at->stamp = (struct aeg_stamp){.leaf = leaf, .pod = pod, .epoch = at->now.epoch};
}

/* What is known of the socket; only streams sit. */
static __always_inline struct aeg_sock *aeg_attempt_find(const struct aeg_attempt *at)
{
	return at->locked ? aeg_state_of(at->sk) : bpf_sk_storage_get(&socks, at->sk, NULL, 0);
}

/* First of all, and once: a change that comes later ages what is found now. */
static __always_inline void aeg_attempt_begin(struct aeg_attempt *at)
{
	at->walk = READ_ONCE(at->control->walk);
	at->now = aeg_now(at->control);
	at->task.epoch = at->now.epoch;
	at->task.leaf = aeg_current_leaf();
}

/* false: neither the task nor the socket is managed. */
static __always_inline bool aeg_attempt_managed(struct aeg_attempt *at, struct bpf_sock_addr *ctx)
{
	if (at->sk)
		at->sock = aeg_attempt_find(at);
	if (at->sock)
		aeg_stamp_read(at->sock, at->locked, &at->stamp);
	if (!at->stamp.leaf && at->sk)
		aeg_attempt_maker(at, ctx);
	at->foreign = at->stamp.leaf && at->stamp.leaf != at->task.leaf;
	at->fresh = at->stamp.leaf == at->task.leaf && at->stamp.epoch == at->task.epoch;
	at->task.pod = at->fresh ? at->stamp.pod : 0;
	at->managed = at->fresh || aeg_current_managed(at->control);
	aeg_attempt_forget(at);
	return at->managed || at->foreign;
}

/* Whose rules hold for the task. */
static __always_inline void aeg_attempt_identify(struct aeg_attempt *at)
{
	if (at->fresh)
		at->ident = aeg_ident_find(&at->view, at->task.pod);
	else if (at->managed)
		at->task.pod = aeg_current_pod(at->control, at->view.idents, &at->ident);
}

/* See aeg_choose(). Global: its loop is verified once and not for every way that leads to it. */
AEG_GLOBAL __u64 connect_choose(struct bpf_sock_addr *ctx, __u64 high, __u64 low, __u64 pod,
				__u64 packed)
{
	return aeg_choose(high, low, pod, packed);
}

static __always_inline __u64 aeg_attempt_choose(struct bpf_sock_addr *ctx,
						const struct aeg_flow *flow,
						const struct aeg_reach *reach, __u64 pod)
{
	__u64 high, low;

	__builtin_memcpy(&high, flow->daddr, sizeof(high));
	__builtin_memcpy(&low, flow->daddr + 8, sizeof(low));
	return connect_choose(ctx, high, low, pod, aeg_choose_pack(flow, &reach->cidr));
}

/* Decides for everyone who is at it: for whom the verdict is stricter, and its workload is named. */
static __always_inline void aeg_attempt_judge(struct aeg_attempt *at, struct bpf_sock_addr *ctx,
					      const struct aeg_flow *flow)
{
	__u64 pod = at->foreign ? at->stamp.pod : at->task.pod, choice = AEG_CHOICE_CIDR;
	const struct aeg_ident *ident = at->ident;
	struct aeg_reach reach;

	aeg_reach_open(&at->view, flow, &reach);
	if (reach.learned || at->foreign)
		choice = aeg_attempt_choose(ctx, flow, &reach, pod);
	if (at->foreign && at->managed) {
		__u64 other = aeg_attempt_choose(ctx, flow, &reach, at->task.pod);

		if (other >> 32 > choice >> 32) {
			choice = other;
			pod = at->task.pod;
		}
	}
	if (at->foreign)
		ident = aeg_ident_find(&at->view, pod);
	aeg_reach_judge(&at->view, flow, &reach, ident, (__u32)choice, &at->outcome);
	at->by_name = reach.by_name;
	at->watch = aeg_watch_of(&at->outcome.decision, at->by_name, flow->dport);
}

/* The same for this attempt; 0 where it goes elsewhere. */
static __always_inline __u32 aeg_attempt_talk(struct aeg_attempt *at, struct bpf_sock_addr *ctx,
					      const struct aeg_flow *flow)
{
	__u64 pod = at->foreign ? at->stamp.pod : at->task.pod, high, low;
	__u32 talk;

	if (flow->dport != AEG_PORT_DNS)
		return 0;
	at->netns = bpf_get_netns_cookie(ctx);
	__builtin_memcpy(&high, flow->daddr, sizeof(high));
	__builtin_memcpy(&low, flow->daddr + 8, sizeof(low));
	talk = connect_talk(ctx, high, low, pod, at->free);
	if (talk & AEG_TALK_AWAY)
		connect_away(ctx, high, low, at->outcome.workload, at->task.leaf);
	return talk;
}

/*
 * Whether something has to be seen of what the socket sends, or it could go where its user may not: a name
 * that is demanded, a question that is judged, packets that pass no hook.
 */
static __always_inline bool aeg_attempt_needs_packets(const struct aeg_attempt *at,
						      const struct aeg_flow *flow)
{
	return at->watch == AEG_WATCH_DEMAND || (at->watch == AEG_WATCH_DNS && !at->free) ||
	       aeg_cell_proto(flow->proto) == AEG_PROTO_OTHER;
}

/*
 * skb_egress sees the packets of sockets that were made in managed directories. Before 5.15, where the
 * kernel may forget who made one, it sees everybody's.
 */
static __always_inline void aeg_attempt_see(struct aeg_attempt *at, struct bpf_sock_addr *ctx,
					    const struct aeg_flow *flow)
{
	struct aeg_decision *decision = &at->outcome.decision;

	if (!AEG_MAKER_KEPT || at->own || decision->verdict == AEG_VERDICT_DENIED ||
	    !aeg_attempt_needs_packets(at, flow) || connect_maker(ctx) != AEG_MAKER_NOBODY)
		return;
	aeg_decide_hello(decision, AEG_REASON_OUTSIDE);
	at->watch = AEG_WATCH_OFF;
}

/* What the packet programs shall look at: nothing of what is denied, since it never gets that far. */
static __always_inline void aeg_attempt_watch(struct aeg_attempt *at, struct bpf_sock_addr *ctx,
					      const struct aeg_flow *flow)
{
	if (flow->hook != AEG_HOOK_CONNECT || at->outcome.decision.verdict == AEG_VERDICT_DENIED)
		at->watch = AEG_WATCH_OFF;
	at->free = !at->foreign && at->ident && !aeg_asks_judged(at->ident);
	at->free = aeg_forget(at->free, at->task.leaf) & 1;
	at->talk = (__u8)aeg_forget(aeg_attempt_talk(at, ctx, flow), at->task.leaf);
	if (at->talk & AEG_TALK_WATCHED)
		at->watch = AEG_WATCH_DNS;
	aeg_attempt_see(at, ctx, flow);
	at->watch = (__u8)aeg_forget(at->watch, at->task.leaf);
	at->by_name = aeg_forget(at->by_name, at->task.leaf) & 1;
}

/* Whether this datagram's destination is the socket's last one; then its decision still holds. */
static __always_inline bool aeg_attempt_repeats(struct aeg_attempt *at, const struct aeg_flow *flow)
{
	struct aeg_sock *sock = at->sock;

	if (!sock)
		return false;
	/* Before 6.2 the verifier forgets a NULL check that is folded into another condition. */
	barrier_var(sock);
	if (!at->fresh)
		return false;
	bpf_spin_lock(&sock->lock);
	at->repeat = sock->flags & AEG_SOCK_CACHED && sock->hook == flow->hook &&
		     sock->epoch == at->task.epoch && sock->generation == at->view.gen->number &&
		     sock->dport == flow->dport && sock->proto == flow->proto &&
		     aeg_addr_equal(sock->daddr, flow->daddr);
	if (at->repeat) {
		at->outcome.decision = sock->decision;
		at->outcome.workload = sock->workload;
		at->outcome.node = sock->node;
		at->outcome.generation = sock->generation;
	}
	bpf_spin_unlock(&sock->lock);
	return at->repeat;
}

/* Always leaves an outcome: what cannot be decided is denied, reason internal. */
static __always_inline void aeg_attempt_decide(struct aeg_attempt *at, struct bpf_sock_addr *ctx,
					       const struct aeg_flow *flow)
{
	aeg_judge_internal(&at->outcome);
	if (!at->sk) {
		aeg_failed(AEG_ERROR_NO_SOCKET);
		return;
	}
	if (!aeg_view_settings(at->now.slot, &at->view))
		return;
	if (flow->hook == AEG_HOOK_DATAGRAM && aeg_attempt_repeats(at, flow))
		return;
	if (!aeg_view_tables(at->now.slot, &at->view))
		return;
	aeg_attempt_identify(at);
	aeg_attempt_judge(at, ctx, flow);
	aeg_attempt_watch(at, ctx, flow);
}

/*
 * Resolvers connect UDP sockets that they do not send on, to the very port that TCP will go to (glibc), to
 * sort addresses. They do not bind them, and unconnect them before the next address, which unbinds them.
 */
static __always_inline bool aeg_attempt_sorts(const struct aeg_attempt *at)
{
	return at->outcome.decision.verdict == AEG_VERDICT_ALLOWED || !at->sk || !at->sk->src_port;
}

/*
 * What may be a resolver's probe is never reported, and none that is allowed. A datagram to an ungoverned
 * destination is not either: name servers would drown the rest. Where the ClientHello decides, it is
 * reported then, with its name.
 */
static __always_inline bool aeg_attempt_reportable(const struct aeg_attempt *at, __u8 hook)
{
	const struct aeg_decision *decision = &at->outcome.decision;

	if (at->repeat || at->watch == AEG_WATCH_DEMAND)
		return false;
	if (hook == AEG_HOOK_PROBE && aeg_attempt_sorts(at))
		return false;
	if (decision->reason != AEG_REASON_NOT_GOVERNED)
		return true;
	return hook == AEG_HOOK_CONNECT && at->view.gen &&
	       at->view.gen->reports & AEG_REPORT_UNGOVERNED;
}

/*
 * One datagram socket serves many destinations: once it asked a resolver it is watched, and listened to,
 * also where it asks others at the same time, as musl does; whose answer it is, is looked at anyway.
 * Until it asks a resolver from a namespace in which none is believed. Ping sockets and UDP-Lite send
 * without a hook, too, whichever made the storage: see raw.bpf.h.
 */
static __always_inline void aeg_attempt_remember_watch(const struct aeg_attempt *at,
						       const struct aeg_flow *flow)
{
	struct aeg_sock *sock = at->sock;

	if (aeg_cell_proto(flow->proto) == AEG_PROTO_OTHER)
		sock->watch = AEG_WATCH_PACKETS;
	if (sock->watch == AEG_WATCH_PACKETS ||
	    (flow->hook != AEG_HOOK_CONNECT && flow->dport != AEG_PORT_DNS))
		return;
	if (flow->hook != AEG_HOOK_CONNECT && sock->watch == AEG_WATCH_DNS &&
	    at->talk & AEG_TALK_STRANGER)
		return;
	sock->netns = at->netns;
	sock->deaf = at->talk & AEG_TALK_DEAF || at->watch != AEG_WATCH_DNS;
	sock->user = at->foreign ? at->task.pod : 0;
	if (flow->hook == AEG_HOOK_CONNECT || sock->watch != AEG_WATCH_DNS)
		sock->watch = at->watch;
	if (flow->hook != AEG_HOOK_CONNECT)
		return;
	sock->by_name = at->by_name;
	sock->synced = 0;
	sock->split = 0;
}

/* Writes stamp and decision; a stamp of another cgroup is not ours to renew. */
static __always_inline void aeg_attempt_write(const struct aeg_attempt *at,
					      const struct aeg_flow *flow,
					      const struct aeg_caller *caller, __u64 now,
					      __u32 flags)
{
	struct aeg_sock *sock = at->sock;

	aeg_attempt_remember_watch(at, flow);
	/* Looked at here: another thread may have stamped the socket since we looked for storage. */
	if (!sock->leaf)
		aeg_stamp_write(sock, at->foreign ? &at->stamp : &at->task);
	if (sock->leaf == at->task.leaf) {
		sock->pod = at->task.pod;
		sock->epoch = at->task.epoch;
		/* Their packets write destinations of their own over this one's. */
		if (sock->watch != AEG_WATCH_PACKETS)
			flags |= AEG_SOCK_CACHED;
	}
	sock->walk = at->walk;
	sock->free = at->free ? at->task.epoch + 1 : 0;
	sock->opened = now;
	sock->established = 0;
	sock->generation = at->outcome.generation;
	__builtin_memcpy(sock->daddr, flow->daddr, sizeof(sock->daddr));
	sock->decision = at->outcome.decision;
	sock->workload = at->outcome.workload;
	sock->node = at->outcome.node;
	sock->dport = flow->dport;
	sock->proto = flow->proto;
	sock->hook = flow->hook;
	sock->pid = caller->pid;
	__builtin_memcpy(sock->comm, caller->comm, sizeof(sock->comm));
	sock->flags = at->watch == AEG_WATCH_DNS ? flags | AEG_SOCK_RESOLVER : flags;
}

/* Whether its state may be in a seat: one's own connection, none to a resolver. */
static __always_inline bool aeg_attempt_sits(const struct aeg_attempt *at,
					     const struct bpf_sock_addr *ctx)
{
	return AEG_CASTS && at->locked && at->managed && !at->foreign &&
	       at->watch != AEG_WATCH_DNS && ctx->protocol == AEG_PROTO_TCP;
}

/* Storage, for whom there was no seat or should be none any more. */
static __always_inline struct aeg_sock *aeg_attempt_storage(struct aeg_attempt *at, __u64 cookie)
{
	struct aeg_sock *storage =
		bpf_sk_storage_get(&socks, at->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	struct aeg_sock *seat = aeg_seat_find(cookie);

	if (storage && seat)
		aeg_seat_move(seat, storage);
	return storage;
}

/*
 * Sees that the socket has a place for its state; false: there is none. A stream that is denied needs none:
 * who made it the kernel says again, and nothing comes of it that has to be known later.
 */
static __always_inline bool aeg_attempt_store(struct aeg_attempt *at, struct bpf_sock_addr *ctx)
{
	bool needless = at->locked && at->own && at->outcome.decision.verdict == AEG_VERDICT_DENIED;
	bool sits = aeg_attempt_sits(at, ctx);
	__u64 cookie;

	if (!at->sk)
		return true;
	/* Looked for again: to hold the pointer all the while is to have everything verified twice. */
	at->sock = aeg_attempt_find(at);
	if (needless || (at->sock && (sits || at->sock->held == AEG_SEAT_FREE)))
		return true;
	cookie = at->locked ? bpf_get_socket_cookie(ctx) : 0;
	at->sock = sits ? aeg_seat_take(cookie) : NULL;
	at->seated = at->sock;
	if (!at->sock)
		at->sock = aeg_attempt_storage(at, cookie);
	if (at->sock)
		return true;
	aeg_failed(AEG_ERROR_CONNECT_STORAGE);
	return false;
}

/* AEG_SOCK_QUIET where ends are not to be reported; without a branch, or all that follows is verified twice. */
static __always_inline __u32 aeg_attempt_quiet(const struct aeg_attempt *at)
{
	__u32 reports = at->view.gen ? at->view.gen->reports : AEG_REPORT_CLOSES;

	return (~reports & AEG_REPORT_CLOSES) * (AEG_SOCK_QUIET / AEG_REPORT_CLOSES);
}

/* Remembers in one step: sendmsg() runs without the socket's lock. */
static __always_inline void aeg_attempt_remember(struct aeg_attempt *at,
						 const struct aeg_flow *flow,
						 const struct aeg_caller *caller, __u64 now,
						 bool report)
{
	bool open = at->outcome.decision.verdict != AEG_VERDICT_DENIED;
	__u32 flags = aeg_attempt_quiet(at);

	if (report && open && flow->hook == AEG_HOOK_CONNECT)
		flags |= AEG_SOCK_REPORTED;
	if (at->locked) {
		aeg_attempt_write(at, flow, caller, now, flags);
		if (at->seated)
			aeg_seat_ready(at->sock, at->sk);
		return;
	}
	bpf_spin_lock(&at->sock->lock);
	aeg_attempt_write(at, flow, caller, now, flags);
	bpf_spin_unlock(&at->sock->lock);
}

/* A socket that connects again, after a failure or AF_UNSPEC: its bytes are gone by now. */
static __always_inline void aeg_attempt_close_former(struct aeg_attempt *at, void *ctx,
						     const struct aeg_flow *flow)
{
	/* Not on the stack: there is no room. */
	static const struct aeg_ending v4 = {.family = AF_INET}, v6 = {.family = AF_INET6};

	if (at->sock && aeg_close_owed(at->sock))
		aeg_close_report(at->control, ctx, at->sock, flow->family == AF_INET6 ? &v6 : &v4);
}

/* Remembers, counts and reports. now: ns, CLOCK_MONOTONIC; 0: nobody looked yet. */
static __always_inline void aeg_attempt_record(struct aeg_attempt *at, struct bpf_sock_addr *ctx,
					       const struct aeg_flow *flow, __u64 now)
{
	struct aeg_caller caller = {};
	bool report;

	if (!at->repeat && !aeg_attempt_store(at, ctx))
		aeg_judge_internal(&at->outcome);
	aeg_outcome_forget(&at->outcome, at->task.leaf);
	aeg_count_decision(&at->outcome, flow->hook);
	if (at->repeat)
		return;
	if (at->locked)
		aeg_attempt_close_former(at, ctx, flow);
	report = aeg_attempt_reportable(at, flow->hook);
	if (!now)
		now = bpf_ktime_get_ns();
	aeg_caller_get(at->task.leaf, &caller);
	if (at->sock)
		aeg_attempt_remember(at, flow, &caller, now, report);
	if (report)
		aeg_event_decided(at->control, ctx, flow, &at->outcome, &caller, now);
}

#define AEG_MAX_ERRNO 4095 /* include/linux/err.h */

/*
 * EPERM, or the errno that the configuration wants where the kernel can give it (5.18). Since 7.2 the
 * verifier asks for proof that it is one.
 */
static __always_inline int aeg_attempt_deny(const struct aeg_attempt *at)
{
	const struct aeg_gen *gen = at->view.gen;
	__u32 error = gen ? gen->deny_errno : 0;

	if (error == 0 || error > AEG_MAX_ERRNO)
		return AEG_DENY;
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_set_retval))
		return AEG_DENY;
	if (bpf_set_retval(-(int)error))
		aeg_failed(AEG_ERROR_SET_ERRNO);
	return AEG_DENY;
}

static __always_inline int aeg_attempt_answer(const struct aeg_attempt *at)
{
	if (at->outcome.decision.verdict != AEG_VERDICT_DENIED)
		return AEG_PASS;
	return aeg_attempt_deny(at);
}

/* ---- what was decided in this second ---- */

/* Only the first connection of a socket that the task's own cgroup made: there, whose it is is one question. */
static __always_inline bool aeg_attempt_simple(const struct aeg_attempt *at,
					       const struct bpf_sock_addr *ctx,
					       const struct aeg_flow *flow)
{
	return AEG_CASTS && at->locked && at->sk && ctx->protocol == AEG_PROTO_TCP &&
	       flow->dport != AEG_PORT_DNS && aeg_maker_leaf(ctx, at->sk) == at->task.leaf &&
	       !aeg_state_of(at->sk);
}

/* Fills what aeg_attempt_managed() and aeg_attempt_decide() would; false: they have to. */
static __always_inline bool aeg_attempt_recall(struct aeg_attempt *at,
					       const struct bpf_sock_addr *ctx,
					       const struct aeg_flow *flow, __u64 *ret_now)
{
	__u32 taught = READ_ONCE(at->control->taught);
	struct aeg_recent_choice choice;
	struct aeg_recent *recent;
	struct aeg_recent_key key;

	if (!aeg_attempt_simple(at, ctx, flow) || !aeg_view_settings(at->now.slot, &at->view))
		return false;
	*ret_now = bpf_ktime_get_ns();
	key = aeg_recent_key_of(&at->now, taught, at->task.leaf, flow, *ret_now);
	recent = aeg_recent_place(at->task.leaf, flow);
	if (!recent)
		return false;
	if (!aeg_recent_recall(recent, &key, &choice)) {
		aeg_recent_claim(recent, &key, (__u64)at->sk);
		return false;
	}
	at->own = at->managed = true;
	at->task.pod = choice.pod;
	at->outcome = (struct aeg_outcome){
		.decision = choice.decision,
		.workload = choice.workload,
		.node = choice.node,
		.generation = at->view.gen->number,
	};
	at->by_name = choice.by_name & 1;
	at->watch = aeg_watch_of(&choice.decision, at->by_name, flow->dport);
	return true;
}

/* For whoever asks the same again before the second is over. */
static __always_inline void aeg_attempt_keep(const struct aeg_attempt *at,
					     const struct aeg_flow *flow)
{
	struct aeg_recent *recent = aeg_recent_place(at->task.leaf, flow);
	const struct aeg_recent_choice choice = {
		.pod = at->task.pod,
		.decision = at->outcome.decision,
		.workload = at->outcome.workload,
		.node = at->outcome.node,
		.by_name = at->by_name,
	};

	if (recent)
		aeg_recent_keep(recent, (__u64)at->sk, &choice);
}

/* ---- */

static __always_inline int aeg_police(struct bpf_sock_addr *ctx, const struct aeg_flow *flow)
{
	struct aeg_attempt at = {
		.control = aeg_ctl_get(),
		.sk = ctx->sk,
		.locked = flow->hook == AEG_HOOK_CONNECT,
	};
	__u64 now, claimed;

	if (!at.control)
		return AEG_PASS;
	aeg_attempt_begin(&at);
	if (aeg_attempt_recall(&at, ctx, flow, &now)) {
		aeg_attempt_record(&at, ctx, flow, now);
		return aeg_attempt_answer(&at);
	}
	if (!aeg_attempt_managed(&at, ctx))
		return AEG_PASS;
	aeg_attempt_decide(&at, ctx, flow);
	/* Only who has claimed a place: a claim that was left there may be of the same address. */
	claimed = at.own & at.locked & (ctx->protocol == AEG_PROTO_TCP) &
		  (flow->dport != AEG_PORT_DNS) &
		  (at.outcome.decision.verdict != AEG_VERDICT_DENIED);
	if (AEG_CASTS && aeg_forget(claimed, at.task.leaf))
		aeg_attempt_keep(&at, flow);
	aeg_attempt_record(&at, ctx, flow, 0);
	return aeg_attempt_answer(&at);
}

#endif
