/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Elastic Common Schema, https://www.elastic.co/docs/reference/ecs. What it has no field for stands
 * under `aegress`, as custom fields should. */
#include "observe/export.h"

#define ECS_VERSION "8.17.0"

static void put_list(struct aeg_json *json, const char *key, const char *first, const char *second)
{
	aeg_json_array(json, key);
	aeg_json_str(json, NULL, first);
	aeg_json_str(json, NULL, second);
	aeg_json_array_end(json);
}

/* As in ECS's example of a firewall: a denial that was carried out is a success. */
static void put_flow_event(struct aeg_json *json, const json_t *record)
{
	const char *verdict = aeg_value_str(record, "verdict");
	bool denied = aeg_streq(verdict, "denied");

	put_list(json, "category", "network", NULL);
	put_list(json, "type", "connection", denied ? "denied" : "allowed");
	aeg_json_str(json, "action",
		     denied			     ? "connection-denied"
		     : aeg_streq(verdict, "audited") ? "connection-audited"
						     : "connection-allowed");
	aeg_json_str(json, "outcome", "success");
	aeg_export_str(json, "reason", record, "reason");
	aeg_export_str(json, "start", record, "firstSeen");
	aeg_export_str(json, "end", record, "lastSeen");
}

static void put_life_event(struct aeg_json *json, const json_t *record)
{
	static const struct {
		const char *event, *category, *type, *outcome;
	} events[] = {
		{"policy", "configuration", "change", "success"},
		{"policy-refused", "configuration", "change", "failure"},
		{"quarantine", "configuration", "change", "success"},
		{"release", "configuration", "change", "success"},
		{"start", "process", "start", "success"},
		{"stop", "process", "end", "success"},
		{NULL, "host", "info", "unknown"},
	};
	const char *event = aeg_value_str(record, "event");
	size_t i = 0;

	while (events[i].event && !aeg_streq(events[i].event, event))
		i++;
	put_list(json, "category", events[i].category, NULL);
	put_list(json, "type", events[i].type, NULL);
	aeg_json_str(json, "action", event);
	aeg_json_str(json, "outcome", events[i].outcome);
	aeg_export_str(json, "reason", record,
		       *aeg_value_str(record, "error") ? "error" : "reason");
}

static void put_event(struct aeg_json *json, const json_t *record)
{
	aeg_json_object(json, "event");
	aeg_json_str(json, "kind", "event");
	aeg_json_str(json, "module", "aegress");
	aeg_json_str(json, "dataset", "aegress.audit");
	aeg_json_str(json, "provider", AEG_EXPORT_PRODUCT);
	if (aeg_export_is_flow(record))
		put_flow_event(json, record);
	else
		put_life_event(json, record);
	aeg_export_str(json, "id", record, "audit.hash");
	aeg_export_u64(json, "sequence", record, "audit.n");
	aeg_json_object_end(json);
}

static void put_source(struct aeg_json *json, const json_t *record)
{
	if (!*aeg_value_str(record, "source.ip"))
		return;
	aeg_json_object(json, "source");
	aeg_export_str(json, "address", record, "source.ip");
	aeg_export_str(json, "ip", record, "source.ip");
	aeg_export_u64(json, "port", record, "source.port");
	aeg_export_u64(json, "bytes", record, "bytes.sent");
	aeg_json_object_end(json);
}

static void put_destination(struct aeg_json *json, const json_t *record)
{
	const char *name = aeg_value_str(record, "destination.name");

	aeg_json_object(json, "destination");
	aeg_export_str(json, "address", record, *name ? "destination.name" : "destination.ip");
	aeg_export_str(json, "domain", record, "destination.name");
	aeg_export_str(json, "ip", record, "destination.ip");
	aeg_export_u64(json, "port", record, "destination.port");
	aeg_export_u64(json, "bytes", record, "bytes.received");
	aeg_json_object_end(json);
}

static void put_network(struct aeg_json *json, const json_t *record)
{
	const char *ip = aeg_value_str(record, "destination.ip"), *protocol;
	AEG_AUTO_FREE char *number =
		aeg_xasprintf("%llu", (unsigned long long)aeg_export_protocol(record));

	protocol = aeg_value_str(record, "protocol");
	aeg_json_object(json, "network");
	aeg_json_str(json, "direction", "egress");
	aeg_json_str(json, "type", strchr(ip, ':') ? "ipv6" : "ipv4");
	aeg_json_str(json, "iana_number", number);
	if (*protocol && !(*protocol >= '0' && *protocol <= '9'))
		aeg_json_str(json, "transport", protocol);
	aeg_json_object_end(json);
}

static void put_process(struct aeg_json *json, const json_t *record)
{
	if (!aeg_value_u64(record, "process.pid"))
		return;
	aeg_json_object(json, "process");
	aeg_export_u64(json, "pid", record, "process.pid");
	aeg_export_str(json, "name", record, "process.comm");
	aeg_json_object_end(json);
}

