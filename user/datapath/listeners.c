/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where DNS answers are read: skb_ingress has one pinned link at each cgroup whose answers matter, since
 * every packet of everybody below pays for it. Of cgroups inside each other only the topmost has one, or
 * an answer would be read twice. A new place is attached before it matters, and an old one is left after
 * it did; one that cannot be attached teaches nothing, and is tried again.
 */
#include "datapath/internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* No dots: a bpffs keeps names with them to itself. */
#define PREFIX "skb_ingress"

static char *pin_of(const struct aeg_datapath *datapath, uint64_t cgroup)
{
	return aeg_xasprintf("%s/links/" PREFIX "_%llu", datapath->pin_dir,
			     (unsigned long long)cgroup);
}

/* ---- the list: by path, and what is below a directory follows it at once ---- */

static int rank_of(char c)
{
	return c == '/' ? 1 : c ? (unsigned char)c + 1 : 0;
}

static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return rank_of(*a) - rank_of(*b);
}

static int compare_listeners(const void *a, const void *b)
{
	return compare_paths(((const struct aeg_listener *)a)->path,
			     ((const struct aeg_listener *)b)->path);
}

/* The first that is not in front of the path. */
static size_t place_of(const struct aeg_listeners *listeners, const char *path)
{
	size_t low = 0, high = listeners->list.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_paths(listeners->list.items[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct aeg_listener *find(const struct aeg_listeners *listeners, const char *path)
{
	size_t i = place_of(listeners, path);

	if (i < listeners->list.n && aeg_streq(listeners->list.items[i].path, path))
		return &listeners->list.items[i];
	return NULL;
}

static bool is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (!len)
		return *path;
	return strncmp(path, top, len) == 0 && path[len] == '/';
}

/* Behind the last one that is below number i. */
static size_t end_of(const struct aeg_listeners *listeners, size_t i)
{
	const char *top = listeners->list.items[i].path;
	size_t end = i + 1;

	while (end < listeners->list.n && is_below(listeners->list.items[end].path, top))
		end++;
	return end;
}

/* Whether one above it hears what it does. */
static bool is_covered(const struct aeg_listeners *listeners, const struct aeg_listener *listener)
{
	AEG_AUTO_FREE char *above = aeg_xstrdup(listener->path);

	while (*above) {
		char *slash = strrchr(above, '/');
		const struct aeg_listener *found;

		*(slash ? slash : above) = '\0';
		found = find(listeners, above);
		if (found && found->on)
			return true;
	}
	return false;
}

static void insert(struct aeg_listeners *listeners, const struct aeg_ident_row *row)
{
	size_t i = place_of(listeners, row->path), behind = listeners->list.n - i;

	(void)AEG_VEC_PUSH(listeners->list);
	memmove(&listeners->list.items[i + 1], &listeners->list.items[i],
		behind * sizeof(*listeners->list.items));
	listeners->list.items[i] =
		(struct aeg_listener){.cgroup = row->cgroup, .path = aeg_xstrdup(row->path)};
}

static void take_out(struct aeg_listeners *listeners, size_t i)
{
	struct aeg_listener *listener = &listeners->list.items[i];

	free(listener->path);
	memmove(listener, listener + 1, (--listeners->list.n - i) * sizeof(*listener));
}

void aeg_listeners_done(struct aeg_listeners *listeners)
{
	for (size_t i = 0; i < listeners->list.n; i++)
		free(listeners->list.items[i].path);
	AEG_VEC_DONE(listeners->list);
}

/* ---- one place ---- */

/* -ENOENT: the cgroup is gone, whatever may have its path now. */
static int open_place(const struct aeg_datapath *datapath, const struct aeg_listener *listener,
		      int *ret_fd)
{
	const char *path = *listener->path ? listener->path : ".";
	AEG_AUTO_CLOSE int fd =
		openat(datapath->cgroup_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_ino != listener->cgroup)
		return -ENOENT;
	*ret_fd = AEG_TAKE_FD(fd);
	return 0;
}

static void attach(const struct aeg_datapath *datapath, struct aeg_listener *listener)
{
	AEG_AUTO_FREE char *pin = pin_of(datapath, listener->cgroup);
	AEG_AUTO_CLOSE int fd = -1, link = -1;
	int err = open_place(datapath, listener, &fd);
	bool made;

	if (!err)
		err = aeg_link_ensure(datapath, AEG_PROG_SKB_INGRESS, fd, pin, &made, &link);
	listener->on = !err;
	/* A cgroup that went while we looked misses nothing. */
	listener->err = err == -ENOENT || err == -ENODEV ? 0 : err;
}

static void detach(const struct aeg_datapath *datapath, uint64_t cgroup)
{
	AEG_AUTO_FREE char *pin = pin_of(datapath, cgroup);

	(void)aeg_link_detach(pin);
}

/* Sees that somebody hears number i. */
static void see_to(const struct aeg_datapath *datapath, struct aeg_listeners *listeners, size_t i)
{
	struct aeg_listener *listener = &listeners->list.items[i];

	if (listener->on)
		return;
	if (is_covered(listeners, listener))
		listener->err = 0;
	else
		attach(datapath, listener);
}

/* Those below number i are heard by it, or by whom it is. */
static void relieve(const struct aeg_datapath *datapath, struct aeg_listeners *listeners, size_t i)
{
	size_t end = end_of(listeners, i);

	while (++i < end) {
		struct aeg_listener *listener = &listeners->list.items[i];

		if (!is_covered(listeners, listener))
			continue;
		if (listener->on)
			detach(datapath, listener->cgroup);
		listener->on = false;
		listener->err = 0;
	}
}

/* ---- what is pinned ---- */

struct numbers {
	AEG_VEC(uint64_t) list;
};

static void numbers_done(struct numbers *numbers)
{
	AEG_VEC_DONE(numbers->list);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The cgroups that have a pin. */
static void list_pins(const struct aeg_datapath *datapath, struct numbers *ret)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/links", datapath->pin_dir);
	AEG_CLEANUP(close_dir) DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, PREFIX "_", strlen(PREFIX "_")) == 0)
			*AEG_VEC_PUSH(ret->list) =
				strtoull(entry->d_name + strlen(PREFIX "_"), NULL, 10);
	}
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void list_on(const struct aeg_listeners *listeners, struct numbers *ret)
{
	for (size_t i = 0; i < listeners->list.n; i++) {
		if (listeners->list.items[i].on)
			*AEG_VEC_PUSH(ret->list) = listeners->list.items[i].cgroup;
	}
	if (ret->list.n)
		qsort(ret->list.items, ret->list.n, sizeof(uint64_t), compare_numbers);
}

