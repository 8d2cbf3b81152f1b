/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A whole line within one piece is handed over where it lies. */
#include "kube/lines.h"

#include <errno.h>

int aeg_lines_feed(struct aeg_lines *lines, const char *data, size_t len, aeg_line_fn *fn,
		   void *arg)
{
	const char *end = data + len, *newline;
	int err = 0;

	for (; !err && (newline = memchr(data, '\n', (size_t)(end - data))); data = newline + 1) {
		size_t part = (size_t)(newline - data);

		if (lines->rest.len + part > lines->max)
			return -EMSGSIZE;
		if (lines->rest.len == 0) {
			err = fn(arg, data, part);
			continue;
		}
		aeg_buf_add(&lines->rest, data, part);
		err = fn(arg, lines->rest.data, lines->rest.len);
		aeg_buf_done(&lines->rest); /* long ones are rare: their memory is not kept */
	}
	if (err)
		return err;
	if (lines->rest.len + (size_t)(end - data) > lines->max)
		return -EMSGSIZE;
	if (end > data)
		aeg_buf_add(&lines->rest, data, (size_t)(end - data));
	return 0;
}

void aeg_lines_done(struct aeg_lines *lines)
{
	aeg_buf_done(&lines->rest);
}
