/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Locked by fcntl(), so that a second daemon cannot write here. That lock, unlike flock()'s, is not
 * shared with child processes, but goes when any descriptor of the file is closed: nothing else in
 * the daemon opens the current file while it is being written.
 */
#include "observe/audit_file.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define NS_PER_SEC UINT64_C(1000000000)

/* ---- directory ---- */

/* Who may read the files may list and enter the directory; setgid hands its group on to them. */
static mode_t dir_mode(mode_t mode)
{
	return mode & 0040 ? 02750 : 0700;
}

/* Failing to give it away is no reason not to write: later, without capabilities, it must fail. */
static void give_to(const char *dir, const char *group, mode_t mode)
{
	const struct group *entry = group ? getgrnam(group) : NULL;

	if (entry && mode & 0040 && chown(dir, (uid_t)-1, entry->gr_gid) < 0)
		return;
	(void)!chmod(dir, dir_mode(mode));
}

int aeg_audit_dir_make(const char *dir, const char *group, mode_t mode)
{
	struct stat st;
	int err;

	if (stat(dir, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	err = aeg_mkdir_p(dir, 0755);
	if (!err)
		give_to(dir, group, mode);
	return err;
}

static void close_dir(DIR *const *dir)
{
	if (*dir)
		closedir(*dir);
}

int aeg_segments_read(const char *path, struct aeg_segments *ret)
{
	AEG_CLEANUP(close_dir) DIR *dir = opendir(path);
	const struct dirent *entry;
	int fd = dir ? dirfd(dir) : -1;

	if (fd < 0)
		return -errno;
	while ((entry = readdir(dir))) {
		struct aeg_segment segment;
		struct stat st;

		if (!aeg_segment_parse(entry->d_name, &segment) ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		segment.bytes = (uint64_t)st.st_size;
		*AEG_VEC_PUSH(ret->list) = segment;
	}
	if (ret->list.n)
		qsort(ret->list.items, ret->list.n, sizeof(*ret->list.items), aeg_segment_compare);
	return 0;
}

/* ---- the current file ---- */

static int lock(int fd)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_SETLK, &whole) < 0 ? -errno : 0;
}

/* File systems without birth times get the age of the last change. */
static uint64_t birth_ns(int fd)
{
	struct statx stx;
	const struct statx_timestamp *at;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &stx) < 0)
		return 0;
	at = stx.stx_mask & STATX_BTIME ? &stx.stx_btime : &stx.stx_mtime;
	return (uint64_t)at->tv_sec * NS_PER_SEC + at->tv_nsec;
}

static int prepare(int fd, mode_t mode, uint64_t good)
{
	struct stat st;
	int err = lock(fd);

	if (err)
		return err;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return -errno;
	return (uint64_t)st.st_size > good && ftruncate(fd, (off_t)good) < 0 ? -errno : 0;
}

int aeg_audit_file_open(struct aeg_audit_file *file, uint64_t good, uint64_t first)
{
	AEG_AUTO_CLOSE int fd =
		open(file->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		     file->mode);
	int err;

	if (fd < 0)
		return -errno;
	err = prepare(fd, file->mode, good);
	if (err)
		return err;
	file->born_ns = birth_ns(fd);
	file->fd = AEG_TAKE_FD(fd);
	file->size = good;
	file->first = first;
	file->torn = false;
	return 0;
}

int aeg_audit_file_set_aside(const struct aeg_audit_file *file, uint64_t realtime_ns)
{
	AEG_AUTO_FREE char *aside = aeg_xasprintf("%s.unreadable-%llu", file->path,
						  (unsigned long long)(realtime_ns / NS_PER_SEC));

	return rename(file->path, aside) < 0 ? -errno : 0;
}

void aeg_audit_file_close(struct aeg_audit_file *file)
{
	aeg_closep(&file->fd);
	file->fd = -1;
}

bool aeg_audit_file_in_place(const struct aeg_audit_file *file)
{
	struct stat open_one, named;

	return fstat(file->fd, &open_one) == 0 && stat(file->path, &named) == 0 &&
	       open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

static int cut_off(struct aeg_audit_file *file)
{
	file->torn = ftruncate(file->fd, (off_t)file->size) < 0;
	return file->torn ? -errno : 0;
}

int aeg_audit_file_append(struct aeg_audit_file *file, const char *data, size_t len)
{
	int err = file->torn ? cut_off(file) : 0;

	if (!err)
		err = aeg_write_all(file->fd, data, len);
	if (err) {
		cut_off(file); /* cutting needs no room */
		return err;
	}
	file->size += len;
	return 0;
}

int aeg_audit_file_retire(struct aeg_audit_file *file, uint64_t realtime_ns)
{
	char name[AEG_SEGMENT_TEXT];
	AEG_AUTO_FREE char *path = NULL;

	aeg_segment_name(file->first, realtime_ns, name);
	path = aeg_xasprintf("%s/%s", file->dir, name);
	if (rename(file->path, path) < 0)
		return -errno;
	aeg_audit_file_close(file);
	file->size = file->first = 0;
	return 0;
}
