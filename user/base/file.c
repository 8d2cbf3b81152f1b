// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Reads and replaces whole files, finds the YAML files of a directory. */
#include "base/file.h"
#include "base/buf.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#define DEEPEST_DIRECTORY 64

static int check_regular(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

/* Up to the end, whatever fstat() says: the files of /proc and /sys have size 0 or 4096. */
static int read_all(int fd, size_t max, struct aeg_buf *ret)
{
	char block[16384];

	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if ((size_t)n > max - ret->len)
			return -EFBIG;
		aeg_buf_add(ret, block, (size_t)n);
	}
}

int aeg_file_read(const char *path, size_t max, char **ret, size_t *ret_len)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf content = {0};
	/* O_NONBLOCK: opening a FIFO must not hang. */
	AEG_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int err;

	if (fd < 0)
		return -errno;
	err = check_regular(fd);
	if (err)
		return err;
	err = read_all(fd, max, &content);
	if (err)
		return err;
	if (ret_len)
		*ret_len = content.len;
	*ret = aeg_buf_take(&content);
	return 0;
}

int aeg_write_all(int fd, const void *bytes, size_t len)
{
	const char *data = bytes;

	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_durably(int fd, const void *data, size_t len, mode_t mode)
{
	int err;

	if (fchmod(fd, mode))
		return -errno;
	err = aeg_write_all(fd, data, len);
	if (err)
		return err;
	return fsync(fd) ? -errno : 0;
}

static int sync_directory(const char *path)
{
	AEG_AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		return -errno;
	return 0;
}

int aeg_file_replace(const char *path, const void *data, size_t len, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	int dir_len = (int)(name - path);
	AEG_AUTO_FREE char *dir = aeg_xasprintf("%.*s.", dir_len, path);
	/* A dot file: whoever watches the directory for policies does not look at it. */
	AEG_AUTO_FREE char *temporary = aeg_xasprintf("%.*s.%s.XXXXXX", dir_len, path, name);
	AEG_AUTO_CLOSE int fd = mkostemp(temporary, O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = write_durably(fd, data, len, mode);
	if (!err && rename(temporary, path))
		err = -errno;
	if (err) {
		unlink(temporary);
		return err;
	}
	return sync_directory(dir);
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && aeg_streq(name + len - n, suffix);
}

static bool is_yaml(const char *name)
{
	return ends_in(name, ".yaml") || ends_in(name, ".yml");
}

static void push_path(struct aeg_paths *paths, const char *path)
{
	char **slot = AEG_VEC_PUSH(paths->list);

	*slot = aeg_xstrdup(path);
}

static int collect_directory(const char *path, unsigned int depth, struct aeg_paths *paths);

/* What is gone by now is no error. A broken link called *.yaml is kept: reading it will tell. */
static int collect_entry(const char *path, const char *name, unsigned int depth,
			 struct aeg_paths *paths)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		return collect_directory(path, depth + 1, paths);
	if (!is_yaml(name))
		return 0;
	if (S_ISLNK(st.st_mode) && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	push_path(paths, path);
	return 0;
}

static void close_dir(DIR *const *dir)
{
	if (*dir)
		closedir(*dir);
}

static int collect_directory(const char *path, unsigned int depth, struct aeg_paths *paths)
{
	const char *slash = ends_in(path, "/") ? "" : "/";
	AEG_CLEANUP(close_dir) DIR *dir = NULL;

	if (depth > DEEPEST_DIRECTORY)
		return -ELOOP;
	dir = opendir(path);
	if (!dir)
		return -errno;
	for (;;) {
		AEG_AUTO_FREE char *child = NULL;
		const struct dirent *entry;
		int err;

		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (entry->d_name[0] == '.')
			continue;
		child = aeg_xasprintf("%s%s%s", path, slash, entry->d_name);
		err = collect_entry(child, entry->d_name, depth, paths);
		if (err)
			return err;
	}
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void truncate_paths(struct aeg_paths *paths, size_t n)
{
	while (paths->list.n > n)
		free(paths->list.items[--paths->list.n]);
}

int aeg_paths_collect(const char *path, struct aeg_paths *paths)
{
	size_t before = paths->list.n;
	struct stat st;
	int err = 0;

	if (stat(path, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		err = collect_directory(path, 0, paths);
	else
		push_path(paths, path);
	if (err) {
		truncate_paths(paths, before);
		return err;
	}
	if (paths->list.n)
		qsort(paths->list.items, paths->list.n, sizeof(char *), compare_paths);
	return 0;
}

void aeg_paths_done(struct aeg_paths *paths)
{
	truncate_paths(paths, 0);
	AEG_VEC_DONE(paths->list);
}

static int make_directory(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int aeg_mkdir_p(const char *path, mode_t mode)
{
	AEG_AUTO_FREE char *partial = aeg_xstrdup(path);

	for (char *p = partial + 1; *partial && *p; p++) {
		int err;

		if (*p != '/' || p[-1] == '/')
			continue;
		*p = '\0';
		err = make_directory(partial, mode);
		*p = '/';
		if (err)
			return err;
	}
	return make_directory(partial, mode);
}
