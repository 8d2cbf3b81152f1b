/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What happened: flow records and counters. */
#include "daemon/api.h"
#include "daemon/run.h"
#include "observe/flow.h"
#include "policy/explain.h"

#include <errno.h>
#include <inttypes.h>

static bool read_number(const struct aeg_request *request, const char *key, uint64_t *ret,
			struct aeg_reply *reply)
{
	const char *text = request->query(request, key);
	unsigned long long value;
	char *end;

	if (!text)
		return true;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno) {
		aeg_reply_error(reply, 400, "%s=%s is not a number", key, text);
		return false;
	}
	*ret = value;
	return true;
}

/* A number of a record, or a time. */
static int read_since(const char *text, struct aeg_stream_range *range, struct aeg_buf *error)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || text[digits])
		return aeg_filter_since(&range->filter, text, aeg_realtime_ns(), error);
	errno = 0;
	range->since = strtoull(text, NULL, 10);
	if (errno)
		aeg_buf_printf(error, "since=%s is too large a number", text);
	return -errno;
}

static int read_filter(const struct aeg_request *request, struct aeg_stream_range *range,
		       struct aeg_buf *error)
{
	const char *since = request->query(request, "since");
	int err = since ? read_since(since, range, error) : 0;

	for (size_t i = 0; !err && aeg_filter_keys[i]; i++) {
		const char *values = request->query(request, aeg_filter_keys[i]);

		if (values)
			err = aeg_filter_add(&range->filter, aeg_filter_keys[i], values, error);
	}
	return err;
}

/* Numbers begin anew with each run: one of another run would name another record, or none yet. */
static bool is_of_this_run(const struct aeg_daemon *daemon, const struct aeg_request *request,
			   const struct aeg_stream_range *range, struct aeg_reply *reply)
{
	const char *run = request->query(request, "run");
	uint64_t next = aeg_history_next(daemon->events->history);

	if (run && !aeg_streq(run, aeg_run())) {
		aeg_reply_error(reply, 409, "records of run %s are gone: this is run %s", run,
				aeg_run());
		return false;
	}
	if (range->since > next) {
		aeg_reply_error(reply, 409,
				"since=%" PRIu64
				" is not of this run (%s), whose next record is %" PRIu64,
				range->since, aeg_run(), next);
		return false;
	}
	return true;
}

void aeg_api_flows(const struct aeg_daemon *daemon, const struct aeg_request *request,
		   struct aeg_reply *reply)
{
	const char *follow = request->query(request, "follow");
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	reply->range = (struct aeg_stream_range){
		.limit = UINT64_MAX,
		.follow = follow && !aeg_streq(follow, "0") && !aeg_streq(follow, "false"),
	};
	aeg_filter_init(&reply->range.filter, aeg_class_names);
	if (!read_number(request, "limit", &reply->range.limit, reply))
		return;
	if (read_filter(request, &reply->range, &error)) {
		aeg_filter_done(&reply->range.filter);
		aeg_reply_error(reply, 400, "%s", aeg_buf_text(&error));
		return;
	}
	if (!is_of_this_run(daemon, request, &reply->range, reply)) {
		aeg_filter_done(&reply->range.filter);
		return;
	}
	reply->flows = true;
	reply->run = aeg_run();
	reply->type = "application/x-ndjson";
}

struct listing {
	const struct aeg_daemon *daemon;
	struct aeg_json json;
};

static void put_count(void *arg, const struct aeg_count_key *key, const struct aeg_count *count)
{
	struct listing *listing = arg;
	struct aeg_names *names = &listing->daemon->events->names;
	const struct aeg_endpoint *endpoint = aeg_names_endpoint(names, key->rule, key->node);
	const struct aeg_rule_names *rule = aeg_names_rule(names, key->rule);
	struct aeg_json *json = &listing->json;

	aeg_json_object(json, NULL);
	aeg_json_str(json, "workload", aeg_numbers_text(names->numbers, key->workload));
	aeg_json_str(json, "endpoint", endpoint ? endpoint->name : NULL);
	aeg_json_str(json, "pattern", aeg_numbers_text(names->numbers, key->node));
	aeg_json_str(json, "policy", rule->policy);
	aeg_json_str(json, "rule", rule->rule);
	aeg_json_str(json, "verdict", aeg_verdict_word(key->verdict));
	aeg_json_str(json, "reason", aeg_reason_word(key->reason));
	aeg_json_str(json, "hook", aeg_hook_word(key->hook));
	aeg_json_u64(json, "decisions", count->decisions);
	aeg_json_u64(json, "closed", count->closed);
	aeg_json_u64(json, "sent", count->sent);
	aeg_json_u64(json, "received", count->received);
	aeg_json_object_end(json);
}

void aeg_api_counts(const struct aeg_daemon *daemon, const struct aeg_request *request,
		    struct aeg_reply *reply)
{
	struct listing listing = {.daemon = daemon};
	int err;

	aeg_items_begin(&listing.json, reply);
	err = aeg_datapath_counts(daemon->reconciler->datapath, put_count, &listing);
	aeg_items_end(&listing.json);
	if (err)
		aeg_reply_error(reply, 500, "the counters cannot be read: %s", strerror(-err));
}
