// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Diagnostics for people (like a compiler's) and as JSON. Whatever the input held, the output moves
 * no cursor: control characters and broken UTF-8 show as '?'.
 */
#include "base/diag.h"
#include "base/json.h"
#include "base/utf8.h"
#include <stdint.h>

#define TAB 8
#define SHOWN_COLUMNS 120
#define LEFT_OF_CARET 60 /* of a line that does not fit */

static const char *const severity_names[] = {
	[AEG_ERROR_LEVEL] = "error", [AEG_WARNING_LEVEL] = "warning"};

struct paint {
	const char *bold, *severity[2], *caret, *plain;
};
static const struct paint no_colours = {"", {"", ""}, "", ""};
static const struct paint colours = {
	"\033[1m", {"\033[1;31m", "\033[1;35m"}, "\033[1;32m", "\033[0m"};

/* The text's first character as it is shown: itself or '?'; returns the bytes it took. */
static size_t add_char(struct aeg_buf *ret, const char *text, size_t len)
{
	uint32_t c;
	size_t n = aeg_utf8_decode(text, len, &c);

	if (!n || aeg_utf8_is_control(c)) {
		aeg_buf_putc(ret, '?');
		return n ? n : 1;
	}
	aeg_buf_add(ret, text, n);
	return n;
}

static void add_clean(struct aeg_buf *ret, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		size_t n = add_char(ret, text, len);

		text += n;
		len -= n;
	}
}

/* Columns of a character that stands at `column`. */
static unsigned int width_at(char c, unsigned int column)
{
	return c == '\t' ? TAB - column % TAB : 1;
}

/* Where on the screen (0-based, tabs expanded) the character `col` (1-based) of the line stands. */
static unsigned int screen_column(const char *line, unsigned int col)
{
	size_t len = strlen(line), n;
	unsigned int column = 0;
	uint32_t c;

	for (; len && col > 1; col--, line += n, len -= n) {
		n = aeg_utf8_decode(line, len, &c);
		n = n ? n : 1;
		column += width_at(*line, column);
	}
	return column;
}

/* The columns [from, to) of the line. */
static void add_columns(struct aeg_buf *ret, const char *line, unsigned int from, unsigned int to)
{
	size_t len = strlen(line), n = 1;

	for (unsigned int column = 0; len && column < to; line += n, len -= n) {
		unsigned int next = column + width_at(*line, column);

		n = 1;
		if (*line == '\t') {
			for (; column < next; column++)
				if (column >= from && column < to)
					aeg_buf_putc(ret, ' ');
			continue;
		}
		if (column >= from) {
			n = add_char(ret, line, len);
		} else {
			uint32_t c;

			n = aeg_utf8_decode(line, len, &c);
			n = n ? n : 1;
		}
		column = next;
	}
}

static void add_excerpt(const struct aeg_diag *diag, const struct paint *paint, struct aeg_buf *ret)
{
	unsigned int caret = screen_column(diag->source, diag->col);
	unsigned int width = screen_column(diag->source, UINT32_MAX);
	unsigned int from = 0, to = width;

	if (width > SHOWN_COLUMNS) {
		from = caret > LEFT_OF_CARET ? caret - LEFT_OF_CARET : 0;
		to = from + SHOWN_COLUMNS;
	}
	aeg_buf_printf(ret, "%5u | %s", diag->line, from ? "…" : "");
	add_columns(ret, diag->source, from, to);
	aeg_buf_puts(ret, to < width ? "…\n" : "\n");
	if (diag->col)
		aeg_buf_printf(ret, "      | %*s%s^%s\n", (int)(caret - from + (from ? 1 : 0)), "",
			       paint->caret, paint->plain);
}

