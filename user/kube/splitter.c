/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A whole line within one piece is handed over where it lies. */
#include "kube/splitter.h"

#include <errno.h>

int aeg_splitter_feed(struct aeg_splitter *splitter, const char *data, size_t len, aeg_line_fn *fn,
		      void *arg)
{
	const char *end = data + len, *newline;
	int err = 0;

	for (; !err && (newline = memchr(data, '\n', (size_t)(end - data))); data = newline + 1) {
		size_t part = (size_t)(newline - data);

		if (splitter->rest.len + part > splitter->max)
			return -EMSGSIZE;
		if (splitter->rest.len == 0) {
			err = fn(arg, data, part);
			continue;
		}
		aeg_buf_add(&splitter->rest, data, part);
		err = fn(arg, splitter->rest.data, splitter->rest.len);
		aeg_buf_done(&splitter->rest); /* long ones are rare: their memory is not kept */
	}
	if (err)
		return err;
	if (splitter->rest.len + (size_t)(end - data) > splitter->max)
		return -EMSGSIZE;
	if (end > data)
		aeg_buf_add(&splitter->rest, data, (size_t)(end - data));
	return 0;
}

void aeg_splitter_done(struct aeg_splitter *splitter)
{
	aeg_buf_done(&splitter->rest);
}
