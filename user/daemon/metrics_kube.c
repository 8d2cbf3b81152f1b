/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How well the API server is followed, and what it is told; nothing or 0 where no cluster is configured. */
#include "daemon/cluster.h"
#include "daemon/metrics.h"
#include "daemon/pod_events.h"
#include "daemon/status_writer.h"

#define NS_PER_SECOND 1e9

static const struct aeg_metric families[] = {
	{"aegress_kube_watching", AEG_METRIC_GAUGE, NULL,
	 "1: the resource was listed, and nothing is known to be missing since."},
	{"aegress_kube_watch_restarts", AEG_METRIC_COUNTER, NULL,
	 "Times that a resource had to be listed again."},
	{"aegress_kube_failures", AEG_METRIC_COUNTER, NULL,
	 "Requests to the API server that failed, by resource."},
	{"aegress_kube_last_contact_age_seconds", AEG_METRIC_GAUGE, "seconds",
	 "Time since the API server was last heard of; absent: never."},
	{"aegress_kube_objects", AEG_METRIC_GAUGE, NULL,
	 "Objects that are known; pods: of this node."},
};
enum { WATCHING, RESTARTS, FAILURES, AGE, OBJECTS };

static const struct aeg_metric of_events = {
	"aegress_kube_events", AEG_METRIC_COUNTER, NULL,
	"Denials of pods, by what became of them: an Event, none, or a failure."};
static const struct aeg_metric of_status[] = {
	{"aegress_kube_status_leader", AEG_METRIC_GAUGE, NULL,
	 "1: this node writes the status of documents."},
	{"aegress_kube_status_writes", AEG_METRIC_COUNTER, NULL, "Statuses written."},
	{"aegress_kube_status_failures", AEG_METRIC_COUNTER, NULL,
	 "Statuses and leases that could not be written or read."},
	{"aegress_kube_status_nodes", AEG_METRIC_GAUGE, NULL,
	 "Nodes that report to this one; 0: it does not lead."},
};

static void put(const struct aeg_metrics *metrics, int family, const char *labels,
		const struct aeg_reflector_state *state)
{
	if (family == WATCHING)
		aeg_metrics_u64(metrics, labels, state->synced && state->watching);
	else if (family == RESTARTS)
		aeg_metrics_u64(metrics, labels, state->restarts);
	else if (family == FAILURES)
		aeg_metrics_u64(metrics, labels, state->failures);
	else if (state->last_contact_ns)
		aeg_metrics_double(metrics, labels,
				   (double)(aeg_now_ns() - state->last_contact_ns) / NS_PER_SECOND);
}

static void put_events(const struct aeg_daemon *daemon, struct aeg_metrics *metrics)
{
	struct aeg_pod_event_stats stats = aeg_pod_events_stats(daemon->pod_events);
	const struct {
		const char *result;
		uint64_t value;
	} rows[] = {
		{"sent", stats.sent},
		{"suppressed", stats.suppressed},
		{"failed", stats.failed},
	};

	aeg_metrics_family(metrics, &of_events);
	for (size_t i = 0; i < AEG_ARRAY_SIZE(rows); i++) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf labels = {0};

		aeg_label_add(&labels, "result", rows[i].result);
		aeg_metrics_u64(metrics, aeg_buf_text(&labels), rows[i].value);
	}
}

static void put_status(const struct aeg_daemon *daemon, struct aeg_metrics *metrics)
{
	struct aeg_status_stats stats = aeg_status_writer_stats(daemon->status_writer);
	const uint64_t values[] = {stats.leader, stats.written, stats.failed, stats.nodes};

	_Static_assert(AEG_ARRAY_SIZE(values) == AEG_ARRAY_SIZE(of_status), "one each");
	for (size_t i = 0; i < AEG_ARRAY_SIZE(values); i++) {
		aeg_metrics_family(metrics, &of_status[i]);
		aeg_metrics_u64(metrics, NULL, values[i]);
	}
}

void aeg_metrics_put_kube(const struct aeg_collector *collector, struct aeg_metrics *metrics)
{
	const struct aeg_cluster *cluster = collector->daemon->reconciler->cluster;

	for (int family = WATCHING; family <= OBJECTS; family++) {
		aeg_metrics_family(metrics, &families[family]);
		for (int i = 0; cluster && i < AEG_RESOURCES; i++) {
			enum aeg_resource resource = (enum aeg_resource)i;
			struct aeg_reflector_state state = aeg_cluster_state(cluster, resource);
			AEG_CLEANUP(aeg_buf_done) struct aeg_buf labels = {0};

			aeg_label_add(&labels, "resource", aeg_resource_name(resource));
			if (family == OBJECTS)
				aeg_metrics_u64(metrics, aeg_buf_text(&labels),
						aeg_cluster_count(cluster, resource));
			else
				put(metrics, family, aeg_buf_text(&labels), &state);
		}
	}
	put_events(collector->daemon, metrics);
	put_status(collector->daemon, metrics);
}
