/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * OCSF 1.3.0, https://schema.ocsf.io: connections are Network Activity (4001) with the profiles
 * security_control and host, the daemon's start and stop Application Lifecycle (6002), all else the
 * base event (0). What the schema has no attribute for stands in `unmapped`.
 */
#include "gen/version.h"
#include "observe/export.h"

#define OCSF_VERSION "1.3.0"

struct class
{
	const char *name, *category;
	unsigned int uid, category_uid;
};
static const struct class network = {"Network Activity", "Network Activity", 4001, 4};
static const struct class lifecycle = {"Application Lifecycle", "Application Activity", 6002, 6};
static const struct class base = {"Base Event", "Uncategorized", 0, 0};

struct meaning { /* of one record */
	const struct class *class;
	const char *activity, *severity, *status;
	unsigned int activity_id, severity_id, status_id;
	const char *action, *disposition; /* network only */
	unsigned int action_id, disposition_id;
};

#define INFORMATIONAL .severity = "Informational", .severity_id = 1
#define MEDIUM .severity = "Medium", .severity_id = 3
#define SUCCESS .status = "Success", .status_id = 1
#define FAILURE .status = "Failure", .status_id = 2
#define OPEN .class = &network, .activity = "Open", .activity_id = 1
#define OTHER .class = &base, .activity = "Other", .activity_id = 99

static const struct meaning denied = {.class = &network,
				      .activity = "Refuse",
				      .activity_id = 5,
				      MEDIUM,
				      FAILURE,
				      .action = "Denied",
				      .action_id = 2,
				      .disposition = "Blocked",
				      .disposition_id = 2};
/* Let through, on record only. */
static const struct meaning audited = {
	OPEN,		.severity = "Low",	 .severity_id = 2,    SUCCESS, .action = "Allowed",
	.action_id = 1, .disposition = "Logged", .disposition_id = 17};
static const struct meaning allowed = {OPEN,
				       INFORMATIONAL,
				       SUCCESS,
				       .action = "Allowed",
				       .action_id = 1,
				       .disposition = "Allowed",
				       .disposition_id = 1};
static const struct meaning started = {
	.class = &lifecycle, .activity = "Start", .activity_id = 3, INFORMATIONAL, SUCCESS};
static const struct meaning stopped = {
	.class = &lifecycle, .activity = "Stop", .activity_id = 4, INFORMATIONAL, SUCCESS};
static const struct meaning refused = {OTHER, MEDIUM, FAILURE};
static const struct meaning lost = {OTHER, MEDIUM, SUCCESS};
static const struct meaning quarantined = {OTHER, MEDIUM, SUCCESS};
static const struct meaning other = {OTHER, INFORMATIONAL, SUCCESS};

static const struct meaning *meaning_of(const json_t *record)
{
	static const struct {
		const char *key, *word;
		const struct meaning *meaning;
	} table[] = {
		{"verdict", "denied", &denied},	  {"verdict", "audited", &audited},
		{"verdict", "allowed", &allowed}, {"event", "start", &started},
		{"event", "stop", &stopped},	  {"event", "policy-refused", &refused},
		{"event", "lost", &lost},	  {"event", "quarantine", &quarantined},
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(table); i++) {
		if (aeg_streq(aeg_value_str(record, table[i].key), table[i].word))
			return table[i].meaning;
	}
	return &other;
}

static void put_meaning(struct aeg_json *json, const struct meaning *meaning)
{
	aeg_json_str(json, "class_name", meaning->class->name);
	aeg_json_u64(json, "class_uid", meaning->class->uid);
	aeg_json_str(json, "category_name", meaning->class->category);
	aeg_json_u64(json, "category_uid", meaning->class->category_uid);
	aeg_json_str(json, "activity_name", meaning->activity);
	aeg_json_u64(json, "activity_id", meaning->activity_id);
	aeg_json_u64(json, "type_uid", 100ull * meaning->class->uid + meaning->activity_id);
	aeg_json_str(json, "severity", meaning->severity);
	aeg_json_u64(json, "severity_id", meaning->severity_id);
	aeg_json_str(json, "status", meaning->status);
	aeg_json_u64(json, "status_id", meaning->status_id);
	if (!meaning->action)
		return;
	aeg_json_str(json, "action", meaning->action);
	aeg_json_u64(json, "action_id", meaning->action_id);
	aeg_json_str(json, "disposition", meaning->disposition);
	aeg_json_u64(json, "disposition_id", meaning->disposition_id);
}

static void put_product(struct aeg_json *json, const char *key)
{
	aeg_json_object(json, key);
	aeg_json_str(json, "name", AEG_EXPORT_PRODUCT);
	aeg_json_str(json, "vendor_name", AEG_EXPORT_VENDOR);
	aeg_json_str(json, "version", AEG_VERSION);
	aeg_json_object_end(json);
}

static void put_metadata(struct aeg_json *json, const json_t *record, bool flow)
{
	aeg_json_object(json, "metadata");
	aeg_json_str(json, "version", OCSF_VERSION);
	put_product(json, "product");
	if (flow) {
		aeg_json_array(json, "profiles");
		aeg_json_str(json, NULL, "security_control");
		aeg_json_str(json, NULL, "host");
		aeg_json_array_end(json);
	}
	aeg_export_str(json, "uid", record, "audit.hash");
	aeg_export_u64(json, "sequence", record, "audit.n");
	aeg_export_str(json, "log_name", record, "schema");
	aeg_export_str(json, "original_time", record, "time");
	aeg_json_object_end(json);
}

