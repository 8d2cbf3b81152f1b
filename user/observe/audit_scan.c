/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reading the audit log's files back, and compressing those that are closed. */
#include "observe/audit_file.h"
#include "observe/lines.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#define BLOCK_BYTES (128 * 1024)
#define GZIP_MODE "wb6"

/* ---- scanning ---- */

static void take_line(struct aeg_audit_scan *scan, const struct aeg_link *known, const char *line,
		      size_t len, uint64_t end)
{
	struct aeg_link link;

	if (!aeg_link_parse(line, len, &link))
		return;
	scan->first = scan->first ? scan->first : link.n;
	scan->last = link;
	scan->good = end;
	if (link.n == known->n && !aeg_streq(link.hash, known->hash))
		scan->differs = true;
}

int aeg_audit_scan(const char *path, const struct aeg_link *known, struct aeg_audit_scan *ret)
{
	AEG_CLEANUP(aeg_lines_done) struct aeg_lines lines = {0};
	const char *line;
	bool whole;
	size_t len;
	int more = aeg_lines_open(&lines, path);

	*ret = (struct aeg_audit_scan){0};
	if (more < 0)
		return more;
	while ((more = aeg_lines_next(&lines, &line, &len, &whole)) > 0) {
		if (whole)
			take_line(ret, known, line, len, lines.offset);
	}
	ret->bytes = lines.offset;
	/* What cannot be a line is garbage behind the last record, like the rest of a torn one. */
	return more == -EBADMSG ? 0 : more;
}

/* ---- compressing ---- */

static int copy_into(gzFile out, int fd)
{
	static char block[BLOCK_BYTES];
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0) {
		if (gzwrite(out, block, (unsigned int)n) != n)
			return errno ? -errno : -EIO;
	}
	return n < 0 ? -errno : 0;
}

static int compress_to(int to, int from)
{
	int copy = fcntl(to, F_DUPFD_CLOEXEC, 0), err;
	gzFile out = copy < 0 ? NULL : gzdopen(copy, GZIP_MODE);

	if (!out)
		return copy < 0 ? -errno : -ENOMEM;
	errno = 0;
	err = copy_into(out, from);
	if (gzclose_w(out) != Z_OK && !err)
		err = errno ? -errno : -EIO;
	if (!err && fsync(to) < 0)
		err = -errno;
	return err;
}

int aeg_segment_compress(const char *dir, const char *name, mode_t mode)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s", dir, name);
	AEG_AUTO_FREE char *temporary = aeg_xasprintf("%s/.audit.gz.new", dir);
	AEG_AUTO_FREE char *result = aeg_xasprintf("%s/%s.gz", dir, name);
	AEG_AUTO_CLOSE int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	AEG_AUTO_CLOSE int to = -1;
	int err;

	if (from < 0)
		return -errno;
	to = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (to < 0)
		return -errno;
	err = fchmod(to, mode) < 0 ? -errno : compress_to(to, from);
	if (!err && rename(temporary, result) < 0)
		err = -errno;
	if (err)
		unlink(temporary);
	else
		unlink(path);
	return err;
}
