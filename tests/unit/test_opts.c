// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Option tables: every form of an option, every message, the help. */
#include "base/opts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

struct options {
	bool help, follow, verbose;
	const char *file;
	struct aeg_opt_list labels;
	unsigned int count;
	int output;
};

static const char *const outputs[] = {"table", "wide", "json", NULL};
static const struct aeg_opt table[] = {
	{"output", 'o', AEG_OPT_ENUM, "FORMAT", "how to print", outputs,
	 offsetof(struct options, output)},
	{"file", 'f', AEG_OPT_TEXT, "FILE", "what to read", NULL, offsetof(struct options, file)},
	{"label", 0, AEG_OPT_LIST, "K=V", "a label\nof the workload", NULL,
	 offsetof(struct options, labels)},
	{"count", 'n', AEG_OPT_UINT, NULL, "how many", NULL, offsetof(struct options, count)},
	{"follow", 'F', AEG_OPT_FLAG, NULL, "go on", NULL, offsetof(struct options, follow)},
	{"verbose", 'v', AEG_OPT_FLAG, NULL, "say more", NULL, offsetof(struct options, verbose)},
	{"help", 'h', AEG_OPT_FLAG, NULL, "this text", NULL, offsetof(struct options, help)},
	{0},
};

struct parsed {
	int err;
	struct options options;
	struct aeg_opt_list operands;
	struct aeg_buf error;
};

static void parsed_done(struct parsed *parsed)
{
	AEG_VEC_DONE(parsed->options.labels.list);
	AEG_VEC_DONE(parsed->operands.list);
	aeg_buf_done(&parsed->error);
}

/* The arguments after the program's name; argv ends in NULL as main()'s does. */
#define PARSE(...)                                                                                 \
	parse((const char *[]){"aegress", __VA_ARGS__, NULL},                                      \
	      AEG_ARRAY_SIZE(((const char *[]){"aegress", __VA_ARGS__})))

static struct parsed parse(const char **argv, size_t argc)
{
	struct parsed parsed = {0};

	parsed.err = aeg_opts_parse(table, (int)argc, (char **)argv, &parsed.options,
				    &parsed.operands, &parsed.error);
	return parsed;
}

static void assert_operands(const struct parsed *parsed, const char *joined)
{
	struct aeg_buf text = {0};

	for (size_t i = 0; i < parsed->operands.list.n; i++)
		aeg_buf_printf(&text, "%s%s", i ? " " : "", parsed->operands.list.items[i]);
	assert_string_equal(aeg_buf_text(&text), joined);
	aeg_buf_done(&text);
}

static void test_long(void **state)
{
	struct parsed parsed = PARSE("--file", "a", "x", "--count=7", "--output=json", "--label",
				     "k=v", "y", "--label=a=b=c", "--follow", "--file=b");

	assert_int_equal(parsed.err, 0);
	assert_string_equal(parsed.options.file, "b"); /* the last one wins */
	assert_int_equal(parsed.options.count, 7);
	assert_int_equal(parsed.options.output, 2);
	assert_true(parsed.options.follow);
	assert_false(parsed.options.verbose);
	assert_int_equal(parsed.options.labels.list.n, 2);
	assert_string_equal(parsed.options.labels.list.items[0], "k=v");
	assert_string_equal(parsed.options.labels.list.items[1], "a=b=c");
	assert_operands(&parsed, "x y");
	assert_string_equal(aeg_buf_text(&parsed.error), "");
	parsed_done(&parsed);
}

static void test_short(void **state)
{
	struct parsed parsed = PARSE("-o", "wide", "-Fv", "-fname", "-n", "3", "-");

	assert_int_equal(parsed.err, 0);
	assert_int_equal(parsed.options.output, 1);
	assert_true(parsed.options.follow);
	assert_true(parsed.options.verbose);
	assert_string_equal(parsed.options.file, "name");
	assert_int_equal(parsed.options.count, 3);
	assert_operands(&parsed, "-");
	parsed_done(&parsed);
	parsed = PARSE("-vofoo");
	assert_int_equal(parsed.err, -EINVAL);
	parsed_done(&parsed);
	parsed = PARSE("-vojson", "-F");
	assert_int_equal(parsed.err, 0);
	assert_int_equal(parsed.options.output, 2);
	parsed_done(&parsed);
}

