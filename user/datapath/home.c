/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where a workload lives: the network namespace of its oldest process. The runtime puts that one there
 * (a pod's is the pause container's); whatever came later may have gone elsewhere on its own.
 */
#include "datapath/internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define DEPTH_MAX 8 /* of cgroups below a workload's */

struct oldest {
	uint32_t pid;
	unsigned long long since; /* clock ticks after boot */
};

/* Field 22 of /proc/PID/stat; the second, in parentheses, may contain anything. */
static int read_start(uint32_t pid, unsigned long long *ret)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("/proc/%u/stat", pid);
	FILE *file = fopen(path, "re");
	char line[1024];
	char *at;
	size_t n;

	if (!file)
		return -errno;
	n = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[n] = '\0';
	at = strrchr(line, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -EPROTO;
	*ret = strtoull(at + 1, NULL, 10);
	return 0;
}

static void compare(struct oldest *oldest, uint32_t pid)
{
	unsigned long long since;

	if (read_start(pid, &since) == 0 && (!oldest->pid || since < oldest->since))
		*oldest = (struct oldest){.pid = pid, .since = since};
}

static void look_at_processes(int dir, struct oldest *oldest)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[16];

	if (!file) {
		aeg_closep(&fd);
		return;
	}
	while (fgets(line, sizeof(line), file))
		compare(oldest, (uint32_t)strtoul(line, NULL, 10));
	fclose(file);
}

/* Takes dir over: the stream reads it, and closes it. */
static void look_below(int dir, unsigned int depth, struct oldest *oldest)
{
	DIR *stream = fdopendir(dir);
	struct dirent *entry;

	if (!stream) {
		aeg_closep(&dir);
		return;
	}
	look_at_processes(dir, oldest);
	while (depth < DEPTH_MAX && (entry = readdir(stream))) {
		int fd;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		fd = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			look_below(fd, depth + 1, oldest);
	}
	closedir(stream);
}

/* cgroup2 directories can be opened by their id: it is their file handle. */
int aeg_cgroup_open(const struct aeg_datapath *datapath, uint64_t cgroup)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = {.head = {.handle_bytes = sizeof(cgroup), .handle_type = 0xfe}, .id = cgroup};

	return open_by_handle_at(datapath->cgroup_fd, &handle.head,
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

uint32_t aeg_cgroup_oldest(const struct aeg_datapath *datapath, uint64_t cgroup)
{
	struct oldest oldest = {0};
	int dir = aeg_cgroup_open(datapath, cgroup);

	if (dir >= 0)
		look_below(dir, 0, &oldest);
	return oldest.pid;
}

int aeg_home_cookie(const struct aeg_datapath *datapath, uint64_t cgroup, uint64_t *ret)
{
	uint32_t pid = aeg_cgroup_oldest(datapath, cgroup);

	return pid ? aeg_netns_cookie(pid, ret) : -ESRCH;
}

int aeg_datapath_set_home(struct aeg_datapath *datapath, uint64_t cgroup)
{
	struct aeg_errand_answer answer = {0};
	uint64_t cookie, known = 0, told;
	int err;

	if (datapath->helper_fd >= 0)
		err = aeg_errand(datapath, AEG_ERRAND_HOME, cgroup, NULL, &answer);
	else
		err = aeg_home_cookie(datapath, cgroup, &answer.cookie);
	if (err)
		return err;
	cookie = answer.cookie;
	told = cookie | AEG_HOME_TOLD;
	if (bpf_map_lookup_elem(datapath->maps[AEG_MAP_HOMES], &cgroup, &known) == 0 &&
	    known == told)
		return 0;
	err = aeg_map_put(datapath->maps[AEG_MAP_HOMES], &cgroup, &told);
	/* Sockets that believed another one look again. */
	if (!err && (known & ~AEG_HOME_TOLD) != cookie)
		aeg_epoch_bump(datapath);
	return err;
}
