/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How fast endpoints answer: handshakes and round trips of the connections that were closed. */
#ifndef AEG_OBSERVE_LATENCY_H
#define AEG_OBSERVE_LATENCY_H

#include "observe/metrics.h"
#include "observe/flow.h"

struct aeg_latency;

/* Keeps so many endpoints apart; the rest share the name AEG_OTHER. */
struct aeg_latency *aeg_latency_new(size_t max);
void aeg_latency_free(struct aeg_latency *latency);
/* Whatever event it is; only the end of a connection has figures. */
void aeg_latency_observe(struct aeg_latency *latency, const struct aeg_flow *flow);
/* Both families. */
void aeg_latency_put(const struct aeg_latency *latency, struct aeg_metrics *metrics);

#endif
