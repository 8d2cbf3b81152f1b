/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "kube/lease.h"
#include "base/mem.h"
#include "base/timestamp.h"

#include <stdio.h>

void aeg_report_done(struct aeg_report *report)
{
	json_decref(report->pods);
	*report = (struct aeg_report){0};
}

char *aeg_report_text(const struct aeg_report *report)
{
	json_t *object =
		json_pack("{s:s, s:O?}", "documents", report->documents, "pods", report->pods);
	char *dumped = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS), *text;

	json_decref(object);
	text = aeg_xstrdup(dumped ? dumped : "");
	free(dumped);
	return text;
}

void aeg_report_read(const char *text, struct aeg_report *ret)
{
	json_t *object = text ? json_loads(text, 0, NULL) : NULL;
	const char *documents = json_string_value(json_object_get(object, "documents"));
	json_t *pods = json_object_get(object, "pods");

	*ret = (struct aeg_report){0};
	if (documents)
		snprintf(ret->documents, sizeof(ret->documents), "%s", documents);
	if (json_is_object(pods))
		ret->pods = json_incref(pods);
	json_decref(object);
}

/* MicroTime: six digits, as the server wants them. */
static void set_time(json_t *spec, const char *key, uint64_t now_ns)
{
	char text[AEG_TIME_TEXT];

	aeg_time_format(now_ns, text);
	json_object_set_new(spec, key, json_sprintf("%.26sZ", text));
}

json_t *aeg_lease_object(json_t *lease, const char *ns, const char *name, const char *holder,
			 unsigned int duration_s, uint64_t now_ns)
{
	json_t *object = lease ? json_deep_copy(lease)
			       : json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion",
					   "coordination.k8s.io/v1", "kind", "Lease", "metadata",
					   "name", name, "namespace", ns);
	json_t *spec = json_object_get(object, "spec");
	bool taken = !aeg_streq(aeg_lease_holder(lease), holder);

	if (!json_is_object(spec)) {
		json_object_set_new(object, "spec", json_object());
		spec = json_object_get(object, "spec");
	}
	json_object_set_new(spec, "holderIdentity", json_string(holder));
	json_object_set_new(spec, "leaseDurationSeconds", json_integer(duration_s));
	set_time(spec, "renewTime", now_ns);
	if (taken) {
		json_int_t before = json_integer_value(json_object_get(spec, "leaseTransitions"));

		set_time(spec, "acquireTime", now_ns);
		json_object_set_new(spec, "leaseTransitions", json_integer(lease ? before + 1 : 0));
	}
	return object;
}

const char *aeg_lease_holder(json_t *lease)
{
	const char *holder = json_string_value(
		json_object_get(json_object_get(lease, "spec"), "holderIdentity"));

	return holder ? holder : "";
}

static const char *version_of(json_t *lease)
{
	const char *version = json_string_value(
		json_object_get(json_object_get(lease, "metadata"), "resourceVersion"));

	return version ? version : "";
}

void aeg_lease_look(struct aeg_lease_seen *seen, json_t *lease, uint64_t now_ns)
{
	if (seen->version && aeg_streq(seen->version, version_of(lease)))
		return;
	free(seen->version);
	seen->version = aeg_xstrdup(version_of(lease));
	seen->at_ns = now_ns;
}

bool aeg_lease_mine(const struct aeg_lease_seen *seen, json_t *lease, const char *holder,
		    uint64_t now_ns)
{
	const char *held = aeg_lease_holder(lease);

	return !*held || aeg_streq(held, holder) ||
	       now_ns - seen->at_ns >= AEG_LEASE_LEADER_S * 1000000000ull;
}