static void test_end_of_options(void **state)
{
	struct parsed parsed = PARSE("a", "--", "--file", "-v", "--");

	assert_int_equal(parsed.err, 0);
	assert_null(parsed.options.file);
	assert_false(parsed.options.verbose);
	assert_operands(&parsed, "a --file -v --");
	parsed_done(&parsed);
}

/* A value is taken as it is, also when it looks like an option. */
static void test_values_with_dashes(void **state)
{
	struct parsed parsed = PARSE("--file", "--verbose", "--label", "");

	assert_int_equal(parsed.err, 0);
	assert_string_equal(parsed.options.file, "--verbose");
	assert_string_equal(parsed.options.labels.list.items[0], "");
	parsed_done(&parsed);
}

static void test_no_arguments(void **state)
{
	const char *argv[] = {"aegress", NULL};
	struct parsed parsed = parse(argv, 1);

	assert_int_equal(parsed.err, 0);
	assert_int_equal(parsed.operands.list.n, 0);
	parsed_done(&parsed);
	parsed = parse(argv + 1, 0);
	assert_int_equal(parsed.err, 0);
	parsed_done(&parsed);
}

static void assert_fails(struct parsed parsed, const char *error)
{
	assert_int_equal(parsed.err, -EINVAL);
	assert_string_equal(aeg_buf_text(&parsed.error), error);
	parsed_done(&parsed);
}

static void test_errors(void **state)
{
	assert_fails(PARSE("--verbos"), "unknown option '--verbos' (did you mean '--verbose'?)");
	assert_fails(PARSE("--xyz=1"), "unknown option '--xyz'");
	assert_fails(PARSE("--fil"), "unknown option '--fil' (did you mean '--file'?)");
	assert_fails(PARSE("--=x"), "unknown option '--'");
	assert_fails(PARSE("---"), "unknown option '---'");
	assert_fails(PARSE("-x"), "unknown option '-x'");
	assert_fails(PARSE("-vx"), "unknown option '-x'");
	assert_fails(PARSE("-o"), "option '--output' needs a value");
	assert_fails(PARSE("x", "--file"), "option '--file' needs a value");
	assert_fails(PARSE("--follow=yes"), "option '--follow' takes no value");
	assert_fails(PARSE("-o", "yaml"),
		     "option '--output': 'yaml' is not one of table, wide, json");
	assert_fails(PARSE("-o", "jso"),
		     "option '--output': 'jso' is not one of table, wide, json");
	assert_fails(PARSE("-n", "x"), "option '--count': 'x' is not a number");
	assert_fails(PARSE("-n", "1x"), "option '--count': '1x' is not a number");
	assert_fails(PARSE("--count="), "option '--count': '' is not a number");
	assert_fails(PARSE("-n", "-1"), "option '--count': '-1' is not a number");
	assert_fails(PARSE("-n", "4294967296"), "option '--count': '4294967296' is too large");
}

static void test_uint_limits(void **state)
{
	struct parsed parsed = PARSE("-n", "4294967295");

	assert_int_equal(parsed.err, 0);
	assert_int_equal(parsed.options.count, UINT32_MAX);
	parsed_done(&parsed);
}

static void test_help(void **state)
{
	struct aeg_buf help = {0};

	aeg_opts_help(table, &help);
	assert_string_equal(help.data, "  -o, --output FORMAT  how to print: table, wide, json\n"
				       "  -f, --file FILE      what to read\n"
				       "      --label K=V      a label\n"
				       "                       of the workload\n"
				       "  -n, --count VALUE    how many\n"
				       "  -F, --follow         go on\n"
				       "  -v, --verbose        say more\n"
				       "  -h, --help           this text\n");
	aeg_buf_done(&help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long),	       cmocka_unit_test(test_short),
		cmocka_unit_test(test_end_of_options), cmocka_unit_test(test_values_with_dashes),
		cmocka_unit_test(test_no_arguments),   cmocka_unit_test(test_errors),
		cmocka_unit_test(test_uint_limits),    cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
