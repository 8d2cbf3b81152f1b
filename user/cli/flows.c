/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress flows`: the daemon's flow records, a line each, as they come; the daemon filters. */
#include "cli/client.h"
#include "cli/flows_print.h"

/* Keys of the query; see docs/api.md. */
enum filter {
	FILTER_NAMESPACE,
	FILTER_WORKLOAD,
	FILTER_SERVICE_ACCOUNT,
	FILTER_ENDPOINT,
	FILTER_CLASS,
	FILTER_NAME,
	FILTER_VERDICT,
	FILTER_REASON,
	FILTER_POLICY,
	FILTER_EVENT,
	FILTER_MAX,
};

static const char *const filter_keys[FILTER_MAX] = {
	[FILTER_NAMESPACE] = "namespace",
	[FILTER_WORKLOAD] = "workload",
	[FILTER_SERVICE_ACCOUNT] = "serviceAccount",
	[FILTER_ENDPOINT] = "endpoint",
	[FILTER_CLASS] = "class",
	[FILTER_NAME] = "name",
	[FILTER_VERDICT] = "verdict",
	[FILTER_REASON] = "reason",
	[FILTER_POLICY] = "policy",
	[FILTER_EVENT] = "event",
};

struct flows_options {
	struct aeg_common common;
	bool follow;
	const char *since, *limit;
	struct aeg_opt_list filters[FILTER_MAX];
};

struct printer {
	struct aeg_flow_format format;
	bool as_json, bad;
};

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
		aeg_flow_print(&printer->format, flow);
	return fflush(stdout) == 0;
}

/* Only digits; the daemon must not get what it would read differently. */
static bool is_number(const char *text)
{
	return !text || (*text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 20);
}

static void add_key(struct aeg_buf *url, const char *key)
{
	aeg_buf_printf(url, "%c%s=", strchr(aeg_buf_text(url), '?') ? '&' : '?', key);
}

static void add_query(struct aeg_buf *url, const char *key, const char *value)
{
	if (!value)
		return;
	add_key(url, key);
	aeg_http_escape(url, value);
}

/* Values of an option that is repeated are alternatives, as those behind commas are. */
static void add_filter(struct aeg_buf *url, const char *key, const struct aeg_opt_list *values)
{
	for (size_t i = 0; i < values->list.n; i++) {
		if (i)
			aeg_buf_puts(url, "%2C");
		else
			add_key(url, key);
		aeg_http_escape(url, values->list.items[i]);
	}
}

static int stream(const struct flows_options *options, const char *path)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	bool interrupted = false;
	struct printer printer = {
		.as_json = options->common.output == AEG_OUTPUT_JSON,
		.format = {.colour = aeg_cli_colour(&options->common, stdout),
			   .wide = options->common.output == AEG_OUTPUT_WIDE,
			   .compact = options->common.output == AEG_OUTPUT_COMPACT},
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
	if (!is_number(options->limit))
		return aeg_usage_error(&aeg_verb_flows, "flows: --limit takes a number");
	aeg_buf_puts(&url, "/v1/flows");
	add_query(&url, "follow", options->follow ? "1" : NULL);
	add_query(&url, "since", options->since);
	add_query(&url, "limit", options->limit);
	for (int i = 0; i < FILTER_MAX; i++)
		add_filter(&url, filter_keys[i], &options->filters[i]);
	return stream(options, aeg_buf_text(&url));
}

static void flows_done(void *target)
{
	struct flows_options *options = target;

	for (int i = 0; i < FILTER_MAX; i++)
		AEG_VEC_DONE(options->filters[i].list);
}

#define FILTER_OPTION(name, letter, value, help, which)                                            \
	{name,                                                                                     \
	 letter,                                                                                   \
	 AEG_OPT_LIST,                                                                             \
	 value,                                                                                    \
	 help,                                                                                     \
	 NULL,                                                                                     \
	 offsetof(struct flows_options, filters) + (which) * sizeof(struct aeg_opt_list)}

static const char *const flows_usage[] = {
	"[-f] [FILTER…] [--since WHEN] [--limit N] [-o table|wide|compact|json]", NULL};
static const char *const flows_words[] = {NULL};
static const char *const flows_outputs[] = {"table", "wide", "json", "compact", NULL};
static const struct aeg_opt flows_options[] = {
	{"follow", 'f', AEG_OPT_FLAG, NULL, "go on with new records until Ctrl-C", NULL,
	 offsetof(struct flows_options, follow)},
	{"since", 0, AEG_OPT_TEXT, "WHEN",
	 "nothing older: 90s, 10m, 36h, 7d ago, a time like\n2026-11-20T12:00:00Z, or a record's "
	 "number",
	 NULL, offsetof(struct flows_options, since)},
	{"limit", 0, AEG_OPT_TEXT, "N", "of the records that are there only the newest N", NULL,
	 offsetof(struct flows_options, limit)},
	FILTER_OPTION("namespace", 'n', "NS", "of these workloads", FILTER_NAMESPACE),
	FILTER_OPTION("workload", 'w', "[NS/]NAME", "of these workloads", FILTER_WORKLOAD),
	FILTER_OPTION("service-account", 's', "NAME", "of workloads with this one",
		      FILTER_SERVICE_ACCOUNT),
	FILTER_OPTION("endpoint", 0, "NAME", "to these AIEndpoints", FILTER_ENDPOINT),
	FILTER_OPTION("class", 0, "CLASS", "to endpoints of this class", FILTER_CLASS),
	FILTER_OPTION("name", 0, "HOST", "to these names or addresses", FILTER_NAME),
	FILTER_OPTION("verdict", 0, "VERDICT", "allowed, audited, denied", FILTER_VERDICT),
	FILTER_OPTION("reason", 0, "REASON", "decided for this reason", FILTER_REASON),
	FILTER_OPTION("policy", 0, "[NS/]NAME", "decided by these policies", FILTER_POLICY),
	FILTER_OPTION("event", 0, "EVENT", "open, deny, close, name, refused, or dns",
		      FILTER_EVENT),
	{"output", 'o', AEG_OPT_ENUM, "FORMAT", "how to print", flows_outputs,
	 offsetof(struct aeg_common, output)},
	{0},
};
static const struct aeg_example flows_examples[] = {
	{"flows --limit 20", "the last 20 records"},
	{"flows -f --verdict denied,audited", "what is denied, or would be, as it happens"},
	{"flows -f --event dns", "what names are learned, and which answers are refused"},
	{"flows --since 10m -n ml-prod --name '*.hf.co'", "who went where in the last ten minutes"},
	{"flows -f -o json | jq -c 'select(.bytes.sent > 1000000)'", "what sent more than 1 MB"},
	{0},
};

const struct aeg_verb aeg_verb_flows = {
	.name = "flows",
	.summary = "show the connections that were decided, with reasons",
	.usage = flows_usage,
	.text = "A line says: time (UTC), verdict, workload, destination (endpoint), reason,\n"
		"policy/rule and, for a connection that ended, bytes and duration. \"learned\" in place\n"
		"of a verdict: a DNS answer made an address stand for a name; \"refused\": an answer\n"
		"taught nothing, and why. Repeats of a denial or a refusal are one line with their\n"
		"number. -o wide adds the date, the process and the resolver; -o compact leaves the\n"
		"columns out; -o json prints the records of aegress.flow/v1, one a line.\n"
		"\n"
		"Filters take several values, behind commas or by repeating the option, and '*' for any\n"
		"characters; a record must pass all filters. Lost records always show.\n",
	.examples = flows_examples,
	.options = flows_options,
	.options_size = sizeof(struct flows_options),
	.words = flows_words,
	.no_operands = true,
	.run = flows_run,
	.done = flows_done,
};