static void add_diag(const struct aeg_diag *diag, const struct paint *paint, struct aeg_buf *ret)
{
	aeg_buf_puts(ret, paint->bold);
	if (*diag->file) {
		add_clean(ret, diag->file);
		aeg_buf_putc(ret, ':');
	}
	if (diag->line)
		aeg_buf_printf(ret, "%u:%u:", diag->line, diag->col);
	aeg_buf_printf(ret, "%s%s%s%s:%s ", paint->plain, *diag->file || diag->line ? " " : "",
		       paint->severity[diag->severity], severity_names[diag->severity],
		       paint->plain);
	add_clean(ret, diag->message);
	aeg_buf_putc(ret, '\n');
	if (diag->source)
		add_excerpt(diag, paint, ret);
	if (diag->hint) {
		aeg_buf_puts(ret, "      = hint: ");
		add_clean(ret, diag->hint);
		aeg_buf_putc(ret, '\n');
	}
}

static void add_overflow(const char *file, size_t n, enum aeg_severity severity,
			 const struct paint *paint, struct aeg_buf *ret)
{
	if (n <= AEG_DIAGS_PER_FILE)
		return;
	aeg_buf_puts(ret, paint->bold);
	add_clean(ret, file);
	aeg_buf_printf(ret, ":%s %s%s:%s too many %ss (%zu more not shown)\n", paint->plain,
		       paint->severity[severity], severity_names[severity], paint->plain,
		       severity_names[severity], n - AEG_DIAGS_PER_FILE);
}

static void add_overflows(const struct aeg_diags *diags, const char *file,
			  const struct paint *paint, struct aeg_buf *ret)
{
	for (size_t i = 0; i < diags->files.n; i++) {
		const struct aeg_diag_file *counts = &diags->files.items[i];

		if (!aeg_streq(counts->name, file))
			continue;
		add_overflow(file, counts->nerrors, AEG_ERROR_LEVEL, paint, ret);
		add_overflow(file, counts->nwarnings, AEG_WARNING_LEVEL, paint, ret);
	}
}

/* By file and place; what is at the same place stays in the order it was found. */
static int compare(const void *a, const void *b)
{
	const struct aeg_diag *x = *(const struct aeg_diag *const *)a;
	const struct aeg_diag *y = *(const struct aeg_diag *const *)b;
	int order = strcmp(x->file, y->file);

	if (order)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->col != y->col)
		return x->col < y->col ? -1 : 1;
	return x < y ? -1 : x > y;
}

static const struct aeg_diag **sorted(const struct aeg_diags *diags)
{
	const struct aeg_diag **order = aeg_xcalloc(diags->list.n, sizeof(const struct aeg_diag *));

	for (size_t i = 0; i < diags->list.n; i++)
		order[i] = &diags->list.items[i];
	qsort(order, diags->list.n, sizeof(const struct aeg_diag *), compare);
	return order;
}

void aeg_diags_print(const struct aeg_diags *diags, struct aeg_buf *ret, bool colour)
{
	AEG_AUTO_FREE const struct aeg_diag **order = sorted(diags);
	const struct paint *paint = colour ? &colours : &no_colours;

	for (size_t i = 0; i < diags->list.n; i++) {
		const char *file = order[i]->file;

		add_diag(order[i], paint, ret);
		if (i + 1 == diags->list.n || !aeg_streq(order[i + 1]->file, file))
			add_overflows(diags, file, paint, ret);
	}
}

void aeg_diags_json(const struct aeg_diags *diags, struct aeg_buf *ret)
{
	AEG_AUTO_FREE const struct aeg_diag **order = sorted(diags);
	struct aeg_json json;

	aeg_json_begin(&json, ret);
	aeg_json_array(&json, NULL);
	for (size_t i = 0; i < diags->list.n; i++) {
		aeg_json_object(&json, NULL);
		aeg_json_str(&json, "severity", severity_names[order[i]->severity]);
		aeg_json_str(&json, "file", order[i]->file);
		if (order[i]->line) {
			aeg_json_u64(&json, "line", order[i]->line);
			aeg_json_u64(&json, "column", order[i]->col);
		}
		aeg_json_str(&json, "message", order[i]->message);
		aeg_json_str(&json, "hint", order[i]->hint);
		aeg_json_object_end(&json);
	}
	aeg_json_array_end(&json);
}
