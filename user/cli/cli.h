/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the verbs share: exit codes, the options that all of them take, and how a verb describes
 * itself. One table serves dispatch, help and the shell completions.
 */
#ifndef AEG_CLI_CLI_H
#define AEG_CLI_CLI_H

#include "base/buf.h"
#include "base/opts.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define AEG_CLI_SOCKET "/run/aegress/aegressd.sock"
#define AEG_CLI_SOCKET_ENV "AEGRESS_SOCKET"

enum aeg_exit {
	AEG_EXIT_OK = 0,
	AEG_EXIT_FOUND = 1, /* mistakes found, denied, refused, unhealthy */
	AEG_EXIT_USAGE = 2,
	AEG_EXIT_UNREACHABLE = 3, /* no daemon, or one that cannot answer */
};

/* COMPACT only where a verb has an option `output` of its own. */
enum aeg_output { AEG_OUTPUT_TABLE, AEG_OUTPUT_WIDE, AEG_OUTPUT_JSON, AEG_OUTPUT_COMPACT };

/* First member of every verb's options, so that one table of common options fits all. */
struct aeg_common {
	const char *socket; /* NULL: see aeg_cli_socket() */
	int output;	    /* enum aeg_output */
	bool no_color, help;
};

struct aeg_example {
	const char *args, *what;
};

typedef int aeg_verb_fn(const void *options, const struct aeg_opt_list *operands);

struct aeg_verb {
	const char *name, *summary;
	const char *const *usage; /* what follows the name, one line a form; NULL-terminated */
	const char *text;	  /* paragraphs of the help */
	const struct aeg_example *examples; /* args NULL ends */
	const struct aeg_opt *options;	    /* beside the common ones; NULL: none */
	size_t options_size;		    /* of the struct they fill */
	const void *defaults;		    /* what it holds before parsing; NULL: zeroes */
	const char *const *words;	    /* of the first operand, for completion; NULL: files */
	bool no_operands;
	aeg_verb_fn *run;	     /* returns enum aeg_exit */
	void (*done)(void *options); /* frees lists; NULL: nothing to free */
};

/* Every verb, in the order of the help: X(name), defined in name.c as aeg_verb_name. */
#define AEG_VERBS(X)                                                                               \
	X(check)                                                                                   \
	X(explain)                                                                                 \
	X(get)                                                                                     \
	X(flows)                                                                                   \
	X(top)                                                                                     \
	X(audit)                                                                                   \
	X(status)                                                                                  \
	X(apply)                                                                                   \
	X(delete)                                                                                  \
	X(quarantine)                                                                              \
	X(release)                                                                                 \
	X(doctor)                                                                                  \
	X(version)                                                                                 \
	X(completion)                                                                              \
	X(help)
#define AEG_VERB_DECLARE(name) extern const struct aeg_verb aeg_verb_##name;
AEG_VERBS(AEG_VERB_DECLARE)
#undef AEG_VERB_DECLARE

extern const struct aeg_verb *const aeg_verbs[]; /* NULL-terminated, like the names */
extern const char *const aeg_verb_names[];
extern const struct aeg_opt aeg_common_options[];
extern const char *const aeg_output_words[];

/* How the program was called: "aegress" or "kubectl aegress". */
extern const char *aeg_program;

const struct aeg_verb *aeg_verb_find(const char *name); /* NULL: no such verb */
/* The verb's own options and the common ones; the caller frees. */
struct aeg_opt *aeg_verb_options(const struct aeg_verb *verb);
/* Those of every verb that it has none of its own for; the caller frees. */
struct aeg_opt *aeg_verb_common(const struct aeg_verb *verb);

/* `program: message`, on stderr. */
void aeg_complain(const char *format, ...) AEG_PRINTF(1, 2);
/* The same with a pointer to the verb's --help. */
void aeg_usage_complain(const struct aeg_verb *verb, const char *format, ...) AEG_PRINTF(2, 3);
/* ... and the exit status that belongs to it; a macro, so that analysers see the value. */
#define aeg_usage_error(verb, ...) (aeg_usage_complain((verb), __VA_ARGS__), AEG_EXIT_USAGE)

const char *aeg_cli_socket(const struct aeg_common *common);
/* Whether to colour what goes to this stream. */
bool aeg_cli_colour(const struct aeg_common *common, FILE *stream);

void aeg_help_print(FILE *stream); /* the program's */
void aeg_help_print_verb(const struct aeg_verb *verb, FILE *stream);

#endif
