/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where a program is attached that not everybody shall pay for: it has one pinned link at each of some
 * cgroups. Of cgroups inside each other only the topmost has one, or a packet would be seen twice. A new
 * place is attached before it matters, and an old one is left after it did; one that cannot be attached
 * is tried again.
 */
#include "datapath/internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* No dots: a bpffs keeps names with them to itself. */
static char *pin_of(const struct aeg_datapath *datapath, const struct aeg_places *places,
		    uint64_t cgroup)
{
	return aeg_xasprintf("%s/links/%s_%llu", datapath->pin_dir, aeg_prog_names[places->prog],
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

static int compare_by_path(const void *a, const void *b)
{
	return compare_paths(((const struct aeg_place *)a)->path,
			     ((const struct aeg_place *)b)->path);
}

/* The first that is not in front of the path. */
static size_t place_of(const struct aeg_places *places, const char *path)
{
	size_t low = 0, high = places->list.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_paths(places->list.items[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct aeg_place *find(const struct aeg_places *places, const char *path)
{
	size_t i = place_of(places, path);

	if (i < places->list.n && aeg_streq(places->list.items[i].path, path))
		return &places->list.items[i];
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
static size_t end_of(const struct aeg_places *places, size_t i)
{
	const char *top = places->list.items[i].path;
	size_t end = i + 1;

	while (end < places->list.n && is_below(places->list.items[end].path, top))
		end++;
	return end;
}

/* Whether one above it hears what it does. */
static bool is_covered(const struct aeg_places *places, const struct aeg_place *place)
{
	AEG_AUTO_FREE char *above = aeg_xstrdup(place->path);

	while (*above) {
		char *slash = strrchr(above, '/');
		const struct aeg_place *found;

		*(slash ? slash : above) = '\0';
		found = find(places, above);
		if (found && found->on)
			return true;
	}
	return false;
}

static void insert(struct aeg_places *places, uint64_t cgroup, const char *path)
{
	size_t i = place_of(places, path), behind = places->list.n - i;

	(void)AEG_VEC_PUSH(places->list);
	memmove(&places->list.items[i + 1], &places->list.items[i],
		behind * sizeof(*places->list.items));
	places->list.items[i] = (struct aeg_place){.cgroup = cgroup, .path = aeg_xstrdup(path)};
}

static void take_out(struct aeg_places *places, size_t i)
{
	struct aeg_place *place = &places->list.items[i];

	free(place->path);
	memmove(place, place + 1, (--places->list.n - i) * sizeof(*place));
}

void aeg_places_done(struct aeg_places *places)
{
	for (size_t i = 0; i < places->list.n; i++)
		free(places->list.items[i].path);
	AEG_VEC_DONE(places->list);
}

/* ---- one place ---- */

/* -ENOENT: the cgroup is gone, whatever may have its path now. */
static int open_place(const struct aeg_datapath *datapath, const struct aeg_place *place,
		      int *ret_fd)
{
	const char *path = *place->path ? place->path : ".";
	AEG_AUTO_CLOSE int fd =
		openat(datapath->cgroup_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_ino != place->cgroup)
		return -ENOENT;
	*ret_fd = AEG_TAKE_FD(fd);
	return 0;
}

static void attach(const struct aeg_datapath *datapath, const struct aeg_places *places,
		   struct aeg_place *place)
{
	AEG_AUTO_FREE char *pin = pin_of(datapath, places, place->cgroup);
	AEG_AUTO_CLOSE int fd = -1, link = -1;
	int err = open_place(datapath, place, &fd);
	bool made = false;

	if (!err)
		err = aeg_link_ensure(datapath, places->prog, fd, pin, &made, &link);
	place->on = !err;
	place->made = !err && made;
	/* A cgroup that went while we looked misses nothing. */
	place->err = err == -ENOENT || err == -ENODEV ? 0 : err;
}

static void detach(const struct aeg_datapath *datapath, const struct aeg_places *places,
		   uint64_t cgroup)
{
	AEG_AUTO_FREE char *pin = pin_of(datapath, places, cgroup);

	(void)aeg_link_detach(pin);
}

/* Sees that somebody hears number i. */
static void see_to(const struct aeg_datapath *datapath, struct aeg_places *places, size_t i)
{
	struct aeg_place *place = &places->list.items[i];

	if (place->on)
		return;
	if (is_covered(places, place))
		place->err = 0;
	else
		attach(datapath, places, place);
}

/* Those below number i are heard by it, or by whom it is. */
static void relieve(const struct aeg_datapath *datapath, struct aeg_places *places, size_t i)
{
	size_t end = end_of(places, i);

	while (++i < end) {
		struct aeg_place *place = &places->list.items[i];

		if (!is_covered(places, place))
			continue;
		if (place->on)
			detach(datapath, places, place->cgroup);
		place->on = false;
		place->err = 0;
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
static void list_pins(const struct aeg_datapath *datapath, const struct aeg_places *places,
		      struct numbers *ret)
{
	AEG_AUTO_FREE char *prefix = aeg_xasprintf("%s_", aeg_prog_names[places->prog]);
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/links", datapath->pin_dir);
	AEG_CLEANUP(close_dir) DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			*AEG_VEC_PUSH(ret->list) =
				strtoull(entry->d_name + strlen(prefix), NULL, 10);
	}
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void list_on(const struct aeg_places *places, struct numbers *ret)
{
	for (size_t i = 0; i < places->list.n; i++) {
		if (places->list.items[i].on)
			*AEG_VEC_PUSH(ret->list) = places->list.items[i].cgroup;
	}
	if (ret->list.n)
		qsort(ret->list.items, ret->list.n, sizeof(uint64_t), compare_numbers);
}

/* By what is there, so that nothing of any former daemon stays: also of those with one link at the root. */
static void sweep(const struct aeg_datapath *datapath, const struct aeg_places *places)
{
	AEG_AUTO_FREE char *root = aeg_pin_link(datapath->pin_dir, places->prog);
	AEG_CLEANUP(numbers_done) struct numbers pins = {0}, on = {0};

	list_pins(datapath, places, &pins);
	list_on(places, &on);
	for (size_t i = 0; i < pins.list.n; i++) {
		if (!on.list.n || !bsearch(&pins.list.items[i], on.list.items, on.list.n,
					   sizeof(uint64_t), compare_numbers))
			detach(datapath, places, pins.list.items[i]);
	}
	(void)aeg_link_detach(root);
}

void aeg_places_renew(const struct aeg_datapath *datapath, const struct aeg_places *places)
{
	AEG_CLEANUP(numbers_done) struct numbers pins = {0};

	if (!places->settled)
		list_pins(datapath, places, &pins);
	for (size_t i = 0; i < pins.list.n; i++) {
		AEG_AUTO_FREE char *pin = pin_of(datapath, places, pins.list.items[i]);
		AEG_AUTO_CLOSE int fd = bpf_obj_get(pin);

		/* Of a cgroup that is gone: the first generation takes the pin off. */
		if (fd >= 0)
			(void)bpf_link_update(fd, datapath->progs[places->prog], NULL);
	}
}

/* ---- all of them ---- */

static void carry(const struct aeg_places *from, struct aeg_place *place)
{
	const struct aeg_place *former = find(from, place->path);

	place->on = former && former->on && former->cgroup == place->cgroup;
}

void aeg_places_add(struct aeg_places *places, uint64_t cgroup, const char *path)
{
	*AEG_VEC_PUSH(places->list) =
		(struct aeg_place){.cgroup = cgroup, .path = aeg_xstrdup(path)};
}

void aeg_places_prepare(const struct aeg_datapath *datapath, const struct aeg_places *former,
			struct aeg_places *next)
{
	next->prog = former->prog;
	if (next->list.n)
		qsort(next->list.items, next->list.n, sizeof(*next->list.items), compare_by_path);
	for (size_t i = 0; i < next->list.n; i++) {
		carry(former, &next->list.items[i]);
		see_to(datapath, next, i);
	}
}

void aeg_places_take(const struct aeg_datapath *datapath, struct aeg_places *places,
		     struct aeg_places *next)
{
	aeg_places_done(places);
	*places = *next;
	*next = (struct aeg_places){0};
	places->settled = true;
	for (size_t i = 0; i < places->list.n; i = end_of(places, i))
		relieve(datapath, places, i);
	sweep(datapath, places);
}

/* ---- one of them ---- */

void aeg_place_prepare(const struct aeg_datapath *datapath, struct aeg_places *places,
		       uint64_t cgroup, const char *path)
{
	if (!find(places, path))
		insert(places, cgroup, path);
	see_to(datapath, places, place_of(places, path));
}

void aeg_place_take(const struct aeg_datapath *datapath, struct aeg_places *places,
		    const char *path)
{
	relieve(datapath, places, place_of(places, path));
}

void aeg_place_forget(const struct aeg_datapath *datapath, struct aeg_places *places,
		      uint64_t cgroup)
{
	size_t i = 0, end;
	bool was_on;

	while (i < places->list.n && places->list.items[i].cgroup != cgroup)
		i++;
	if (i == places->list.n)
		return;
	was_on = places->list.items[i].on;
	end = end_of(places, i) - 1;
	take_out(places, i);
	for (; was_on && i < end; i++)
		see_to(datapath, places, i);
	if (was_on)
		detach(datapath, places, cgroup);
}

/* ---- those that could not be attached ---- */

void aeg_places_count(const struct aeg_places *places, size_t *ret_attached, size_t *ret_failed)
{
	*ret_attached = *ret_failed = 0;
	for (size_t i = 0; i < places->list.n; i++) {
		*ret_attached += places->list.items[i].on;
		*ret_failed += places->list.items[i].err != 0;
	}
}

size_t aeg_places_retry(const struct aeg_datapath *datapath, struct aeg_places *places,
			aeg_listener_fn *fn, void *arg)
{
	size_t failed = 0;

	for (size_t i = 0; i < places->list.n; i++) {
		const struct aeg_place *place = &places->list.items[i];

		if (!place->err)
			continue;
		see_to(datapath, places, i);
		if (place->on)
			relieve(datapath, places, i);
		else if (place->err)
			fn(arg, place->path, place->err);
		failed += place->err != 0;
	}
	return failed;
}

void aeg_places_undo(const struct aeg_datapath *datapath, struct aeg_places *places)
{
	for (size_t i = 0; i < places->list.n; i++) {
		struct aeg_place *place = &places->list.items[i];

		if (place->made)
			detach(datapath, places, place->cgroup);
		place->on = place->made = false;
	}
}
