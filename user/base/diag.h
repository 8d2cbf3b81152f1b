/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is wrong with the user's input, and where: `file:line:col: error: what and what to do`, the
 * source line, a caret, an optional hint. Collected, so that one run shows every mistake.
 */
#ifndef AEG_BASE_DIAG_H
#define AEG_BASE_DIAG_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdio.h>

#define AEG_DIAGS_PER_FILE 20 /* further errors (and warnings) of a file are counted, not kept */

/* A place in a source; file is borrowed from the source that outlives it. line 0: the whole file. */
struct aeg_pos {
	const char *file;
	unsigned int line, col; /* 1-based; col counts characters */
};

enum aeg_severity { AEG_ERROR_LEVEL, AEG_WARNING_LEVEL };

struct aeg_diag {
	char *file;
	unsigned int line, col;
	enum aeg_severity severity;
	char *message;
	char *hint;   /* "did you mean 'spec'?"; NULL: none */
	char *source; /* the line's text; NULL: unknown */
};

struct aeg_diag_file {
	char *name;
	size_t nerrors, nwarnings; /* counted even where the cap dropped the text */
};

struct aeg_diag_source {
	char *file, *text;
	size_t len;
};

struct aeg_diags {
	AEG_VEC(struct aeg_diag) list;
	size_t nerrors, nwarnings; /* counted even where the cap dropped the text */
	/* for diag.c only */
	AEG_VEC(struct aeg_diag_file) files;
	AEG_VEC(struct aeg_diag_source) sources;
	bool last_dropped; /* by the cap: its hint goes too */
};

void aeg_diags_done(struct aeg_diags *diags);
void aeg_error_at(struct aeg_diags *diags, struct aeg_pos pos, const char *format, ...)
	AEG_PRINTF(3, 4);
void aeg_warning_at(struct aeg_diags *diags, struct aeg_pos pos, const char *format, ...)
	AEG_PRINTF(3, 4);
/* Adds a hint to the diagnostic added last. */
void aeg_diag_hint(struct aeg_diags *diags, const char *format, ...) AEG_PRINTF(2, 3);
/* Adds "did you mean 'X'?" when one of the candidates is close to the word; else nothing. */
void aeg_diag_suggest(struct aeg_diags *diags, const char *word, const char *const *candidates,
		      size_t n);
/* The candidate that aeg_diag_suggest() would name, NULL when none is close; borrowed. */
const char *aeg_closest(const char *word, const char *const *candidates, size_t n);
/*
 * Keeps a copy of a file's text, from which its diagnostics, present and future, take their source
 * lines. The YAML reader does it for what it reads.
 */
void aeg_diags_attach_source(struct aeg_diags *diags, const char *file, const char *text,
			     size_t len);
/* Frees those copies; for diagnostics that are kept after the last one was added. */
void aeg_diags_forget_sources(struct aeg_diags *diags);
/* All of them, ordered by file and place, ending with "too many errors" lines where capped. */
void aeg_diags_print(const struct aeg_diags *diags, struct aeg_buf *ret, bool colour);
void aeg_diags_json(const struct aeg_diags *diags, struct aeg_buf *ret); /* a JSON array */

#endif
