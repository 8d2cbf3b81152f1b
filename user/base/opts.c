// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Option tables. getopt_long() is not used: it prints, reorders argv and guesses abbreviations. */
#include "base/opts.h"
#include "base/diag.h"
#include <errno.h>
#include <limits.h>

#define MOST_OPTIONS 64 /* of a table; only suggestions look at no more than these */

struct parser {
	const struct aeg_opt *table;
	char **argv;
	int argc, next; /* the argument to be read next */
	void *target;
	struct aeg_buf *error;
};

static void AEG_PRINTF(2, 3) fail(struct parser *parser, const char *format, ...)
{
	va_list args;

	aeg_buf_reset(parser->error);
	va_start(args, format);
	aeg_buf_vprintf(parser->error, format, args);
	va_end(args);
}

static int set_uint(struct parser *parser, unsigned int *target, const char *value)
{
	unsigned int number = 0;
	const char *p = value;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(number, 10U, &number) ||
		    __builtin_add_overflow(number, (unsigned int)(*p - '0'), &number))
			break;
	if (p == value || *p) {
		fail(parser, *p >= '0' && *p <= '9' ? "'%s' is too large" : "'%s' is not a number",
		     value);
		return -EINVAL;
	}
	*target = number;
	return 0;
}

static int set_choice(struct parser *parser, const struct aeg_opt *opt, int *target,
		      const char *value)
{
	for (int i = 0; opt->choices[i]; i++) {
		if (aeg_streq(opt->choices[i], value)) {
			*target = i;
			return 0;
		}
	}
	fail(parser, "'%s' is not one of ", value);
	for (int i = 0; opt->choices[i]; i++)
		aeg_buf_printf(parser->error, "%s%s", i ? ", " : "", opt->choices[i]);
	return -EINVAL;
}

static int set_option(struct parser *parser, const struct aeg_opt *opt, const char *value)
{
	void *target = (char *)parser->target + opt->offset;

	switch (opt->kind) {
	case AEG_OPT_FLAG:
		*(bool *)target = true;
		return 0;
	case AEG_OPT_TEXT:
		*(const char **)target = value;
		return 0;
	case AEG_OPT_LIST:
		*AEG_VEC_PUSH(((struct aeg_opt_list *)target)->list) = value;
		return 0;
	case AEG_OPT_UINT:
		return set_uint(parser, target, value);
	case AEG_OPT_ENUM:
		return set_choice(parser, opt, target, value);
	}
	return -EINVAL;
}

/* Sets the option, fetching its value from the next argument unless it is `attached`. */
static int read_option(struct parser *parser, const struct aeg_opt *opt, const char *attached)
{
	const char *value = attached;
	int err;

	if (opt->kind != AEG_OPT_FLAG && !value) {
		if (parser->next == parser->argc) {
			fail(parser, "option '--%s' needs a value", opt->name);
			return -EINVAL;
		}
		value = parser->argv[parser->next++];
	}
	err = set_option(parser, opt, value);
	if (err) {
		AEG_AUTO_FREE char *why = aeg_buf_take(parser->error);

		fail(parser, "option '--%s': %s", opt->name, why);
	}
	return err;
}

static void fail_unknown(struct parser *parser, const char *name)
{
	const char *known[MOST_OPTIONS], *closest;
	size_t n = 0;

	for (const struct aeg_opt *opt = parser->table; opt->name && n < MOST_OPTIONS; opt++)
		known[n++] = opt->name;
	closest = aeg_closest(name, known, n);
	fail(parser, "unknown option '--%s'", name);
	if (closest)
		aeg_buf_printf(parser->error, " (did you mean '--%s'?)", closest);
}

/* name, or name=value, as it stands behind the dashes. */
static int read_long(struct parser *parser, const char *text)
{
	const char *equals = strchr(text, '=');
	AEG_AUTO_FREE char *name = equals ? aeg_xstrndup(text, (size_t)(equals - text))
					  : aeg_xstrdup(text);

	for (const struct aeg_opt *opt = parser->table; opt->name; opt++) {
		if (!aeg_streq(opt->name, name))
			continue;
		if (equals && opt->kind == AEG_OPT_FLAG) {
			fail(parser, "option '--%s' takes no value", name);
			return -EINVAL;
		}
		return read_option(parser, opt, equals ? equals + 1 : NULL);
	}
	fail_unknown(parser, name);
	return -EINVAL;
}

static const struct aeg_opt *find_letter(const struct aeg_opt *table, char letter)
{
	for (; table->name; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

/* -f, -fv (two flags), -o json, -ojson. */
static int read_letters(struct parser *parser, const char *letters)
{
	int err = 0;

	while (*letters && !err) {
		const struct aeg_opt *opt = find_letter(parser->table, *letters++);

		if (!opt) {
			fail(parser, "unknown option '-%c'", letters[-1]);
			return -EINVAL;
		}
		if (opt->kind != AEG_OPT_FLAG && *letters)
			return read_option(parser, opt, letters);
		err = read_option(parser, opt, NULL);
	}
	return err;
}

int aeg_opts_parse(const struct aeg_opt *table, int argc, char **argv, void *target,
		   struct aeg_opt_list *ret_operands, struct aeg_buf *ret_error)
{
	struct parser parser = {.table = table,
				.argv = argv,
				.argc = argc,
				.next = 1,
				.target = target,
				.error = ret_error};
	bool only_operands = false;
	int err = 0;

	while (parser.next < argc && !err) {
		const char *arg = argv[parser.next++];

		if (only_operands || arg[0] != '-' || !arg[1]) /* "-" alone is an operand */
			*AEG_VEC_PUSH(ret_operands->list) = arg;
		else if (arg[1] != '-')
			err = read_letters(&parser, arg + 1);
		else if (!arg[2])
			only_operands = true;
		else
			err = read_long(&parser, arg + 2);
	}
	return err;
}

/* "  -o, --output FORMAT" */
static void add_usage(const struct aeg_opt *opt, struct aeg_buf *ret)
{
	if (opt->letter)
		aeg_buf_printf(ret, "  -%c, --%s", opt->letter, opt->name);
	else
		aeg_buf_printf(ret, "      --%s", opt->name);
	if (opt->kind != AEG_OPT_FLAG)
		aeg_buf_printf(ret, " %s", opt->value ? opt->value : "VALUE");
}

static void add_description(const struct aeg_opt *opt, int indent, struct aeg_buf *ret)
{
	for (const char *line = opt->help; line;) {
		const char *end = strchr(line, '\n');

		aeg_buf_printf(ret, "%.*s", end ? (int)(end - line) : INT_MAX, line);
		line = end ? end + 1 : NULL;
		if (line)
			aeg_buf_printf(ret, "\n%*s", indent, "");
	}
	for (int i = 0; opt->kind == AEG_OPT_ENUM && opt->choices[i]; i++)
		aeg_buf_printf(ret, "%s%s", i ? ", " : ": ", opt->choices[i]);
	aeg_buf_putc(ret, '\n');
}

void aeg_opts_help(const struct aeg_opt *table, struct aeg_buf *ret)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf usage = {0};
	size_t width = 0;

	for (const struct aeg_opt *opt = table; opt->name; opt++) {
		aeg_buf_reset(&usage);
		add_usage(opt, &usage);
		width = usage.len > width ? usage.len : width;
	}
	for (const struct aeg_opt *opt = table; opt->name; opt++) {
		aeg_buf_reset(&usage);
		add_usage(opt, &usage);
		aeg_buf_printf(ret, "%-*s  ", (int)width, usage.data);
		add_description(opt, (int)width + 2, ret);
	}
}