/* By what is there, so that nothing of any former daemon stays: also of those with one link at the root. */
static void sweep(const struct aeg_datapath *datapath)
{
	AEG_AUTO_FREE char *root = aeg_pin_link(datapath->pin_dir, AEG_PROG_SKB_INGRESS);
	AEG_CLEANUP(numbers_done) struct numbers pins = {0}, on = {0};

	list_pins(datapath, &pins);
	list_on(&datapath->listeners, &on);
	for (size_t i = 0; i < pins.list.n; i++) {
		if (!on.list.n || !bsearch(&pins.list.items[i], on.list.items, on.list.n,
					   sizeof(uint64_t), compare_numbers))
			detach(datapath, pins.list.items[i]);
	}
	(void)aeg_link_detach(root);
}

void aeg_listeners_renew(const struct aeg_datapath *datapath)
{
	AEG_CLEANUP(numbers_done) struct numbers pins = {0};

	if (!datapath->listeners.settled)
		list_pins(datapath, &pins);
	for (size_t i = 0; i < pins.list.n; i++) {
		AEG_AUTO_FREE char *pin = pin_of(datapath, pins.list.items[i]);
		AEG_AUTO_CLOSE int fd = bpf_obj_get(pin);

		/* Of a cgroup that is gone: the first generation takes the pin off. */
		if (fd >= 0)
			(void)bpf_link_update(fd, datapath->progs[AEG_PROG_SKB_INGRESS], NULL);
	}
}

/* ---- a whole generation ---- */

/*
 * Whom no policy selects and the default just lets through, nothing is decided for by a name. Where it
 * does not, an address that is not learned would count as one that nobody governs.
 */
