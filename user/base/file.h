/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whole files and directories of them. */
#ifndef AEG_BASE_FILE_H
#define AEG_BASE_FILE_H

#include "base/mem.h"
#include <stddef.h>
#include <sys/types.h>

struct aeg_paths {
	AEG_VEC(char *) list; /* sorted */
};

/* Reads a regular file of at most max bytes: -EFBIG beyond, -EISDIR, -EINVAL for other kinds. */
int aeg_file_read(const char *path, size_t max, char **ret, size_t *ret_len);
/* Goes on after signals and short writes. */
int aeg_write_all(int fd, const void *bytes, size_t len);
/* Writes a temporary file beside it, fsyncs, renames over it, fsyncs the directory. */
int aeg_file_replace(const char *path, const void *data, size_t len, mode_t mode);
/* path itself when it is a file; the *.yaml and *.yml below it (recursive, no dot files, symlinked
 * files followed, directories not) when it is a directory. */
int aeg_paths_collect(const char *path, struct aeg_paths *paths);
void aeg_paths_done(struct aeg_paths *paths);
int aeg_mkdir_p(const char *path, mode_t mode);

#endif
