/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A flow record as a line for people. */
#include "cli/flows_print.h"
#include "cli/cli.h"
#include "cli/text.h"

static const struct {
	const char *verdict, *colour;
} colours[] = {
	{"allowed", "\033[32m"},
	{"audited", "\033[33m"},
	{"denied", "\033[31m"},
	{"refused", "\033[33m"},
};

/* "2026-11-20T12:55:18.123456789Z" -> "12:55:18.123"; with -o wide whole. */
static void add_time(struct aeg_buf *line, const json_t *flow, bool wide)
{
	const char *time = aeg_value_str(flow, "time");
	size_t len = strlen(time);

	if (wide || len < 20 || time[10] != 'T')
		aeg_text_clean(line, time);
	else
		aeg_buf_add(line, time + 11, len >= 23 && time[19] == '.' ? 12 : 8);
}

static bool is_event(const json_t *flow, const char *event)
{
	return aeg_streq(aeg_value_str(flow, "event"), event);
}

/* What stands in place of a verdict about what a resolver said; NULL: something was decided. */
static const char *answer_word(const json_t *flow)
{
	if (is_event(flow, "name"))
		return "learned";
	return is_event(flow, "refused") ? "refused" : NULL;
}

static void add_verdict(struct aeg_buf *line, const json_t *flow, bool colour)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf verdict = {0};
	const char *start = "", *end = "", *answer = answer_word(flow);

	aeg_text_clean(&verdict, answer ? answer : aeg_value_str(flow, "verdict"));
	for (size_t i = 0; colour && i < AEG_ARRAY_SIZE(colours); i++) {
		if (aeg_streq(aeg_buf_text(&verdict), colours[i].verdict)) {
			start = colours[i].colour;
			end = "\033[0m";
		}
	}
	aeg_buf_printf(line, "  %s%-7s%s", start, aeg_buf_text(&verdict), end);
}

/* Appends "a", the separator and "b" of two members, or only the one that is there. */
static void add_pair(struct aeg_buf *out, const json_t *flow, const char *a, const char *b)
{
	const char *first = aeg_value_str(flow, a), *second = aeg_value_str(flow, b);

	aeg_text_clean(out, first);
	aeg_buf_puts(out, *first && *second ? "/" : "");
	aeg_text_clean(out, second);
	aeg_buf_puts(out, *first || *second ? "" : "-");
}

static void add_padded(struct aeg_buf *line, const struct aeg_buf *cell, size_t width)
{
	size_t used = aeg_text_width(aeg_buf_text(cell));

	aeg_buf_puts(line, "  ");
	aeg_buf_puts(line, aeg_buf_text(cell));
	for (; used < width; used++)
		aeg_buf_putc(line, ' ');
}

static void add_workload(struct aeg_buf *line, const json_t *flow)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf cell = {0};

	add_pair(&cell, flow, "workload.namespace", "workload.name");
	add_padded(line, &cell, 24);
}

/* "10.0.0.1:443", "[::1]:443/udp". */
static void add_socket(struct aeg_buf *cell, const json_t *flow)
{
	const char *ip = aeg_value_str(flow, "destination.ip");
	const char *protocol = aeg_value_str(flow, "protocol");
	bool v6 = strchr(ip, ':') != NULL;

	aeg_buf_puts(cell, v6 ? "[" : "");
	aeg_text_clean(cell, ip);
	aeg_buf_printf(cell, "%s:%llu", v6 ? "]" : "",
		       (unsigned long long)aeg_value_u64(flow, "destination.port"));
	if (*protocol && !aeg_streq(protocol, "tcp")) {
		aeg_buf_putc(cell, '/');
		aeg_text_clean(cell, protocol);
	}
}

/* "hub.test is 10.0.0.1"; of what was refused "hub.test is not 10.0.0.1", or what is known of it. */
static void add_answer(struct aeg_buf *cell, const json_t *flow)
{
	const char *name = aeg_value_str(flow, "destination.name");
	const char *ip = aeg_value_str(flow, "destination.ip");

	aeg_text_clean(cell, *name ? name : "-");
	if (!*ip)
		return;
	aeg_buf_puts(cell, is_event(flow, "name") ? " is " : " is not ");
	aeg_text_clean(cell, ip);
}

/* The server's name where it is known, the socket or what was said of it, the endpoint. */
static void add_destination(struct aeg_buf *line, const json_t *flow)
{
	const char *name = aeg_value_str(flow, "destination.name");
	const char *endpoint = aeg_value_str(flow, "destination.endpoint");
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf cell = {0};

	if (answer_word(flow)) {
		add_answer(&cell, flow);
	} else {
		aeg_text_clean(&cell, name);
		aeg_buf_puts(&cell, *name ? " " : "");
		add_socket(&cell, flow);
	}
	if (*endpoint) {
		aeg_buf_puts(&cell, " (");
		aeg_text_clean(&cell, endpoint);
		aeg_buf_putc(&cell, ')');
	}
	add_padded(line, &cell, 40);
}

