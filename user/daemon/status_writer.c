/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A round every second: renew the own lease when it is time or says something new, ask for the leader's
 * lease or renew it, and, as the leader, bring a bounded number of statuses up to date.
 */
#include "daemon/status_writer.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/node_leases.h"
#include "daemon/node_report.h"
#include "kube/backoff.h"
#include "kube/complaint.h"
#include "kube/lease.h"
#include "kube/status.h"

#include <stdio.h>

#define COMPONENT "status"
#define LEADER_LEASE "aegress-status"
#define NODE_LABEL "aegress.dev/node"
#define LEASES "/apis/coordination.k8s.io/v1/namespaces/%s/leases"
#define ROUND_MS 1000
#define RENEW_NODE_NS (20 * 1000000000ull)
#define RENEW_LEADER_NS (10 * 1000000000ull)
#define LOOK_NS (15 * 1000000000ull) /* at another one's lease */
#define REVIEW_NS (10 * 1000000000ull)
#define TIMEOUT_MS 5000
#define PATCHES_MAX 25 /* a round */
#define ANSWER_MAX (1u << 20)

/* One call at a time to one lease. */
struct lease_call {
	struct aeg_status_writer *writer;
	struct aeg_kube_call *call; /* NULL: none is under way */
	struct aeg_buf answer;
	uint64_t sent_ns, done_ns; /* of the last one that went well; 0: none yet */
	struct aeg_backoff backoff;
	uint64_t not_before_ns; /* after a failure */
};

struct aeg_status_writer {
	const struct aeg_daemon *daemon;
	struct aeg_kube_client *client;
	char *ns, *path, *own_name;
	struct aeg_watch *timer;
	struct aeg_log_limit log;
	/* of this node */
	struct lease_call own;
	struct aeg_report report;
	char *told; /* the last report that arrived */
	bool pods_changed;
	uint64_t settled; /* reloads that the report knows of; 0: none yet */
	/* of the leader */
	struct lease_call lead;
	json_t *lease; /* as last seen; NULL: there is none, or not asked yet */
	struct aeg_lease_seen lease_seen;
	uint64_t leader_until_ns, looked_ns;
	bool lease_missing;
	struct aeg_node_leases *nodes;
	bool review;
	uint64_t reviewed_ns;
	unsigned int patches; /* under way */
	struct aeg_status_stats stats;
};

static void complain(struct aeg_status_writer *writer, const char *what, long status,
		     const char *error)
{
	AEG_AUTO_FREE char *why = aeg_kube_complaint(status, error);

	writer->stats.failed++;
	if (aeg_log_allowed(&writer->log, aeg_now_ns()))
		aeg_log(AEG_LOG_WARNING, COMPONENT, "%s: %s", what, why);
}

/* ---- calls to leases ---- */

static int on_answer(void *arg, const char *data, size_t len)
{
	struct lease_call *call = arg;

	if (call->answer.len + len > ANSWER_MAX)
		return -1;
	aeg_buf_add(&call->answer, data, len);
	return 0;
}

/* Whether there may be another one now. */
static bool is_free(const struct lease_call *call, uint64_t now)
{
	return !call->call && now >= call->not_before_ns;
}

static void ended(struct lease_call *call, bool well)
{
	uint64_t wait_ms = 0;

	call->call = NULL;
	if (well)
		aeg_backoff_reset(&call->backoff);
	else
		wait_ms = aeg_backoff_next(&call->backoff, aeg_backoff_random());
	call->not_before_ns = aeg_now_ns() + wait_ms * 1000000;
}

static void start(struct lease_call *call, const struct aeg_kube_request *request,
		  const struct aeg_kube_ops *ops)
{
	aeg_buf_done(&call->answer);
	call->sent_ns = aeg_now_ns();
	call->call = aeg_kube_call_start(call->writer->client, request, ops, call);
}

/* Takes the object. */
static void send_object(struct lease_call *call, const char *method, const char *path,
			const char *type, json_t *object, const struct aeg_kube_ops *ops)
{
	char *body = json_dumps(object, JSON_COMPACT);
	const struct aeg_kube_request request = {
		.method = method,
		.path = path,
		.body = body ? body : "{}",
		.type = type,
		.timeout_ms = TIMEOUT_MS,
	};

	start(call, &request, ops);
	free(body);
	json_decref(object);
}

/* ---- this node's own lease ---- */

