/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* An Event is made once; while the denials go on it gets a series, as events.k8s.io/v1 has it. */
#include "daemon/pod_events.h"
#include "base/json.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "kube/complaint.h"
#include "kube/notices.h"

#include <stdio.h>

#define COMPONENT "pod-events"
#define EVENTS_PATH "/apis/events.k8s.io/v1/namespaces/%s/events"
#define CALLS_MAX 8 /* under way at once; a node under attack must not flood the API server */
#define TIMEOUT_MS 10000
#define NAME_MAX_LEN 200 /* of a pod's name within an Event's, which may have 253 bytes */
#define NOTE_MAX 1024	 /* bytes, says the API */
#define MICROS "%.26sZ"	 /* of aeg_time_format()'s text */

struct sending { /* a call that is under way, and what it is about */
	struct aeg_pod_events *pod_events;
	char *uid, *endpoint; /* NULL: free */
};

struct aeg_pod_events {
	const struct aeg_daemon *daemon;
	struct aeg_notices *notices;
	struct sending sendings[CALLS_MAX];
	struct aeg_pod_event_stats stats;
	struct aeg_log_limit log;
};

static void sending_done(struct sending *sending)
{
	free(AEG_TAKE_PTR(sending->uid));
	free(AEG_TAKE_PTR(sending->endpoint));
}

static void failed(struct aeg_pod_events *pod_events, long status, const char *error)
{
	AEG_AUTO_FREE char *why = aeg_kube_complaint(status, error);

	pod_events->stats.failed++;
	if (aeg_log_allowed(&pod_events->log, aeg_now_ns()))
		aeg_log(AEG_LOG_WARNING, COMPONENT, "an Event cannot be written: %s", why);
}

/* An Event lives for an hour; of one that the server has forgotten no series can go on. */
static void on_done(void *arg, long status, const char *error)
{
	struct sending *sending = arg;
	struct aeg_pod_events *pod_events = sending->pod_events;

	if (status / 100 == 2)
		pod_events->stats.sent++;
	else
		aeg_notices_forget(pod_events->notices, sending->uid, sending->endpoint);
	if (status / 100 != 2 && status != 404)
		failed(pod_events, status, error);
	sending_done(sending);
}

/* NULL: too many are under way. */
static struct sending *find_free(struct aeg_pod_events *pod_events)
{
	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (!pod_events->sendings[i].uid)
			return &pod_events->sendings[i];
	}
	return NULL;
}

static void send_call(struct sending *sending, const char *method, const char *path,
		      const char *type, const char *body)
{
	static const struct aeg_kube_ops ops = {.done = on_done};
	const struct aeg_kube_request request = {
		.method = method,
		.path = path,
		.body = body,
		.type = type,
		.timeout_ms = TIMEOUT_MS,
	};

	aeg_kube_call_start(aeg_cluster_client(sending->pod_events->daemon->reconciler->cluster),
			    &request, &ops, sending);
}

static void put_micros(struct aeg_json *json, const char *key, uint64_t ns)
{
	char text[AEG_TIME_TEXT], micros[AEG_TIME_TEXT + 1];

	aeg_time_format(ns, text);
	snprintf(micros, sizeof(micros), MICROS, text);
	aeg_json_str(json, key, micros);
}

/* "connect() to test-upload (203.0.113.20:443) was denied: no-rule; policy ml/chat" */
static void put_note(struct aeg_json *json, const struct aeg_flow *flow)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf note = {0};
	char text[AEG_ADDR_TEXT];
	struct aeg_addr addr;

	memcpy(addr.bytes, flow->event.daddr, sizeof(addr.bytes));
	aeg_addr_format(&addr, text);
	aeg_buf_printf(&note, "%s to %s", aeg_hook_word(flow->event.hook),
		       flow->endpoint ? flow->endpoint : "a destination that no endpoint covers");
	aeg_buf_printf(&note, " (%s%s%s port %u) was denied: %s", flow->name ? flow->name : "",
		       flow->name ? ", " : "", text, flow->event.dport,
		       aeg_flow_reason_word(flow->event.decision.reason));
	if (flow->policy)
		aeg_buf_printf(&note, "; policy %s", flow->policy);
	if (note.len < NOTE_MAX)
		aeg_json_str(json, "note", aeg_buf_text(&note));
}

static void put_pod(struct aeg_json *json, const struct aeg_flow *flow)
{
	aeg_json_object(json, "regarding");
	aeg_json_str(json, "apiVersion", "v1");
	aeg_json_str(json, "kind", "Pod");
	aeg_json_str(json, "namespace", flow->ns);
	aeg_json_str(json, "name", flow->workload);
	aeg_json_str(json, "uid", flow->uid);
	aeg_json_object_end(json);
}