static void add_why(struct aeg_buf *line, const json_t *flow)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf reason = {0}, rule = {0};

	aeg_text_clean(&reason, aeg_value_str(flow, "reason"));
	add_padded(line, &reason, 12);
	add_pair(&rule, flow, "policy", "rule");
	add_padded(line, &rule, 0);
}

static void add_close(struct aeg_buf *line, const json_t *flow)
{
	const json_t *duration = json_object_get(flow, "durationMs");

	aeg_buf_puts(line, "  closed: sent ");
	aeg_text_bytes(line, aeg_value_u64(flow, "bytes.sent"));
	aeg_buf_puts(line, ", received ");
	aeg_text_bytes(line, aeg_value_u64(flow, "bytes.received"));
	if (json_is_number(duration))
		aeg_buf_printf(line, ", %.3fs", json_number_value(duration) / 1000);
}

/* For how long it was learned, or why it was not; wide: from whom. */
static void add_lesson(struct aeg_buf *line, const json_t *flow, bool wide)
{
	if (is_event(flow, "name")) {
		aeg_buf_puts(line, "  for ");
		aeg_text_age(line, (int64_t)aeg_value_u64(flow, "ttl"));
	} else {
		aeg_buf_puts(line, "  ");
		aeg_text_clean(line, aeg_value_str(flow, "refusal"));
	}
	if (!wide)
		return;
	aeg_buf_puts(line, "  from ");
	aeg_text_clean(line, aeg_value_str(flow, "resolver"));
}

static void add_process(struct aeg_buf *line, const json_t *flow)
{
	const char *comm = aeg_value_str(flow, "process.comm");

	if (!*comm)
		return;
	aeg_buf_puts(line, "  by ");
	aeg_text_clean(line, comm);
	aeg_buf_printf(line, "[%llu]", (unsigned long long)aeg_value_u64(flow, "process.pid"));
}

/* A reader's own loss is its fault; a ring's is everybody's. */
static void print_lost(const json_t *flow)
{
	const char *where = aeg_value_str(flow, "where");
	unsigned long long lost = aeg_value_u64(flow, "lost");

	if (aeg_streq(where, "events") || aeg_streq(where, "denials"))
		printf("-- %llu events lost: the kernel's ring of %s was full --\n", lost, where);
	else
		printf("-- %llu records lost: this reader was too slow --\n", lost);
}

/* Who, where, why: what fits a narrow terminal. */
static void add_compact(struct aeg_buf *line, const json_t *flow)
{
	const char *name = aeg_value_str(flow, "destination.name");

	aeg_buf_putc(line, ' ');
	add_pair(line, flow, "workload.namespace", "workload.name");
	aeg_buf_puts(line, " > ");
	if (answer_word(flow)) {
		add_answer(line, flow);
		aeg_buf_puts(line, is_event(flow, "refused") ? " " : "");
		aeg_text_clean(line, aeg_value_str(flow, "refusal"));
		return;
	}
	aeg_text_clean(line, name);
	if (*name)
		aeg_buf_printf(line, ":%llu",
			       (unsigned long long)aeg_value_u64(flow, "destination.port"));
	else
		add_socket(line, flow);
	aeg_buf_putc(line, ' ');
	aeg_text_clean(line, aeg_value_str(flow, "reason"));
}

static void add_columns(struct aeg_buf *line, const json_t *flow, bool wide)
{
	add_workload(line, flow);
	add_destination(line, flow);
	if (answer_word(flow))
		add_lesson(line, flow, wide);
	else
		add_why(line, flow);
}

/* "  13 times in 23s" */
static void add_count(struct aeg_buf *line, const json_t *flow)
{
	int64_t first = aeg_text_since(aeg_value_str(flow, "firstSeen"));
	int64_t last = aeg_text_since(aeg_value_str(flow, "lastSeen"));

	if (!aeg_value_u64(flow, "count"))
		return;
	aeg_buf_printf(line, "  %llu times in ", (unsigned long long)aeg_value_u64(flow, "count"));
	aeg_text_age(line, first > last ? first - last : 0);
}

void aeg_flow_print(const struct aeg_flow_format *format, const json_t *flow)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf line = {0};
	const char *event = aeg_value_str(flow, "event");

	if (aeg_streq(event, "lost")) {
		print_lost(flow);
		return;
	}
	add_time(&line, flow, format->wide);
	add_verdict(&line, flow, format->colour);
	if (format->compact)
		add_compact(&line, flow);
	else
		add_columns(&line, flow, format->wide);
	add_count(&line, flow);
	if (aeg_streq(event, "close"))
		add_close(&line, flow);
	if (format->wide)
		add_process(&line, flow);
	puts(aeg_buf_text(&line));
}
