/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which of the cgroups is the daemon's own. A policy that selects everybody must not cut the daemon off
 * from the API server: nothing could tell it that the policy is gone.
 */
#ifndef AEG_DAEMON_SELF_H
#define AEG_DAEMON_SELF_H

#include "workload/cgroups.h"

/* Path as in struct aeg_cgroup; NULL: it is in none of the managed ones. Caller frees. */
char *aeg_self_cgroup(const struct aeg_cgroups *cgroups, const char *root);
/* Whether path is that cgroup or one around it. self NULL: no. */
bool aeg_self_is_in(const char *self, const char *path);

#endif
