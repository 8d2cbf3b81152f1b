/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The exact counts: rows by (workload, node, rule, verdict, reason, hook) become sums by the labels that
 * people ask for. The totals of the whole node are never full, so that they are right whatever happens
 * to the rows.
 */
#include "daemon/metrics.h"
#include "policy/explain.h"

enum traffic { TRAFFIC_SENT, TRAFFIC_RECEIVED, TRAFFIC_CLOSED };

static const struct aeg_metric families[] = {
	{"aegress_connections", AEG_METRIC_COUNTER, NULL,
	 "TCP connect() calls of workloads, by what was decided at connect()."},
	{"aegress_denied", AEG_METRIC_COUNTER, NULL,
	 "What was denied, at whatever hook; probes of address sorting are left out."},
	{"aegress_audited", AEG_METRIC_COUNTER, NULL,
	 "What was let through but would have been denied, at whatever hook."},
	{"aegress_egress_bytes", AEG_METRIC_COUNTER, "bytes",
	 "Payload of closed connections, by direction."},
	{"aegress_closed_connections", AEG_METRIC_COUNTER, NULL, "Connections that have ended."},
	{"aegress_decisions", AEG_METRIC_COUNTER, NULL,
	 "Every decision of this node since its pins were made."},
	{"aegress_metrics_folded_rows", AEG_METRIC_GAUGE, NULL,
	 "Rows of the kernel's counters without labels of their own, since metrics.seriesMax is "
	 "reached: they are in the label value _other."},
};
enum { CONNECTIONS, DENIED, AUDITED, BYTES, CLOSED, DECISIONS, FOLDED };

/* ---- whose ---- */

struct aeg_whose aeg_whose(const struct aeg_names *names, uint32_t number, char **label)
{
	const struct aeg_workload *workload = aeg_names_workload(names, number);
	const char *text = number ? aeg_numbers_text(names->numbers, number) : NULL;
	char *slash;

	if (workload)
		return (struct aeg_whose){workload->ns, workload->name};
	*label = aeg_xstrdup(text ? text : ""); /* one that no document declares any more */
	slash = strchr(*label, '/');
	if (!slash)
		return (struct aeg_whose){"", ""};
	*slash = '\0';
	return (struct aeg_whose){*label, slash + 1};
}

/* ---- one row ---- */

struct row { /* with what it is called */
	const struct aeg_count_key *key;
	struct aeg_whose whose;
	const char *endpoint, *policy;
	enum aeg_mode mode;
};

struct reader {
	struct aeg_collector *collector;
	struct aeg_names *names;
	struct aeg_buf labels, other;
};

static enum aeg_mode mode_of(const struct aeg_count_key *key, const struct aeg_rule_names *rule)
{
	if (key->verdict != AEG_VERDICT_ALLOWED)
		return key->verdict == AEG_VERDICT_AUDITED ? AEG_MODE_AUDIT : AEG_MODE_ENFORCE;
	return rule->mode;
}

/* Everything ends with where it went. */
static void begin(struct reader *reader, const struct row *row)
{
	bool by_workload = reader->collector->daemon->config->metrics.workload_label;

	aeg_buf_reset(&reader->labels);
	aeg_buf_reset(&reader->other);
	aeg_label_add(&reader->labels, "namespace", row->whose.ns);
	aeg_label_add(&reader->other, "namespace", AEG_OTHER);
	if (by_workload) {
		aeg_label_add(&reader->labels, "workload", row->whose.workload);
		aeg_label_add(&reader->other, "workload", AEG_OTHER);
	}
	aeg_label_add(&reader->labels, "endpoint", row->endpoint);
	aeg_label_add(&reader->other, "endpoint", AEG_OTHER);
}

static uint64_t *values(struct reader *reader, struct aeg_series *series)
{
	return aeg_series_at(series, aeg_buf_text(&reader->labels), aeg_buf_text(&reader->other));
}

static void both(struct reader *reader, const char *name, const char *value)
{
	aeg_label_add(&reader->labels, name, value);
	aeg_label_add(&reader->other, name, value);
}

static void add_traffic(struct reader *reader, const struct row *row, const struct aeg_count *count)
{
	uint64_t *sums;

	if (!count->closed)
		return;
	begin(reader, row);
	sums = values(reader, reader->collector->traffic);
	sums[TRAFFIC_SENT] += count->sent;
	sums[TRAFFIC_RECEIVED] += count->received;
	sums[TRAFFIC_CLOSED] += count->closed;
}

static void add_connections(struct reader *reader, const struct row *row, uint64_t decisions)
{
	if (row->key->hook != AEG_HOOK_CONNECT)
		return;
	begin(reader, row);
	both(reader, "verdict", aeg_verdict_word(row->key->verdict));
	both(reader, "mode", aeg_mode_word(row->mode));
	values(reader, reader->collector->connections)[0] += decisions;
}

