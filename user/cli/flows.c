/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress flows`: the daemon's flow records, a line each, as they come. */
#include "cli/client.h"
#include "cli/text.h"

struct flows_options {
	struct aeg_common common;
	bool follow;
	const char *since, *limit;
};

struct printer {
	bool as_json, colour, wide, bad;
};

static const struct {
	const char *verdict, *colour;
} colours[] = {
	{"allowed", "\033[32m"},
	{"audited", "\033[33m"},
	{"denied", "\033[31m"},
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

static bool is_name(const json_t *flow)
{
	return aeg_streq(aeg_value_str(flow, "event"), "name");
}

static void add_verdict(struct aeg_buf *line, const json_t *flow, bool colour)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf verdict = {0};
	const char *start = "", *end = "";

	aeg_text_clean(&verdict, is_name(flow) ? "learned" : aeg_value_str(flow, "verdict"));
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

/* The server's name where it is known, the socket or what was learned, the endpoint. */
static void add_destination(struct aeg_buf *line, const json_t *flow)
{
	const char *name = aeg_value_str(flow, "destination.name");
	const char *endpoint = aeg_value_str(flow, "destination.endpoint");
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf cell = {0};

	aeg_text_clean(&cell, name);
	if (is_name(flow)) {
		aeg_buf_puts(&cell, " is ");
		aeg_text_clean(&cell, aeg_value_str(flow, "destination.ip"));
	} else {
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

static void add_ttl(struct aeg_buf *line, const json_t *flow)
{
	aeg_buf_puts(line, "  for ");
	aeg_text_age(line, (int64_t)aeg_value_u64(flow, "ttl"));
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

static void print_flow(const struct printer *printer, const json_t *flow)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf line = {0};
	const char *event = aeg_value_str(flow, "event");

	if (aeg_streq(event, "lost")) {
		print_lost(flow);
		return;
	}
	add_time(&line, flow, printer->wide);
	add_verdict(&line, flow, printer->colour);
	add_workload(&line, flow);
	add_destination(&line, flow);
	if (is_name(flow))
		add_ttl(&line, flow);
	else
		add_why(&line, flow);
	if (aeg_streq(event, "close"))
		add_close(&line, flow);
	if (printer->wide)
		add_process(&line, flow);
	puts(aeg_buf_text(&line));
}

/* A line that is no record is reported and skipped: the next one may be good. */
static bool on_line(void *arg, const char *line, size_t len)
{
	struct printer *printer = arg;
	json_error_t error;
	AEG_AUTO_JSON json_t *flow = NULL;

	if (len == 0)
		return true;
	flow = json_loadb(line, len, 0, &error);
	if (!json_is_object(flow)) {
		aeg_complain("flows: aegressd sent a line that is not a JSON object%s%s",
			     flow ? "" : ": ", flow ? "" : error.text);
		printer->bad = true;
		return true;
	}
	if (printer->as_json)
		printf("%.*s\n", (int)len, line);
	else
		print_flow(printer, flow);
	return fflush(stdout) == 0;
}

/* Only digits; the daemon must not get what it would read differently. */
static bool is_number(const char *text)
{
	return !text || (*text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 20);
}

static void add_query(struct aeg_buf *url, const char *key, const char *value)
{
	if (value)
		aeg_buf_printf(url, "%c%s=%s", strchr(aeg_buf_text(url), '?') ? '&' : '?', key,
			       value);
}

static int stream(const struct flows_options *options, const char *path)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	bool interrupted = false;
	struct printer printer = {
		.as_json = options->common.output == AEG_OUTPUT_JSON,
		.wide = options->common.output == AEG_OUTPUT_WIDE,
		.colour = aeg_cli_colour(&options->common, stdout),
	};

	if (aeg_http_stream(aeg_cli_socket(&options->common), path, on_line, &printer, &response,
			    &interrupted, &error) < 0) {
		aeg_complain("%s", aeg_buf_text(&error));
		return AEG_EXIT_UNREACHABLE;
	}
	if (interrupted)
		return AEG_EXIT_OK;
	if (response.status != 200)
		return aeg_client_refused(&response);
	if (options->follow && !ferror(stdout)) {
		aeg_complain("flows: aegressd closed the connection");
		return AEG_EXIT_UNREACHABLE;
	}
	return printer.bad ? AEG_EXIT_UNREACHABLE : AEG_EXIT_OK;
}

static int flows_run(const void *target, const struct aeg_opt_list *operands)
{
	const struct flows_options *options = target;
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf url = {0};

	(void)operands;
	if (!is_number(options->since) || !is_number(options->limit))
		return aeg_usage_error(&aeg_verb_flows, "flows: --since and --limit take a number");
	aeg_buf_puts(&url, "/v1/flows");
	add_query(&url, "follow", options->follow ? "1" : NULL);
	add_query(&url, "since", options->since);
	add_query(&url, "limit", options->limit);
	return stream(options, aeg_buf_text(&url));
}

static const char *const flows_usage[] = {"[-f] [--since SEQ] [--limit N] [-o table|wide|json]",
					  NULL};
static const char *const flows_words[] = {NULL};
static const struct aeg_opt flows_options[] = {
	{"follow", 'f', AEG_OPT_FLAG, NULL, "go on with new records until Ctrl-C", NULL,
	 offsetof(struct flows_options, follow)},
	{"since", 0, AEG_OPT_TEXT, "SEQ", "begin with the record of this number", NULL,
	 offsetof(struct flows_options, since)},
	{"limit", 0, AEG_OPT_TEXT, "N", "of the records that are there only the newest N", NULL,
	 offsetof(struct flows_options, limit)},
	{0},
};
static const struct aeg_example flows_examples[] = {
	{"flows --limit 20", "the last 20 records"},
	{"flows -f", "connections as they are decided"},
	{"flows -f -o json | jq -c 'select(.verdict==\"denied\")'", "only what was denied"},
	{0},
};

const struct aeg_verb aeg_verb_flows = {
	.name = "flows",
	.summary = "show the connections that were decided, with reasons",
	.usage = flows_usage,
	.text = "A line says: time (UTC), verdict, workload, destination (endpoint), reason,\n"
		"policy/rule and, for a connection that ended, bytes and duration. \"learned\" in place\n"
		"of a verdict: a DNS answer made an address stand for a name. -o wide adds the date and\n"
		"the process; -o json prints the records of aegress.flow/v1, one a line.\n",
	.examples = flows_examples,
	.options = flows_options,
	.options_size = sizeof(struct flows_options),
	.words = flows_words,
	.no_operands = true,
	.run = flows_run,
};
