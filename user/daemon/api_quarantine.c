/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The emergency stop: who is held, hold, release. */
#include "daemon/api.h"
#include "daemon/quarantiner.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#define LONGEST_S (366ull * 86400)

void aeg_api_quarantines(const struct aeg_daemon *daemon, const struct aeg_request *request,
			 struct aeg_reply *reply)
{
	const struct aeg_quarantines *all = aeg_quarantiner_all(daemon->reconciler->quarantiner);
	struct aeg_json json;

	aeg_items_begin(&json, reply);
	for (size_t i = 0; i < all->list.n; i++)
		aeg_quarantine_json(&all->list.items[i], (uint64_t)time(NULL), &json);
	aeg_json_array_end(&json);
	aeg_json_object_end(&json);
}

static void reply_failure(const struct aeg_daemon *daemon, int err, const char *ns,
			  const char *name, struct aeg_reply *reply)
{
	if (err == -EBADF)
		aeg_reply_error(reply, 409, "nothing is changed until this is mended: %s",
				aeg_quarantiner_trouble(daemon->reconciler->quarantiner));
	else if (err == -ENOENT)
		aeg_reply_error(reply, 404, "%s/%s is not quarantined", ns, name);
	else if (err == -E2BIG)
		aeg_reply_error(reply, 409,
				"there are %d already: release some, or hold whole "
				"namespaces",
				AEG_QUARANTINES_MAX);
	else
		aeg_reply_error(reply, 500, "in force, but not kept for the next start: %s",
				strerror(-err));
}

/* false: replied already. Texts are borrowed from the JSON. */
static bool read_quarantine(json_t *json, struct aeg_quarantine *ret, struct aeg_reply *reply)
{
	json_int_t seconds = 0;
	json_error_t error;

	ret->name = (char *)"*";
	ret->reason = (char *)"";
	if (json_unpack_ex(json, &error, JSON_STRICT, "{s:s, s?s, s?s, s?I}", "namespace", &ret->ns,
			   "workload", &ret->name, "reason", &ret->reason, "forSeconds",
			   &seconds)) {
		aeg_reply_error(reply, 400, "%s: namespace, workload, reason, forSeconds",
				error.text);
		return false;
	}
	if (!aeg_quarantine_is_valid(ret->ns, ret->name)) {
		aeg_reply_error(reply, 400, "'%s/%s' names no workload", ret->ns, ret->name);
		return false;
	}
	if (seconds < 0 || (uint64_t)seconds > LONGEST_S) {
		aeg_reply_error(reply, 400, "forSeconds is 1 to %llu, or left out", LONGEST_S);
		return false;
	}
	ret->since = (uint64_t)time(NULL);
	ret->until = seconds ? ret->since + (uint64_t)seconds : 0;
	return true;
}

void aeg_api_quarantine(const struct aeg_daemon *daemon, const struct aeg_request *request,
			struct aeg_reply *reply)
{
	json_error_t error;
	json_t *body = json_loadb(request->body, request->len, JSON_REJECT_DUPLICATES, &error);
	const struct aeg_cause cause = aeg_request_cause(request, "quarantine");
	struct aeg_quarantine quarantine = {.by = cause.uid};
	struct aeg_json json;
	size_t live = 0;
	int err;

	if (!json_is_object(body)) {
		aeg_reply_error(reply, 400, "the body is not a JSON object");
	} else if (read_quarantine(body, &quarantine, reply)) {
		err = aeg_quarantiner_hold(daemon->reconciler->quarantiner, &quarantine, &cause,
					   &live);
		if (err) {
			reply_failure(daemon, err, quarantine.ns, quarantine.name, reply);
		} else {
			aeg_json_begin(&json, &reply->body);
			aeg_json_object(&json, NULL);
			aeg_json_u64(&json, "held", live);
			aeg_json_object_end(&json);
		}
	}
	json_decref(body);
}

void aeg_api_release(const struct aeg_daemon *daemon, const struct aeg_request *request,
		     struct aeg_reply *reply)
{
	const struct aeg_cause cause = aeg_request_cause(request, "release");
	AEG_AUTO_FREE char *ns = aeg_xstrdup(request->rest);
	char *name = strchr(ns, '/');
	struct aeg_json json;
	int err;

	if (!name || strchr(name + 1, '/')) {
		aeg_reply_error(reply, 404,
				"write /v1/quarantines/NAMESPACE/WORKLOAD, with * as the "
				"workload of a whole namespace");
		return;
	}
	*name++ = '\0';
	err = aeg_quarantiner_release(daemon->reconciler->quarantiner, ns, name, &cause);
	if (err) {
		reply_failure(daemon, err, ns, name, reply);
		return;
	}
	aeg_json_begin(&json, &reply->body);
	aeg_json_object(&json, NULL);
	aeg_json_bool(&json, "released", true);
	aeg_json_object_end(&json);
}
