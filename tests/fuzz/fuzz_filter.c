// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Each line is KEY=VALUES of a query for flows, or since=WHEN; what is not good is refused with a sentence.
 * A loss passes every filter but that of its time, and a filter that lets a record pass does so with another value beside.
 */
#include "observe/filter.h"
#include "base/mem.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_NS UINT64_C(1700000000000000000)

static const char *const classes[] = {"hub", "inference", NULL};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct aeg_flow example(void)
{
	return (struct aeg_flow){
		.time_ns = NOW_NS,
		.event = {.type = AEG_EVENT_OPEN, .dport = 443, .proto = AEG_PROTO_TCP},
		.name = "router.huggingface.co",
		.ns = "ml",
		.workload = "chat-1",
		.service_account = "chat",
		.policy = "ml/chat",
		.endpoint = "hf-inference-router",
		.class = "inference",
	};
}

static void add(struct aeg_filter *filter, const char *key, const char *values)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	int err = aeg_filter_add(filter, key, values, &error);

	require((err != 0) == (error.len != 0));
}

static void take_line(struct aeg_filter *filter, char *line)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	char *values = strchr(line, '=');

	if (!values)
		return;
	*values++ = '\0';
	if (aeg_streq(line, "since")) {
		int err = aeg_filter_since(filter, values, NOW_NS, &error);

		require((err != 0) == (error.len != 0));
		return;
	}
	for (size_t i = 0; aeg_filter_keys[i]; i++) {
		if (aeg_streq(aeg_filter_keys[i], line))
			add(filter, line, values);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AEG_AUTO_FREE char *text = aeg_xstrndup((const char *)data, size);
	const struct aeg_flow flow = example(), lost = {.time_ns = NOW_NS, .lost = 1};
	struct aeg_filter filter;
	char *rest = text;

	aeg_filter_init(&filter, classes);
	for (char *line; (line = strsep(&rest, "\n"));)
		take_line(&filter, line);
	require(aeg_filter_passes(&filter, &lost) == (filter.since_ns <= lost.time_ns));
	if (aeg_filter_passes(&filter, &flow)) {
		add(&filter, "name", "somewhere.else");
		if (filter.texts[AEG_FILTER_NAME].n > 1)
			require(aeg_filter_passes(&filter, &flow));
	}
	aeg_filter_done(&filter);
	return 0;
}
