/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress apply`: hands documents to the daemon, which takes all of them or none. */
#include "base/file.h"
#include "base/yaml.h"
#include "cli/client.h"
#include "cli/offline.h"
#include "cli/text.h"
#include <errno.h>

struct apply_options {
	struct aeg_common common;
	const char *file;
	bool dry_run;
};

static int read_documents(const char *path, struct aeg_buf *ret)
{
	AEG_AUTO_FREE char *text = NULL;
	size_t len = 0;
	int result;

	if (aeg_streq(path, "-"))
		return aeg_stdin_read(AEG_YAML_MAX_BYTES, ret);
	result = aeg_file_read(path, AEG_YAML_MAX_BYTES, &text, &len);
	if (result == 0)
		aeg_buf_add(ret, text, len);
	return result;
}

/* "aiegresspolicy ml-prod/chat-api created", a line an object. */
static void print_items(const json_t *answer, bool dry_run)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(answer, "items"), i, item) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf line = {0};
		const char *ns = aeg_value_str(item, "namespace");

		aeg_text_clean(&line, aeg_value_str(item, "kind"));
		aeg_buf_putc(&line, ' ');
		aeg_text_clean(&line, ns);
		aeg_buf_puts(&line, *ns ? "/" : "");
		aeg_text_clean(&line, aeg_value_str(item, "name"));
		aeg_buf_putc(&line, ' ');
		aeg_text_clean(&line, aeg_value_str(item, "action"));
		printf("%s%s\n", aeg_buf_text(&line), dry_run ? " (dry run)" : "");
	}
	if (!dry_run)
		printf("generation %llu is in force\n",
		       (unsigned long long)aeg_value_u64(answer, "generation"));
}

/* The daemon's diagnostics as it wrote them: what `aegress check` would print. */
static int refused(const struct aeg_response *response)
{
	AEG_AUTO_JSON json_t *answer =
		json_loadb(aeg_buf_text(&response->body), response->body.len, 0, NULL);
	const char *text = json_string_value(json_object_get(answer, "text"));

	if (text)
		fprintf(stderr, "%s%s", text, *text && text[strlen(text) - 1] != '\n' ? "\n" : "");
	return aeg_client_refused(response);
}

static int show_answer(const struct apply_options *options, const struct aeg_response *response)
{
	AEG_AUTO_JSON json_t *answer = NULL;
	bool as_json = options->common.output == AEG_OUTPUT_JSON;

	if (response->status != 200) {
		if (as_json)
			aeg_print_body(response);
		return refused(response);
	}
	answer = aeg_client_parse(response);
	if (!answer)
		return AEG_EXIT_UNREACHABLE;
	if (as_json)
		aeg_print_body(response);
	else
		print_items(answer, options->dry_run);
	return AEG_EXIT_OK;
}

static int send_documents(const struct apply_options *options, const char *path,
			  const struct aeg_buf *documents)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf url = {0};
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	struct aeg_request request = {
		.method = "POST",
		.type = "application/yaml",
		.body = aeg_buf_text(documents),
		.body_len = documents->len,
	};
	int result;

	aeg_buf_puts(&url, options->dry_run ? "/v1/apply?dryRun=1&file=" : "/v1/apply?file=");
	aeg_http_escape(&url, aeg_streq(path, "-") ? "<stdin>" : path);
	request.path = aeg_buf_text(&url);
	result = aeg_client_send(&options->common, &request, &response);
	return result == AEG_EXIT_OK ? show_answer(options, &response) : result;
}

static int apply_run(const void *target, const struct aeg_opt_list *operands)
{
	const struct apply_options *options = target;
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf documents = {0};
	const char *path = options->file;
	int error;

	if (operands->list.n + (path ? 1 : 0) != 1)
		return aeg_usage_error(&aeg_verb_apply,
				       "apply needs one file, or - for standard input");
	if (!path)
		path = operands->list.items[0];
	error = read_documents(path, &documents);
	if (error) {
		aeg_complain("%s: %s", path,
			     error == -EFBIG ? "larger than 1 MiB; split it" : strerror(-error));
		return AEG_EXIT_FOUND;
	}
	return send_documents(options, path, &documents);
}

static const char *const apply_usage[] = {"[--dry-run] FILE|-", NULL};
static const struct aeg_opt apply_options[] = {
	{"file", 'f', AEG_OPT_TEXT, "FILE", "the same as naming FILE as operand", NULL,
	 offsetof(struct apply_options, file)},
	{"dry-run", 0, AEG_OPT_FLAG, NULL, "let the daemon check, change nothing", NULL,
	 offsetof(struct apply_options, dry_run)},
	{0},
};
static const struct aeg_example apply_examples[] = {
	{"apply my-policy.yaml", "creates or replaces the documents of the file"},
	{"apply --dry-run my-policy.yaml", "would it be accepted beside what is in force?"},
	{"apply - <my-policy.yaml", "from standard input"},
	{0},
};

const struct aeg_verb aeg_verb_apply = {
	.name = "apply",
	.summary = "hand documents to the daemon",
	.usage = apply_usage,
	.text = "The daemon takes all documents of the file or none. They are kept over restarts and\n"
		"come into force at once, in one step.\n",
	.examples = apply_examples,
	.options = apply_options,
	.options_size = sizeof(struct apply_options),
	.run = apply_run,
};
