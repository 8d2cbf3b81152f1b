/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `aegress explain`: may this workload reach that destination, and why? Offline on files, with the
 * verdict function of the kernel, or live, answered by the daemon from the tables in force.
 */
#include "base/diag.h"
#include "base/timestamp.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/offline.h"
#include "policy/explain.h"
#include "policy/words.h"
#include <strings.h>

struct explain_options {
	struct aeg_common common;
	struct aeg_opt_list files, labels;
	const char *ns, *service_account, *workload, *to, *at;
	bool no_workload;	 /* whoever belongs to no known workload is meant */
	int unselected, unknown; /* index into verdict_words; -1: not given */
};

static const char *const verdict_words[] = {"Deny", "Audit", "Allow", NULL};
static const uint32_t verdicts[] = {AEG_VERDICT_DENIED, AEG_VERDICT_AUDITED, AEG_VERDICT_ALLOWED};

/* Who is asked about; the subject borrows from the options or the model. */
struct who {
	bool known;
	char *name; /* NULL: described, but not declared */
	struct aeg_subject subject;
	struct aeg_labels labels;
};

static void who_done(struct who *who)
{
	for (size_t i = 0; i < who->labels.list.n; i++) {
		free(who->labels.list.items[i].key);
		free(who->labels.list.items[i].value);
	}
	AEG_VEC_DONE(who->labels.list);
	free(who->name);
}

static int bad_usage(const char *sentence)
{
	return aeg_usage_error(&aeg_verb_explain, "explain: %s", sentence);
}

static void parse_labels(const struct explain_options *options, struct aeg_labels *ret)
{
	for (size_t i = 0; i < options->labels.list.n; i++) {
		const char *text = options->labels.list.items[i], *equals = strchr(text, '=');
		struct aeg_label_pair *pair = AEG_VEC_PUSH(ret->list);

		pair->key = aeg_xstrndup(text, (size_t)(equals - text));
		pair->value = aeg_xstrdup(equals + 1);
	}
}

static int declared_workload(const struct explain_options *options,
			     const struct aeg_offline *offline, struct who *ret)
{
	const struct aeg_model *model = offline->model;

	for (size_t i = 0; i < model->workloads.n; i++) {
		const struct aeg_workload *workload = model->workloads.items[i];
		AEG_AUTO_FREE char *name = aeg_xasprintf("%s/%s", workload->ns, workload->name);

		if (!aeg_streq(name, options->workload))
			continue;
		ret->known = true;
		ret->name = AEG_TAKE_PTR(name);
		ret->subject = aeg_subject_of(model, workload);
		return AEG_EXIT_OK;
	}
	aeg_complain("explain: no Workload '%s' in the files%s", options->workload,
		     strchr(options->workload, '/') ? "" : ": expected NAMESPACE/NAME");
	return AEG_EXIT_USAGE;
}

static void described_workload(const struct explain_options *options,
			       const struct aeg_offline *offline, struct who *ret)
{
	parse_labels(options, &ret->labels);
	ret->known = true;
	ret->subject = (struct aeg_subject){
		.ns = options->ns,
		.service_account = options->service_account ? options->service_account : "default",
		.labels = &ret->labels,
		.namespace_labels = aeg_model_namespace_labels(offline->model, options->ns),
	};
}

/* Neither: a process that belongs to no known workload is meant. */
static int find_who(const struct explain_options *options, const struct aeg_offline *offline,
		    struct who *ret)
{
	if (options->workload)
		return declared_workload(options, offline, ret);
	if (options->ns)
		described_workload(options, offline, ret);
	return AEG_EXIT_OK;
}

static int check_labels(const struct explain_options *options)
{
	for (size_t i = 0; i < options->labels.list.n; i++) {
		const char *text = options->labels.list.items[i], *equals = strchr(text, '=');

		if (!equals || equals == text)
			return aeg_usage_error(&aeg_verb_explain,
					       "explain: --label '%s': expected KEY=VALUE", text);
	}
	return AEG_EXIT_OK;
}

/* Options that contradict each other, or say too little. */
static int check_options(const struct explain_options *options)
{
	bool described = options->ns || options->service_account || options->labels.list.n;
	bool live = options->files.list.n == 0;

	if (!options->to)
		return bad_usage("--to says which destination; it is missing");
	if (options->workload && described)
		return bad_usage("--workload excludes --namespace, --service-account and --label");
	if (options->no_workload && (options->workload || described))
		return bad_usage(
			"--no-workload excludes --workload, --namespace and what goes with it");
	if (live && options->at)
		return bad_usage("--at needs -f: the daemon answers from what is in force now");
	if (described && !options->ns)
		return bad_usage("--namespace is missing");
	if (live && options->unknown >= 0)
		return bad_usage("--unknown needs -f: the daemon has defaults of its own");
	if (live && options->unselected >= 0)
		return bad_usage("--unselected needs -f: the daemon has defaults of its own");
	if (!options->workload && !described && !options->no_workload && options->unknown < 0)
		return bad_usage("say who: --workload NS/NAME, or --namespace and more");
	return check_labels(options);
}

