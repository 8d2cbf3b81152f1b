/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Events on their way to the daemon. The connecting process pays for every wake-up, so there is
 * none unless the daemon sleeps (doze) or a ring fills up; a full ring drops and counts.
 */
#ifndef AEG_EVENTS_BPF_H
#define AEG_EVENTS_BPF_H

#include "bpf/errors.bpf.h"
#include "bpf/lookup.bpf.h"

/*
 * A wake-up costs microseconds and one is enough, but producers that look at the same time may step
 * over the threshold together: whoever finds the fill level in this range behind it wakes.
 */
#define AEG_WAKE_WINDOW 4096

/*
 * Writes, then looks whether the daemon sleeps. Committing a record is a full barrier in the kernel,
 * and the daemon looks at the rings after it has set doze, with a barrier between: one of the two
 * always sees the other. The wake-up is an empty record, thrown away.
 */
static __always_inline void aeg_event_send(struct aeg_ctl *control, void *ring, enum aeg_error lost,
					   struct aeg_event *event)
{
	__u64 unread = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	bool wake = unread - READ_ONCE(control->wake_bytes) < AEG_WAKE_WINDOW;
	void *empty;

	if (bpf_ringbuf_output(ring, event, sizeof(*event),
			       wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP))
		aeg_failed(lost);
	if (!READ_ONCE(control->doze))
		return;
	WRITE_ONCE(control->doze, 0);
	empty = bpf_ringbuf_reserve(ring, sizeof(__u64), 0);
	if (empty)
		bpf_ringbuf_discard(empty, BPF_RB_FORCE_WAKEUP);
}

/* Reports a decision: denials in their own ring. */
static __always_inline void aeg_event_decided(struct aeg_ctl *control, struct bpf_sock_addr *ctx,
					      const struct aeg_flow *flow,
					      const struct aeg_outcome *outcome, __u64 now)
{
	bool denied = outcome->decision.verdict == AEG_VERDICT_DENIED;
	struct aeg_event event = {
		.time = now,
		.generation = outcome->generation,
		.cookie = bpf_get_socket_cookie(ctx),
		.cgroup = bpf_get_current_cgroup_id(),
		.workload = outcome->workload,
		.node = outcome->node,
		.decision = outcome->decision,
		.pid = (__u32)(bpf_get_current_pid_tgid() >> 32),
		.dport = flow->dport,
		.type = denied ? AEG_EVENT_DENY : AEG_EVENT_OPEN,
		.proto = flow->proto,
		.hook = flow->hook,
		.family = flow->family,
	};

	__builtin_memcpy(event.daddr, flow->dest.addr, sizeof(event.daddr));
	bpf_get_current_comm(event.comm, sizeof(event.comm));
	if (denied)
		aeg_event_send(control, &denials, AEG_ERROR_DENIAL_LOST, &event);
	else
		aeg_event_send(control, &events, AEG_ERROR_EVENT_LOST, &event);
}

#endif
