/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "observe/latency.h"
#include "base/strmap.h"
#include "observe/series.h"

static const struct aeg_metric connect_family = {
	"aegress_connect_duration_seconds",
	AEG_METRIC_HISTOGRAM,
	"seconds",
	"Time from connect() to the end of the handshake, of closed connections; needs flows.handshake or defaults.backstop.",
};
static const struct aeg_metric rtt_family = {
	"aegress_rtt_seconds",
	AEG_METRIC_HISTOGRAM,
	"seconds",
	"Smoothed round-trip time at the end of a connection.",
};

struct figures { /* of one endpoint */
	char *labels;
	struct aeg_histogram connect, rtt;
};

struct aeg_latency {
	AEG_VEC(struct figures) list; /* the first is AEG_OTHER */
	struct aeg_strmap by_endpoint;
	size_t max;
};

static struct figures *add(struct aeg_latency *latency, const char *endpoint)
{
	struct figures *figures = AEG_VEC_PUSH(latency->list);
	struct aeg_buf labels = {0};

	aeg_label_add(&labels, "endpoint", endpoint);
	figures->labels = aeg_buf_take(&labels);
	aeg_strmap_put(&latency->by_endpoint, endpoint, latency->list.n - 1);
	return figures;
}

struct aeg_latency *aeg_latency_new(size_t max)
{
	struct aeg_latency *latency = aeg_xcalloc(1, sizeof(*latency));

	latency->max = max;
	add(latency, AEG_OTHER);
	return latency;
}

void aeg_latency_free(struct aeg_latency *latency)
{
	if (!latency)
		return;
	for (size_t i = 0; i < latency->list.n; i++)
		free(latency->list.items[i].labels);
	AEG_VEC_DONE(latency->list);
	aeg_strmap_done(&latency->by_endpoint);
	free(latency);
}

static struct figures *figures_of(struct aeg_latency *latency, const char *endpoint)
{
	uintptr_t i;

	if (aeg_strmap_get(&latency->by_endpoint, endpoint, &i))
		return &latency->list.items[i];
	return latency->list.n <= latency->max ? add(latency, endpoint) : &latency->list.items[0];
}

void aeg_latency_observe(struct aeg_latency *latency, const struct aeg_flow *flow)
{
	const struct aeg_event *event = &flow->event;
	struct figures *figures;

	if (event->type != AEG_EVENT_CLOSE || (!event->connect_us && !event->rtt_us))
		return;
	figures = figures_of(latency, flow->endpoint ? flow->endpoint : "");
	if (event->connect_us)
		aeg_histogram_add(&figures->connect, event->connect_us);
	if (event->rtt_us)
		aeg_histogram_add(&figures->rtt, event->rtt_us);
}

/* Nothing is said of an endpoint before something was measured there. */
static void put(const struct aeg_latency *latency, const struct aeg_metrics *metrics, bool connect)
{
	for (size_t i = 0; i < latency->list.n; i++) {
		const struct figures *figures = &latency->list.items[i];
		const struct aeg_histogram *histogram = connect ? &figures->connect : &figures->rtt;

		if (histogram->sum_us)
			aeg_metrics_histogram(metrics, figures->labels, histogram);
	}
}

void aeg_latency_put(const struct aeg_latency *latency, struct aeg_metrics *metrics)
{
	aeg_metrics_family(metrics, &connect_family);
	put(latency, metrics, true);
	aeg_metrics_family(metrics, &rtt_family);
	put(latency, metrics, false);
}
