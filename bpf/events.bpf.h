/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Events on their way to the daemon. The connecting process pays for every wake-up, so there is
 * none unless the daemon sleeps (doze) or a ring fills up; a full ring drops and counts.
 */
#ifndef AEG_EVENTS_BPF_H
#define AEG_EVENTS_BPF_H

#include "bpf/errors.bpf.h"
#include "bpf/lookup.bpf.h"

/* Whether a record is worth a wake-up for the room it takes. */
static __always_inline __u64 aeg_ring_flags(const struct aeg_ctl *control, void *ring)
{
	bool full = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >= READ_ONCE(control->wake_bytes);

	return full ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/*
 * After a record was written: does the daemon sleep? Committing is a full barrier in the kernel, and
 * the daemon looks at the rings after it has set doze, with a barrier between: one of the two always
 * sees the other. The wake-up is an empty record, thrown away.
 */
static __always_inline void aeg_ring_wake(struct aeg_ctl *control, void *ring)
{
	void *empty;

	if (!READ_ONCE(control->doze))
		return;
	WRITE_ONCE(control->doze, 0);
	empty = bpf_ringbuf_reserve(ring, sizeof(__u64), 0);
	if (empty)
		bpf_ringbuf_discard(empty, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void aeg_record_send(struct aeg_ctl *control, void *ring,
					    enum aeg_error lost, void *record, __u32 size)
{
	if (bpf_ringbuf_output(ring, record, size, aeg_ring_flags(control, ring)))
		aeg_failed(lost);
	aeg_ring_wake(control, ring);
}

static __always_inline void aeg_event_send(struct aeg_ctl *control, void *ring, enum aeg_error lost,
					   struct aeg_event *event)
{
	aeg_record_send(control, ring, lost, event, sizeof(*event));
}

static __always_inline void aeg_event_submit(struct aeg_ctl *control, void *ring,
					     struct aeg_event *event)
{
	bpf_ringbuf_submit(event, aeg_ring_flags(control, ring));
	aeg_ring_wake(control, ring);
}

/* Fills an event in place, in the ring: the stack has no room for one. */
static __always_inline void aeg_event_fill(struct aeg_event *event, struct bpf_sock_addr *ctx,
					   const struct aeg_flow *flow,
					   const struct aeg_outcome *outcome, __u64 now)
{
	__builtin_memset(event, 0, sizeof(*event));
	event->time = now;
	event->generation = outcome->generation;
	event->cookie = bpf_get_socket_cookie(ctx);
	event->cgroup = bpf_get_current_cgroup_id();
	event->workload = outcome->workload;
	event->node = outcome->node;
	event->decision = outcome->decision;
	event->pid = (__u32)(bpf_get_current_pid_tgid() >> 32);
	event->dport = flow->dport;
	event->proto = flow->proto;
	event->hook = flow->hook;
	event->family = flow->family;
	__builtin_memcpy(event->daddr, flow->dest.addr, sizeof(event->daddr));
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

static __always_inline void aeg_event_put(struct aeg_ctl *control, void *ring, enum aeg_error lost,
					  __u8 type, struct bpf_sock_addr *ctx,
					  const struct aeg_flow *flow,
					  const struct aeg_outcome *outcome, __u64 now)
{
	struct aeg_event *event = bpf_ringbuf_reserve(ring, sizeof(*event), 0);

	if (!event) {
		aeg_failed(lost);
		return;
	}
	aeg_event_fill(event, ctx, flow, outcome, now);
	event->type = type;
	aeg_event_submit(control, ring, event);
}

/* Reports a decision: denials in their own ring. */
static __always_inline void aeg_event_decided(struct aeg_ctl *control, struct bpf_sock_addr *ctx,
					      const struct aeg_flow *flow,
					      const struct aeg_outcome *outcome, __u64 now)
{
	if (outcome->decision.verdict == AEG_VERDICT_DENIED)
		aeg_event_put(control, &denials, AEG_ERROR_DENIAL_LOST, AEG_EVENT_DENY, ctx, flow,
			      outcome, now);
	else
		aeg_event_put(control, &events, AEG_ERROR_EVENT_LOST, AEG_EVENT_OPEN, ctx, flow,
			      outcome, now);
}

#endif
