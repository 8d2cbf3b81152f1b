/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `aegress completion`: shell functions written from the tables of verbs and options. */
#include "cli/cli.h"

/* What may follow an option that takes a value. */
static bool is_path(const struct aeg_opt *opt)
{
	return aeg_streq(opt->value, "PATH") || aeg_streq(opt->value, "FILE") ||
	       aeg_streq(opt->value, "DIR");
}

static bool takes_files(const struct aeg_verb *verb)
{
	return !verb->words && !verb->no_operands;
}

static void print_words(const char *const *words)
{
	for (size_t i = 0; words && words[i]; i++)
		printf("%s%s", i ? " " : "", words[i]);
}

/* ---- bash ---- */

static void bash_option_words(const struct aeg_opt *options)
{
	for (const struct aeg_opt *opt = options; opt->name; opt++) {
		printf(" --%s", opt->name);
		if (opt->letter)
			printf(" -%c", opt->letter);
	}
}

/* One arm of the case over "verb:option". */
static void bash_value_arm(const char *verb, const struct aeg_opt *opt)
{
	if (opt->kind == AEG_OPT_FLAG)
		return;
	printf("\t%s:--%s", verb, opt->name);
	if (opt->letter)
		printf(" | %s:-%c", verb, opt->letter);
	if (opt->choices) {
		printf(") COMPREPLY=($(compgen -W '");
		print_words(opt->choices);
		printf("' -- \"$cur\")) ;;\n");
	} else if (is_path(opt)) {
		printf(") COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n");
	} else {
		printf(") COMPREPLY=() ;;\n");
	}
}

static void bash_verb_arm(const struct aeg_verb *verb)
{
	AEG_AUTO_FREE struct aeg_opt *options = aeg_verb_options(verb);

	printf("\t%s)\n\t\twords='", verb->name);
	print_words(verb->words);
	printf("'\n\t\toptions='");
	bash_option_words(options);
	printf("'\n\t\tfiles=%d\n\t\t;;\n", takes_files(verb));
}

static void bash_values(void)
{
	puts("\tcase \"$verb:$prev\" in");
	for (size_t i = 0; aeg_verbs[i]; i++) {
		AEG_AUTO_FREE struct aeg_opt *options = aeg_verb_options(aeg_verbs[i]);

		for (const struct aeg_opt *opt = options; opt->name; opt++)
			bash_value_arm(aeg_verbs[i]->name, opt);
	}
	puts("\t*) return 1 ;;\n\tesac");
}

static void bash(void)
{
	puts("# bash completion for aegress; written by 'aegress completion bash'\n"
	     "_aegress_values() {\n"
	     "\tlocal verb=$1 prev=$2 cur=$3");
	bash_values();
	puts("}\n"
	     "_aegress() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	     "\tlocal verb='' word words='' options='' files=0\n"
	     "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"; do\n"
	     "\t\t[[ $word == -* ]] || { verb=$word; break; }\n"
	     "\tdone\n"
	     "\t_aegress_values \"$verb\" \"$prev\" \"$cur\" && return\n"
	     "\tcase $verb in\n"
	     "\t'')");
	printf("\t\twords='");
	for (size_t i = 0; aeg_verbs[i]; i++)
		printf("%s%s", i ? " " : "", aeg_verbs[i]->name);
	printf("'\n\t\toptions='");
	bash_option_words(aeg_common_options);
	puts("'\n\t\t;;");
	for (size_t i = 0; aeg_verbs[i]; i++)
		bash_verb_arm(aeg_verbs[i]);
	puts("\tesac\n"
	     "\t[[ $cur != -* ]] || words=$options\n"
	     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	     "\tif ((files)) && [[ $cur != -* ]]; then\n"
	     "\t\tCOMPREPLY+=($(compgen -f -- \"$cur\"))\n"
	     "\tfi\n"
	     "}\n"
	     "complete -o filenames -F _aegress aegress kubectl-aegress");
}

/* ---- zsh and fish: descriptions stand in quotes ---- */

