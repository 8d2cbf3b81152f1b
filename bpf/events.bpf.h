/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Events on their way to the daemon. The connecting process pays for every wake-up, so there is
 * none unless the daemon sleeps (doze) or a ring fills up; a full ring drops and counts.
 */
#ifndef AEG_EVENTS_BPF_H
#define AEG_EVENTS_BPF_H

#include "bpf/errors.bpf.h"
#include "bpf/lookup.bpf.h"
#include "bpf/packet.bpf.h"

/*
 * A wake-up costs microseconds and one is enough, but producers that look at the same time may step
 * over the threshold together: whoever finds the fill level in this range behind it wakes.
 */
#define AEG_WAKE_WINDOW 4096

/* Room for an event, all zero; NULL: the ring is full, and that is counted. */
static __always_inline struct aeg_event *aeg_event_new(void *ring, enum aeg_error lost)
{
	struct aeg_event *event = bpf_ringbuf_reserve(ring, sizeof(*event), 0);

	if (event)
		__builtin_memset(event, 0, sizeof(*event));
	else
		aeg_failed(lost);
	return event;
}

/* To be asked before a record is submitted. */
static __always_inline __u64 aeg_ring_flags(const struct aeg_ctl *control, void *ring)
{
	__u64 unread = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	return unread - READ_ONCE(control->wake_bytes) < AEG_WAKE_WINDOW ? BPF_RB_FORCE_WAKEUP
									 : BPF_RB_NO_WAKEUP;
}

/*
 * After submitting: does the daemon sleep? Submitting is a full barrier in the kernel, and the daemon
 * looks at the rings after it has set doze, with a barrier between: one of the two always sees the
 * other. The wake-up is an empty record, thrown away.
 */
static __always_inline void aeg_ring_wake(struct aeg_ctl *control, void *ring)
{
	void *empty;

	if (!READ_ONCE(control->doze))
		return;
	WRITE_ONCE(control->doze, 0);
	empty = bpf_ringbuf_reserve(ring, sizeof(__u64), 0);
	if (!empty) {
		WRITE_ONCE(control->doze, 1);
		aeg_failed(AEG_ERROR_WAKE);
		return;
	}
	bpf_ringbuf_discard(empty, BPF_RB_FORCE_WAKEUP);
}

/*
 * Whether an event is among the first `max` of its kind in this second. Without a lock: a few more or
 * less do not matter, what is not reported is counted.
 */
static __always_inline bool aeg_reportable(__u64 *second, __u32 *reported, __u32 max, __u64 now)
{
	__u64 current = now / 1000000000ull;

	if (READ_ONCE(*second) != current) {
		WRITE_ONCE(*second, current);
		WRITE_ONCE(*reported, 0);
	}
	if (READ_ONCE(*reported) >= max)
		return false;
	WRITE_ONCE(*reported, *reported + 1);
	return true;
}

static __always_inline void aeg_event_submit(struct aeg_ctl *control, void *ring,
					     struct aeg_event *event)
{
	bpf_ringbuf_submit(event, aeg_ring_flags(control, ring));
	aeg_ring_wake(control, ring);
}

/*
 * An event with a name, from memory of the caller's. A denial wakes the daemon though it may be awake
 * and about to look: a client waits for it to end the connection.
 */
static __always_inline void aeg_name_event_send(struct aeg_ctl *control, void *ring,
						enum aeg_error lost, struct aeg_name_event *event)
{
	__u64 flags = event->base.type == AEG_EVENT_DENY ? BPF_RB_FORCE_WAKEUP
							 : aeg_ring_flags(control, ring);
	__u64 len = event->len;

	/* Cut behind the name: names are short, and the ring holds twice as many seconds then. */
	if (len > sizeof(event->name))
		len = sizeof(event->name);
	if (bpf_ringbuf_output(ring, event, offsetof(struct aeg_name_event, name) + len, flags))
		aeg_failed(lost);
	aeg_ring_wake(control, ring);
}

