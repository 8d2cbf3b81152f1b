/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Option tables: one table parses, prints --help and feeds the shell completion. Long options with
 * `--name value` or `--name=value`, optional short letters, `--` ends options, operands may stand
 * between options. Unknown options get a suggestion.
 */
#ifndef AEG_BASE_OPTS_H
#define AEG_BASE_OPTS_H

#include "base/buf.h"
#include <stdbool.h>

enum aeg_opt_kind {
	AEG_OPT_FLAG, /* bool * */
	AEG_OPT_TEXT, /* const char **, borrowed from argv; the last one wins */
	AEG_OPT_LIST, /* struct aeg_opt_list * */
	AEG_OPT_UINT, /* unsigned int * */
	AEG_OPT_ENUM, /* int *, index into choices */
};

struct aeg_opt_list {
	AEG_VEC(const char *) list;
};

struct aeg_opt {
	const char *name; /* long name without dashes; NULL ends the table */
	char letter;	  /* 0: none */
	enum aeg_opt_kind kind;
	const char *value; /* placeholder in the help: "FILE" */
	const char *help;
	const char *const *choices; /* ENUM; NULL-terminated */
	size_t offset;		    /* of the target in the options struct */
};

/*
 * Parses argv[1..]; fills `target` and the operands (borrowed, in order). Returns 0, or -EINVAL with
 * one sentence in ret_error. --help is an ordinary flag of the table.
 */
int aeg_opts_parse(const struct aeg_opt *table, int argc, char **argv, void *target,
		   struct aeg_opt_list *ret_operands, struct aeg_buf *ret_error);
/* The aligned option lines of a --help text. */
void aeg_opts_help(const struct aeg_opt *table, struct aeg_buf *ret);

#endif
