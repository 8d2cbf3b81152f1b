/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress top`: who talks most, as a table that is drawn again every few seconds. */
#include "cli/client.h"
#include "cli/table.h"
#include "cli/text.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>

#define ROWS_DEFAULT 24 /* of a terminal that does not say */
#define INTERVAL_DEFAULT 2
#define WINDOW_DEFAULT 10

struct top_options {
	struct aeg_common common;
	int by, sort;
	unsigned int window, interval, times;
	bool once;
};

enum sort { SORT_CONNECTIONS, SORT_DENIALS, SORT_SENT, SORT_RECEIVED, SORT_RTT };

static const char *const sort_keys[] = {
	[SORT_CONNECTIONS] = "opens", [SORT_DENIALS] = "denials", [SORT_SENT] = "sent",
	[SORT_RECEIVED] = "received", [SORT_RTT] = "rttUs",
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signo)
{
	interrupted = signo;
}

/* ---- rows ---- */

static int sorted_by;

/* Ties by name, so that rows stay where they are. */
static int by_key(const void *a, const void *b)
{
	static const char *const names[] = {"namespace", "workload", "endpoint"};
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	uint64_t nx = aeg_value_u64(x, sort_keys[sorted_by]);
	uint64_t ny = aeg_value_u64(y, sort_keys[sorted_by]);
	int order = nx == ny ? 0 : nx < ny ? 1 : -1;

	for (size_t i = 0; !order && i < AEG_ARRAY_SIZE(names); i++)
		order = strcmp(aeg_value_str(x, names[i]), aeg_value_str(y, names[i]));
	return order;
}

/* A new list of the same items. */
static json_t *sort_items(const json_t *items, int sort)
{
	size_t n = json_array_size(items);
	AEG_AUTO_FREE json_t **order = aeg_xcalloc(n + 1, sizeof(json_t *));
	json_t *sorted = json_array();

	for (size_t i = 0; i < n; i++)
		order[i] = json_array_get(items, i);
	sorted_by = sort;
	qsort(order, n, sizeof(json_t *), by_key);
	for (size_t i = 0; i < n; i++)
		json_array_append(sorted, order[i]);
	return sorted;
}

static void set_text(json_t *cells, const char *key, struct aeg_buf *text)
{
	json_object_set_new(cells, key, json_string(aeg_buf_text(text)));
	aeg_buf_done(text);
}

static void set_rate(json_t *cells, const json_t *item, const char *key, double seconds)
{
	struct aeg_buf text = {0};

	aeg_buf_printf(&text, "%.1f",
		       seconds > 0 ? (double)aeg_value_u64(item, key) / seconds : 0.0);
	set_text(cells, key, &text);
}

static void set_bytes(json_t *cells, const json_t *item, const char *key)
{
	struct aeg_buf text = {0};

	aeg_text_bytes(&text, aeg_value_u64(item, key));
	set_text(cells, key, &text);
}

static void set_workload(json_t *cells, const json_t *item)
{
	const char *ns = aeg_value_str(item, "namespace");
	const char *workload = aeg_value_str(item, "workload");
	struct aeg_buf text = {0};

	if (json_is_true(json_object_get(item, "rest")))
		aeg_buf_puts(&text, "(all others)");
	aeg_text_clean(&text, ns);
	aeg_buf_puts(&text, *ns || *workload ? "/" : "");
	aeg_text_clean(&text, workload);
	set_text(cells, "workload", &text);
}

static json_t *row_of(const json_t *item, double seconds)
{
	json_t *cells = json_object();
	uint64_t rtt = aeg_value_u64(item, "rttUs");
	struct aeg_buf text = {0};

	set_workload(cells, item);
	aeg_text_clean(&text, aeg_value_str(item, "endpoint"));
	set_text(cells, "endpoint", &text);
	set_rate(cells, item, "opens", seconds);
	set_rate(cells, item, "denials", seconds);
	set_bytes(cells, item, "sent");
	set_bytes(cells, item, "received");
	if (rtt)
		aeg_buf_printf(&text, "%.1fms", (double)rtt / 1000);
	set_text(cells, "rttUs", &text);
	json_object_set(cells, "audited", json_object_get(item, "audited"));
	json_object_set(cells, "closes", json_object_get(item, "closes"));
	json_object_set(cells, "retransmits", json_object_get(item, "retransmits"));
	return cells;
}

/* ---- the table ---- */

static const struct aeg_column columns[] = {
	{"WORKLOAD", "workload", NULL, false, false, 0},
	{"ENDPOINT", "endpoint", NULL, false, false, 0},
	{"CONN/S", "opens", NULL, false, true, 0},
	{"DENIED/S", "denials", NULL, false, true, 0},
	{"SENT", "sent", NULL, false, true, 0},
	{"RECEIVED", "received", NULL, false, true, 0},
	{"RTT", "rttUs", NULL, false, true, 0},
	{"AUDITED", "audited", NULL, true, true, 0},
	{"CLOSED", "closes", NULL, true, true, 0},
	{"RETRANSMITS", "retransmits", NULL, true, true, 0},
	{0},
};

/* How many rows fit below the heading; on what is no terminal all do. */
static size_t rows_that_fit(bool live)
{
	struct winsize size;

	if (!live)
		return SIZE_MAX;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 4)
		return ROWS_DEFAULT - 3;
	return size.ws_row - 3u;
}

/* "All" a workload does, or an endpoint sees, is one column less. */
static const struct aeg_column *columns_of(int by, struct aeg_column *ret)
{
	const char *hidden = by == 1 ? "endpoint" : by == 2 ? "workload" : "";
	size_t n = 0;

	for (size_t i = 0; columns[i].title; i++) {
		if (!aeg_streq(columns[i].path, hidden))
			ret[n++] = columns[i];
	}
	ret[n] = (struct aeg_column){0};
	return ret;
}

static void print_table(const struct top_options *options, const json_t *answer, bool live)
{
	AEG_AUTO_JSON json_t *items = sort_items(json_object_get(answer, "items"), options->sort);
	AEG_AUTO_JSON json_t *rows = json_array();
	const double seconds = json_number_value(json_object_get(answer, "seconds"));
	size_t fit = rows_that_fit(live), n = json_array_size(items);
	struct aeg_column shown[AEG_ARRAY_SIZE(columns)];

	for (size_t i = 0; i < n && i < fit; i++)
		json_array_append_new(rows, row_of(json_array_get(items, i), seconds));
	if (live)
		fputs("\033[H\033[J", stdout);
	printf("last %.0f s: %zu %s%s\n", seconds, n,
	       options->by == 1	  ? "workload"
	       : options->by == 2 ? "endpoint"
				  : "pair",
	       n == 1 ? "" : "s");
	aeg_table_print(columns_of(options->by, shown), rows,
			options->common.output == AEG_OUTPUT_WIDE, stdout);
	fflush(stdout);
}

/* ---- running ---- */

static int show(const struct top_options *options, const char *url, bool live)
{
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	AEG_AUTO_JSON json_t *answer = NULL;
	int result = aeg_client_get(&options->common, url, &response, &answer);

	if (result != AEG_EXIT_OK)
		return result;
	if (options->common.output == AEG_OUTPUT_JSON)
		aeg_print_body(&response);
	else
		print_table(options, answer, live);
	return ferror(stdout) ? AEG_EXIT_UNREACHABLE : AEG_EXIT_OK;
}

static void pause_for(unsigned int seconds)
{
	const struct timespec duration = {.tv_sec = seconds};

	nanosleep(&duration, NULL); /* a signal ends it: then there is nothing to wait for */
}

static const char *const by_words[] = {"pair", "workload", "endpoint", NULL};
static const char *const sort_words[] = {"connections", "denials", "sent", "received", "rtt", NULL};

static int top_run(const void *target, const struct aeg_opt_list *operands)
{
	const struct top_options *options = target;
	const struct sigaction interrupt = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
	unsigned int times = options->once ? 1 : options->times;
	bool live = !times && isatty(STDOUT_FILENO) && options->common.output != AEG_OUTPUT_JSON;
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf url = {0};
	int result;

	(void)operands;
	aeg_buf_printf(&url, "/v1/top?by=%s&seconds=%u", by_words[options->by], options->window);
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGTERM, &interrupt, NULL);
	for (unsigned int n = 1;; n++) {
		result = show(options, aeg_buf_text(&url), live);
		if (result != AEG_EXIT_OK || interrupted || n == times)
			return result;
		pause_for(options->interval ? options->interval : 1);
		if (interrupted)
			return AEG_EXIT_OK;
	}
}

static const struct top_options top_defaults = {
	.window = WINDOW_DEFAULT,
	.interval = INTERVAL_DEFAULT,
};
static const char *const top_usage[] = {
	"[--by pair|workload|endpoint] [--sort KEY] [--once|-n TIMES] [--window SECONDS]", NULL};
static const char *const no_words[] = {NULL};
static const struct aeg_opt top_options[] = {
	{"by", 0, AEG_OPT_ENUM, "WHAT", "what a row is about", by_words,
	 offsetof(struct top_options, by)},
	{"sort", 0, AEG_OPT_ENUM, "KEY", "what comes first", sort_words,
	 offsetof(struct top_options, sort)},
	{"window", 0, AEG_OPT_UINT, "SECONDS", "count what happened in the last 1 to 60 (10)", NULL,
	 offsetof(struct top_options, window)},
	{"interval", 0, AEG_OPT_UINT, "SECONDS", "between two tables (2)", NULL,
	 offsetof(struct top_options, interval)},
	{"times", 'n', AEG_OPT_UINT, "TIMES", "so many tables, then end", NULL,
	 offsetof(struct top_options, times)},
	{"once", 0, AEG_OPT_FLAG, NULL, "one table, for scripts", NULL,
	 offsetof(struct top_options, once)},
	{0},
};
static const struct aeg_example top_examples[] = {
	{"top", "who talks to what, live"},
	{"top --by workload --sort denials", "who is denied most"},
	{"top --once --window 60 --by endpoint", "the last minute by endpoint, once"},
	{"top --once -o json | jq '.items[0]'", "the busiest pair"},
	{0},
};

const struct aeg_verb aeg_verb_top = {
	.name = "top",
	.summary = "show who talks most, to what, and who is denied",
	.usage = top_usage,
	.text = "Connections and denials are per second, over the window; bytes are those of connections\n"
		"that ended in it, and RTT is their mean. On a terminal the table is drawn anew until\n"
		"Ctrl-C, as many rows as fit; elsewhere one table follows the other.\n",
	.examples = top_examples,
	.options = top_options,
	.options_size = sizeof(struct top_options),
	.defaults = &top_defaults,
	.words = no_words,
	.no_operands = true,
	.run = top_run,
};