static void own_done(void *arg, long status, const char *error)
{
	struct lease_call *call = arg;
	struct aeg_status_writer *writer = call->writer;

	ended(call, status / 100 == 2);
	if (status / 100 == 2) {
		call->done_ns = call->sent_ns;
		return;
	}
	free(AEG_TAKE_PTR(writer->told));
	complain(writer, "this node's lease cannot be written", status, error);
}

/* Server-side apply: makes it or changes it, whatever is there; nobody else writes it. */
static void renew_own(struct aeg_status_writer *writer, const char *text)
{
	static const struct aeg_kube_ops ops = {.data = on_answer, .done = own_done};
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s?fieldManager=aegressd&force=true",
						 writer->path, writer->own_name);
	json_t *lease = aeg_lease_object(NULL, writer->ns, writer->own_name,
					 writer->daemon->config->node, AEG_LEASE_NODE_S,
					 aeg_realtime_ns());
	json_t *metadata = json_object_get(lease, "metadata");

	json_object_set_new(metadata, "labels", json_pack("{s:s}", NODE_LABEL, "true"));
	json_object_set_new(metadata, "annotations", json_pack("{s:s}", AEG_LEASE_REPORT, text));
	send_object(&writer->own, "PATCH", path, "application/apply-patch+yaml", lease, &ops);
}

static void round_own(struct aeg_status_writer *writer, uint64_t now)
{
	AEG_AUTO_FREE char *text = NULL;
	bool due = !writer->own.done_ns || now - writer->own.done_ns >= RENEW_NODE_NS;

	if (!is_free(&writer->own, now) || !writer->settled)
		return;
	if (writer->pods_changed) {
		writer->pods_changed = false;
		aeg_node_report_pods(writer->daemon->reconciler, &writer->report);
	}
	text = aeg_report_text(&writer->report);
	if (!due && writer->told && aeg_streq(writer->told, text))
		return;
	renew_own(writer, text);
	free(writer->told);
	writer->told = AEG_TAKE_PTR(text);
}

/* ---- who leads ---- */

static bool leads(const struct aeg_status_writer *writer, uint64_t now)
{
	return now < writer->leader_until_ns;
}

static void keep_lease(struct aeg_status_writer *writer, const struct lease_call *call)
{
	json_t *lease = json_loadb(aeg_buf_text(&call->answer), call->answer.len, 0, NULL);

	json_decref(writer->lease);
	writer->lease = lease;
	writer->lease_missing = false;
	if (lease)
		aeg_lease_look(&writer->lease_seen, lease, aeg_now_ns());
}

static void forget_lease(struct aeg_status_writer *writer)
{
	json_decref(writer->lease);
	writer->lease = NULL;
	writer->looked_ns = 0;
}

static void look_done(void *arg, long status, const char *error)
{
	struct lease_call *call = arg;
	struct aeg_status_writer *writer = call->writer;

	ended(call, status / 100 == 2 || status == 404);
	writer->lease_missing = status == 404;
	if (status / 100 == 2)
		keep_lease(writer, call);
	else if (status != 404)
		complain(writer, "the leader's lease cannot be read", status, error);
}

/* 409: another node was faster. */
static void take_done(void *arg, long status, const char *error)
{
	struct lease_call *call = arg;
	struct aeg_status_writer *writer = call->writer;

	ended(call, status / 100 == 2);
	if (status / 100 != 2) {
		forget_lease(writer);
		if (status != 409)
			complain(writer, "the leader's lease cannot be taken", status, error);
		return;
	}
	if (!leads(writer, aeg_now_ns()))
		aeg_log(AEG_LOG_INFO, COMPONENT, "this node writes the status of policies now");
	call->done_ns = call->sent_ns;
	/* from when it was asked for, and less than others wait: two never write */
	writer->leader_until_ns = call->sent_ns + (AEG_LEASE_LEADER_S - 5) * 1000000000ull;
	keep_lease(writer, call);
}

static void look(struct aeg_status_writer *writer)
{
	static const struct aeg_kube_ops ops = {.data = on_answer, .done = look_done};
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/" LEADER_LEASE, writer->path);
	const struct aeg_kube_request request = {
		.method = "GET", .path = path, .timeout_ms = TIMEOUT_MS};

	start(&writer->lead, &request, &ops);
}

static void take(struct aeg_status_writer *writer)
{
	static const struct aeg_kube_ops ops = {.data = on_answer, .done = take_done};
	AEG_AUTO_FREE char *path =
		aeg_xasprintf("%s%s", writer->path, writer->lease ? "/" LEADER_LEASE : "");
	json_t *lease = aeg_lease_object(writer->lease, writer->ns, LEADER_LEASE,
					 writer->daemon->config->node, AEG_LEASE_LEADER_S,
					 aeg_realtime_ns());

	send_object(&writer->lead, writer->lease ? "PUT" : "POST", path, "application/json", lease,
		    &ops);
}

