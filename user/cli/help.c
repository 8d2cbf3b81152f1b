/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress help`, and every --help: written from the tables that also parse the command line. */
#include "cli/cli.h"

static void print_options(const char *title, const struct aeg_opt *options, FILE *stream)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	aeg_opts_help(options, &text);
	fprintf(stream, "\n%s:\n%s", title, aeg_buf_text(&text));
}

void aeg_help_print(FILE *stream)
{
	fprintf(stream,
		"aegress decides which workload may connect to which AI endpoint.\n\n"
		"Usage: %s VERB [OPTIONS] [OPERANDS]\n\n"
		"Verbs:\n",
		aeg_program);
	for (size_t i = 0; aeg_verbs[i]; i++)
		fprintf(stream, "  %-11s %s\n", aeg_verbs[i]->name, aeg_verbs[i]->summary);
	print_options("Options of every verb", aeg_common_options, stream);
	fprintf(stream,
		"\nExit status: 0 ok, 1 something found, denied or refused, 2 wrong usage,\n"
		"3 the daemon could not be reached.\n"
		"'%s VERB --help' tells more; the manual is aegress(1).\n",
		aeg_program);
}

void aeg_help_print_verb(const struct aeg_verb *verb, FILE *stream)
{
	AEG_AUTO_FREE struct aeg_opt *common = aeg_verb_common(verb);

	fprintf(stream, "%s %s: %s\n\n", aeg_program, verb->name, verb->summary);
	for (size_t i = 0; verb->usage[i]; i++)
		fprintf(stream, "%s %s %s%s%s\n", i ? "      " : "Usage:", aeg_program, verb->name,
			*verb->usage[i] ? " " : "", verb->usage[i]);
	if (verb->text)
		fprintf(stream, "\n%s", verb->text);
	if (verb->options)
		print_options("Options", verb->options, stream);
	print_options("Options of every verb", common, stream);
	fputs("\nExamples:\n", stream);
	for (const struct aeg_example *example = verb->examples; example->args; example++)
		fprintf(stream, "  %s %s\n      %s\n", aeg_program, example->args, example->what);
}

static int help_run(const void *options, const struct aeg_opt_list *operands)
{
	const struct aeg_verb *verb;

	(void)options;
	if (operands->list.n == 0) {
		aeg_help_print(stdout);
		return AEG_EXIT_OK;
	}
	if (operands->list.n > 1)
		return aeg_usage_error(&aeg_verb_help, "help takes one verb");
	verb = aeg_verb_find(operands->list.items[0]);
	if (!verb)
		return aeg_usage_error(&aeg_verb_help, "no verb '%s'", operands->list.items[0]);
	aeg_help_print_verb(verb, stdout);
	return AEG_EXIT_OK;
}

static const char *const help_usage[] = {"[VERB]", NULL};
static const struct aeg_example help_examples[] = {
	{"help", "lists the verbs"},
	{"help explain", "the same as: explain --help"},
	{0},
};

const struct aeg_verb aeg_verb_help = {
	.name = "help",
	.summary = "show this overview, or the help of a verb",
	.usage = help_usage,
	.examples = help_examples,
	.options_size = sizeof(struct aeg_common),
	.words = aeg_verb_names,
	.run = help_run,
};
