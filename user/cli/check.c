/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress check`: every mistake in a set of files, in the words of the daemon. */
#include "base/json.h"
#include "cli/cli.h"
#include "cli/offline.h"

struct check_options {
	struct aeg_common common;
	bool strict;
};

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_json(const struct aeg_offline *offline, bool ok)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf out = {0}, diagnostics = {0};
	const struct aeg_model *model = offline->model;
	struct aeg_json json;

	aeg_diags_json(&offline->diags, &diagnostics);
	aeg_json_begin(&json, &out);
	aeg_json_object(&json, NULL);
	aeg_json_bool(&json, "ok", ok);
	aeg_json_raw(&json, "diagnostics", aeg_buf_text(&diagnostics));
	aeg_json_object(&json, "counts");
	aeg_json_u64(&json, "errors", offline->diags.nerrors);
	aeg_json_u64(&json, "warnings", offline->diags.nwarnings);
	aeg_json_u64(&json, "policies", model->policies.n);
	aeg_json_u64(&json, "endpoints", model->endpoints.n);
	aeg_json_u64(&json, "workloads", model->workloads.n);
	aeg_json_u64(&json, "namespaces", model->namespaces.n);
	aeg_json_object_end(&json);
	aeg_json_object_end(&json);
	puts(aeg_buf_text(&out));
}

static void print_text(const struct aeg_offline *offline, bool ok, bool colour)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	const struct aeg_diags *diags = &offline->diags;
	const struct aeg_model *model = offline->model;

	aeg_diags_print(diags, &text, colour);
	fputs(aeg_buf_text(&text), stderr);
	if (ok)
		printf("%zu polic%s, %zu endpoint%s, %zu workload%s: ok\n", model->policies.n,
		       model->policies.n == 1 ? "y" : "ies", model->endpoints.n,
		       plural(model->endpoints.n), model->workloads.n, plural(model->workloads.n));
	else
		fprintf(stderr, "%zu error%s, %zu warning%s\n", diags->nerrors,
			plural(diags->nerrors), diags->nwarnings, plural(diags->nwarnings));
}

static int check_run(const void *target, const struct aeg_opt_list *operands)
{
	const struct check_options *options = target;
	struct aeg_offline offline = {0};
	bool ok;

	if (operands->list.n == 0)
		return aeg_usage_error(&aeg_verb_check, "check needs a file or directory");
	ok = aeg_offline_load(&offline, operands) == 0;
	if (options->strict && offline.diags.nwarnings)
		ok = false;
	if (options->common.output == AEG_OUTPUT_JSON)
		print_json(&offline, ok);
	else
		print_text(&offline, ok, aeg_cli_colour(&options->common, stderr));
	aeg_offline_done(&offline);
	return ok ? AEG_EXIT_OK : AEG_EXIT_FOUND;
}

static const char *const check_usage[] = {"[--strict] [-o json] FILE|DIR|-…", NULL};
static const struct aeg_opt check_options[] = {
	{"strict", 0, AEG_OPT_FLAG, NULL, "let warnings fail the check too", NULL,
	 offsetof(struct check_options, strict)},
	{0},
};
static const struct aeg_example check_examples[] = {
	{"check policies/", "checks every *.yaml and *.yml below the directory as one set"},
	{"check policies/catalogue my-policy.yaml", "a policy and the endpoints that it names"},
	{"check --strict -o json - <my-policy.yaml", "from standard input, for a CI job"},
	{0},
};

const struct aeg_verb aeg_verb_check = {
	.name = "check",
	.summary = "find the mistakes in policy files",
	.usage = check_usage,
	.text = "All files make one set, as they do for the daemon, so give it the endpoints that its\n"
		"policies name. Mistakes go to standard error as file:line:column, in the very words\n"
		"of the daemon; the exit status is 1 if there is an error.\n",
	.examples = check_examples,
	.options = check_options,
	.options_size = sizeof(struct check_options),
	.run = check_run,
};
