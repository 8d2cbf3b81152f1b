/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which cgroups are managed, and seen: skb_egress is attached at each, since every packet of everybody below
 * pays for it. Programs read the fields of ctl while they are written, so every step leaves something true:
 * a directory that stays keeps its place, a new one is complete before it is seen.
 */
#include "datapath/internal.h"
#include <errno.h>
#include <sys/stat.h>

/* ---- where packets are seen ---- */

/*
 * Before 5.15 the kernel may take a socket for one of the hierarchy's root (net_cls and net_prio), and only
 * what is attached there runs.
 */
static bool only_root(void)
{
	return !aeg_kernel_is(5, 15);
}

static int add_top(const struct aeg_datapath *datapath, struct aeg_places *places)
{
	struct stat st;

	if (fstat(datapath->cgroup_fd, &st) < 0)
		return -errno;
	aeg_places_add(places, st.st_ino, "");
	return 0;
}

static int first_error(const struct aeg_places *places)
{
	for (size_t i = 0; i < places->list.n; i++) {
		if (places->list.items[i].err)
			return places->list.items[i].err;
	}
	return 0;
}

/* Where it cannot be attached to one, the root sees for all; an error: nobody sees everything. */
static int attach_all(const struct aeg_datapath *datapath, struct aeg_places *next)
{
	int err;

	aeg_places_prepare(datapath, &datapath->watched, next);
	if (!first_error(next))
		return 0;
	err = add_top(datapath, next);
	if (!err)
		aeg_places_prepare(datapath, &datapath->watched, next);
	return err ? err : first_error(next);
}

static void copy_places(const struct aeg_places *from, struct aeg_places *ret)
{
	for (size_t i = 0; i < from->list.n; i++)
		aeg_places_add(ret, from->list.items[i].cgroup, from->list.items[i].path);
}

int aeg_watched_attach(struct aeg_datapath *datapath)
{
	struct aeg_places next = {0};
	int err;

	copy_places(&datapath->watched, &next);
	err = attach_all(datapath, &next);
	aeg_places_take(datapath, &datapath->watched, &next);
	return err;
}

/* ---- what is managed ---- */

static bool has_managed(const struct aeg_managed *roots, size_t n, uint64_t cgroup)
{
	for (size_t i = 0; i < n; i++) {
		if (roots[i].cgroup == cgroup)
			return true;
	}
	return false;
}

static bool has_root(const struct aeg_ctl *ctl, uint64_t cgroup)
{
	for (uint32_t i = 0; i < ctl->nroots; i++) {
		if (ctl->roots[i].cgroup == cgroup)
			return true;
	}
	return false;
}

static void clear_others(struct aeg_ctl *ctl, const struct aeg_managed *roots, size_t n)
{
	for (uint32_t i = 0; i < ctl->nroots; i++) {
		if (!has_managed(roots, n, ctl->roots[i].cgroup))
			__atomic_store_n(&ctl->roots[i].cgroup, 0, __ATOMIC_RELEASE);
	}
}

/* Into a hole or behind the last one. */
static void add_root(struct aeg_ctl *ctl, const struct aeg_managed *root)
{
	uint32_t i = 0;

	while (i < ctl->nroots && ctl->roots[i].cgroup)
		i++;
	__atomic_store_n(&ctl->roots[i].level, root->level, __ATOMIC_RELEASE);
	__atomic_store_n(&ctl->roots[i].cgroup, root->cgroup, __ATOMIC_RELEASE);
	if (i == ctl->nroots)
		__atomic_store_n(&ctl->nroots, i + 1, __ATOMIC_RELEASE);
}

static int places_of(const struct aeg_datapath *datapath, const struct aeg_managed *roots, size_t n,
		     struct aeg_places *ret)
{
	if (only_root())
		return add_top(datapath, ret);
	for (size_t i = 0; i < n; i++)
		aeg_places_add(ret, roots[i].cgroup, roots[i].path);
	return 0;
}

static void write_roots(struct aeg_datapath *datapath, const struct aeg_managed *roots, size_t n)
{
	struct aeg_ctl *ctl = datapath->ctl;

	clear_others(ctl, roots, n);
	for (size_t i = 0; i < n; i++) {
		if (!has_root(ctl, roots[i].cgroup))
			add_root(ctl, &roots[i]);
	}
	aeg_epoch_bump(datapath);
}

int aeg_datapath_set_roots(struct aeg_datapath *datapath, const struct aeg_managed *roots, size_t n)
{
	struct aeg_places next = {.prog = AEG_PROG_SKB_EGRESS};
	int err;

	if (n > AEG_ROOTS_MAX)
		return -E2BIG;
	if (has_managed(roots, n, 0))
		return -EINVAL;
	err = places_of(datapath, roots, n, &next);
	if (!err && datapath->attached)
		err = attach_all(datapath, &next);
	write_roots(datapath, roots, n);
	if (datapath->attached) {
		aeg_places_take(datapath, &datapath->watched, &next);
		return err;
	}
	aeg_places_done(&datapath->watched); /* aeg_datapath_attach() comes later */
	datapath->watched = next;
	return err;
}

void aeg_datapath_set_levels(struct aeg_datapath *datapath, uint32_t levels)
{
	levels |= datapath->ctl->levels & AEG_LEVELS_HELD;
	__atomic_store_n(&datapath->ctl->levels, levels, __ATOMIC_RELEASE);
	aeg_epoch_bump(datapath);
}