static void put_source(struct aeg_json *json, const json_t *record)
{
	AEG_AUTO_FREE char *workload = aeg_export_workload(record);

	aeg_json_object(json, "src_endpoint");
	aeg_export_str(json, "ip", record, "source.ip");
	aeg_export_u64(json, "port", record, "source.port");
	aeg_json_str(json, "name", *workload ? workload : NULL);
	aeg_export_str(json, "uid", record, "workload.uid");
	aeg_json_object_end(json);
}

static void put_destination(struct aeg_json *json, const json_t *record)
{
	aeg_json_object(json, "dst_endpoint");
	aeg_export_str(json, "hostname", record, "destination.name");
	aeg_export_str(json, "ip", record, "destination.ip");
	aeg_export_u64(json, "port", record, "destination.port");
	aeg_export_str(json, "svc_name", record, "destination.endpoint");
	aeg_json_object_end(json);
}

static void put_connection(struct aeg_json *json, const json_t *record)
{
	bool v6 = strchr(aeg_value_str(record, "destination.ip"), ':') != NULL;
	uint64_t protocol = aeg_export_protocol(record), cookie = aeg_value_u64(record, "cookie");
	AEG_AUTO_FREE char *uid = aeg_xasprintf("%llu", (unsigned long long)cookie);

	aeg_json_object(json, "connection_info");
	aeg_json_str(json, "uid", cookie ? uid : NULL);
	aeg_json_str(json, "direction", "Outbound");
	aeg_json_u64(json, "direction_id", 2);
	aeg_export_str(json, "protocol_name", record, "protocol");
	if (protocol)
		aeg_json_u64(json, "protocol_num", protocol);
	aeg_json_str(json, "protocol_ver",
		     v6 ? "Internet Protocol version 6 (IPv6)"
			: "Internet Protocol version 4 (IPv4)");
	aeg_json_u64(json, "protocol_ver_id", v6 ? 6 : 4);
	aeg_json_object_end(json);
}

static void put_actor(struct aeg_json *json, const json_t *record)
{
	if (!aeg_value_u64(record, "process.pid"))
		return;
	aeg_json_object(json, "actor");
	aeg_json_object(json, "process");
	aeg_export_str(json, "name", record, "process.comm");
	aeg_export_u64(json, "pid", record, "process.pid");
	aeg_json_object_end(json);
	aeg_json_object_end(json);
}

static void put_device(struct aeg_json *json, const json_t *record)
{
	aeg_json_object(json, "device");
	aeg_export_str(json, "hostname", record, "node");
	aeg_json_str(json, "type", "Server");
	aeg_json_u64(json, "type_id", 1);
	aeg_json_object_end(json);
}

static void put_rule(struct aeg_json *json, const json_t *record)
{
	if (!*aeg_value_str(record, "policy"))
		return;
	aeg_json_object(json, "policy");
	aeg_export_str(json, "name", record, "policy");
	aeg_json_object_end(json);
	if (!*aeg_value_str(record, "rule"))
		return;
	aeg_json_object(json, "firewall_rule");
	aeg_export_str(json, "name", record, "rule");
	aeg_json_object_end(json);
}

static void put_flow(struct aeg_json *json, const json_t *record)
{
	put_source(json, record);
	put_destination(json, record);
	put_connection(json, record);
	put_actor(json, record);
	put_device(json, record);
	put_rule(json, record);
}

static void put_times(struct aeg_json *json, const json_t *record)
{
	uint64_t first = aeg_export_ms(record, "firstSeen");
	uint64_t last = aeg_export_ms(record, "lastSeen");

	aeg_json_u64(json, "time", aeg_export_ms(record, "time"));
	if (first)
		aeg_json_u64(json, "start_time", first);
	if (last)
		aeg_json_u64(json, "end_time", last);
	aeg_export_u64(json, "count", record, "count");
}

/* Everything that has no attribute of its own above. */
static void put_unmapped(struct aeg_json *json, const json_t *record, bool flow)
{
	static const char *const of_flows[] = {"mode", "hook", "generation", "other"};
	static const char *const of_others[] = {
		"event",    "generation",  "by",      "documents",	"digest",
		"changes",  "moreChanges", "error",   "lost",		"where",
		"previous", "file",	   "first",   "last",		"pid",
		"reason",   "previousRun", "missing", "rewritten",	"tornBytes",
		"workload", "until",	   "run",     "unreadableBytes"};
	const char *const *keys = flow ? of_flows : of_others;
	size_t n = flow ? AEG_ARRAY_SIZE(of_flows) : AEG_ARRAY_SIZE(of_others);

	aeg_json_object(json, "unmapped");
	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_object_get(record, keys[i]);
		AEG_AUTO_FREE char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY)
						 : NULL;

		if (text)
			aeg_json_raw(json, keys[i], text);
	}
	aeg_export_str(json, "serviceAccount", record, "workload.serviceAccount");
	aeg_export_str(json, "class", record, "destination.class");
	aeg_json_object_end(json);
}

void aeg_export_ocsf(const json_t *record, struct aeg_buf *ret)
{
	const struct meaning *meaning = meaning_of(record);
	AEG_AUTO_FREE char *message = aeg_export_message(record);
	bool flow = aeg_export_is_flow(record);
	struct aeg_json json;

	aeg_json_begin(&json, ret);
	aeg_json_object(&json, NULL);
	put_times(&json, record);
	put_meaning(&json, meaning);
	aeg_json_str(&json, "message", message);
	if (flow)
		aeg_export_str(&json, "status_detail", record, "reason");
	put_metadata(&json, record, flow);
	if (flow)
		put_flow(&json, record);
	if (meaning->class == &lifecycle)
		put_product(&json, "app");
	put_unmapped(&json, record, flow);
	aeg_json_object_end(&json);
}