static void put_policy(struct aeg_json *json, const struct aeg_flow *flow)
{
	const char *slash = flow->policy ? strchr(flow->policy, '/') : NULL;
	AEG_AUTO_FREE char *ns = slash ? aeg_xstrndup(flow->policy, (size_t)(slash - flow->policy))
				       : NULL;

	if (!flow->policy)
		return;
	aeg_json_object(json, "related");
	aeg_json_str(json, "apiVersion", "aegress.dev/v1alpha1");
	aeg_json_str(json, "kind", slash ? "AIEgressPolicy" : "ClusterAIEgressPolicy");
	aeg_json_str(json, "namespace", ns);
	aeg_json_str(json, "name", slash ? slash + 1 : flow->policy);
	aeg_json_object_end(json);
}

static void put_event(struct aeg_json *json, const struct aeg_flow *flow, const char *name)
{
	aeg_json_object(json, NULL);
	aeg_json_str(json, "apiVersion", "events.k8s.io/v1");
	aeg_json_str(json, "kind", "Event");
	aeg_json_object(json, "metadata");
	aeg_json_str(json, "name", name);
	aeg_json_str(json, "namespace", flow->ns);
	aeg_json_object_end(json);
	put_micros(json, "eventTime", flow->time_ns);
	aeg_json_str(json, "reportingController", "aegress.dev/aegressd");
	aeg_json_str(json, "reportingInstance", flow->node);
	aeg_json_str(json, "action", "Deny");
	aeg_json_str(json, "reason", "EgressDenied");
	aeg_json_str(json, "type", "Warning");
	put_pod(json, flow);
	put_policy(json, flow);
	put_note(json, flow);
	aeg_json_object_end(json);
}

static void create(struct sending *sending, const struct aeg_flow *flow, struct aeg_notice *notice)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf(EVENTS_PATH, flow->ns);
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf body = {0};
	struct aeg_json json;

	notice->event = aeg_xasprintf("%.*s.%llx", NAME_MAX_LEN, flow->workload,
				      (unsigned long long)aeg_realtime_ns());
	aeg_json_begin(&json, &body);
	put_event(&json, flow, notice->event);
	send_call(sending, "POST", path, "application/json", aeg_buf_text(&body));
}

static void repeat(struct sending *sending, const struct aeg_flow *flow,
		   const struct aeg_notice *notice)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf(EVENTS_PATH "/%s", flow->ns, notice->event);
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf body = {0};
	struct aeg_json json;

	aeg_json_begin(&json, &body);
	aeg_json_object(&json, NULL);
	aeg_json_object(&json, "series");
	aeg_json_u64(&json, "count", notice->count);
	put_micros(&json, "lastObservedTime", flow->time_ns);
	aeg_json_object_end(&json);
	aeg_json_object_end(&json);
	send_call(sending, "PATCH", path, "application/merge-patch+json", aeg_buf_text(&body));
}

static bool is_of_pod(const struct aeg_flow *flow)
{
	return flow->event.type == AEG_EVENT_DENY &&
	       flow->event.decision.verdict == AEG_VERDICT_DENIED && flow->uid && flow->ns &&
	       flow->workload;
}

static void on_record(void *arg, const struct aeg_flow *flow)
{
	struct aeg_pod_events *pod_events = arg;
	uint64_t now = aeg_now_ns();
	const char *endpoint = flow->endpoint ? flow->endpoint : "";
	struct sending *sending = find_free(pod_events);
	struct aeg_notice *notice;
	enum aeg_notice_act act;

	if (flow->lost || !is_of_pod(flow))
		return;
	act = aeg_notices_seen(pod_events->notices, flow->uid, endpoint,
			       flow->count ? flow->count : 1, now, &notice);
	if (act == AEG_NOTICE_KEEP || !sending) {
		pod_events->stats.suppressed++;
		return;
	}
	*sending = (struct sending){pod_events, aeg_xstrdup(flow->uid), aeg_xstrdup(endpoint)};
	if (act == AEG_NOTICE_CREATE)
		create(sending, flow, notice);
	else
		repeat(sending, flow, notice);
	aeg_notice_told(notice, now);
}

void aeg_pod_events_open(const struct aeg_daemon *daemon, struct aeg_pod_events **ret)
{
	struct aeg_pod_events *pod_events = aeg_xcalloc(1, sizeof(*pod_events));
	const struct aeg_observer observer = {.record = on_record, .arg = pod_events};

	pod_events->daemon = daemon;
	pod_events->notices = aeg_notices_new();
	pod_events->log = (struct aeg_log_limit){.burst = 1, .seconds = 60};
	aeg_events_observe(daemon->events, &observer);
	*ret = pod_events;
}

void aeg_pod_events_close(struct aeg_pod_events *pod_events)
{
	if (!pod_events)
		return;
	for (size_t i = 0; i < CALLS_MAX; i++)
		sending_done(&pod_events->sendings[i]);
	aeg_notices_free(pod_events->notices);
	free(pod_events);
}

struct aeg_pod_event_stats aeg_pod_events_stats(const struct aeg_pod_events *pod_events)
{
	return pod_events ? pod_events->stats : (struct aeg_pod_event_stats){0};
}
