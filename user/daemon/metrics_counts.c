/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The exact counts: rows by (workload, node, rule, verdict, reason, hook) become sums by the labels that
 * people ask for. The totals of the whole node are never full, so that they are right whatever happens
 * to the rows.
 */
#include "daemon/metrics.h"
#include "daemon/reclaimer.h"
#include "policy/explain.h"
#include "policy/rowindex.h"

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

bool aeg_whose_is_gone(const struct aeg_whose *whose)
{
	return *whose->ns && !*whose->workload;
}

/* ---- where a row belongs ---- */

struct place { /* of one row of the kernel's, in each of the series */
	struct aeg_count_key key;
	size_t connections, refusals, traffic;
	bool left_out;
};

/* A label set costs a microsecond to write and to find; there may be 65,536 rows. */
struct aeg_places {
	AEG_VEC(struct place) list;
	struct aeg_rowindex index;
	uint64_t resets; /* of the names that they were looked up with */
	uint64_t rounds; /* of the reclaimer: rows have gone since */
};

struct aeg_places *aeg_places_new(void)
{
	return aeg_xcalloc(1, sizeof(struct aeg_places));
}

static void places_clear(struct aeg_places *places)
{
	AEG_VEC_DONE(places->list);
	aeg_rowindex_done(&places->index);
	*places = (struct aeg_places){.rounds = places->rounds};
}

void aeg_places_free(struct aeg_places *places)
{
	if (places)
		places_clear(places);
	free(places);
}

struct reader {
	struct aeg_collector *collector;
	struct aeg_names *names;
	struct aeg_buf labels, other;
};

struct row { /* with what it is called */
	const struct aeg_count_key *key;
	struct aeg_whose whose;
	const char *endpoint;
	const struct aeg_rule_names *rule;
};

static enum aeg_mode mode_of(const struct row *row)
{
	if (row->key->verdict != AEG_VERDICT_ALLOWED)
		return row->key->verdict == AEG_VERDICT_AUDITED ? AEG_MODE_AUDIT : AEG_MODE_ENFORCE;
	return row->rule->mode;
}

/* Everything begins with whose it is and where it went. */
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

static void both(struct reader *reader, const char *name, const char *value)
{
	aeg_label_add(&reader->labels, name, value);
	aeg_label_add(&reader->other, name, value);
}

static size_t place_in(struct reader *reader, struct aeg_series *series)
{
	return aeg_series_place(series, aeg_buf_text(&reader->labels),
				aeg_buf_text(&reader->other));
}

/* Denied or audited; NULL: neither. */
static struct aeg_series *refusals_of(const struct aeg_collector *collector,
				      const struct aeg_count_key *key)
{
	if (key->hook == AEG_HOOK_PROBE || key->verdict == AEG_VERDICT_ALLOWED)
		return NULL;
	return key->verdict == AEG_VERDICT_DENIED ? collector->denied : collector->audited;
}

/* What is denied at connect() never begins; what is denied by its name has sent something. */
static bool has_traffic(const struct aeg_count_key *key)
{
	return key->hook != AEG_HOOK_PROBE &&
	       (key->verdict != AEG_VERDICT_DENIED || key->hook == AEG_HOOK_HELLO);
}

/* Only the series that the row counts in: an unused label set would take somebody's room. */
static struct place find_place(struct reader *reader, const struct row *row)
{
	struct aeg_collector *collector = reader->collector;
	struct aeg_series *refusals = refusals_of(collector, row->key);
	struct place place = {.key = *row->key};

	if (row->key->hook == AEG_HOOK_CONNECT) {
		begin(reader, row);
		both(reader, "verdict", aeg_verdict_word(row->key->verdict));
		both(reader, "mode", aeg_mode_word(mode_of(row)));
		place.connections = place_in(reader, collector->connections);
	}
	if (refusals) {
		begin(reader, row);
		aeg_label_add(&reader->labels, "policy", row->rule->policy);
		aeg_label_add(&reader->other, "policy", AEG_OTHER);
		both(reader, "reason", aeg_reason_word(row->key->reason));
		place.refusals = place_in(reader, refusals);
	}
	if (has_traffic(row->key)) {
		begin(reader, row);
		place.traffic = place_in(reader, collector->traffic);
	}
	return place;
}

