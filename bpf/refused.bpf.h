/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tells of what came from a resolver and taught nothing. Anybody can bring that about as often as he
 * likes: a pod by what it asks, a forger by what he sends. So a workload has a few such events a
 * second, and none takes a place in the half of the ring that is for the others. All are counted.
 */
#ifndef AEG_REFUSED_BPF_H
#define AEG_REFUSED_BPF_H

#include "bpf/events.bpf.h"

#define AEG_TELLERS 1024   /* workloads whose numbers differ in the last bits have one each */
#define AEG_TELL_EVENTS 16 /* told of a workload in a second */

struct aeg_teller {
	__u64 second;
	__u32 reported;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AEG_TELLERS);
	__type(key, __u32);
	__type(value, struct aeg_teller);
} tellers __weak SEC(".maps");

static __always_inline bool aeg_ring_half_full(void *ring)
{
	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >
	       bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) / 2;
}

/* Whether one more event may be told of this workload; false: counted. */
static __always_inline bool aeg_tell_allowed(__u32 workload, __u64 now)
{
	__u32 at = workload & (AEG_TELLERS - 1);
	struct aeg_teller *teller = bpf_map_lookup_elem(&tellers, &at);

	if (teller && aeg_reportable(&teller->second, &teller->reported, AEG_TELL_EVENTS, now) &&
	    !aeg_ring_half_full(&events))
		return true;
	aeg_result_count(&learnings, AEG_LEARNING_QUIET);
	return false;
}

/* Whether the administrator wants to know of refusals. */
static __always_inline bool aeg_refusals_wanted(const struct aeg_ctl *control)
{
	__u32 slot = READ_ONCE(control->now.slot);
	const struct aeg_gen *gen = bpf_map_lookup_elem(&gens, &slot);

	return gen && gen->reports & AEG_REPORT_REFUSED;
}

/*
 * An event of what is refused unread, so that nobody knows which name it was for; high, low: the
 * resolver. NULL: none is wanted, or allowed, or there is no room.
 */
static __always_inline struct aeg_event *aeg_unread_new(const struct aeg_ctl *control, __u64 high,
							__u64 low, __u32 workload, __u8 refusal)
{
	__u64 now = bpf_ktime_get_ns();
	struct aeg_event *event;

	if (!aeg_refusals_wanted(control) || !aeg_tell_allowed(workload, now))
		return NULL;
	event = aeg_event_new(&events, AEG_ERROR_EVENT_LOST);
	if (!event)
		return NULL;
	event->time = now;
	event->workload = workload;
	event->type = AEG_EVENT_REFUSED;
	event->refusal = refusal;
	__builtin_memcpy(event->saddr, &high, sizeof(high));
	__builtin_memcpy(event->saddr + 8, &low, sizeof(low));
	return event;
}

#endif
