/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The followed tree. Every change is settled by looking at the file system, never by believing an
 * inotify event: events only say which name to look at, so lost, late and doubled ones do no harm.
 * Never follows a symbolic link, never leaves the root.
 */
#include "workload/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/inotify.h>

#define WATCH_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)
#define SPINE (-1)   /* above a managed directory: watched for it, no cgroup of ours */
#define OUTSIDE (-2) /* none of our business */

struct node {
	struct aeg_cgroup cgroup;
	int depth; /* below the managed directory, which is 0; or SPINE */
	int wd;	   /* -1: not watched */
	struct node *parent, *children, *prev, *next;
};

struct aeg_cgroups {
	char *root;
	int root_fd, inotify_fd;
	AEG_VEC(char *) managed;
	struct aeg_cgroups_ops ops;
	void *arg;
	struct aeg_watch *watch;
	struct node *top;
	void *by_path, *by_wd; /* tsearch trees of struct node */
	size_t n;
	uint64_t dropped;
	bool opening; /* roots_changed is not told yet */
};

static void sync_child(struct aeg_cgroups *cgroups, struct node *parent, const char *name);

static int compare_path(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->cgroup.path, ((const struct node *)b)->cgroup.path);
}

static int compare_wd(const void *a, const void *b)
{
	int x = ((const struct node *)a)->wd, y = ((const struct node *)b)->wd;

	return (x > y) - (x < y);
}

static struct node *find(void *const *tree, const struct node *key,
			 int (*compare)(const void *, const void *))
{
	struct node **found = tfind(key, tree, compare);

	return found ? *found : NULL;
}

static void insert(void **tree, struct node *node, int (*compare)(const void *, const void *))
{
	if (!tsearch(node, tree, compare))
		abort(); /* out of memory, as in base/mem.h */
}

/* Where a directory stands: its depth, SPINE or OUTSIDE. */
static int depth_of(const struct aeg_cgroups *cgroups, const struct node *parent, const char *path)
{
	size_t len = strlen(path);

	if (parent->depth >= 0)
		return parent->depth + 1;
	for (size_t i = 0; i < cgroups->managed.n; i++) {
		const char *managed = cgroups->managed.items[i];

		if (aeg_streq(managed, path))
			return 0;
		if (strncmp(managed, path, len) == 0 && managed[len] == '/')
			return SPINE;
	}
	return OUTSIDE;
}

static char *path_below(const struct node *parent, const char *name)
{
	if (!*parent->cgroup.path)
		return aeg_xstrdup(name);
	return aeg_xasprintf("%s/%s", parent->cgroup.path, name);
}

/* Out of watches is no reason to stop: the cgroup counts as dropped, since its children are missed. */
static void watch_node(struct aeg_cgroups *cgroups, struct node *node)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s", cgroups->root, node->cgroup.path);

	node->wd = inotify_add_watch(cgroups->inotify_fd, path, WATCH_EVENTS | IN_DONT_FOLLOW);
	if (node->wd >= 0)
		insert(&cgroups->by_wd, node, compare_wd);
	else if (errno != ENOENT)
		cgroups->dropped++;
}

static void link_node(struct node *parent, struct node *node)
{
	node->parent = parent;
	node->next = parent->children;
	if (node->next)
		node->next->prev = node;
	parent->children = node;
}

static void unlink_node(struct node *node)
{
	if (node->prev)
		node->prev->next = node->next;
	else if (node->parent)
		node->parent->children = node->next;
	if (node->next)
		node->next->prev = node->prev;
}

static void free_node(struct node *node)
{
	free(node->cgroup.path);
	free(node);
}

static void tell_added(struct aeg_cgroups *cgroups, const struct node *node)
{
	if (node->depth == 0 && !cgroups->opening)
		cgroups->ops.roots_changed(cgroups->arg);
	if (node->depth >= 0)
		cgroups->ops.added(cgroups->arg, &node->cgroup);
}

static void tell_removed(struct aeg_cgroups *cgroups, const struct node *node)
{
	if (node->depth >= 0)
		cgroups->ops.removed(cgroups->arg, &node->cgroup);
	if (node->depth == 0)
		cgroups->ops.roots_changed(cgroups->arg);
}

