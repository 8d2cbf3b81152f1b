/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tells the owners of pods what was denied, where they look first: Events `EgressDenied`, at most one a
 * pod, endpoint and ten minutes. What cannot be sent is not kept: flow records have it all.
 */
#ifndef AEG_DAEMON_POD_EVENTS_H
#define AEG_DAEMON_POD_EVENTS_H

#include "daemon/daemon.h"

struct aeg_pod_event_stats {
	uint64_t sent, failed;
	uint64_t suppressed; /* denials that were only counted, or found no room */
};

/* After the events and the cluster. */
void aeg_pod_events_open(const struct aeg_daemon *daemon, struct aeg_pod_events **ret);
/* After the events, before the cluster. NULL is fine. */
void aeg_pod_events_close(struct aeg_pod_events *pod_events);
struct aeg_pod_event_stats aeg_pod_events_stats(const struct aeg_pod_events *pod_events);

#endif
