/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "kube/lease.h"
#include "base/mem.h"
#include "base/timestamp.h"

#include <stdio.h>
#include <stdlib.h>

void aeg_report_done(struct aeg_report *report)
{
	free(report->in_force);
	json_decref(report->pods);
	*report = (struct aeg_report){0};
}

static int compare_marks(const void *a, const void *b)
{
	return memcmp(a, b, AEG_LEASE_MARK);
}

void aeg_report_set_marks(struct aeg_report *report, struct aeg_mark *marks, size_t n)
{
	size_t fit = n * AEG_LEASE_MARK > AEG_LEASE_MARKS_BYTES
			     ? AEG_LEASE_MARKS_BYTES / AEG_LEASE_MARK
			     : n;

	if (n)
		qsort(marks, n, sizeof(*marks), compare_marks);
	free(report->in_force);
	report->in_force = aeg_xcalloc(1, fit * AEG_LEASE_MARK + 1);
	for (size_t i = 0; i < fit; i++)
		memcpy(report->in_force + i * AEG_LEASE_MARK, marks[i].text, AEG_LEASE_MARK);
}

bool aeg_report_has(const struct aeg_report *report, const struct aeg_mark *mark)
{
	return report->in_force &&
	       bsearch(mark->text, report->in_force, strlen(report->in_force) / AEG_LEASE_MARK,
		       AEG_LEASE_MARK, compare_marks);
}

bool aeg_report_add_pods(struct aeg_report *report, const char *policy, unsigned int pods)
{
	size_t bytes = strlen(policy) + sizeof("\"\":4294967295,") - 1;

	if (report->pods_bytes + bytes > AEG_LEASE_PODS_BYTES)
		return false;
	report->pods_bytes += bytes;
	json_object_set_new(report->pods, policy, json_integer(pods));
	return true;
}

char *aeg_report_text(const struct aeg_report *report)
{
	json_t *object =
		json_pack("{s:s?, s:O?}", "inForce", report->in_force, "pods", report->pods);
	char *dumped = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS), *text;

	json_decref(object);
	text = aeg_xstrdup(dumped ? dumped : "");
	free(dumped);
	return text;
}

void aeg_report_read(const char *text, struct aeg_report *ret)
{
	json_t *object = text ? json_loads(text, 0, NULL) : NULL;
	const char *in_force = json_string_value(json_object_get(object, "inForce"));
	json_t *pods = json_object_get(object, "pods");

	*ret = (struct aeg_report){0};
	if (in_force)
		ret->in_force = aeg_xstrdup(in_force);
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

void aeg_lease_look_first(struct aeg_lease_seen *seen, json_t *lease, uint64_t now_ns,
			  uint64_t realtime_ns)
{
	const char *renewed =
		json_string_value(json_object_get(json_object_get(lease, "spec"), "renewTime"));
	uint64_t at, age = 0;

	if (renewed && aeg_time_parse(renewed, &at) == 0 && at < realtime_ns)
		age = realtime_ns - at;
	aeg_lease_look(seen, lease, age < now_ns ? now_ns - age : 0);
}

bool aeg_lease_mine(const struct aeg_lease_seen *seen, json_t *lease, const char *holder,
		    uint64_t now_ns)
{
	const char *held = aeg_lease_holder(lease);

	return !*held || aeg_streq(held, holder) ||
	       now_ns - seen->at_ns >= AEG_LEASE_LEADER_S * 1000000000ull;
}