static void round_lead(struct aeg_status_writer *writer, uint64_t now)
{
	const char *self = writer->daemon->config->node;

	if (!is_free(&writer->lead, now))
		return;
	if (leads(writer, now) && now - writer->lead.done_ns < RENEW_LEADER_NS)
		return;
	if (writer->lease_missing ||
	    (writer->lease && aeg_lease_mine(&writer->lease_seen, writer->lease, self, now))) {
		writer->lease_missing = false;
		take(writer);
	} else if (!writer->looked_ns || now - writer->looked_ns >= LOOK_NS) {
		writer->looked_ns = now;
		look(writer);
	}
}

/* ---- what the nodes say, for the leader ---- */

static void nodes_changed(void *arg)
{
	((struct aeg_status_writer *)arg)->review = true;
}

static void nodes_failed(void *arg, const char *why)
{
	complain(arg, "the nodes' leases cannot be followed", 0, why);
}

static void follow_nodes(struct aeg_status_writer *writer)
{
	static const struct aeg_node_leases_ops ops = {nodes_changed, nodes_failed};
	int err = aeg_node_leases_open(writer->client, writer->daemon->loop, writer->path,
				       writer->own_name, &ops, writer, &writer->nodes);

	if (err)
		complain(writer, "the nodes' leases cannot be followed", 0, strerror(-err));
}

static void step_down(struct aeg_status_writer *writer)
{
	aeg_log(AEG_LOG_INFO, COMPONENT, "this node no longer writes the status of policies");
	aeg_node_leases_close(AEG_TAKE_PTR(writer->nodes));
}

/* ---- writing ---- */

static void patch_done(void *arg, long status, const char *error)
{
	struct aeg_status_writer *writer = arg;

	writer->patches--;
	if (status / 100 == 2)
		writer->stats.written++;
	else if (status != 404) /* it was deleted meanwhile */
		complain(writer, "a status cannot be written", status, error);
}

static char *status_path(const struct aeg_kube_document *document)
{
	static const char group[] = "/apis/aegress.dev/v1alpha1";

	if (aeg_streq(document->kind, "AIEgressPolicy"))
		return aeg_xasprintf("%s/namespaces/%s/aiegresspolicies/%s/status", group,
				     document->ns, document->name);
	return aeg_xasprintf("%s/%s/%s/status", group,
			     aeg_streq(document->kind, "AIEndpoint") ? "aiendpoints"
								     : "clusteraiegresspolicies",
			     document->name);
}

static void send_patch(struct aeg_status_writer *writer, const struct aeg_kube_document *document,
		       json_t *patch)
{
	static const struct aeg_kube_ops ops = {.done = patch_done};
	AEG_AUTO_FREE char *path = status_path(document);
	char *body = json_dumps(patch, JSON_COMPACT);
	const struct aeg_kube_request request = {
		.method = "PATCH",
		.path = path,
		.body = body ? body : "{}",
		.type = "application/merge-patch+json",
		.timeout_ms = TIMEOUT_MS,
	};

	writer->patches++;
	aeg_kube_call_start(writer->client, &request, &ops, writer);
	free(body);
}

static void review_one(void *arg, const struct aeg_cluster_document *document)
{
	struct aeg_status_writer *writer = arg;
	struct aeg_status status = {.generation = document->document.generation};
	json_t *patch;

	if (document->state == AEG_DOCUMENT_UNJUDGED)
		return; /* the reload that judges it makes another review */
	if (document->state == AEG_DOCUMENT_REFUSED)
		status.refused = document->why;
	else if (document->state == AEG_DOCUMENT_FAILED)
		status.failed = document->why;
	if (writer->patches >= PATCHES_MAX) {
		writer->review = true; /* the rest in the next round */
		return;
	}
	if (!aeg_streq(document->document.kind, "AIEndpoint"))
		aeg_node_leases_sum(writer->nodes, &writer->report, document, &status);
	patch = aeg_status_patch(&status, document->document.status, aeg_realtime_ns());
	if (patch)
		send_patch(writer, &document->document, patch);
	json_decref(patch);
}