static void dir_closep(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void scan(struct aeg_cgroups *cgroups, struct node *node)
{
	const char *path = *node->cgroup.path ? node->cgroup.path : ".";
	AEG_AUTO_CLOSE int fd =
		openat(cgroups->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AEG_CLEANUP(dir_closep) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!dir)
		return; /* gone again: the event of its removal follows */
	AEG_TAKE_FD(fd);
	while ((entry = readdir(dir))) {
		if (entry->d_type == DT_DIR && !aeg_streq(entry->d_name, ".") &&
		    !aeg_streq(entry->d_name, ".."))
			sync_child(cgroups, node, entry->d_name);
	}
}

/* Takes path. */
static void add_node(struct aeg_cgroups *cgroups, struct node *parent, char *path, uint64_t id)
{
	AEG_AUTO_FREE char *owned = path;
	int depth = depth_of(cgroups, parent, path);
	struct node *node;

	if (depth == OUTSIDE || depth > AEG_CGROUP_DEPTH_MAX)
		return;
	if (cgroups->n >= AEG_CGROUPS_MAX) {
		cgroups->dropped++;
		return;
	}
	node = aeg_xcalloc(1, sizeof(*node));
	node->depth = depth;
	node->cgroup = (struct aeg_cgroup){
		.id = id,
		.level = parent->cgroup.level + 1,
		.path = AEG_TAKE_PTR(owned),
		.below = depth > 1 ? parent->cgroup.below : (uint32_t)strlen(path),
	};
	if (depth == 1)
		node->cgroup.below = (uint32_t)strlen(parent->cgroup.path) + 1;
	link_node(parent, node);
	insert(&cgroups->by_path, node, compare_path);
	cgroups->n++;
	/* Watch before looking: what comes in between is then seen twice, which does no harm. */
	watch_node(cgroups, node);
	tell_added(cgroups, node);
	scan(cgroups, node);
}

static void forget_node(struct aeg_cgroups *cgroups, struct node *node)
{
	tdelete(node, &cgroups->by_path, compare_path);
	if (node->wd >= 0) {
		tdelete(node, &cgroups->by_wd, compare_wd);
		/* kernfs does not end the watch of a removed directory by itself (before 7.0). */
		inotify_rm_watch(cgroups->inotify_fd, node->wd);
	}
	unlink_node(node);
	cgroups->n--;
}

static void remove_node(struct aeg_cgroups *cgroups, struct node *node)
{
	struct node *next;

	for (struct node *child = node->children; child; child = next) {
		next = child->next;
		remove_node(cgroups, child);
	}
	forget_node(cgroups, node);
	tell_removed(cgroups, node);
	free_node(node);
}

/* Makes the tree agree with the file system about one name. */
static void sync_child(struct aeg_cgroups *cgroups, struct node *parent, const char *name)
{
	AEG_AUTO_FREE char *path = path_below(parent, name);
	struct node key = {.cgroup.path = path};
	struct node *node = find(&cgroups->by_path, &key, compare_path);
	uint64_t id = 0;
	bool exists = aeg_cgroup_id_at(cgroups->root_fd, path, &id) == 0;

	if (node && exists && node->cgroup.id == id)
		return;
	if (node)
		remove_node(cgroups, node);
	if (exists)
		add_node(cgroups, parent, AEG_TAKE_PTR(path), id);
}

/* After lost events: everything below the node is looked at again. */
static void resync(struct aeg_cgroups *cgroups, struct node *node)
{
	struct node *next;

	for (struct node *child = node->children; child; child = next) {
		AEG_AUTO_FREE char *name = NULL;
		const char *slash = strrchr(child->cgroup.path, '/');

		next = child->next;
		name = aeg_xstrdup(slash ? slash + 1 : child->cgroup.path);
		sync_child(cgroups, node, name);
	}
	scan(cgroups, node);
	for (struct node *child = node->children; child; child = child->next)
		resync(cgroups, child);
}

static void handle(struct aeg_cgroups *cgroups, const struct inotify_event *event)
{
	struct node key = {.wd = event->wd};
	struct node *node;

	if (event->mask & IN_Q_OVERFLOW) {
		resync(cgroups, cgroups->top);
		return;
	}
	if (!(event->mask & IN_ISDIR) || !event->len)
		return;
	node = find(&cgroups->by_wd, &key, compare_wd);
	if (node)
		sync_child(cgroups, node, event->name);
}

static void on_inotify(void *arg, int fd, uint32_t events)
{
	union {
		struct inotify_event align;
		char bytes[16384];
	} buffer;
	struct aeg_cgroups *cgroups = arg;
	ssize_t len;

	while ((len = read(fd, &buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer.bytes; at < buffer.bytes + len;) {
			const struct inotify_event *event = (const void *)at;

			at += sizeof(*event) + event->len;
			handle(cgroups, event);
		}
	}
}

static bool inside(const char *outer, const char *inner)
{
	size_t len = strlen(outer);

	return strncmp(outer, inner, len) == 0 && (inner[len] == '/' || !inner[len]);
}

static bool name_is_plain(const char *name)
{
	if (!*name || *name == '/' || name[strlen(name) - 1] == '/' || strstr(name, "//"))
		return false;
	return !aeg_streq(name, ".") && !aeg_streq(name, "..") && strncmp(name, "./", 2) != 0 &&
	       strncmp(name, "../", 3) != 0 && !strstr(name, "/./") && !strstr(name, "/../");
}

static int set_managed(struct aeg_cgroups *cgroups, const char *const *managed, size_t n,
		       struct aeg_buf *error)
{
	for (size_t i = 0; i < n; i++) {
		if (!name_is_plain(managed[i])) {
			aeg_buf_printf(
				error,
				"managed cgroup '%s': not a path below the cgroup root, like "
				"kubepods.slice",
				managed[i]);
			return -EINVAL;
		}
		for (size_t j = 0; j < cgroups->managed.n; j++) {
			const char *other = cgroups->managed.items[j];

			if (inside(managed[i], other) || inside(other, managed[i])) {
				aeg_buf_printf(error,
					       "managed cgroup '%s': overlaps managed cgroup '%s'",
					       managed[i], other);
				return -EINVAL;
			}
		}
		*AEG_VEC_PUSH(cgroups->managed) = aeg_xstrdup(managed[i]);
	}
	return 0;
}

static int root_error(struct aeg_buf *error, const char *root, int err)
{
	const char *why = strerror(-err);

	if (err == -ENOTTY)
		why = "not on a cgroup2 file system";
	else if (err == -EXDEV)
		why = "the cgroup2 mount does not show the hierarchy's root; use the host's mount";
	aeg_buf_printf(error, "cgroup root '%s': %s", root, why);
	return err;
}

static int open_root(struct aeg_cgroups *cgroups, struct aeg_buf *error)
{
	struct node *top = aeg_xcalloc(1, sizeof(*top));
	int err;

	top->depth = SPINE;
	top->wd = -1;
	top->cgroup.path = aeg_xstrdup("");
	cgroups->top = top;
	err = aeg_cgroup_stat(cgroups->root, &top->cgroup.id, &top->cgroup.level);
	if (err)
		return root_error(error, cgroups->root, err);
	cgroups->root_fd = open(cgroups->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cgroups->root_fd < 0)
		return root_error(error, cgroups->root, -errno);
	insert(&cgroups->by_path, top, compare_path);
	cgroups->n = 1;
	watch_node(cgroups, top);
	return 0;
}

static int open_inotify(struct aeg_cgroups *cgroups, struct aeg_loop *loop, struct aeg_buf *error)
{
	int err = 0;

	cgroups->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (cgroups->inotify_fd < 0)
		err = -errno;
	else
		err = aeg_loop_fd(loop, cgroups->inotify_fd, EPOLLIN, on_inotify, cgroups,
				  &cgroups->watch);
	if (err)
		aeg_buf_printf(error, "cgroup root '%s': cannot follow changes: %s", cgroups->root,
			       strerror(-err));
	return err;
}

static void closep(struct aeg_cgroups **cgroups)
{
	aeg_cgroups_close(*cgroups);
}

int aeg_cgroups_open(const char *root, const char *const *managed, size_t n, struct aeg_loop *loop,
		     const struct aeg_cgroups_ops *ops, void *arg, struct aeg_buf *error,
		     struct aeg_cgroups **ret)
{
	AEG_CLEANUP(closep) struct aeg_cgroups *cgroups = aeg_xcalloc(1, sizeof(*cgroups));
	int err;

	cgroups->root = aeg_xstrdup(root);
	cgroups->root_fd = cgroups->inotify_fd = -1;
	cgroups->ops = *ops;
	cgroups->arg = arg;
	err = set_managed(cgroups, managed, n, error);
	if (!err)
		err = open_inotify(cgroups, loop, error);
	if (!err)
		err = open_root(cgroups, error);
	if (err)
		return err;
	cgroups->opening = true;
	scan(cgroups, cgroups->top);
	cgroups->opening = false;
	*ret = AEG_TAKE_PTR(cgroups);
	return 0;
}

static void drop_node(void *node)
{
	free_node(node);
}

static void keep_node(void *node)
{
}

void aeg_cgroups_close(struct aeg_cgroups *cgroups)
{
	if (!cgroups)
		return;
	aeg_watch_remove(cgroups->watch);
	tdestroy(cgroups->by_wd, keep_node);
	if (cgroups->by_path)
		tdestroy(cgroups->by_path, drop_node);
	else if (cgroups->top)
		free_node(cgroups->top);
	aeg_closep(&cgroups->inotify_fd);
	aeg_closep(&cgroups->root_fd);
	for (size_t i = 0; i < cgroups->managed.n; i++)
		free(cgroups->managed.items[i]);
	AEG_VEC_DONE(cgroups->managed);
	free(cgroups->root);
	free(cgroups);
}

size_t aeg_cgroups_roots(const struct aeg_cgroups *cgroups, struct aeg_cgroup *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < cgroups->managed.n && n < max; i++) {
		struct node key = {.cgroup.path = cgroups->managed.items[i]};
		const struct node *node = find(&cgroups->by_path, &key, compare_path);

		if (node)
			ret[n++] = node->cgroup;
	}
	return n;
}

struct each {
	void (*fn)(void *arg, const struct aeg_cgroup *cgroup);
	void *arg;
};

static void visit(const void *at, VISIT which, void *arg)
{
	const struct node *node = *(struct node *const *)at;
	const struct each *each = arg;

	if ((which == postorder || which == leaf) && node->depth >= 0)
		each->fn(each->arg, &node->cgroup);
}

void aeg_cgroups_each(const struct aeg_cgroups *cgroups,
		      void (*fn)(void *arg, const struct aeg_cgroup *cgroup), void *arg)
{
	struct each each = {fn, arg};

	twalk_r(cgroups->by_path, visit, &each);
}

uint64_t aeg_cgroups_dropped(const struct aeg_cgroups *cgroups)
{
	return cgroups->dropped;
}
