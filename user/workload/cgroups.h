/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The live cgroup2 tree below the managed directories, followed with inotify: which cgroups exist,
 * with their ids and levels. Knows nothing of workloads.
 */
#ifndef AEG_WORKLOAD_CGROUPS_H
#define AEG_WORKLOAD_CGROUPS_H

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"
#include <stdint.h>

#define AEG_CGROUPS_MAX                                                                            \
	65536 /* directories followed; beyond it new ones are counted, not followed */
#define AEG_CGROUP_DEPTH_MAX 8 /* below the managed directory */

struct aeg_cgroup {
	uint64_t id;
	uint32_t level; /* in the whole hierarchy; 0 is its root */
	char *path; /* relative to the cgroup root given: "kubepods.slice/kubepods-pod1.slice" */
	uint32_t below; /* where in path the part below the managed directory begins */
};

struct aeg_cgroups;

struct aeg_cgroups_ops { /* any change, after the tree was updated; `arg` first */
	void (*added)(void *arg, const struct aeg_cgroup *cgroup);
	void (*removed)(void *arg, const struct aeg_cgroup *cgroup);
	/* A managed directory itself came (before its `added`) or went: the kernel must follow. */
	void (*roots_changed)(void *arg);
};

/*
 * root: attach point, e.g. /sys/fs/cgroup or a directory below a cgroup2 mount. managed: paths below
 * it, none inside another; those that do not exist yet are picked up when they appear. The managed
 * directories themselves are cgroups too. Calls ops->added for what is there, ops->roots_changed not.
 */
int aeg_cgroups_open(const char *root, const char *const *managed, size_t n, struct aeg_loop *loop,
		     const struct aeg_cgroups_ops *ops, void *arg, struct aeg_buf *error,
		     struct aeg_cgroups **ret);
void aeg_cgroups_close(struct aeg_cgroups *cgroups);
/* The managed directories that exist now, paths borrowed; returns how many were written. */
size_t aeg_cgroups_roots(const struct aeg_cgroups *cgroups, struct aeg_cgroup *ret, size_t max);
/* In order of path; fn must not change the tree. */
void aeg_cgroups_each(const struct aeg_cgroups *cgroups,
		      void (*fn)(void *arg, const struct aeg_cgroup *cgroup), void *arg);
/* Cgroups not followed although they are within the depth: beyond AEG_CGROUPS_MAX, or no more inotify
 * watches (fs.inotify.max_user_watches). */
uint64_t aeg_cgroups_dropped(const struct aeg_cgroups *cgroups);

/* Path of the cgroup2 mount (/sys/fs/cgroup, /sys/fs/cgroup/unified), from /proc/self/mounts. */
int aeg_cgroup2_mount(char **ret);
/* Id and level of one cgroup directory: -ENOTTY when it is not on cgroup2, -EXDEV when the mount
 * does not reach up to the hierarchy's root, so that levels cannot be told (cgroup namespaces). */
int aeg_cgroup_stat(const char *path, uint64_t *ret_id, uint32_t *ret_level);
/* The id alone, of a path relative to an open directory ("": the directory itself). */
int aeg_cgroup_id_at(int dir, const char *path, uint64_t *ret);

#endif
