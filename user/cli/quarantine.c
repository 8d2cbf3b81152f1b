/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress quarantine` and `aegress release`: the emergency stop, and its end. */
#include "base/json.h"
#include "cli/client.h"
#include "cli/text.h"

struct quarantine_options {
	struct aeg_common common;
	const char *duration, *reason;
};

struct target {
	char *ns, *name; /* name "*": the whole namespace */
};

static void target_done(struct target *target)
{
	free(target->ns);
	free(target->name);
}

/* NAMESPACE[/WORKLOAD] */
static int parse_target(const struct aeg_verb *verb, const struct aeg_opt_list *operands,
			struct target *ret)
{
	const char *text, *slash;

	if (operands->list.n != 1)
		return aeg_usage_error(verb, "%s needs one NAMESPACE[/WORKLOAD]", verb->name);
	text = operands->list.items[0];
	slash = strchr(text, '/');
	ret->ns = slash ? aeg_xstrndup(text, (size_t)(slash - text)) : aeg_xstrdup(text);
	ret->name = aeg_xstrdup(slash ? slash + 1 : "*");
	if (!*ret->ns || !*ret->name || strchr(ret->name, '/'))
		return aeg_usage_error(verb, "'%s' is not NAMESPACE[/WORKLOAD]", text);
	return AEG_EXIT_OK;
}

static int send(const struct aeg_common *common, const struct aeg_request *request,
		struct aeg_response *ret)
{
	int result = aeg_client_send(common, request, ret);

	if (result == AEG_EXIT_OK && ret->status / 100 != 2)
		result = aeg_client_refused(ret);
	return result;
}

/* ---- quarantine ---- */

static void put_body(const struct quarantine_options *options, const struct target *target,
		     uint64_t seconds, struct aeg_buf *ret)
{
	struct aeg_json json;

	aeg_json_begin(&json, ret);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "namespace", target->ns);
	aeg_json_str(&json, "workload", target->name);
	aeg_json_str(&json, "reason", options->reason);
	if (seconds)
		aeg_json_u64(&json, "forSeconds", seconds);
	aeg_json_object_end(&json);
}

static void print_held(const struct target *target, const struct aeg_response *response)
{
	AEG_AUTO_JSON json_t *answer = aeg_client_parse(response);
	json_int_t held = json_integer_value(json_object_get(answer, "held"));

	printf("%s/%s is quarantined: nothing leaves %lld workload%s that %s here now\n",
	       target->ns, target->name, (long long)held, held == 1 ? "" : "s",
	       held == 1 ? "is" : "are");
}

static int hold(const struct quarantine_options *options, const struct target *target,
		uint64_t seconds)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf body = {0};
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	struct aeg_request request = {
		.method = "POST", .path = "/v1/quarantines", .type = "application/json"};
	int result;

	put_body(options, target, seconds, &body);
	request.body = aeg_buf_text(&body);
	request.body_len = body.len;
	result = send(&options->common, &request, &response);
	if (result == AEG_EXIT_OK && options->common.output == AEG_OUTPUT_JSON)
		aeg_print_body(&response);
	else if (result == AEG_EXIT_OK)
		print_held(target, &response);
	return result;
}

static int quarantine_run(const void *arg, const struct aeg_opt_list *operands)
{
	const struct quarantine_options *options = arg;
	AEG_CLEANUP(target_done) struct target target = {0};
	uint64_t seconds = 0;
	int result = parse_target(&aeg_verb_quarantine, operands, &target);

	if (result != AEG_EXIT_OK)
		return result;
	if (options->duration && (!aeg_text_seconds(options->duration, &seconds) || !seconds))
		return aeg_usage_error(&aeg_verb_quarantine,
				       "--for '%s': write 90s, 30m, 12h or 2d", options->duration);
	return hold(options, &target, seconds);
}

static const char *const quarantine_usage[] = {
	"NAMESPACE[/WORKLOAD] [--for DURATION] [--reason TEXT]", NULL};
static const struct aeg_opt quarantine_options[] = {
	{"for", 0, AEG_OPT_TEXT, "DURATION", "release by itself after this: 90s, 30m, 12h, 2d",
	 NULL, offsetof(struct quarantine_options, duration)},
	{"reason", 0, AEG_OPT_TEXT, "TEXT", "for the audit log and whoever asks", NULL,
	 offsetof(struct quarantine_options, reason)},
	{0},
};
static const struct aeg_example quarantine_examples[] = {
	{"quarantine ml-prod/chat-7f9c --reason 'key leaked'", "stop one workload"},
	{"quarantine 'ml-prod/chat-*' --for 1h", "all of a name, for an hour"},
	{"quarantine agents", "a whole namespace"},
	{"get quarantines", "who is held, and for how long yet"},
	{0},
};

const struct aeg_verb aeg_verb_quarantine = {
	.name = "quarantine",
	.summary = "stop everything that a workload sends, at once",
	.usage = quarantine_usage,
	.text = "Nothing leaves the workload any more, whatever its policies allow; connections that\n"
		"stand are ended. It holds over restarts until it is released or its time is up, also\n"
		"for workloads of that name that come later. WORKLOAD may hold '*'. The daemon of this\n"
		"node is asked; in a cluster, ask that of every node the workload may run on.\n",
	.examples = quarantine_examples,
	.options = quarantine_options,
	.options_size = sizeof(struct quarantine_options),
	.run = quarantine_run,
};

/* ---- release ---- */

static int release_run(const void *arg, const struct aeg_opt_list *operands)
{
	const struct aeg_common *common = arg;
	AEG_CLEANUP(target_done) struct target target = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf url = {0};
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	struct aeg_request request = {.method = "DELETE"};
	int result = parse_target(&aeg_verb_release, operands, &target);

	if (result != AEG_EXIT_OK)
		return result;
	aeg_buf_puts(&url, "/v1/quarantines/");
	aeg_http_escape(&url, target.ns);
	aeg_buf_putc(&url, '/');
	aeg_http_escape(&url, target.name);
	request.path = aeg_buf_text(&url);
	result = send(common, &request, &response);
	if (result == AEG_EXIT_OK && common->output == AEG_OUTPUT_JSON)
		aeg_print_body(&response);
	else if (result == AEG_EXIT_OK)
		printf("%s/%s is released\n", target.ns, target.name);
	return result;
}

static const char *const release_usage[] = {"NAMESPACE[/WORKLOAD]", NULL};
static const struct aeg_example release_examples[] = {
	{"release ml-prod/chat-7f9c", "one workload"},
	{"release agents", "a whole namespace that was held as such"},
	{0},
};

const struct aeg_verb aeg_verb_release = {
	.name = "release",
	.summary = "end a quarantine",
	.usage = release_usage,
	.text = "The words are those it was quarantined with; see 'aegress get quarantines'.\n"
		"Connections that were ended stay ended; policies decide about new ones.\n",
	.examples = release_examples,
	.options_size = sizeof(struct aeg_common),
	.run = release_run,
};
