/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which cgroups are managed. Programs read these fields while they are written, so every step leaves
 * something true: a directory that stays keeps its place, a new one is complete before it is seen.
 */
#include "datapath/internal.h"
#include <errno.h>

static bool has_root(const struct aeg_root *roots, size_t n, uint64_t cgroup)
{
	for (size_t i = 0; i < n; i++) {
		if (roots[i].cgroup == cgroup)
			return true;
	}
	return false;
}

static void clear_others(struct aeg_ctl *ctl, const struct aeg_root *roots, size_t n)
{
	for (uint32_t i = 0; i < ctl->nroots; i++) {
		if (!has_root(roots, n, ctl->roots[i].cgroup))
			__atomic_store_n(&ctl->roots[i].cgroup, 0, __ATOMIC_RELEASE);
	}
}

/* Into a hole or behind the last one. */
static void add_root(struct aeg_ctl *ctl, const struct aeg_root *root)
{
	uint32_t i = 0;

	while (i < ctl->nroots && ctl->roots[i].cgroup)
		i++;
	__atomic_store_n(&ctl->roots[i].level, root->level, __ATOMIC_RELEASE);
	__atomic_store_n(&ctl->roots[i].cgroup, root->cgroup, __ATOMIC_RELEASE);
	if (i == ctl->nroots)
		__atomic_store_n(&ctl->nroots, i + 1, __ATOMIC_RELEASE);
}

int aeg_datapath_set_roots(struct aeg_datapath *datapath, const struct aeg_root *roots, size_t n)
{
	struct aeg_ctl *ctl = datapath->ctl;

	if (n > AEG_ROOTS_MAX)
		return -E2BIG;
	if (has_root(roots, n, 0))
		return -EINVAL;
	clear_others(ctl, roots, n);
	for (size_t i = 0; i < n; i++) {
		if (!has_root(ctl->roots, ctl->nroots, roots[i].cgroup))
			add_root(ctl, &roots[i]);
	}
	aeg_epoch_bump(datapath);
	return 0;
}

void aeg_datapath_set_levels(struct aeg_datapath *datapath, uint32_t levels)
{
	levels |= datapath->ctl->levels & AEG_LEVELS_HELD;
	__atomic_store_n(&datapath->ctl->levels, levels, __ATOMIC_RELEASE);
	aeg_epoch_bump(datapath);
}
