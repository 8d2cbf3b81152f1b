/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who talks most, now. */
#include "daemon/api.h"
#include "observe/top.h"

#define SECONDS_DEFAULT 10

static const char *const by_words[AEG_TOP_BY_MAX] = {
	[AEG_TOP_PAIR] = "pair",
	[AEG_TOP_WORKLOAD] = "workload",
	[AEG_TOP_ENDPOINT] = "endpoint",
};

static bool read_by(const struct aeg_request *request, enum aeg_top_by *ret,
		    struct aeg_reply *reply)
{
	const char *text = request->query(request, "by");

	for (enum aeg_top_by by = 0; by < AEG_TOP_BY_MAX; by++) {
		if (aeg_streq(text ? text : "pair", by_words[by])) {
			*ret = by;
			return true;
		}
	}
	aeg_reply_error(reply, 400, "by=%s is not one of pair, workload, endpoint", text);
	return false;
}

static bool read_seconds(const struct aeg_request *request, unsigned int *ret,
			 struct aeg_reply *reply)
{
	const char *text = request->query(request, "seconds");
	unsigned long value = SECONDS_DEFAULT;
	char *end = NULL;

	if (text)
		value = strtoul(text, &end, 10);
	if (text && (*text < '0' || *text > '9' || *end || value < 1 || value > AEG_TOP_SECONDS)) {
		aeg_reply_error(reply, 400, "seconds=%s is not a number from 1 to %d", text,
				AEG_TOP_SECONDS);
		return false;
	}
	*ret = (unsigned int)value;
	return true;
}

static void put_row(struct aeg_json *json, const struct aeg_top_row *row)
{
	const struct aeg_top_sums *sums = &row->sums;

	aeg_json_object(json, NULL);
	aeg_json_str(json, "namespace", row->ns);
	aeg_json_str(json, "workload", row->workload);
	aeg_json_str(json, "endpoint", row->endpoint);
	if (row->rest)
		aeg_json_bool(json, "rest", true);
	aeg_json_u64(json, "opens", sums->opens);
	aeg_json_u64(json, "audited", sums->audited);
	aeg_json_u64(json, "denials", sums->denials);
	aeg_json_u64(json, "closes", sums->closes);
	aeg_json_u64(json, "sent", sums->sent);
	aeg_json_u64(json, "received", sums->received);
	aeg_json_u64(json, "retransmits", sums->retransmits);
	if (sums->rtts)
		aeg_json_u64(json, "rttUs", sums->rtt_us / sums->rtts);
	aeg_json_object_end(json);
}

void aeg_api_top(const struct aeg_daemon *daemon, const struct aeg_request *request,
		 struct aeg_reply *reply)
{
	AEG_AUTO_FREE struct aeg_top_row *rows = NULL;
	enum aeg_top_by by;
	unsigned int seconds;
	struct aeg_json json;
	uint64_t ms;
	size_t n;

	if (!read_by(request, &by, reply) || !read_seconds(request, &seconds, reply))
		return;
	rows = aeg_top_list(daemon->events->top, aeg_now_ns(), seconds, by, &n, &ms);
	aeg_json_begin(&json, &reply->body);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "by", by_words[by]);
	aeg_json_decimal(&json, "seconds", ms, 3);
	aeg_json_array(&json, "items");
	for (size_t i = 0; i < n; i++)
		put_row(&json, &rows[i]);
	aeg_json_array_end(&json);
	aeg_json_object_end(&json);
}
