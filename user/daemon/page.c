/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A picture for people: who talks to what, what was denied and why, is all well. Bounded: the busiest
 * pairs of workload and endpoint, the newest denials.
 */
#include "daemon/page.h"
#include "base/strmap.h"
#include "daemon/monitor.h"
#include "daemon/readiness.h"
#include "gen/page.h"
#include "gen/version.h"
#include "policy/explain.h"

#define EDGES_MAX 40

struct edge { /* what a workload did at an endpoint */
	char *ns, *workload;
	const char *endpoint;
	uint64_t decisions[AEG_VERDICT_MAX], all, sent, received;
};

struct picture {
	struct aeg_names *names;
	struct aeg_strmap by_pair; /* "ns/workload endpoint" -> index */
	AEG_VEC(struct edge) edges;
};

const char aeg_page_csp[] = AEG_PAGE_CSP;

void aeg_page_html(const struct aeg_daemon *daemon, const struct aeg_request *request,
		   struct aeg_reply *reply)
{
	reply->type = "text/html; charset=utf-8";
	aeg_buf_add(&reply->body, aeg_page, sizeof(aeg_page));
}

/* ---- edges ---- */

static struct edge *edge_of(struct picture *picture, const struct aeg_whose *whose,
			    const char *endpoint)
{
	AEG_AUTO_FREE char *pair = aeg_xasprintf("%s/%s %s", whose->ns, whose->workload, endpoint);
	struct edge *edge;
	uintptr_t i;

	if (aeg_strmap_get(&picture->by_pair, pair, &i))
		return &picture->edges.items[i];
	edge = AEG_VEC_PUSH(picture->edges);
	edge->ns = aeg_xstrdup(whose->ns);
	edge->workload = aeg_xstrdup(whose->workload);
	edge->endpoint = endpoint;
	aeg_strmap_put(&picture->by_pair, pair, picture->edges.n - 1);
	return edge;
}

static void add_row(void *arg, const struct aeg_count_key *key, const struct aeg_count *count)
{
	struct picture *picture = arg;
	const struct aeg_endpoint *endpoint =
		aeg_names_endpoint(picture->names, key->rule, key->node);
	AEG_AUTO_FREE char *label = NULL;
	struct aeg_whose whose = aeg_whose(picture->names, key->workload, &label);
	struct edge *edge;

	if (key->hook == AEG_HOOK_PROBE || key->verdict >= AEG_VERDICT_MAX ||
	    aeg_whose_is_gone(&whose))
		return;
	edge = edge_of(picture, &whose, endpoint ? endpoint->name : "");
	edge->decisions[key->verdict] += count->decisions;
	edge->all += count->decisions;
	edge->sent += count->sent;
	edge->received += count->received;
}

static int busiest_first(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->all < y->all ? 1 : -(x->all > y->all);
}

static void put_edge(struct aeg_json *json, const struct edge *edge)
{
	aeg_json_object(json, NULL);
	aeg_json_str(json, "namespace", edge->ns);
	aeg_json_str(json, "workload", edge->workload);
	aeg_json_str(json, "endpoint", edge->endpoint);
	aeg_json_u64(json, "allowed", edge->decisions[AEG_VERDICT_ALLOWED]);
	aeg_json_u64(json, "audited", edge->decisions[AEG_VERDICT_AUDITED]);
	aeg_json_u64(json, "denied", edge->decisions[AEG_VERDICT_DENIED]);
	aeg_json_u64(json, "sent", edge->sent);
	aeg_json_u64(json, "received", edge->received);
	aeg_json_object_end(json);
}

static void put_edges(struct aeg_json *json, const struct aeg_daemon *daemon)
{
	struct picture picture = {.names = &daemon->events->names};

	(void)aeg_datapath_counts(daemon->reconciler->datapath, add_row, &picture);
	if (picture.edges.n)
		qsort(picture.edges.items, picture.edges.n, sizeof(*picture.edges.items),
		      busiest_first);
	aeg_json_array(json, "edges");
	for (size_t i = 0; i < picture.edges.n && i < EDGES_MAX; i++)
		put_edge(json, &picture.edges.items[i]);
	aeg_json_array_end(json);
	aeg_json_u64(json, "edgesLeftOut",
		     picture.edges.n > EDGES_MAX ? picture.edges.n - EDGES_MAX : 0);
	for (size_t i = 0; i < picture.edges.n; i++) {
		free(picture.edges.items[i].ns);
		free(picture.edges.items[i].workload);
	}
	AEG_VEC_DONE(picture.edges);
	aeg_strmap_done(&picture.by_pair);
}

/* ---- the snapshot ---- */

static void put_health(struct aeg_json *json, const struct aeg_daemon *daemon)
{
	bool ready;

	aeg_json_array(json, "checks");
	ready = aeg_readiness(daemon, json);
	aeg_json_array_end(json);
	aeg_json_bool(json, "ready", ready);
}

/* What a reason word means, for those in the table. */
static void put_reasons(struct aeg_json *json)
{
	aeg_json_object(json, "reasons");
	for (unsigned int reason = 1; reason < AEG_REASON_MAX; reason++)
		aeg_json_str(json, aeg_reason_word(reason), aeg_reason_sentence(reason));
	aeg_json_object_end(json);
}

void aeg_page_status(const struct aeg_daemon *daemon, const struct aeg_request *request,
		     struct aeg_reply *reply)
{
	const struct aeg_reconciler *reconciler = daemon->reconciler;
	struct aeg_json json;

	aeg_json_begin(&json, &reply->body);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "node", daemon->config->node);
	aeg_json_str(&json, "version", AEG_VERSION);
	aeg_json_time(&json, "time", aeg_realtime_ns());
	aeg_json_time(&json, "startedAt", daemon->started_at_ns);
	aeg_json_u64(&json, "generation", aeg_datapath_generation(reconciler->datapath));
	aeg_json_u64(&json, "workloads",
		     reconciler->ruleset ? aeg_registry_count(reconciler->ruleset->registry) : 0);
	put_health(&json, daemon);
	put_edges(&json, daemon);
	aeg_json_array(&json, "denials");
	aeg_denials_json(aeg_monitor_collector(daemon->monitor)->denials, &json);
	aeg_json_array_end(&json);
	put_reasons(&json);
	aeg_json_object_end(&json);
}
