// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Collects diagnostics and finds the word the user meant; diag_print.c shows them. */
#include "base/diag.h"
#include <stdarg.h>
#include <stdint.h>

#define LONGEST_WORD 63 /* what nobody misspells is not compared */

void aeg_diags_forget_sources(struct aeg_diags *diags)
{
	for (size_t i = 0; i < diags->sources.n; i++) {
		free(diags->sources.items[i].file);
		free(diags->sources.items[i].text);
	}
	AEG_VEC_DONE(diags->sources);
}

void aeg_diags_done(struct aeg_diags *diags)
{
	for (size_t i = 0; i < diags->list.n; i++) {
		struct aeg_diag *diag = &diags->list.items[i];

		free(diag->file);
		free(diag->message);
		free(diag->hint);
		free(diag->source);
	}
	AEG_VEC_DONE(diags->list);
	for (size_t i = 0; i < diags->files.n; i++)
		free(diags->files.items[i].name);
	AEG_VEC_DONE(diags->files);
	aeg_diags_forget_sources(diags);
	*diags = (struct aeg_diags){0};
}

/* A copy of a line (1-based) of text without its line break; NULL when text is shorter. */
static char *line_copy(const char *text, size_t len, unsigned int line)
{
	const char *end = text + len, *stop;

	for (; line > 1; line--) {
		text = memchr(text, '\n', (size_t)(end - text));
		if (!text)
			return NULL;
		text++;
	}
	if (text == end)
		return NULL;
	stop = memchr(text, '\n', (size_t)(end - text));
	if (!stop)
		stop = end;
	if (stop > text && stop[-1] == '\r')
		stop--;
	return aeg_xstrndup(text, (size_t)(stop - text));
}

static struct aeg_diag_source *find_source(struct aeg_diags *diags, const char *file)
{
	for (size_t i = diags->sources.n; i > 0; i--)
		if (aeg_streq(diags->sources.items[i - 1].file, file))
			return &diags->sources.items[i - 1];
	return NULL;
}

static void fill_source(struct aeg_diag *diag, const struct aeg_diag_source *source)
{
	if (!diag->source && diag->line)
		diag->source = line_copy(source->text, source->len, diag->line);
}

void aeg_diags_attach_source(struct aeg_diags *diags, const char *file, const char *text,
			     size_t len)
{
	struct aeg_diag_source *source = find_source(diags, file);

	if (!source) {
		source = AEG_VEC_PUSH(diags->sources);
		source->file = aeg_xstrdup(file);
	}
	free(source->text);
	source->text = aeg_xcalloc(len + 1, 1);
	memcpy(source->text, text, len);
	source->len = len;
	for (size_t i = 0; i < diags->list.n; i++)
		if (aeg_streq(diags->list.items[i].file, file))
			fill_source(&diags->list.items[i], source);
}

static struct aeg_diag_file *file_counts(struct aeg_diags *diags, const char *name)
{
	struct aeg_diag_file *file;

	for (size_t i = diags->files.n; i > 0; i--)
		if (aeg_streq(diags->files.items[i - 1].name, name))
			return &diags->files.items[i - 1];
	file = AEG_VEC_PUSH(diags->files);
	file->name = aeg_xstrdup(name);
	return file;
}

/* Counts it; false when its file has enough of that kind already. */
static bool count(struct aeg_diags *diags, const char *file, enum aeg_severity severity)
{
	struct aeg_diag_file *counts = file_counts(diags, file);

	if (severity == AEG_ERROR_LEVEL) {
		diags->nerrors++;
		return ++counts->nerrors <= AEG_DIAGS_PER_FILE;
	}
	diags->nwarnings++;
	return ++counts->nwarnings <= AEG_DIAGS_PER_FILE;
}

static void AEG_PRINTF(4, 0) add(struct aeg_diags *diags, struct aeg_pos pos,
				 enum aeg_severity severity, const char *format, va_list args)
{
	const char *file = pos.file ? pos.file : "";
	const struct aeg_diag_source *source;
	struct aeg_buf message = {0};
	struct aeg_diag *diag;

	diags->last_dropped = !count(diags, file, severity);
	if (diags->last_dropped)
		return;
	aeg_buf_vprintf(&message, format, args);
	diag = AEG_VEC_PUSH(diags->list);
	*diag = (struct aeg_diag){.file = aeg_xstrdup(file),
				  .line = pos.line,
				  .col = pos.col,
				  .severity = severity,
				  .message = aeg_buf_take(&message)};
	source = find_source(diags, file);
	if (source)
		fill_source(diag, source);
}

void aeg_error_at(struct aeg_diags *diags, struct aeg_pos pos, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diags, pos, AEG_ERROR_LEVEL, format, args);
	va_end(args);
}

void aeg_warning_at(struct aeg_diags *diags, struct aeg_pos pos, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diags, pos, AEG_WARNING_LEVEL, format, args);
	va_end(args);
}

void aeg_diag_hint(struct aeg_diags *diags, const char *format, ...)
{
	struct aeg_buf hint = {0};
	struct aeg_diag *last;
	va_list args;

	if (diags->last_dropped || !diags->list.n)
		return;
	va_start(args, format);
	aeg_buf_vprintf(&hint, format, args);
	va_end(args);
	last = &diags->list.items[diags->list.n - 1];
	free(last->hint);
	last->hint = aeg_buf_take(&hint);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Damerau-Levenshtein (optimal string alignment), ignoring ASCII case; words of any length. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][LONGEST_WORD + 1];
	unsigned int *before = rows[0], *above = rows[1], *row = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na > LONGEST_WORD || nb > LONGEST_WORD)
		return UINT32_MAX;
	for (unsigned int j = 0; j <= nb; j++)
		above[j] = j;
	for (unsigned int i = 1; i <= na; i++) {
		unsigned int *spare = before;

		row[0] = i;
		for (unsigned int j = 1; j <= nb; j++) {
			char x = lower(a[i - 1]), y = lower(b[j - 1]);

			row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y)
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[nb];
}

const char *aeg_closest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strlen(word);
	unsigned int best = (len >= 6 ? 2 : 1) + 1; /* a typo each three letters, at most two */
	const char *closest = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned int d = distance(word, candidates[i]);

		/* Replacing every letter of a short word is no resemblance. */
		if (d < best && d < len) {
			best = d;
			closest = candidates[i];
		}
	}
	return closest;
}

void aeg_diag_suggest(struct aeg_diags *diags, const char *word, const char *const *candidates,
		      size_t n)
{
	const char *closest = diags->last_dropped ? NULL : aeg_closest(word, candidates, n);

	if (closest)
		aeg_diag_hint(diags, "did you mean '%s'?", closest);
}
