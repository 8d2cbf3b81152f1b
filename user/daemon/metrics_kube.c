/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How well the API server is followed; nothing where no cluster is configured. */
#include "daemon/cluster.h"
#include "daemon/metrics.h"

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
};
enum { WATCHING, RESTARTS, FAILURES, AGE };

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

void aeg_metrics_put_kube(const struct aeg_collector *collector, struct aeg_metrics *metrics)
{
	const struct aeg_cluster *cluster = collector->daemon->reconciler->cluster;

	for (int family = WATCHING; family <= AGE; family++) {
		aeg_metrics_family(metrics, &families[family]);
		for (int i = 0; cluster && i < AEG_RESOURCES; i++) {
			enum aeg_resource resource = (enum aeg_resource)i;
			struct aeg_reflector_state state = aeg_cluster_state(cluster, resource);
			AEG_CLEANUP(aeg_buf_done) struct aeg_buf labels = {0};

			aeg_label_add(&labels, "resource", aeg_resource_name(resource));
			put(metrics, family, aeg_buf_text(&labels), &state);
		}
	}
}
