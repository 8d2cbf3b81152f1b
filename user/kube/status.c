/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "kube/status.h"
#include "base/mem.h"
#include "base/timestamp.h"

#define MESSAGE_MAX 1024 /* bytes of a reason: the first mistake is what people read */

struct condition {
	const char *type, *status, *reason;
	json_t *message; /* owned */
};

static bool same_text(json_t *object, const char *key, const char *text)
{
	const char *found = json_string_value(json_object_get(object, key));

	return found && aeg_streq(found, text);
}

static json_t *find(json_t *conditions, const char *type)
{
	json_t *condition;
	size_t i;

	json_array_foreach (conditions, i, condition) {
		if (same_text(condition, "type", type))
			return condition;
	}
	return NULL;
}

static json_t *transition_time(const struct condition *condition, json_t *before, uint64_t now_ns)
{
	json_t *time = json_object_get(before, "lastTransitionTime");
	char text[AEG_TIME_TEXT];

	if (json_is_string(time) && same_text(before, "status", condition->status))
		return json_incref(time);
	aeg_time_format(now_ns, text);
	return json_sprintf("%.19sZ", text);
}

/* Takes the message. */
static void put(json_t *conditions, const struct condition *condition, int64_t generation,
		uint64_t now_ns)
{
	json_t *before = find(conditions, condition->type);
	json_t *fresh = json_pack("{s:s, s:s, s:s, s:o, s:I, s:o}", "type", condition->type,
				  "status", condition->status, "reason", condition->reason,
				  "message", condition->message, "observedGeneration",
				  (json_int_t)generation, "lastTransitionTime",
				  transition_time(condition, before, now_ns));

	if (before)
		json_object_update(before, fresh);
	else
		json_array_append(conditions, fresh);
	json_decref(fresh);
}

/* Cut between characters: jansson refuses what is not UTF-8. */
static json_t *message(const char *text)
{
	size_t len = strlen(text);

	if (len > MESSAGE_MAX) {
		len = MESSAGE_MAX;
		while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	json_t *json = json_stringn(text, len);

	return json ? json : json_string("the reason is not UTF-8");
}

static struct condition accepted(const struct aeg_status *status)
{
	if (status->refused)
		return (struct condition){"Accepted", "False", "Refused", message(status->refused)};
	if (status->failed)
		return (struct condition){"Accepted", "Unknown", "ReloadFailed",
					  message(status->failed)};
	return (struct condition){"Accepted", "True", "Valid", json_string("")};
}

static struct condition enforced(const struct aeg_status *status)
{
	json_t *nodes = json_sprintf("in force on %u of %u nodes", status->nodes_enforced,
				     status->nodes_total);

	if (status->refused) {
		json_decref(nodes);
		return (struct condition){"Enforced", "False", "Refused",
					  json_string("see Accepted")};
	}
	if (status->nodes_enforced < status->nodes_total)
		return (struct condition){"Enforced", "False", "Pending", nodes};
	return (struct condition){"Enforced", "True", "AllNodes", nodes};
}

static void put_counts(json_t *status, const struct aeg_status *counts)
{
	json_object_set_new(status, "selectedPods", json_integer(counts->pods));
	json_object_set_new(status, "nodesEnforced",
			    json_integer(counts->refused ? 0 : counts->nodes_enforced));
	json_object_set_new(status, "nodesTotal", json_integer(counts->nodes_total));
}

json_t *aeg_status_patch(const struct aeg_status *status, json_t *now, uint64_t now_ns)
{
	json_t *wanted = json_is_object(now) ? json_deep_copy(now) : json_object();
	json_t *conditions = json_object_get(wanted, "conditions");
	struct condition condition = accepted(status);

	if (!json_is_array(conditions)) {
		json_object_set_new(wanted, "conditions", json_array());
		conditions = json_object_get(wanted, "conditions");
	}
	json_object_set_new(wanted, "observedGeneration", json_integer(status->generation));
	put(conditions, &condition, status->generation, now_ns);
	if (status->nodes_total) {
		condition = enforced(status);
		put(conditions, &condition, status->generation, now_ns);
		put_counts(wanted, status);
	}
	if (now && json_equal(wanted, now)) {
		json_decref(wanted);
		return NULL;
	}
	return json_pack("{s:o}", "status", wanted);
}