static int answer(const struct explain_options *options, const struct aeg_question *question)
{
	AEG_CLEANUP(aeg_explanation_done) struct aeg_explanation explanation = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	if (aeg_explain(question, &explanation, &text) < 0) {
		aeg_complain("explain: %s", aeg_buf_text(&text));
		return AEG_EXIT_USAGE;
	}
	if (options->common.output == AEG_OUTPUT_JSON) {
		aeg_explanation_json(question, &explanation, &text);
		aeg_buf_putc(&text, '\n');
	} else {
		aeg_explanation_text(question, &explanation, &text);
	}
	fputs(aeg_buf_text(&text), stdout);
	return explanation.decision.verdict == AEG_VERDICT_DENIED ? AEG_EXIT_FOUND : AEG_EXIT_OK;
}

/* The fallback is the daemon's own default. */
static uint32_t verdict_or(int choice, uint32_t fallback)
{
	return choice < 0 ? fallback : verdicts[choice];
}

static int explain_target(const struct explain_options *options, struct aeg_offline *offline,
			  const struct aeg_target *target)
{
	AEG_CLEANUP(who_done) struct who who = {0};
	struct aeg_gen gen = {
		.number = 1,
		.unselected = verdict_or(options->unselected, AEG_VERDICT_AUDITED),
		.unknown = verdict_or(options->unknown, AEG_VERDICT_DENIED),
	};
	struct aeg_question question = {
		.model = offline->model,
		.tables = offline->tables,
		.numbers = &offline->numbers,
		.gen = &gen,
		.target = target,
	};

	if (find_who(options, offline, &who) != AEG_EXIT_OK)
		return AEG_EXIT_USAGE;
	question.workload_name = who.name;
	question.subject = who.known ? &who.subject : NULL;
	return answer(options, &question);
}

static int explain_offline(const struct explain_options *options, const struct aeg_target *target)
{
	AEG_CLEANUP(aeg_offline_done) struct aeg_offline offline = {0};
	bool colour = aeg_cli_colour(&options->common, stderr);

	if (options->at && (!aeg_word_is_valid(AEG_WORD_TIME, options->at) ||
			    aeg_time_parse_s(options->at, &offline.now_s)))
		return aeg_usage_error(&aeg_verb_explain, "explain: --at '%s' %s", options->at,
				       aeg_word_wanted(AEG_WORD_TIME));
	if (aeg_offline_require(&offline, &options->files, colour) != AEG_EXIT_OK)
		return AEG_EXIT_USAGE;
	return explain_target(options, &offline, target);
}