static bool needs_answers(const struct aeg_listeners *listeners, const struct aeg_ident_row *row)
{
	return row->path && (row->ident.flags & AEG_IDENT_SELECTED || listeners->everyone);
}

static void carry(const struct aeg_listeners *from, struct aeg_listener *listener)
{
	const struct aeg_listener *former = find(from, listener->path);

	listener->on = former && former->on && former->cgroup == listener->cgroup;
}

void aeg_listeners_prepare(const struct aeg_datapath *datapath,
			   const struct aeg_generation *generation, struct aeg_listeners *ret)
{
	ret->everyone = generation->settings.unselected != AEG_VERDICT_ALLOWED;
	for (size_t i = 0; i < generation->nidents; i++) {
		const struct aeg_ident_row *row = &generation->idents[i];

		if (needs_answers(ret, row))
			*AEG_VEC_PUSH(ret->list) = (struct aeg_listener){
				.cgroup = row->cgroup, .path = aeg_xstrdup(row->path)};
	}
	if (ret->list.n)
		qsort(ret->list.items, ret->list.n, sizeof(*ret->list.items), compare_listeners);
	for (size_t i = 0; i < ret->list.n; i++) {
		carry(&datapath->listeners, &ret->list.items[i]);
		see_to(datapath, ret, i);
	}
}

void aeg_listeners_take(struct aeg_datapath *datapath, struct aeg_listeners *next)
{
	struct aeg_listeners *listeners = &datapath->listeners;

	aeg_listeners_done(listeners);
	*listeners = *next;
	*next = (struct aeg_listeners){0};
	listeners->settled = true;
	for (size_t i = 0; i < listeners->list.n; i = end_of(listeners, i))
		relieve(datapath, listeners, i);
	sweep(datapath);
}

/* ---- one identity ---- */

void aeg_listener_prepare(struct aeg_datapath *datapath, const struct aeg_ident_row *row)
{
	struct aeg_listeners *listeners = &datapath->listeners;

	if (!needs_answers(listeners, row))
		return;
	if (!find(listeners, row->path))
		insert(listeners, row);
	see_to(datapath, listeners, place_of(listeners, row->path));
}

void aeg_listener_take(struct aeg_datapath *datapath, const struct aeg_ident_row *row)
{
	struct aeg_listeners *listeners = &datapath->listeners;

	if (needs_answers(listeners, row))
		relieve(datapath, listeners, place_of(listeners, row->path));
	else
		aeg_listener_forget(datapath, row->cgroup);
}

void aeg_listener_forget(struct aeg_datapath *datapath, uint64_t cgroup)
{
	struct aeg_listeners *listeners = &datapath->listeners;
	size_t i = 0, end;
	bool was_on;

	while (i < listeners->list.n && listeners->list.items[i].cgroup != cgroup)
		i++;
	if (i == listeners->list.n)
		return;
	was_on = listeners->list.items[i].on;
	end = end_of(listeners, i) - 1;
	take_out(listeners, i);
	for (; was_on && i < end; i++)
		see_to(datapath, listeners, i);
	if (was_on)
		detach(datapath, cgroup);
}

/* ---- those that could not be attached ---- */

void aeg_datapath_listeners(const struct aeg_datapath *datapath, size_t *ret_attached,
			    size_t *ret_failed)
{
	const struct aeg_listeners *listeners = &datapath->listeners;

	*ret_attached = *ret_failed = 0;
	for (size_t i = 0; i < listeners->list.n; i++) {
		*ret_attached += listeners->list.items[i].on;
		*ret_failed += listeners->list.items[i].err != 0;
	}
}

size_t aeg_datapath_retry_listeners(struct aeg_datapath *datapath, aeg_listener_fn *fn, void *arg)
{
	struct aeg_listeners *listeners = &datapath->listeners;
	size_t failed = 0;

	for (size_t i = 0; i < listeners->list.n; i++) {
		const struct aeg_listener *listener = &listeners->list.items[i];

		if (!listener->err)
			continue;
		see_to(datapath, listeners, i);
		if (listener->on)
			relieve(datapath, listeners, i);
		else if (listener->err)
			fn(arg, listener->path, listener->err);
		failed += listener->err != 0;
	}
	return failed;
}
