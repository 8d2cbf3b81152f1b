/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* zlib reads what is not compressed as it is. */
#include "observe/lines.h"
#include <errno.h>
#include <fcntl.h>
#include <zlib.h>

#define BLOCK_BYTES (256u * 1024)

int aeg_lines_open(struct aeg_lines *lines, const char *path)
{
	/* O_NONBLOCK: opening a FIFO must not hang. */
	AEG_AUTO_CLOSE int fd = aeg_streq(path, "-")
					? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
					: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*lines = (struct aeg_lines){0};
	if (fd < 0)
		return -errno;
	lines->file = gzdopen(fd, "rb");
	if (!lines->file)
		return -ENOMEM;
	(void)AEG_TAKE_FD(fd);
	gzbuffer(lines->file, BLOCK_BYTES);
	return 0;
}

void aeg_lines_done(struct aeg_lines *lines)
{
	if (lines->file)
		gzclose_r(lines->file);
	aeg_buf_done(&lines->block);
	*lines = (struct aeg_lines){0};
}

/* Bytes added to the block, whose lines up to `at` are forgotten; 0: the end. */
static int fill(struct aeg_lines *lines)
{
	static const size_t room = BLOCK_BYTES;
	struct aeg_buf *block = &lines->block;
	int n, error;

	if (lines->at) {
		memmove(block->data, block->data + lines->at, block->len - lines->at);
		block->len -= lines->at;
		lines->at = 0;
	}
	if (block->len > AEG_LINE_MAX)
		return -EBADMSG;
	n = gzread(lines->file, aeg_buf_room(block, room), (unsigned int)room);
	if (n > 0) {
		aeg_buf_wrote(block, (size_t)n);
		return n;
	}
	gzerror(lines->file, &error);
	if (n == 0 && (error == Z_OK || error == Z_STREAM_END)) {
		gzclearerr(lines->file); /* else a file that grows is at its end for ever */
		return 0;
	}
	return error == Z_ERRNO ? -errno : -EBADMSG;
}

static int give(struct aeg_lines *lines, size_t len, bool whole, const char **ret, size_t *ret_len,
		bool *ret_whole)
{
	*ret = lines->block.data + lines->at;
	*ret_len = len;
	*ret_whole = whole;
	lines->at += len + whole;
	lines->offset += len + whole;
	return 1;
}

int aeg_lines_next(struct aeg_lines *lines, const char **ret, size_t *ret_len, bool *ret_whole)
{
	size_t seen = 0; /* of the line: there is no newline in it */

	for (;;) {
		size_t left = lines->block.len - lines->at;
		const char *begin = left ? lines->block.data + lines->at : NULL;
		const char *newline = left ? memchr(begin + seen, '\n', left - seen) : NULL;
		int n;

		if (newline)
			return give(lines, (size_t)(newline - begin), true, ret, ret_len,
				    ret_whole);
		seen = left;
		n = fill(lines);
		if (n < 0)
			return n;
		if (n == 0)
			return left ? give(lines, left, false, ret, ret_len, ret_whole) : 0;
	}
}
