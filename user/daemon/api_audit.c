/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The head of the audit log's chain, for somebody else to keep, and how the writing goes. */
#include "daemon/api.h"
#include "daemon/auditing.h"

static void put_stats(struct aeg_json *json, const struct aeg_audit_stats *stats)
{
	aeg_json_object(json, "head");
	aeg_json_u64(json, "n", stats->head.n);
	aeg_json_str(json, "hash", stats->head.hash);
	aeg_json_object_end(json);
	aeg_json_bool(json, "ok", !stats->error && !stats->failing);
	aeg_json_str(json, "error", stats->error ? strerror(-stats->error) : NULL);
	aeg_json_u64(json, "records", stats->records);
	aeg_json_u64(json, "bytes", stats->bytes);
	aeg_json_u64(json, "lost", stats->lost);
	aeg_json_u64(json, "errors", stats->errors);
	aeg_json_u64(json, "rotations", stats->rotations);
	aeg_json_u64(json, "expired", stats->expired);
	aeg_json_u64(json, "vanished", stats->vanished);
	aeg_json_u64(json, "waitingBytes", stats->waiting);
	aeg_json_bool(json, "uncleanStart", stats->unclean != 0);
}

void aeg_api_audit(const struct aeg_daemon *daemon, const struct aeg_request *request,
		   struct aeg_reply *reply)
{
	const struct aeg_audit_config *config = &daemon->config->audit;
	struct aeg_audit_stats stats;
	struct aeg_json json;
	bool enabled = aeg_auditing_stats(daemon->auditing, &stats);

	aeg_json_begin(&json, &reply->body);
	aeg_json_object(&json, NULL);
	aeg_json_bool(&json, "enabled", enabled);
	aeg_json_str(&json, "node", daemon->config->node);
	if (enabled) {
		aeg_json_str(&json, "directory", config->directory);
		aeg_json_bool(&json, "keyed", config->key_file != NULL);
		put_stats(&json, &stats);
	}
	aeg_json_object_end(&json);
}