/* Escapes what the shell or _arguments would take for its own inside '...'. */
static void print_quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (*text == '\n') /* help that was broken into lines */
			putchar(' ');
		else if (strchr(special, *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void zsh_value(const struct aeg_opt *opt)
{
	if (opt->kind == AEG_OPT_FLAG)
		return;
	printf(":%s:", opt->value);
	if (opt->choices) {
		putchar('(');
		print_words(opt->choices);
		putchar(')');
	} else if (is_path(opt)) {
		fputs("_files", stdout);
	}
}

static void zsh_option(const struct aeg_opt *opt)
{
	const char *repeat = opt->kind == AEG_OPT_LIST ? "*" : "";

	printf("\t\t\t'%s--%s[", repeat, opt->name);
	print_quoted(opt->help, "[]:\\");
	putchar(']');
	zsh_value(opt);
	puts("' \\");
	if (!opt->letter)
		return;
	printf("\t\t\t'%s-%c[", repeat, opt->letter);
	print_quoted(opt->help, "[]:\\");
	putchar(']');
	zsh_value(opt);
	puts("' \\");
}

static void zsh_verb(const struct aeg_verb *verb)
{
	AEG_AUTO_FREE struct aeg_opt *options = aeg_verb_options(verb);

	printf("\t%s)\n\t\t_arguments -s \\\n", verb->name);
	for (const struct aeg_opt *opt = options; opt->name; opt++)
		zsh_option(opt);
	if (takes_files(verb)) {
		puts("\t\t\t'*:file:_files'");
	} else {
		printf("\t\t\t'*:operand:(");
		print_words(verb->words);
		puts(")'");
	}
	puts("\t\t;;");
}

static void zsh(void)
{
	puts("#compdef aegress kubectl-aegress\n"
	     "# zsh completion for aegress; written by 'aegress completion zsh'\n"
	     "_aegress() {\n"
	     "\tlocal -a verbs=(");
	for (size_t i = 0; aeg_verbs[i]; i++) {
		printf("\t\t'%s:", aeg_verbs[i]->name);
		print_quoted(aeg_verbs[i]->summary, ":\\");
		puts("'");
	}
	puts("\t)\n"
	     "\tif ((CURRENT == 2)); then\n"
	     "\t\t_describe verb verbs\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\tshift words\n"
	     "\t((CURRENT--))\n"
	     "\tcase $words[1] in");
	for (size_t i = 0; aeg_verbs[i]; i++)
		zsh_verb(aeg_verbs[i]);
	puts("\tesac\n}\n"
	     "if [[ ${funcstack[1]} == _aegress ]]; then _aegress \"$@\"; else compdef _aegress "
	     "aegress; fi");
}

static void fish_option(const char *condition, const struct aeg_opt *opt)
{
	printf("complete -c aegress -n '%s' -l %s", condition, opt->name);
	if (opt->letter)
		printf(" -s %c", opt->letter);
	if (opt->choices) {
		printf(" -x -a '");
		print_words(opt->choices);
		printf("'");
	} else if (opt->kind != AEG_OPT_FLAG) {
		printf(is_path(opt) ? " -r -F" : " -x");
	}
	printf(" -d '");
	print_quoted(opt->help, "\\");
	puts("'");
}

static void fish_verb(const struct aeg_verb *verb)
{
	AEG_AUTO_FREE struct aeg_opt *options = aeg_verb_options(verb);
	AEG_AUTO_FREE char *condition = aeg_xasprintf("__fish_seen_subcommand_from %s", verb->name);

	printf("complete -c aegress -n __fish_use_subcommand -f -a %s -d '", verb->name);
	print_quoted(verb->summary, "\\");
	puts("'");
	for (const struct aeg_opt *opt = options; opt->name; opt++)
		fish_option(condition, opt);
	if (takes_files(verb))
		return;
	printf("complete -c aegress -n '%s' -f -a '", condition);
	print_words(verb->words);
	puts("'");
}

static void fish(void)
{
	puts("# fish completion for aegress; written by 'aegress completion fish'");
	for (size_t i = 0; aeg_verbs[i]; i++)
		fish_verb(aeg_verbs[i]);
}

static int completion_run(const void *options, const struct aeg_opt_list *operands)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
	const char *shell = operands->list.n == 1 ? operands->list.items[0] : NULL;

	(void)options;
	for (size_t i = 0; shell && i < AEG_ARRAY_SIZE(shells); i++) {
		if (aeg_streq(shell, shells[i].name)) {
			shells[i].print();
			return AEG_EXIT_OK;
		}
	}
	return aeg_usage_error(&aeg_verb_completion, "completion needs one of bash, zsh, fish");
}

static const char *const completion_usage[] = {"bash|zsh|fish", NULL};
static const char *const completion_words[] = {"bash", "zsh", "fish", NULL};
static const struct aeg_example completion_examples[] = {
	{"completion bash >/etc/bash_completion.d/aegress", "for all users' bash"},
	{"completion zsh >\"${fpath[1]}/_aegress\"", "for your zsh"},
	{"completion fish >~/.config/fish/completions/aegress.fish", "for your fish"},
	{0},
};

const struct aeg_verb aeg_verb_completion = {
	.name = "completion",
	.summary = "print the completion script of a shell",
	.usage = completion_usage,
	.examples = completion_examples,
	.options_size = sizeof(struct aeg_common),
	.words = completion_words,
	.run = completion_run,
};