/* The sum of a namespace's workloads that are gone. Those who look at workloads see a former one's series
 * end; added to another, it would look as if all of it had happened just now. */
static bool is_left_out(const struct reader *reader, const struct row *row)
{
	return reader->collector->daemon->config->metrics.workload_label &&
	       aeg_whose_is_gone(&row->whose);
}

static bool same_key(const void *rows, uint32_t row, const void *key)
{
	const struct aeg_places *places = rows;

	return memcmp(&places->list.items[row].key, key, sizeof(struct aeg_count_key)) == 0;
}

static const struct place *place_of(struct reader *reader, const struct aeg_count_key *key)
{
	struct aeg_places *places = reader->collector->places;
	uint32_t hash = aeg_row_hash(key, sizeof(*key));
	uint32_t found = aeg_rowindex_find(&places->index, hash, same_key, places, key);
	AEG_AUTO_FREE char *label = NULL;
	const struct aeg_endpoint *endpoint;
	struct row row = {.key = key};

	if (found != AEG_ROW_NONE)
		return &places->list.items[found];
	endpoint = aeg_names_endpoint(reader->names, key->rule, key->node);
	row.whose = aeg_whose(reader->names, key->workload, &label);
	row.endpoint = endpoint ? endpoint->name : "";
	row.rule = aeg_names_rule(reader->names, key->rule);
	*AEG_VEC_PUSH(places->list) = is_left_out(reader, &row)
					      ? (struct place){.key = *key, .left_out = true}
					      : find_place(reader, &row);
	aeg_rowindex_add(&places->index, hash, (uint32_t)places->list.n - 1);
	return &places->list.items[places->list.n - 1];
}

/* ---- rows ---- */

static void add_traffic(struct aeg_series *traffic, size_t place, const struct aeg_count *count)
{
	uint64_t *sums = aeg_series_at(traffic, place);

	sums[TRAFFIC_SENT] += count->sent;
	sums[TRAFFIC_RECEIVED] += count->received;
	sums[TRAFFIC_CLOSED] += count->closed;
}

static void add_row(void *arg, const struct aeg_count_key *key, const struct aeg_count *count)
{
	struct reader *reader = arg;
	struct aeg_collector *collector = reader->collector;
	const struct place *place = place_of(reader, key);
	struct aeg_series *refusals = refusals_of(collector, key);

	if (place->left_out)
		return;
	if (key->hook == AEG_HOOK_CONNECT)
		aeg_series_at(collector->connections, place->connections)[0] += count->decisions;
	if (refusals)
		aeg_series_at(refusals, place->refusals)[0] += count->decisions;
	if (has_traffic(key))
		add_traffic(collector->traffic, place->traffic, count);
}

/* Series of what is gone end; the rows are looked up anew the next time. */
static void forget_gone(struct aeg_collector *collector, uint64_t rounds)
{
	aeg_series_forget(collector->connections);
	aeg_series_forget(collector->denied);
	aeg_series_forget(collector->audited);
	aeg_series_forget(collector->traffic);
	places_clear(collector->places);
	collector->places->rounds = rounds;
}

static void read_rows(struct aeg_collector *collector)
{
	struct reader reader = {
		.collector = collector,
		.names = &collector->daemon->events->names,
	};
	uint64_t rounds = aeg_reclaimer_rounds(collector->daemon->reconciler->reclaimer);

	if (collector->places->resets != reader.names->resets)
		places_clear(collector->places);
	collector->places->resets = reader.names->resets;
	aeg_series_zero(collector->connections);
	aeg_series_zero(collector->denied);
	aeg_series_zero(collector->audited);
	aeg_series_zero(collector->traffic);
	/* What cannot be read is 0: a counter that starts again, not a wrong one. */
	if (!aeg_datapath_counts(collector->daemon->reconciler->datapath, add_row, &reader) &&
	    collector->places->rounds != rounds)
		forget_gone(collector, rounds);
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
