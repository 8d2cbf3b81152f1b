/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Setting up and tearing down what the live test needs. */
#include "live_stage.h"
#include "generate.h"
#include "workload/cgroups.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define RING_BYTES (1u << 20)
#define COUNTS_MAX 65536

static int fail(struct aeg_buf *error, const char *what)
{
	int err = -errno;

	aeg_buf_printf(error, "%s: %s", what, strerror(-err));
	return err;
}

/* ---- cgroups ---- */

static char *make_cgroup(const char *parent, const char *name)
{
	char *path = aeg_xasprintf("%s/%s", parent, name);

	if (mkdir(path, 0755) == 0)
		return path;
	free(path);
	return NULL;
}

int stage_prepare(struct stage *ret, struct aeg_buf *error)
{
	AEG_AUTO_FREE char *mount = NULL, *name = aeg_xasprintf("aegress-live-%d", getpid());

	*ret = (struct stage){.listener = -1};
	errno = -aeg_cgroup2_mount(&mount);
	if (!mount)
		return fail(error, "no cgroup2 is mounted");
	ret->root = make_cgroup(mount, name);
	if (!ret->root)
		return fail(error, "cannot make a cgroup");
	ret->managed = make_cgroup(ret->root, "managed");
	for (int i = 0; ret->managed && i < STAGE_WORKERS; i++) {
		char pod[16];

		snprintf(pod, sizeof(pod), "pod%d", i);
		ret->pods[i] = make_cgroup(ret->managed, pod);
	}
	return ret->pods[STAGE_WORKERS - 1] ? 0 : fail(error, "cannot make cgroups");
}

/* Kills what is left in the cgroup and waits until it is empty. */
static void empty_cgroup(const char *root)
{
	AEG_AUTO_FREE char *kill_path = aeg_xasprintf("%s/cgroup.kill", root);
	AEG_AUTO_FREE char *events_path = aeg_xasprintf("%s/cgroup.events", root);
	AEG_AUTO_CLOSE int kill_fd = open(kill_path, O_WRONLY | O_CLOEXEC);
	AEG_AUTO_CLOSE int events_fd = open(events_path, O_RDONLY | O_CLOEXEC);
	char events[256];

	if (kill_fd >= 0)
		dprintf(kill_fd, "1");
	for (;;) {
		struct pollfd changed = {.fd = events_fd, .events = POLLPRI};
		ssize_t len = pread(events_fd, events, sizeof(events) - 1, 0);

		if (len <= 0)
			return;
		events[len] = '\0';
		if (strstr(events, "populated 0") || poll(&changed, 1, 10000) <= 0)
			return;
	}
}

static void remove_cgroup(char **path)
{
	if (*path && rmdir(*path) < 0)
		fprintf(stderr, "cannot remove %s: %s\n", *path, strerror(errno));
	free(*path);
	*path = NULL;
}

void stage_cleanup(struct stage *stage)
{
	if (stage->root)
		empty_cgroup(stage->root);
	for (int i = 0; i < STAGE_WORKERS; i++)
		remove_cgroup(&stage->pods[i]);
	remove_cgroup(&stage->managed);
	remove_cgroup(&stage->root);
}

/* ---- namespaces ---- */

/* Whole networks as local addresses: every destination of a world answers. */
static int open_network(struct aeg_buf *error)
{
	static const char commands[] = "ip link set lo up"
				       " && ip route add local " WORLD_V4_NET " dev lo"
				       " && ip -6 route add local " WORLD_V6_NET " dev lo"
				       " && echo '0 0' >/proc/sys/net/ipv4/ping_group_range";

	if (unshare(CLONE_NEWNET) < 0)
		return fail(error, "cannot make a network namespace");
	errno = EIO;
	return system(commands) == 0 ? 0 : fail(error, "cannot set up the network namespace");
}

static int open_bpffs(struct stage *stage, struct aeg_buf *error)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail(error, "cannot make a mount namespace");
	if (mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0)
		return fail(error, "cannot mount a bpffs");
	stage->pin_dir = aeg_xstrdup("/sys/fs/bpf/aegress-live");
	return 0;
}

static int open_listener(struct stage *stage, struct aeg_buf *error)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(STAGE_LISTEN_PORT)};

	stage->listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stage->listener < 0 ||
	    bind(stage->listener, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(stage->listener, SOMAXCONN) < 0)
		return fail(error, "cannot listen");
	return 0;
}

void stage_drain_listener(struct stage *stage)
{
	int fd;

	while ((fd = accept4(stage->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
}

/* ---- the datapath ---- */

static int open_datapath(struct stage *stage, struct aeg_buf *error)
{
	struct aeg_datapath_config config = {
		.cgroup_root = stage->root,
		.pin_dir = stage->pin_dir,
		.ring_bytes = RING_BYTES,
		.counts_max = COUNTS_MAX,
	};
	struct aeg_managed root = {.path = "managed"};
	uint64_t managed = 0;
	uint32_t level = 0;
	int err = aeg_datapath_open(&config, &stage->datapath, error);

	if (!err)
		err = aeg_cgroup_stat(stage->managed, &managed, &root.level);
	root.cgroup = managed;
	for (int i = 0; i < STAGE_WORKERS && !err; i++)
		err = aeg_cgroup_stat(stage->pods[i], &stage->cgroups[i], &level);
	if (!err)
		err = aeg_datapath_set_roots(stage->datapath, &root, 1);
	if (!err)
		aeg_datapath_set_levels(stage->datapath, 1u << level);
	return err;
}

static int start_workers(struct stage *stage, struct aeg_buf *error)
{
	for (int i = 0; i < STAGE_WORKERS; i++) {
		int err = worker_start(stage->pods[i], &stage->workers[i]);

		if (err) {
			errno = -err;
			return fail(error, "cannot start a worker");
		}
	}
	return 0;
}

int stage_open(struct stage *stage, struct aeg_buf *error)
{
	int err = open_network(error);

	if (!err)
		err = open_bpffs(stage, error);
	if (!err)
		err = open_listener(stage, error);
	if (!err)
		err = start_workers(stage, error);
	if (!err)
		err = open_datapath(stage, error);
	return err;
}

void stage_close(struct stage *stage)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf ignored = {0};

	for (int i = 0; i < STAGE_WORKERS; i++)
		worker_stop(&stage->workers[i]);
	aeg_datapath_close(stage->datapath);
	if (stage->pin_dir)
		aeg_datapath_cleanup(stage->pin_dir, &ignored);
	free(stage->pin_dir);
	aeg_closep(&stage->listener);
}
