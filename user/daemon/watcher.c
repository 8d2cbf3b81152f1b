/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One inotify descriptor for all paths, made anew at each rearm. Files are watched through their
 * directory: editors and ConfigMap volumes replace files, which ends a watch on the file itself.
 */
#include "daemon/watcher.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define DEBOUNCE_MS 50
#define DEPTH_MAX 16
#define WATCH_EVENTS                                                                               \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF |   \
	 IN_MOVE_SELF | IN_ONLYDIR)

struct place { /* a watched directory */
	int wd;
	char *dir;
	char *only; /* the one entry that matters; NULL: every YAML file and directory */
};

struct aeg_watcher {
	struct aeg_loop *loop;
	aeg_changed_fn *fn;
	void *arg;
	int fd;
	struct aeg_watch *watch, *timer;
	AEG_VEC(struct place) places;
};

static bool is_yaml(const char *name)
{
	const char *dot = strrchr(name, '.');

	return *name != '.' && dot && (aeg_streq(dot, ".yaml") || aeg_streq(dot, ".yml"));
}

/* A new regular file is not read before it is closed; a new link is complete at once. */
static bool is_link(const struct place *place, const char *name)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s", place->dir, name);
	struct stat st;

	return lstat(path, &st) == 0 && (S_ISLNK(st.st_mode) || st.st_nlink > 1);
}

static bool place_matters(const struct place *place, const struct inotify_event *event)
{
	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
		return true;
	if (!event->len)
		return false;
	if (place->only && !aeg_streq(event->name, place->only))
		return false;
	if (event->mask & IN_ISDIR)
		return true;
	/* "..data" is the link that a ConfigMap volume swaps. */
	if (!place->only && !is_yaml(event->name) && !aeg_streq(event->name, "..data"))
		return false;
	return !(event->mask & IN_CREATE) || is_link(place, event->name);
}

/* A directory can be several places: two configured files in it. */
static bool matters(const struct aeg_watcher *watcher, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	for (size_t i = 0; i < watcher->places.n; i++) {
		const struct place *place = &watcher->places.items[i];

		if (place->wd == event->wd && place_matters(place, event))
			return true;
	}
	return false;
}

static void on_inotify(void *arg, int fd, uint32_t events)
{
	union {
		struct inotify_event align;
		char bytes[8192];
	} buffer;
	struct aeg_watcher *watcher = arg;
	ssize_t len;

	while ((len = read(fd, &buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer.bytes; at < buffer.bytes + len;) {
			const struct inotify_event *event = (const void *)at;

			at += sizeof(*event) + event->len;
			if (matters(watcher, event))
				aeg_timer_arm(watcher->timer, DEBOUNCE_MS);
		}
	}
}

static void on_quiet(void *arg)
{
	struct aeg_watcher *watcher = arg;

	watcher->fn(watcher->arg);
}

static bool add_place(struct aeg_watcher *watcher, const char *dir, const char *only)
{
	int wd = inotify_add_watch(watcher->fd, dir, WATCH_EVENTS);
	struct place *place;

	if (wd < 0)
		return false;
	place = AEG_VEC_PUSH(watcher->places);
	place->wd = wd;
	place->dir = aeg_xstrdup(dir);
	place->only = only ? aeg_xstrdup(only) : NULL;
	return true;
}

static void dir_closep(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void add_tree(struct aeg_watcher *watcher, const char *path, unsigned int depth)
{
	AEG_CLEANUP(dir_closep) DIR *dir = NULL;
	struct dirent *entry;

	if (depth > DEPTH_MAX || !add_place(watcher, path, NULL))
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		AEG_AUTO_FREE char *below = aeg_xasprintf("%s/%s", path, entry->d_name);

		if (entry->d_type == DT_DIR && *entry->d_name != '.')
			add_tree(watcher, below, depth + 1);
	}
}

/* Watches the nearest existing directory above for the entry that leads to path. */
static void add_parent(struct aeg_watcher *watcher, const char *path)
{
	AEG_AUTO_FREE char *dir = aeg_xstrdup(path);

	for (;;) {
		char *slash = strrchr(dir, '/');
		AEG_AUTO_FREE char *name = aeg_xstrdup(slash ? slash + 1 : dir);

		if (!slash) {
			add_place(watcher, ".", name);
			return;
		}
		*slash = '\0';
		if (*name && add_place(watcher, *dir ? dir : "/", name))
			return;
		if (!*dir)
			return;
	}
}

static void add_path(struct aeg_watcher *watcher, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		add_tree(watcher, path, 0);
	/* The directory itself may be a link that is swapped, or be replaced. */
	add_parent(watcher, path);
}

static void forget(struct aeg_watcher *watcher)
{
	aeg_watch_remove(AEG_TAKE_PTR(watcher->watch));
	aeg_closep(&watcher->fd);
	watcher->fd = -1;
	for (size_t i = 0; i < watcher->places.n; i++) {
		free(watcher->places.items[i].dir);
		free(watcher->places.items[i].only);
	}
	AEG_VEC_DONE(watcher->places);
}

void aeg_watcher_rearm(struct aeg_watcher *watcher, const struct aeg_strings *const *paths,
		       size_t n)
{
	forget(watcher);
	watcher->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watcher->fd < 0 || aeg_loop_fd(watcher->loop, watcher->fd, EPOLLIN, on_inotify, watcher,
					   &watcher->watch) < 0)
		return; /* SIGHUP still works */
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < paths[i]->list.n; j++)
			add_path(watcher, paths[i]->list.items[j]);
	}
}

int aeg_watcher_new(struct aeg_loop *loop, aeg_changed_fn *fn, void *arg, struct aeg_watcher **ret)
{
	struct aeg_watcher *watcher = aeg_xcalloc(1, sizeof(*watcher));
	int err;

	*watcher = (struct aeg_watcher){.loop = loop, .fn = fn, .arg = arg, .fd = -1};
	err = aeg_loop_timer(loop, on_quiet, watcher, &watcher->timer);
	if (err) {
		free(watcher);
		return err;
	}
	*ret = watcher;
	return 0;
}

void aeg_watcher_free(struct aeg_watcher *watcher)
{
	if (!watcher)
		return;
	forget(watcher);
	aeg_watch_remove(watcher->timer);
	free(watcher);
}
