/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress version`: what this binary is. The daemon's version is in `aegress status`. */
#include "base/json.h"
#include "bpf/abi.h"
#include "cli/cli.h"
#include "gen/version.h"

static int version_run(const void *target, const struct aeg_opt_list *operands)
{
	const struct aeg_common *options = target;
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf out = {0};
	struct aeg_json json;

	(void)operands;
	if (options->output != AEG_OUTPUT_JSON) {
		printf("aegress %s (revision %s, ABI %d)\n", AEG_VERSION, AEG_REVISION, AEG_ABI);
		return AEG_EXIT_OK;
	}
	aeg_json_begin(&json, &out);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "version", AEG_VERSION);
	aeg_json_str(&json, "revision", AEG_REVISION);
	aeg_json_u64(&json, "abi", AEG_ABI);
	aeg_json_object_end(&json);
	puts(aeg_buf_text(&out));
	return AEG_EXIT_OK;
}

static const char *const version_usage[] = {"[-o json]", NULL};
static const char *const version_words[] = {NULL};
static const struct aeg_example version_examples[] = {
	{"version", "this binary's version"},
	{"version -o json", "the same for scripts: version, revision, abi"},
	{0},
};

const struct aeg_verb aeg_verb_version = {
	.name = "version",
	.summary = "show the version of this binary",
	.usage = version_usage,
	.examples = version_examples,
	.options_size = sizeof(struct aeg_common),
	.words = version_words,
	.no_operands = true,
	.run = version_run,
};