static bool starts_with(const char *text, const char *word)
{
	return strncasecmp(text, word, strlen(word)) == 0;
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

static char *live_question(const struct explain_options *options)
{
	AEG_AUTO_JSON json_t *question = json_object();
	json_t *labels = json_object();

	for (size_t i = 0; i < options->labels.list.n; i++) {
		const char *text = options->labels.list.items[i], *equals = strchr(text, '=');
		AEG_AUTO_FREE char *key = aeg_xstrndup(text, (size_t)(equals - text));

		set_text(labels, key, equals + 1);
	}
	set_text(question, "to", options->to);
	set_text(question, "workload", options->workload);
	set_text(question, "namespace", options->ns);
	set_text(question, "serviceAccount", options->service_account);
	json_object_set_new(question, "labels", labels);
	if (options->no_workload)
		json_object_set_new(question, "unknown", json_true());
	return json_dumps(question, JSON_COMPACT);
}

/* The text begins with the verdict; JSON has it as a member. */
static int exit_of_answer(const struct aeg_response *response, bool as_json)
{
	static const uint32_t passing[] = {AEG_VERDICT_ALLOWED, AEG_VERDICT_AUDITED};
	const char *text = aeg_buf_text(&response->body);
	AEG_AUTO_JSON json_t *json = NULL;

	if (as_json) {
		json = aeg_client_parse(response);
		text = json_string_value(json_object_get(json, "verdict"));
	}
	if (text && starts_with(text, aeg_verdict_word(AEG_VERDICT_DENIED)))
		return AEG_EXIT_FOUND;
	for (size_t i = 0; text && i < AEG_ARRAY_SIZE(passing); i++)
		if (starts_with(text, aeg_verdict_word(passing[i])))
			return AEG_EXIT_OK;
	aeg_complain("explain: aegressd's answer names no verdict");
	return AEG_EXIT_UNREACHABLE;
}

static int explain_live(const struct explain_options *options)
{
	bool as_json = options->common.output == AEG_OUTPUT_JSON;
	AEG_AUTO_FREE char *question = live_question(options);
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	struct aeg_request request = {
		.method = "POST",
		.path = "/v1/explain",
		.accept = as_json ? "application/json" : "text/plain",
		.type = "application/json",
		.body = question,
		.body_len = question ? strlen(question) : 0,
	};
	int result;

	/* jansson refuses text that is not UTF-8 */
	if (!question)
		return bad_usage("an option is not UTF-8");
	result = aeg_client_send(&options->common, &request, &response);
	if (result != AEG_EXIT_OK)
		return result;
	if (response.status != 200) /* "not found" must not look like "denied" */
		return aeg_client_refused(&response) == AEG_EXIT_FOUND ? AEG_EXIT_USAGE
								       : AEG_EXIT_UNREACHABLE;
	result = exit_of_answer(&response, as_json);
	if (result != AEG_EXIT_UNREACHABLE)
		aeg_print_body(&response);
	return result;
}

static int explain_run(const void *target, const struct aeg_opt_list *operands)
{
	const struct explain_options *options = target;
	AEG_CLEANUP(aeg_target_done) struct aeg_target destination = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	int result = check_options(options);

	(void)operands;
	if (result != AEG_EXIT_OK)
		return result;
	if (aeg_target_parse(options->to, &destination, &error) < 0)
		return aeg_usage_error(&aeg_verb_explain, "explain: --to '%s': %s", options->to,
				       aeg_buf_text(&error));
	if (options->files.list.n)
		return explain_offline(options, &destination);
	return explain_live(options);
}

static void explain_done(void *target)
{
	struct explain_options *options = target;

	AEG_VEC_DONE(options->files.list);
	AEG_VEC_DONE(options->labels.list);
}

#define AT(member) offsetof(struct explain_options, member)
static const char *const explain_usage[] = {
	"-f PATH… --namespace NS [--service-account SA] [--label KEY=VALUE]… --to DEST",
	"-f PATH… --workload NS/NAME --to DEST",
	"--workload NS/NAME --to DEST",
	"--no-workload --to DEST",
	NULL,
};
static const struct aeg_opt explain_options[] = {
	{"file", 'f', AEG_OPT_LIST, "PATH", "a file or directory of policies; may be repeated",
	 NULL, AT(files)},
	{"namespace", 'n', AEG_OPT_TEXT, "NS", "the workload's namespace", NULL, AT(ns)},
	{"service-account", 's', AEG_OPT_TEXT, "SA", "its service account (default: \"default\")",
	 NULL, AT(service_account)},
	{"label", 'l', AEG_OPT_LIST, "KEY=VALUE", "one of its labels; may be repeated", NULL,
	 AT(labels)},
	{"workload", 'w', AEG_OPT_TEXT, "NS/NAME", "a declared workload, in place of the above",
	 NULL, AT(workload)},
	{"no-workload", 0, AEG_OPT_FLAG, NULL,
	 "a process of no known workload, in place of all that", NULL, AT(no_workload)},
	{"to", 't', AEG_OPT_TEXT, "DEST", "HOST|ADDR[:PORT][/udp]; port 443 when not said", NULL,
	 AT(to)},
	{"at", 0, AEG_OPT_TEXT, "TIME",
	 "with -f: what will be then, YYYY-MM-DDThh:mm:ssZ, or was (default: now)", NULL, AT(at)},
	{"unselected", 0, AEG_OPT_ENUM, "WHAT",
	 "with -f: what becomes of workloads that no policy selects\n(default Audit)",
	 verdict_words, AT(unselected)},
	{"unknown", 0, AEG_OPT_ENUM, "WHAT",
	 "the same for processes of no known workload (default Deny); when\nno workload is named, the "
	 "question is about such a process",
	 verdict_words, AT(unknown)},
	{0},
};
static const struct explain_options explain_defaults = {.unselected = -1, .unknown = -1};
static const struct aeg_example explain_examples[] = {
	{"explain -f policies/ --namespace ml-prod --service-account chat-api --label tier=inference "
	 "--to router.huggingface.co",
	 "what would the policies in these files do?"},
	{"explain -f policies/ --workload ml-train/trainer-1 --to hf.co:22 -o json",
	 "a Workload of the files; for scripts"},
	{"explain --workload ml-prod/chat-api-1 --to '[2001:db8::1]:443/udp'",
	 "ask the daemon about the policies in force"},
	{0},
};

const struct aeg_verb aeg_verb_explain = {
	.name = "explain",
	.summary = "say whether a workload may reach a destination, and why",
	.usage = explain_usage,
	.text = "With -f the answer comes from files alone, by the verdict function that also runs in\n"
		"the kernel; without it the daemon answers from what is in force. The exit status is\n"
		"0 for allowed and for audited (reported, but not blocked: the text says so), 1 for\n"
		"denied, 2 when the question or the files are wrong.\n",
	.examples = explain_examples,
	.options = explain_options,
	.options_size = sizeof(struct explain_options),
	.defaults = &explain_defaults,
	.no_operands = true,
	.run = explain_run,
	.done = explain_done,
};
#undef AT