static void put_orchestrator(struct aeg_json *json, const json_t *record)
{
	if (!*aeg_value_str(record, "workload.name"))
		return;
	aeg_json_object(json, "orchestrator");
	aeg_json_str(json, "type", "kubernetes");
	aeg_export_str(json, "namespace", record, "workload.namespace");
	aeg_json_object(json, "resource");
	aeg_json_str(json, "type", "pod");
	aeg_export_str(json, "name", record, "workload.name");
	aeg_export_str(json, "id", record, "workload.uid");
	aeg_json_object_end(json);
	aeg_json_object_end(json);
}

static void put_rule(struct aeg_json *json, const json_t *record)
{
	if (!*aeg_value_str(record, "policy"))
		return;
	aeg_json_object(json, "rule");
	aeg_export_str(json, "ruleset", record, "policy");
	aeg_export_str(json, "name", record, "rule");
	aeg_json_object_end(json);
}

static void put_tls(struct aeg_json *json, const json_t *record)
{
	if (!aeg_streq(aeg_value_str(record, "hook"), "hello") ||
	    !*aeg_value_str(record, "destination.name"))
		return;
	aeg_json_object(json, "tls");
	aeg_json_object(json, "client");
	aeg_export_str(json, "server_name", record, "destination.name");
	aeg_json_object_end(json);
	aeg_json_object_end(json);
}

static void put_flow(struct aeg_json *json, const json_t *record)
{
	put_source(json, record);
	put_destination(json, record);
	put_network(json, record);
	put_process(json, record);
	put_orchestrator(json, record);
	put_rule(json, record);
	put_tls(json, record);
}

/* What was done to the policy, and of an emergency stop until when. */
static void put_change(struct aeg_json *json, const json_t *record)
{
	AEG_AUTO_FREE char *changes = aeg_export_changes(record);

	aeg_export_u64(json, "until", record, "until");
	aeg_export_u64(json, "documents", record, "documents");
	aeg_export_str(json, "digest", record, "digest");
	if (changes)
		aeg_json_raw(json, "changes", changes);
	aeg_export_u64(json, "more_changes", record, "moreChanges");
	aeg_export_str(json, "file", record, "file");
}

static void put_own(struct aeg_json *json, const json_t *record)
{
	aeg_json_object(json, "aegress");
	aeg_export_str(json, "endpoint", record, "destination.endpoint");
	aeg_export_str(json, "class", record, "destination.class");
	aeg_export_str(json, "pattern", record, "destination.pattern");
	aeg_export_str(json, "service_account", record, "workload.serviceAccount");
	aeg_export_str(json, "hook", record, "hook");
	aeg_export_str(json, "mode", record, "mode");
	aeg_export_u64(json, "generation", record, "generation");
	aeg_export_u64(json, "count", record, "count");
	aeg_export_u64(json, "lost", record, "lost");
	put_change(json, record);
	aeg_json_object_end(json);
}

static void put_named(struct aeg_json *json, const char *object, const char *key,
		      const json_t *record, const char *path)
{
	if (!*aeg_value_str(record, path))
		return;
	aeg_json_object(json, object);
	aeg_export_str(json, key, record, path);
	aeg_json_object_end(json);
}

static void put_fixed(struct aeg_json *json)
{
	aeg_json_object(json, "ecs");
	aeg_json_str(json, "version", ECS_VERSION);
	aeg_json_object_end(json);
	aeg_json_object(json, "observer");
	aeg_json_str(json, "vendor", AEG_EXPORT_VENDOR);
	aeg_json_str(json, "product", AEG_EXPORT_PRODUCT);
	aeg_json_str(json, "type", "firewall");
	aeg_json_object_end(json);
}

/* Whose wish a change was. */
static void put_user(struct aeg_json *json, const json_t *record)
{
	AEG_AUTO_FREE char *uid =
		aeg_xasprintf("%llu", (unsigned long long)aeg_value_u64(record, "by.uid"));

	if (!aeg_value_u64(record, "by.pid"))
		return;
	aeg_json_object(json, "user");
	aeg_json_str(json, "id", uid);
	aeg_json_object_end(json);
}

void aeg_export_ecs(const json_t *record, struct aeg_buf *ret)
{
	AEG_AUTO_FREE char *message = aeg_export_message(record);
	struct aeg_json json;

	aeg_json_begin(&json, ret);
	aeg_json_object(&json, NULL);
	aeg_export_str(&json, "@timestamp", record, "time");
	aeg_json_str(&json, "message", message);
	put_fixed(&json);
	put_event(&json, record);
	put_named(&json, "host", "name", record, "node");
	if (aeg_export_is_flow(record))
		put_flow(&json, record);
	else
		put_orchestrator(&json, record);
	put_user(&json, record);
	put_own(&json, record);
	aeg_json_object_end(&json);
}
