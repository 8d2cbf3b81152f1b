/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What /metrics says: figures from the kernel's counters, read when somebody asks, and those few that
 * only events have. docs/metrics.md lists them; names and labels never change their meaning.
 */
#ifndef AEG_DAEMON_METRICS_H
#define AEG_DAEMON_METRICS_H

#include "daemon/daemon.h"
#include "observe/denials.h"
#include "observe/latency.h"
#include "observe/series.h"

struct aeg_collector {
	const struct aeg_daemon *daemon;
	/* Rows of the kernel's counters by label; which label sets there are is remembered. */
	struct aeg_series *connections, *denied, *audited, *traffic;
	struct aeg_places *places;
	/* Of events. */
	struct aeg_latency *latency;
	struct aeg_denials *denials;
	uint64_t events[AEG_EVENT_MAX];
	uint64_t took_ns; /* the last answer */
};

/* Listens to the daemon's events from now on, until they are closed. */
void aeg_collector_open(struct aeg_collector *collector, const struct aeg_daemon *daemon);
void aeg_collector_close(struct aeg_collector *collector);
void aeg_collector_put(struct aeg_collector *collector, enum aeg_metrics_format format,
		       struct aeg_buf *ret);

/* Where rows belong, looked up once for as long as names mean the same. */
struct aeg_places *aeg_places_new(void);
void aeg_places_free(struct aeg_places *places);

/* The parts, one file each. */
void aeg_metrics_put_counts(struct aeg_collector *collector, struct aeg_metrics *metrics);
void aeg_metrics_put_datapath(const struct aeg_collector *collector, struct aeg_metrics *metrics);
void aeg_metrics_put_policy(const struct aeg_collector *collector, struct aeg_metrics *metrics);
void aeg_metrics_put_audit(const struct aeg_collector *collector, struct aeg_metrics *metrics);
void aeg_metrics_put_kube(const struct aeg_collector *collector, struct aeg_metrics *metrics);
void aeg_metrics_put_process(const struct aeg_collector *collector, struct aeg_metrics *metrics);

/* Who a row of the kernel's counters is about. Valid until *label is freed, by the caller. */
struct aeg_whose {
	const char *ns, *workload; /* "": unknown */
};
/* A sum: all workloads of the namespace that are gone. */
bool aeg_whose_is_gone(const struct aeg_whose *whose);
struct aeg_whose aeg_whose(const struct aeg_names *names, uint32_t number, char **label);

#endif
