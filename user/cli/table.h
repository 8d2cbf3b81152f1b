/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lists of JSON objects as aligned columns; the columns are described by a table. */
#ifndef AEG_CLI_TABLE_H
#define AEG_CLI_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct aeg_column {
	const char *title; /* NULL ends */
	const char *path;  /* of the member: "decisions.denied" */
	const char *item;  /* of a list of objects: the member of each; NULL: the whole */
	bool wide;	   /* only with -o wide */
	bool right;	   /* numbers */
	size_t max_items;  /* of a list when not wide; 0: all */
};

/* Items that are no objects are left out; what is missing shows as "-". */
void aeg_table_print(const struct aeg_column *columns, const json_t *items, bool wide,
		     FILE *stream);

#endif
