/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who connects or sends to port 53: whether that is a resolver that is believed, there, and what the packet
 * programs shall do with what is said.
 */
#ifndef AEG_TALK_BPF_H
#define AEG_TALK_BPF_H

#include "bpf/events.bpf.h"
#include "bpf/identity.bpf.h"
#include "bpf/refused.bpf.h"

static __always_inline void aeg_home_guess(struct aeg_ctl *control, __u64 pod, __u64 netns)
{
	struct aeg_event *event;

	if (bpf_map_update_elem(&homes, &pod, &netns, BPF_NOEXIST))
		return;
	event = aeg_event_new(&events, AEG_ERROR_EVENT_LOST);
	if (!event)
		return;
	event->type = AEG_EVENT_HOME;
	event->cgroup = pod;
	event->pid = (__u32)(bpf_get_current_pid_tgid() >> 32);
	aeg_event_submit(control, &events, event);
}

/* Whether this is the network namespace of the workload, as the daemon or the first that asked says. */
static __always_inline bool aeg_at_home(struct aeg_ctl *control, __u64 pod, __u64 netns)
{
	const __u64 *home = bpf_map_lookup_elem(&homes, &pod);

	if (!home) {
		aeg_home_guess(control, pod, netns);
		home = bpf_map_lookup_elem(&homes, &pod);
	}
	if (!home)
		aeg_failed(AEG_ERROR_HOME_FULL);
	return home && (*home & ~AEG_HOME_TOLD) == netns;
}

/* What a socket that talks to port 53 is to the packet programs. */
#define AEG_TALK_WATCHED 1u  /* what it says to a resolver is watched */
#define AEG_TALK_DEAF 2u     /* its questions are judged, or may be; answers to it teach nothing */
#define AEG_TALK_STRANGER 4u /* that is no resolver that anybody believes */
#define AEG_TALK_AWAY 8u     /* that is one, but not in this network namespace */

/*
 * free: nobody judges the workload's questions. Global: verified once and not for every decision before
 * it.
 */
AEG_GLOBAL __u32 connect_talk(struct bpf_sock_addr *ctx, __u64 high, __u64 low, __u64 pod,
			      __u32 free)
{
	__u64 addr[2] = {high, low}, netns = bpf_get_netns_cookie(ctx);
	const struct aeg_resolver *resolver = bpf_map_lookup_elem(&resolvers, addr);
	struct aeg_ctl *control = aeg_ctl_get();

	if (!resolver || !control)
		return AEG_TALK_STRANGER;
	if (!pod)
		return AEG_TALK_WATCHED | AEG_TALK_DEAF;
	if (aeg_resolver_trusted(control, resolver, netns) && aeg_at_home(control, pod, netns))
		return AEG_TALK_WATCHED;
	aeg_result_count(&learnings, AEG_LEARNING_AWAY);
	return AEG_TALK_AWAY | (free ? 0 : AEG_TALK_WATCHED | AEG_TALK_DEAF);
}

/* Tells that who asks there learns nothing, whatever the answer. */
AEG_GLOBAL int connect_away(struct bpf_sock_addr *ctx, __u64 high, __u64 low, __u32 workload,
			    __u64 leaf)
{
	struct aeg_ctl *control = aeg_ctl_get();
	struct aeg_event *event =
		control ? aeg_unread_new(control, high, low, workload, AEG_LEARNING_AWAY) : NULL;

	if (!event)
		return 0;
	event->cgroup = leaf;
	event->pid = (__u32)(bpf_get_current_pid_tgid() >> 32);
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	aeg_event_submit(control, &events, event);
	return 0;
}

#endif
