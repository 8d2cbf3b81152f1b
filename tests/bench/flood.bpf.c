/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Events without connections: more of them a second than sockets can make. They go the way of real
 * ones, through the same functions into the same rings, and what finds no room is counted alike.
 */
#include "bpf/events.bpf.h"
#include "bpf/identity.bpf.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

struct aeg_event template; /* what does not change from one to the next */

/* The end of a connection; each is a record of its own. */
SEC("tc")
int flood_close(struct __sk_buff *skb)
{
	struct aeg_ctl *control = aeg_ctl_get();
	struct aeg_event *event = control ? aeg_event_new(&events, AEG_ERROR_EVENT_LOST) : NULL;

	if (!event)
		return 0;
	*event = template;
	event->time = bpf_ktime_get_ns();
	event->type = AEG_EVENT_CLOSE;
	event->decision.verdict = AEG_VERDICT_ALLOWED;
	event->decision.reason = AEG_REASON_RULE;
	event->cookie = event->time;
	aeg_event_submit(control, &events, event);
	return 0;
}

static __always_inline void flood_denial(bool alike)
{
	struct aeg_ctl *control = aeg_ctl_get();
	struct aeg_event *event = control ? aeg_event_new(&denials, AEG_ERROR_DENIAL_LOST) : NULL;

	if (!event)
		return;
	*event = template;
	event->time = bpf_ktime_get_ns();
	event->type = AEG_EVENT_DENY;
	event->decision.verdict = AEG_VERDICT_DENIED;
	event->decision.reason = AEG_REASON_NO_RULE;
	if (!alike)
		*(__u32 *)&event->daddr[12] = bpf_get_prandom_u32();
	aeg_event_submit(control, &denials, event);
}

/* A retry loop: all are alike. */
SEC("tc")
int flood_deny(struct __sk_buff *skb)
{
	flood_denial(true);
	return 0;
}

/* A scan: all differ. */
SEC("tc")
int flood_scan(struct __sk_buff *skb)
{
	flood_denial(false);
	return 0;
}
