/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Whom the memory of maps is charged to: whoever made the map, whatever socket of whichever pod makes
 * it grow. For the storage of sockets that would be the daemon: pods that open sockets would use up
 * its limit, and every connection would pay for two accounts. Made from the root of the memory
 * hierarchy, a map is charged to nobody; what bounds it is the number of sockets, which are charged
 * to their pods.
 */
#include "datapath/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <sys/wait.h>

static void mounts_closep(FILE **mounts)
{
	if (*mounts)
		endmntent(*mounts);
}

static bool accounts_memory(const struct mntent *entry)
{
	if (strcmp(entry->mnt_type, "cgroup") == 0)
		return hasmntopt(entry, "memory");
	return strcmp(entry->mnt_type, "cgroup2") == 0;
}

/* Opens "cgroup.procs" of the hierarchy's root: version 1's where memory is there, else version 2's. */
static int open_root(int *ret_fd)
{
	AEG_CLEANUP(mounts_closep) FILE *mounts = setmntent("/proc/self/mounts", "re");
	AEG_AUTO_FREE char *path = NULL;
	bool found = false;
	const struct mntent *entry;

	while (mounts && !found && (entry = getmntent(mounts))) {
		if (!accounts_memory(entry))
			continue;
		found = strcmp(entry->mnt_type, "cgroup") == 0;
		free(path);
		path = aeg_xasprintf("%s/cgroup.procs", entry->mnt_dir);
	}
	if (!path)
		return -ENOENT;
	*ret_fd = open(path, O_WRONLY | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

/* Moves the calling process. */
static int leave(void)
{
	AEG_AUTO_CLOSE int fd = -1;
	int err = open_root(&fd);

	if (err)
		return err;
	return write(fd, "0", 1) == 1 ? 0 : -errno;
}

int aeg_memory_uncharged(int (*fn)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int err = leave();

		_exit(-(err ? err : fn(arg)));
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}
