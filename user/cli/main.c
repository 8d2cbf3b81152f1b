/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * aegress, the command line: finds the verb, reads its options, runs it. Says what is wrong with
 * the command line; everything else is the verbs' business.
 */
#include "base/diag.h"
#include "cli/cli.h"
#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>

const struct aeg_verb *const aeg_verbs[] = {
#define VERB_POINTER(name) &aeg_verb_##name,
	AEG_VERBS(VERB_POINTER) NULL};

const char *const aeg_verb_names[] = {
#define VERB_NAME(name) #name,
	AEG_VERBS(VERB_NAME) NULL};

const char *const aeg_output_words[] = {"table", "wide", "json", NULL};

const struct aeg_opt aeg_common_options[] = {
	{"socket", 0, AEG_OPT_TEXT, "PATH",
	 "the daemon's socket (default $" AEG_CLI_SOCKET_ENV ", then " AEG_CLI_SOCKET ")", NULL,
	 offsetof(struct aeg_common, socket)},
	{"output", 'o', AEG_OPT_ENUM, "FORMAT", "how to print", aeg_output_words,
	 offsetof(struct aeg_common, output)},
	{"no-color", 0, AEG_OPT_FLAG, NULL, "no colours, also on a terminal (as does $NO_COLOR)",
	 NULL, offsetof(struct aeg_common, no_color)},
	{"help", 'h', AEG_OPT_FLAG, NULL, "this help", NULL, offsetof(struct aeg_common, help)},
	{0},
};

const char *aeg_program = "aegress";

const struct aeg_verb *aeg_verb_find(const char *name)
{
	for (size_t i = 0; aeg_verbs[i]; i++)
		if (aeg_streq(aeg_verbs[i]->name, name))
			return aeg_verbs[i];
	return NULL;
}

static size_t options_count(const struct aeg_opt *options)
{
	size_t n = 0;

	while (options && options[n].name)
		n++;
	return n;
}

static bool has_option(const struct aeg_opt *options, const char *name)
{
	for (; options && options->name; options++) {
		if (aeg_streq(options->name, name))
			return true;
	}
	return false;
}

struct aeg_opt *aeg_verb_common(const struct aeg_verb *verb)
{
	struct aeg_opt *all =
		aeg_xcalloc(options_count(aeg_common_options) + 1, sizeof(*aeg_common_options));
	size_t n = 0;

	for (const struct aeg_opt *opt = aeg_common_options; opt->name; opt++) {
		if (!has_option(verb->options, opt->name))
			all[n++] = *opt;
	}
	return all;
}

struct aeg_opt *aeg_verb_options(const struct aeg_verb *verb)
{
	AEG_AUTO_FREE struct aeg_opt *shared = aeg_verb_common(verb);
	size_t own = options_count(verb->options), common = options_count(shared);
	struct aeg_opt *all = aeg_xcalloc(own + common + 1, sizeof(*all));

	if (own)
		memcpy(all, verb->options, own * sizeof(*all));
	memcpy(all + own, shared, common * sizeof(*all));
	return all;
}

static void AEG_PRINTF(1, 0) complain(const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", aeg_program);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void aeg_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
}

void aeg_usage_complain(const struct aeg_verb *verb, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	fprintf(stderr, "Try '%s %s --help'.\n", aeg_program, verb->name);
}

const char *aeg_cli_socket(const struct aeg_common *common)
{
	const char *from_env = getenv(AEG_CLI_SOCKET_ENV);

	if (common->socket)
		return common->socket;
	return from_env && *from_env ? from_env : AEG_CLI_SOCKET;
}

bool aeg_cli_colour(const struct aeg_common *common, FILE *stream)
{
	const char *no_color = getenv("NO_COLOR"); /* https://no-color.org */

	return !common->no_color && !(no_color && *no_color) && isatty(fileno(stream));
}

static int unknown_verb(const char *word)
{
	const char *closest = aeg_closest(word, aeg_verb_names, AEG_ARRAY_SIZE(aeg_verb_names) - 1);

	if (closest)
		aeg_complain("unknown verb '%s': did you mean '%s'?", word, closest);
	else
		aeg_complain("unknown verb '%s'", word);
	fprintf(stderr, "Try '%s help'.\n", aeg_program);
	return AEG_EXIT_USAGE;
}

/* Options may stand in front of the verb; those that take a value must not pass it off as one. */
static bool takes_next_word(const char *option)
{
	for (const struct aeg_opt *opt = aeg_common_options; opt->name; opt++) {
		if (opt->kind == AEG_OPT_FLAG)
			continue;
		if (option[1] == '-' && aeg_streq(option + 2, opt->name))
			return true;
		if (opt->letter && option[1] == opt->letter && option[2] == '\0')
			return true;
	}
	return false;
}

/* Index of the verb in argv; 0: there is none. */
static int find_verb_word(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-')
			return i;
		if (takes_next_word(argv[i]))
			i++;
	}
	return 0;
}

static int run_verb(const struct aeg_verb *verb, int argc, char **argv)
{
	AEG_AUTO_FREE struct aeg_opt *table = aeg_verb_options(verb);
	AEG_AUTO_FREE struct aeg_common *options = aeg_xcalloc(1, verb->options_size);
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct aeg_opt_list operands = {0};
	int result;

	if (verb->defaults)
		memcpy(options, verb->defaults, verb->options_size);
	if (aeg_opts_parse(table, argc, argv, options, &operands, &error) < 0) {
		result = aeg_usage_error(verb, "%s: %s", verb->name, aeg_buf_text(&error));
	} else if (options->help) {
		aeg_help_print_verb(verb, stdout);
		result = AEG_EXIT_OK;
	} else if (verb->no_operands && operands.list.n) {
		result = aeg_usage_error(verb, "%s takes no operand, found '%s'", verb->name,
					 operands.list.items[0]);
	} else {
		result = verb->run(options, &operands);
	}
	AEG_VEC_DONE(operands.list);
	if (verb->done)
		verb->done(options);
	return result;
}

/* No verb: only --help and --version make sense. */
static int run_bare(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (aeg_streq(argv[i], "--version"))
			return run_verb(&aeg_verb_version, 1, argv);
		if (aeg_streq(argv[i], "--help") || aeg_streq(argv[i], "-h")) {
			aeg_help_print(stdout);
			return AEG_EXIT_OK;
		}
	}
	aeg_help_print(stderr);
	return AEG_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	int at = find_verb_word(argc, argv);
	const struct aeg_verb *verb;

	if (!at)
		return run_bare(argc, argv);
	verb = aeg_verb_find(argv[at]);
	if (!verb)
		return unknown_verb(argv[at]);
	/* Without the verb's word, what stood in front of it reads like what follows it. */
	memmove(argv + at, argv + at + 1, (size_t)(argc - at) * sizeof(*argv));
	return run_verb(verb, argc - 1, argv);
}

int main(int argc, char **argv)
{
	int result;

	if (argc > 0 && aeg_streq(basename(argv[0]), "kubectl-aegress"))
		aeg_program = "kubectl aegress";
	result = run(argc, argv);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		aeg_complain("standard output: %s", strerror(errno));
		return result ? result : AEG_EXIT_FOUND;
	}
	return result;
}
