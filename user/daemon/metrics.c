/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The life of a collector, and the order of what it says. */
#include "daemon/metrics.h"

#define LATENCY_ENDPOINTS 256

static void on_event(void *arg, const struct aeg_flow *flow)
{
	struct aeg_collector *collector = arg;

	if (flow->event.type < AEG_EVENT_MAX)
		collector->events[flow->event.type]++;
	aeg_latency_observe(collector->latency, flow);
	aeg_denials_observe(collector->denials, flow);
}

void aeg_collector_open(struct aeg_collector *collector, const struct aeg_daemon *daemon)
{
	const struct aeg_observer observer = {.event = on_event, .arg = collector};
	const size_t max = daemon->config->metrics.series_max;

	*collector = (struct aeg_collector){
		.daemon = daemon,
		.connections = aeg_series_new(max),
		.denied = aeg_series_new(max),
		.audited = aeg_series_new(max),
		.traffic = aeg_series_new(max),
		.places = aeg_places_new(),
		.latency = aeg_latency_new(LATENCY_ENDPOINTS),
		.denials = aeg_denials_new(),
	};
	aeg_events_observe(daemon->events, &observer);
}

void aeg_collector_close(struct aeg_collector *collector)
{
	aeg_series_free(collector->connections);
	aeg_series_free(collector->denied);
	aeg_series_free(collector->audited);
	aeg_series_free(collector->traffic);
	aeg_places_free(collector->places);
	aeg_latency_free(collector->latency);
	aeg_denials_free(collector->denials);
	*collector = (struct aeg_collector){0};
}

static const struct aeg_metric took_family = {
	"aegress_metrics_duration_seconds", AEG_METRIC_GAUGE, "seconds",
	"How long the last answer took to make; 0 in the first."};

void aeg_collector_put(struct aeg_collector *collector, enum aeg_metrics_format format,
		       struct aeg_buf *ret)
{
	uint64_t started = aeg_now_ns();
	struct aeg_metrics metrics;

	aeg_metrics_begin(&metrics, ret, format);
	aeg_metrics_put_counts(collector, &metrics);
	aeg_latency_put(collector->latency, &metrics);
	aeg_metrics_put_datapath(collector, &metrics);
	aeg_metrics_put_policy(collector, &metrics);
	aeg_metrics_put_audit(collector, &metrics);
	aeg_metrics_put_kube(collector, &metrics);
	aeg_metrics_put_process(collector, &metrics);
	aeg_metrics_family(&metrics, &took_family);
	aeg_metrics_double(&metrics, NULL, (double)collector->took_ns / 1e9);
	aeg_metrics_end(&metrics);
	collector->took_ns = aeg_now_ns() - started;
}