static void add_refusals(struct reader *reader, const struct row *row, uint64_t decisions)
{
	struct aeg_collector *collector = reader->collector;

	if (row->key->verdict == AEG_VERDICT_ALLOWED)
		return;
	begin(reader, row);
	aeg_label_add(&reader->labels, "policy", row->policy);
	aeg_label_add(&reader->other, "policy", AEG_OTHER);
	both(reader, "reason", aeg_reason_word(row->key->reason));
	values(reader, row->key->verdict == AEG_VERDICT_DENIED
			       ? collector->denied
			       : collector->audited)[0] += decisions;
}

static void add_row(void *arg, const struct aeg_count_key *key, const struct aeg_count *count)
{
	struct reader *reader = arg;
	const struct aeg_rule_names *rule = aeg_names_rule(reader->names, key->rule);
	const struct aeg_endpoint *endpoint =
		aeg_names_endpoint(reader->names, key->rule, key->node);
	AEG_AUTO_FREE char *label = NULL;
	const struct row row = {
		.key = key,
		.whose = aeg_whose(reader->names, key->workload, &label),
		.endpoint = endpoint ? endpoint->name : "",
		.policy = rule->policy ? rule->policy : "",
		.mode = mode_of(key, rule),
	};

	add_traffic(reader, &row, count);
	if (!count->decisions || key->hook == AEG_HOOK_PROBE)
		return;
	add_connections(reader, &row, count->decisions);
	add_refusals(reader, &row, count->decisions);
}

static void read_rows(struct aeg_collector *collector)
{
	struct reader reader = {
		.collector = collector,
		.names = &collector->daemon->events->names,
	};

	aeg_series_zero(collector->connections);
	aeg_series_zero(collector->denied);
	aeg_series_zero(collector->audited);
	aeg_series_zero(collector->traffic);
	/* What cannot be read is 0: a counter that starts again, not a wrong one. */
	(void)aeg_datapath_counts(collector->daemon->reconciler->datapath, add_row, &reader);
	aeg_buf_done(&reader.labels);
	aeg_buf_done(&reader.other);
}

/* ---- samples ---- */

static void put_totals(const struct aeg_collector *collector, const struct aeg_metrics *metrics)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf labels = {0};
	uint64_t totals[AEG_TOTALS];

	if (aeg_datapath_totals(collector->daemon->reconciler->datapath, totals) < 0)
		return;
	for (size_t i = 0; i < AEG_TOTALS; i++) {
		size_t hook = i % AEG_HOOK_MAX, reason = i / AEG_HOOK_MAX % AEG_REASON_MAX;

		if (!totals[i])
			continue;
		aeg_buf_reset(&labels);
		aeg_label_add(&labels, "hook", aeg_hook_word((unsigned int)hook));
		aeg_label_add(&labels, "verdict",
			      aeg_verdict_word((unsigned int)(i / AEG_HOOK_MAX / AEG_REASON_MAX)));
		aeg_label_add(&labels, "reason", aeg_reason_word((unsigned int)reason));
		aeg_metrics_u64(metrics, aeg_buf_text(&labels), totals[i]);
	}
}

static void put_folded(const struct aeg_collector *collector, const struct aeg_metrics *metrics)
{
	aeg_metrics_u64(metrics, "metric=\"connections\"",
			aeg_series_folded(collector->connections));
	aeg_metrics_u64(metrics, "metric=\"denied\"", aeg_series_folded(collector->denied));
	aeg_metrics_u64(metrics, "metric=\"audited\"", aeg_series_folded(collector->audited));
	aeg_metrics_u64(metrics, "metric=\"egress_bytes\"", aeg_series_folded(collector->traffic));
}

void aeg_metrics_put_counts(struct aeg_collector *collector, struct aeg_metrics *metrics)
{
	read_rows(collector);
	aeg_metrics_family(metrics, &families[CONNECTIONS]);
	aeg_series_put(collector->connections, metrics, 0, NULL);
	aeg_metrics_family(metrics, &families[DENIED]);
	aeg_series_put(collector->denied, metrics, 0, NULL);
	aeg_metrics_family(metrics, &families[AUDITED]);
	aeg_series_put(collector->audited, metrics, 0, NULL);
	aeg_metrics_family(metrics, &families[BYTES]);
	aeg_series_put(collector->traffic, metrics, TRAFFIC_SENT, "direction=\"sent\"");
	aeg_series_put(collector->traffic, metrics, TRAFFIC_RECEIVED, "direction=\"received\"");
	aeg_metrics_family(metrics, &families[CLOSED]);
	aeg_series_put(collector->traffic, metrics, TRAFFIC_CLOSED, NULL);
	aeg_metrics_family(metrics, &families[DECISIONS]);
	put_totals(collector, metrics);
	aeg_metrics_family(metrics, &families[FOLDED]);
	put_folded(collector, metrics);
}
