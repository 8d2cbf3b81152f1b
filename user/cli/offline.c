/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reads, checks and compiles files the way the daemon does. */
#include "cli/offline.h"
#include "base/loop.h"
#include "cli/cli.h"
#include <errno.h>
#include <stdio.h>

#define STDIN_NAME "<stdin>"

int aeg_stdin_read(size_t max, struct aeg_buf *ret)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (ret->len + (size_t)n > max)
			return -EFBIG;
		aeg_buf_add(ret, chunk, (size_t)n);
	}
	return 0;
}

static void load_stdin(struct aeg_offline *offline)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	/* One byte more than is allowed: the reader then says what the limit is. */
	int error = aeg_stdin_read(AEG_YAML_MAX_BYTES + 1, &text);

	if (error && error != -EFBIG)
		aeg_error_at(&offline->diags, (struct aeg_pos){.file = STDIN_NAME},
			     "cannot read standard input: %s", strerror(-error));
	else
		aeg_model_add_text(offline->model, STDIN_NAME, aeg_buf_text(&text), text.len,
				   &offline->diags);
}

int aeg_offline_load(struct aeg_offline *offline, const struct aeg_opt_list *paths)
{
	uint64_t now_s = offline->now_s ? offline->now_s : aeg_realtime_s();

	offline->model = aeg_model_new();
	for (size_t i = 0; i < paths->list.n; i++) {
		const char *path = paths->list.items[i];

		if (aeg_streq(path, "-"))
			load_stdin(offline);
		else
			aeg_model_load(offline->model, path, &offline->diags);
	}
	if (aeg_model_check(offline->model, now_s, &offline->diags) < 0)
		return -EINVAL;
	return aeg_compile_documents(offline->model, &offline->numbers, &offline->diags,
				     &offline->tables)
		       ? -EINVAL
		       : 0;
}

int aeg_offline_require(struct aeg_offline *offline, const struct aeg_opt_list *paths, bool colour)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	if (aeg_offline_load(offline, paths) == 0)
		return AEG_EXIT_OK;
	aeg_diags_print(&offline->diags, &text, colour);
	fputs(aeg_buf_text(&text), stderr);
	return AEG_EXIT_USAGE;
}

void aeg_offline_done(struct aeg_offline *offline)
{
	aeg_tables_free(offline->tables);
	aeg_numbers_done(&offline->numbers);
	aeg_model_free(offline->model);
	aeg_diags_done(&offline->diags);
}