/* What was decided, wherever it was. */
static __always_inline void aeg_event_outcome(struct aeg_event *event,
					      const struct aeg_outcome *outcome)
{
	event->generation = outcome->generation;
	event->workload = outcome->workload;
	event->node = outcome->node;
	event->decision = outcome->decision;
}

/*
 * What was decided about a packet, and whose it is: as its socket knows, since whoever is running now
 * need not have sent it. Time, type, hook and ports are the caller's.
 */
static __always_inline void aeg_event_packet(struct aeg_event *event, struct __sk_buff *skb,
					     const struct aeg_sock *sock,
					     const struct aeg_packet *packet,
					     const struct aeg_outcome *outcome)
{
	aeg_event_outcome(event, outcome);
	event->cookie = sock->cookie ? sock->cookie : bpf_get_socket_cookie(skb);
	event->cgroup = sock->leaf;
	event->pid = sock->pid;
	__builtin_memcpy(event->comm, sock->comm, sizeof(event->comm));
	__builtin_memcpy(event->daddr, packet->daddr, sizeof(event->daddr));
	__builtin_memcpy(event->saddr, packet->saddr, sizeof(event->saddr));
	event->proto = packet->proto;
	event->family = (__u8)skb->family;
}

/* The task that asks, once for all that want to know. */
struct aeg_caller {
	__u64 leaf; /* cgroup id */
	__u32 pid;
	char comm[AEG_COMM_LEN] __attribute__((aligned(8)));
};

static __always_inline void aeg_caller_get(__u64 leaf, struct aeg_caller *ret)
{
	const struct task_struct *task;

	ret->leaf = leaf;
	if (!AEG_CASTS) {
		ret->pid = (__u32)(bpf_get_current_pid_tgid() >> 32);
		bpf_get_current_comm(ret->comm, sizeof(ret->comm));
		return;
	}
	task = AEG_CAST(struct task_struct, (void *)bpf_get_current_task());
	ret->pid = (__u32)task->tgid;
	((__u64 *)ret->comm)[0] = *(const __u64 *)&task->comm[0];
	((__u64 *)ret->comm)[1] = *(const __u64 *)&task->comm[8];
}

static __always_inline void aeg_event_fill(struct aeg_event *event, struct bpf_sock_addr *ctx,
					   const struct aeg_flow *flow,
					   const struct aeg_outcome *outcome,
					   const struct aeg_caller *caller, __u64 now)
{
	event->time = now;
	aeg_event_outcome(event, outcome);
	event->cookie = bpf_get_socket_cookie(ctx);
	event->cgroup = caller->leaf;
	event->pid = caller->pid;
	__builtin_memcpy(event->daddr, flow->daddr, sizeof(event->daddr));
	event->dport = flow->dport;
	event->proto = flow->proto;
	event->hook = flow->hook;
	event->family = flow->family;
	__builtin_memcpy(event->comm, caller->comm, sizeof(event->comm));
}

/* Reports a decision: denials in their own ring. */
static __always_inline void aeg_event_decided(struct aeg_ctl *control, struct bpf_sock_addr *ctx,
					      const struct aeg_flow *flow,
					      const struct aeg_outcome *outcome,
					      const struct aeg_caller *caller, __u64 now)
{
	struct aeg_event *event;

	if (outcome->decision.verdict == AEG_VERDICT_DENIED) {
		event = aeg_event_new(&denials, AEG_ERROR_DENIAL_LOST);
		if (!event)
			return;
		aeg_event_fill(event, ctx, flow, outcome, caller, now);
		event->type = AEG_EVENT_DENY;
		aeg_event_submit(control, &denials, event);
	} else {
		event = aeg_event_new(&events, AEG_ERROR_EVENT_LOST);
		if (!event)
			return;
		aeg_event_fill(event, ctx, flow, outcome, caller, now);
		event->type = AEG_EVENT_OPEN;
		aeg_event_submit(control, &events, event);
	}
}

#endif
