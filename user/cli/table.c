/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Two passes: the cells as text, then each column as wide as its widest cell. */
#include "cli/table.h"
#include "cli/text.h"

#define GAP 3

struct cells {
	AEG_VEC(char *) list; /* row after row, the titles first */
	size_t columns;
};

static void cells_done(struct cells *cells)
{
	for (size_t i = 0; i < cells->list.n; i++)
		free(cells->list.items[i]);
	AEG_VEC_DONE(cells->list);
}

static bool shown(const struct aeg_column *column, bool wide)
{
	return wide || !column->wide;
}

static void add_cell(struct cells *cells, struct aeg_buf *text)
{
	if (text->len == 0)
		aeg_buf_putc(text, '-');
	*AEG_VEC_PUSH(cells->list) = aeg_buf_take(text);
}

static void add_titles(struct cells *cells, const struct aeg_column *columns, bool wide)
{
	for (const struct aeg_column *column = columns; column->title; column++) {
		if (!shown(column, wide))
			continue;
		*AEG_VEC_PUSH(cells->list) = aeg_xstrdup(column->title);
		cells->columns++;
	}
}

/* One member of every object of a list, as a list of its own. */
static json_t *pick(const json_t *list, const char *member)
{
	json_t *picked = json_array();
	const json_t *object;
	size_t i;

	json_array_foreach (list, i, object) {
		json_array_append(picked, json_object_get(object, member));
	}
	return picked;
}

static void cell_text(const struct aeg_column *column, const json_t *item, bool wide,
		      struct aeg_buf *ret)
{
	const json_t *value = aeg_value_get(item, column->path);
	json_t *picked = column->item ? pick(value, column->item) : NULL;

	aeg_value_text(ret, picked ? picked : value, wide ? 0 : column->max_items);
	json_decref(picked);
}

static void add_row(struct cells *cells, const struct aeg_column *columns, const json_t *item,
		    bool wide)
{
	for (const struct aeg_column *column = columns; column->title; column++) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

		if (!shown(column, wide))
			continue;
		cell_text(column, item, wide, &text);
		add_cell(cells, &text);
	}
}

static size_t column_width(const struct cells *cells, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < cells->list.n; i += cells->columns) {
		size_t cell = aeg_text_width(cells->list.items[i]);

		width = cell > width ? cell : width;
	}
	return width;
}

static void print_cell(const char *text, size_t width, bool right, bool last, FILE *stream)
{
	int pad = (int)(width - aeg_text_width(text));

	if (right)
		fprintf(stream, "%*s%s", pad, "", text);
	else
		fprintf(stream, "%s%*s", text, last ? 0 : pad, "");
	fprintf(stream, "%*s", last ? 0 : GAP, "");
}

static void print_cells(const struct cells *cells, const struct aeg_column *columns, bool wide,
			FILE *stream)
{
	AEG_AUTO_FREE size_t *widths = aeg_xcalloc(cells->columns, sizeof(*widths));
	AEG_AUTO_FREE bool *right = aeg_xcalloc(cells->columns, sizeof(*right));
	size_t n = 0;

	for (const struct aeg_column *column = columns; column->title; column++)
		if (shown(column, wide))
			right[n++] = column->right;
	for (size_t i = 0; i < n; i++)
		widths[i] = column_width(cells, i);
	for (size_t i = 0; i < cells->list.n; i++) {
		size_t column = i % n;
		bool last = column == n - 1;

		print_cell(cells->list.items[i], widths[column], right[column], last, stream);
		if (last)
			fputc('\n', stream);
	}
}

void aeg_table_print(const struct aeg_column *columns, const json_t *items, bool wide, FILE *stream)
{
	AEG_CLEANUP(cells_done) struct cells cells = {0};
	const json_t *item;
	size_t i;

	add_titles(&cells, columns, wide);
	json_array_foreach (items, i, item) {
		if (json_is_object(item))
			add_row(&cells, columns, item, wide);
	}
	print_cells(&cells, columns, wide, stream);
}
