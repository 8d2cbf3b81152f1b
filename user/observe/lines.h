/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The lines of a file, compressed by gzip or not. */
#ifndef AEG_OBSERVE_LINES_H
#define AEG_OBSERVE_LINES_H

#include "base/buf.h"
#include <stdbool.h>

#define AEG_LINE_MAX (1024u * 1024) /* a longer one ends the reading: it is no record */

struct gzFile_s;

struct aeg_lines {
	struct gzFile_s *file;
	struct aeg_buf block;
	size_t at;	 /* of the block: where the next line begins */
	uint64_t offset; /* of that line in the (uncompressed) file */
};

/* "-": standard input. 0 or -errno. */
int aeg_lines_open(struct aeg_lines *lines, const char *path);
void aeg_lines_done(struct aeg_lines *lines);
/*
 * 1: a line without its newline, borrowed until the next call; 0: the end; -errno, -EBADMSG for
 * broken compression and lines that are too long. *ret_whole: a newline ended it, which only the last
 * line can lack. More may follow later when the file grows.
 */
int aeg_lines_next(struct aeg_lines *lines, const char **ret, size_t *ret_len, bool *ret_whole);

#endif
