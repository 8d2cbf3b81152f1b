/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress status`: is it enforcing, what, and is anything wrong? */
#include "cli/status.h"
#include "cli/client.h"
#include "cli/text.h"

#define LABEL_WIDTH 12

static void line_start(const char *label)
{
	printf("%-*s ", LABEL_WIDTH, label);
}

static void print_value(const char *label, const json_t *status, const char *path)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	aeg_value_text(&text, aeg_value_get(status, path), 0);
	if (!text.len)
		return;
	line_start(label);
	puts(aeg_buf_text(&text));
}

static void print_clean(const char *prefix, const char *text)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf clean = {0};

	aeg_text_clean(&clean, text);
	printf("%s%s\n", prefix, aeg_buf_text(&clean));
}

/* ", up 3m20s" for a time that is known. */
static void add_age(struct aeg_buf *out, const char *before, const char *since)
{
	int64_t seconds = aeg_text_since(since);

	if (seconds < 0)
		return;
	aeg_buf_puts(out, before);
	aeg_text_age(out, seconds);
}

static void print_daemon(const json_t *status)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	aeg_buf_puts(&text, "aegressd ");
	aeg_text_clean(&text, aeg_value_str(status, "version"));
	aeg_buf_printf(&text, ", pid %llu", (unsigned long long)aeg_value_u64(status, "pid"));
	add_age(&text, ", up ", aeg_value_str(status, "startedAt"));
	aeg_buf_puts(&text, ", on ");
	aeg_text_clean(&text, aeg_value_str(status, "node"));
	line_start("daemon");
	puts(aeg_buf_text(&text));
}

static void print_generation(const json_t *status)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	aeg_buf_printf(&text, "%llu", (unsigned long long)aeg_value_u64(status, "generation"));
	if (aeg_value_u64(status, "generation"))
		add_age(&text, ", in force for ", aeg_value_str(status, "generationAt"));
	if (json_is_true(json_object_get(status, "adopted")))
		aeg_buf_puts(&text, ", pins of an earlier daemon adopted");
	if (json_is_true(json_object_get(status, "storageClosed")))
		aeg_buf_puts(&text, ", storage of sockets is closed to iterators");
	line_start("generation");
	puts(aeg_buf_text(&text));
}

static unsigned long long count(const json_t *status, const char *key)
{
	return (unsigned long long)aeg_value_u64(status, key);
}

static void print_counts(const json_t *status)
{
	line_start("policies");
	printf("%llu\n", count(status, "policies"));
	line_start("endpoints");
	printf("%llu\n", count(status, "endpoints"));
	line_start("workloads");
	printf("%llu declared, %llu running", count(status, "workloads"),
	       count(status, "instances"));
	if (count(status, "contested"))
		printf(", %llu cgroups claimed twice", count(status, "contested"));
	putchar('\n');
}

static void print_programs(const json_t *status)
{
	const json_t *program, *programs = json_object_get(status, "programs");
	size_t i, attached = 0;

	json_array_foreach (programs, i, program) {
		attached += json_is_true(json_object_get(program, "attached"));
	}
	line_start("programs");
	printf("%zu of %zu attached\n", attached, json_array_size(programs));
	json_array_foreach (programs, i, program) {
		if (json_is_false(json_object_get(program, "attached")))
			print_clean("  DETACHED   ", aeg_value_str(program, "name"));
	}
}

/* Sums the totals of each verdict: [{verdict, reason, hook, count}]. */
static uint64_t decisions(const json_t *status, const char *verdict)
{
	const json_t *row;
	uint64_t sum = 0;
	size_t i;

	json_array_foreach (json_object_get(status, "totals"), i, row) {
		if (aeg_streq(aeg_value_str(row, "verdict"), verdict))
			sum += aeg_value_u64(row, "count");
	}
	return sum;
}

static void print_decisions(const json_t *status)
{
	line_start("decisions");
	printf("%llu allowed, %llu audited, %llu denied\n",
	       (unsigned long long)decisions(status, "allowed"),
	       (unsigned long long)decisions(status, "audited"),
	       (unsigned long long)decisions(status, "denied"));
}

/* "12 new, 3 again" of an object of counts; zeros are left out. */
static void add_counts(struct aeg_buf *out, const json_t *counts)
{
	const char *word;
	json_t *value;

	json_object_foreach ((json_t *)counts, word, value) {
		if (json_integer_value(value) <= 0)
			continue;
		aeg_buf_printf(out, "%s%lld ", out->len ? ", " : "",
			       (long long)json_integer_value(value));
		aeg_text_clean(out, word);
	}
}

static void print_tally(const char *label, const json_t *status, const char *path)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	if (!json_is_object(aeg_value_get(status, path)))
		return;
	add_counts(&text, aeg_value_get(status, path));
	line_start(label);
	puts(text.len ? aeg_buf_text(&text) : "none yet");
}

static void print_learned(const json_t *status)
{
	uint64_t share = aeg_value_u64(status, "dns.addressesPerWorkload");
	const json_t *map;
	size_t i;

	json_array_foreach (json_object_get(status, "maps"), i, map) {
		if (!aeg_streq(aeg_value_str(map, "name"), "learned"))
			continue;
		line_start("addresses");
		printf("%llu of %llu learned", count(map, "entries"), count(map, "capacity"));
		if (share)
			printf(", each workload is sure of %llu", (unsigned long long)share);
		putchar('\n');
	}
}

static void print_names(const json_t *status)
{
	print_value("tc", status, "tc.mode");
	print_tally("layers", status, "tc.layers");
	print_tally("frames", status, "tc.frames");
	print_value("resolvers", status, "dns.resolvers");
	print_learned(status);
	print_value("full shares", status, "dns.fullShares");
	print_tally("dns answers", status, "dns.answers");
	print_tally("names", status, "dns.learned");
	print_tally("hellos", status, "hellos");
}

/* Tables beyond 80 %. */
static void print_full_maps(const json_t *status)
{
	const json_t *map;
	size_t i;

	json_array_foreach (json_object_get(status, "maps"), i, map) {
		uint64_t entries = aeg_value_u64(map, "entries");
		uint64_t capacity = aeg_value_u64(map, "capacity");
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf name = {0};

		if (!capacity || entries * 5 < capacity * 4)
			continue;
		aeg_text_clean(&name, aeg_value_str(map, "name"));
		line_start("table");
		printf("%s: %llu of %llu entries used\n", aeg_buf_text(&name),
		       (unsigned long long)entries, (unsigned long long)capacity);
	}
}

static void print_errors(const json_t *status)
{
	const char *word;
	json_t *value;

	json_object_foreach (json_object_get(status, "errors"), word, value) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf clean = {0};

		if (json_integer_value(value) <= 0)
			continue;
		aeg_text_clean(&clean, word);
		line_start("kernel error");
		printf("%s: %lld times\n", aeg_buf_text(&clean),
		       (long long)json_integer_value(value));
	}
}

/* The diagnostics of the last reload, line by line. */
static void print_lines(const char *text)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		AEG_AUTO_FREE char *line = aeg_xstrndup(text, (size_t)(end - text));

		print_clean("  ", line);
		text = *end ? end + 1 : end;
	}
}

static void print_reload(const json_t *status)
{
	const json_t *reload = json_object_get(status, "lastReload");
	int64_t seconds = aeg_text_since(aeg_value_str(reload, "at"));
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	if (!json_is_object(reload))
		return;
	aeg_buf_puts(&text, json_is_false(json_object_get(reload, "ok"))
				    ? "FAILED; the earlier policies stay in force"
				    : "ok");
	if (seconds >= 0) {
		aeg_buf_puts(&text, ", ");
		aeg_text_age(&text, seconds);
		aeg_buf_puts(&text, " ago");
	}
	line_start("last reload");
	puts(aeg_buf_text(&text));
	print_lines(aeg_value_str(reload, "text"));
}

static void print_notes(const json_t *status)
{
	const json_t *note;
	size_t i;

	json_array_foreach (json_object_get(status, "notes"), i, note) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

		aeg_value_text(&text, note, 0);
		line_start("note");
		puts(aeg_buf_text(&text));
	}
}

static void add_problem(struct aeg_buf *ret, const char *problem)
{
	if (ret->len)
		aeg_buf_puts(ret, "; ");
	aeg_buf_puts(ret, problem);
}

bool aeg_status_healthy(const json_t *status, struct aeg_buf *ret_problems)
{
	const json_t *program;
	size_t i, detached = 0;

	json_array_foreach (json_object_get(status, "programs"), i, program) {
		detached += json_is_false(json_object_get(program, "attached"));
	}
	if (json_array_size(json_object_get(status, "programs")) == 0)
		add_problem(ret_problems, "no program is loaded");
	if (detached)
		add_problem(ret_problems, "a program is not attached");
	if (aeg_value_u64(status, "generation") == 0)
		add_problem(ret_problems, "no policies are in force");
	if (json_is_false(aeg_value_get(status, "lastReload.ok")))
		add_problem(ret_problems, "the last reload failed");
	return ret_problems->len == 0;
}

static void print_status(const json_t *status, bool healthy, const char *problems, bool colour)
{
	const char *start = !colour ? "" : healthy ? "\033[32m" : "\033[31m";

	line_start("health");
	printf("%s%s%s%s%s\n", start, healthy ? "ok" : "UNHEALTHY", colour ? "\033[0m" : "",
	       healthy ? "" : ": ", problems);
	print_daemon(status);
	print_generation(status);
	print_counts(status);
	print_value("defaults", status, "defaults");
	print_programs(status);
	print_decisions(status);
	print_names(status);
	print_value("cgroup root", status, "cgroupRoot");
	print_value("managed", status, "managed");
	print_value("pins", status, "pins");
	print_full_maps(status);
	print_errors(status);
	print_reload(status);
	print_notes(status);
}

static int status_run(const void *target, const struct aeg_opt_list *operands)
{
	const struct aeg_common *options = target;
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf problems = {0};
	AEG_AUTO_JSON json_t *status = NULL;
	int result = aeg_client_get(options, "/v1/status", &response, &status);
	bool healthy;

	(void)operands;
	if (result != AEG_EXIT_OK)
		return result;
	healthy = aeg_status_healthy(status, &problems);
	if (options->output == AEG_OUTPUT_JSON)
		aeg_print_body(&response);
	else
		print_status(status, healthy, aeg_buf_text(&problems),
			     aeg_cli_colour(options, stdout));
	return healthy ? AEG_EXIT_OK : AEG_EXIT_FOUND;
}

static const char *const status_usage[] = {"[-o json]", NULL};
static const char *const status_words[] = {NULL};
static const struct aeg_example status_examples[] = {
	{"status", "is it enforcing, and is anything wrong?"},
	{"status -o json | jq .generation", "everything, as the daemon gave it"},
	{0},
};

const struct aeg_verb aeg_verb_status = {
	.name = "status",
	.summary = "show what the daemon enforces and whether it is well",
	.usage = status_usage,
	.text = "The exit status is 1 when a program is not attached, nothing is in force or the last\n"
		"reload failed.\n",
	.examples = status_examples,
	.options_size = sizeof(struct aeg_common),
	.words = status_words,
	.no_operands = true,
	.run = status_run,
};