/* Of a node that is no more. One that comes back makes its lease anew. */
static void forget_one(void *arg, const char *name)
{
	static const struct aeg_kube_ops ops = {.done = patch_done};
	struct aeg_status_writer *writer = arg;
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s", writer->path, name);
	const struct aeg_kube_request request = {
		.method = "DELETE", .path = path, .timeout_ms = TIMEOUT_MS};

	if (writer->patches >= PATCHES_MAX)
		return;
	writer->patches++;
	aeg_kube_call_start(writer->client, &request, &ops, writer);
}

static void round_review(struct aeg_status_writer *writer, uint64_t now)
{
	if (!writer->nodes)
		follow_nodes(writer);
	if (!writer->nodes || !aeg_node_leases_synced(writer->nodes) || writer->patches ||
	    !writer->settled)
		return;
	if (!writer->review && now - writer->reviewed_ns < REVIEW_NS)
		return;
	writer->review = false;
	writer->reviewed_ns = now;
	aeg_cluster_documents(writer->daemon->reconciler->cluster, review_one, writer);
	aeg_node_leases_stale(writer->nodes, forget_one, writer);
}

/* ---- rounds ---- */

static void look_at_reloads(struct aeg_status_writer *writer)
{
	const struct aeg_cluster *cluster = writer->daemon->reconciler->cluster;

	if (writer->settled == aeg_cluster_settled(cluster))
		return;
	writer->settled = aeg_cluster_settled(cluster);
	aeg_node_report_documents(cluster, &writer->report);
	writer->pods_changed = writer->review = true;
}

static void on_round(void *arg)
{
	struct aeg_status_writer *writer = arg;
	uint64_t now = aeg_now_ns();

	aeg_timer_arm(writer->timer, ROUND_MS);
	look_at_reloads(writer);
	round_own(writer, now);
	round_lead(writer, now);
	if (leads(writer, now))
		round_review(writer, now);
	else if (writer->nodes)
		step_down(writer);
}

void aeg_status_writer_pods_changed(struct aeg_status_writer *writer)
{
	if (writer)
		writer->pods_changed = true;
}

struct aeg_status_stats aeg_status_writer_stats(const struct aeg_status_writer *writer)
{
	struct aeg_status_stats stats = {0};

	if (!writer)
		return stats;
	stats = writer->stats;
	stats.leader = leads(writer, aeg_now_ns());
	stats.nodes = aeg_node_leases_count(writer->nodes);
	return stats;
}

/* ---- life ---- */

/* NULL: it is not said anywhere. Caller frees. */
static char *own_namespace(const struct aeg_config *config)
{
	char *text = NULL;
	size_t len;

	if (config->kube.ns)
		return aeg_xstrdup(config->kube.ns);
	if (aeg_file_read(AEG_KUBE_ACCOUNT_DIR "/namespace", 256, &text, &len) < 0)
		return NULL;
	text[strcspn(text, " \r\n")] = '\0';
	return text;
}

int aeg_status_writer_open(const struct aeg_daemon *daemon, struct aeg_status_writer **ret)
{
	char *ns = own_namespace(daemon->config);
	struct aeg_status_writer *writer;
	int err;

	if (!ns) {
		aeg_log(AEG_LOG_INFO, COMPONENT,
			"kubernetes.namespace is not set: this node takes no part in writing status");
		return 0;
	}
	writer = aeg_xcalloc(1, sizeof(*writer));
	writer->daemon = daemon;
	writer->client = aeg_cluster_client(daemon->reconciler->cluster);
	writer->ns = ns;
	writer->path = aeg_xasprintf(LEASES, ns);
	writer->own_name = aeg_xasprintf("aegress-node-%s", daemon->config->node);
	writer->own.writer = writer->lead.writer = writer;
	writer->log = (struct aeg_log_limit){.burst = 4, .seconds = 60};
	err = aeg_loop_timer(daemon->loop, on_round, writer, &writer->timer);
	if (err) {
		aeg_status_writer_close(writer);
		return err;
	}
	aeg_timer_arm(writer->timer, ROUND_MS);
	*ret = writer;
	return 0;
}

void aeg_status_writer_close(struct aeg_status_writer *writer)
{
	if (!writer)
		return;
	aeg_kube_call_cancel(writer->own.call);
	aeg_kube_call_cancel(writer->lead.call);
	aeg_buf_done(&writer->own.answer);
	aeg_buf_done(&writer->lead.answer);
	aeg_node_leases_close(writer->nodes);
	aeg_watch_remove(writer->timer);
	aeg_report_done(&writer->report);
	json_decref(writer->lease);
	free(writer->lease_seen.version);
	free(writer->told);
	free(writer->ns);
	free(writer->path);
	free(writer->own_name);
	free(writer);
}
