/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the kernel calls a cgroup: its id, and its level counted from the hierarchy's root. */
#include "workload/cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/vfs.h>

#define ROOT_ID 1 /* of every hierarchy's root, since cgroup ids are kernfs node ids (5.5) */

static void mounts_closep(FILE **mounts)
{
	if (*mounts)
		endmntent(*mounts);
}

int aeg_cgroup2_mount(char **ret)
{
	AEG_CLEANUP(mounts_closep) FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;

	if (!mounts)
		return -errno;
	while ((entry = getmntent(mounts))) {
		if (aeg_streq(entry->mnt_type, "cgroup2")) {
			*ret = aeg_xstrdup(entry->mnt_dir);
			return 0;
		}
	}
	return -ENOENT;
}

int aeg_cgroup_id_at(int dir, const char *path, uint64_t *ret)
{
	union {
		struct file_handle head;
		char space[sizeof(struct file_handle) + sizeof(uint64_t)];
	} handle = {.head.handle_bytes = sizeof(uint64_t)};
	int mount_id;

	if (name_to_handle_at(dir, path, &handle.head, &mount_id, *path ? 0 : AT_EMPTY_PATH) < 0)
		return -errno;
	if (handle.head.handle_bytes != sizeof(uint64_t))
		return -ENOTTY;
	memcpy(ret, handle.head.f_handle, sizeof(*ret));
	return 0;
}

static bool on_cgroup2(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Counts the steps up to the hierarchy's root; -EXDEV when the mount ends before it. */
static int level_of(int fd, uint32_t *ret)
{
	AEG_AUTO_CLOSE int dir = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint32_t level = 0;
	uint64_t id = 0;

	for (;;) {
		int parent, err;

		if (dir < 0)
			return -errno;
		if (!on_cgroup2(dir))
			return -EXDEV;
		err = aeg_cgroup_id_at(dir, "", &id);
		if (err)
			return err;
		if (id == ROOT_ID)
			break;
		parent = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		aeg_closep(&dir);
		dir = parent;
		level++;
	}
	*ret = level;
	return 0;
}

int aeg_cgroup_stat(const char *path, uint64_t *ret_id, uint32_t *ret_level)
{
	AEG_AUTO_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint32_t level = 0; /* the compilers believe that -errno may be 0 */
	uint64_t id = 0;
	int err;

	if (fd < 0)
		return -errno;
	if (!on_cgroup2(fd))
		return -ENOTTY;
	err = aeg_cgroup_id_at(fd, "", &id);
	if (err)
		return err;
	err = level_of(fd, &level);
	if (err)
		return err;
	*ret_id = id;
	*ret_level = level;
	return 0;
}
