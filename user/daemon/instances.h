/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Workloads in cgroups that come, go and change while a generation is in force: a row is added or
 * deleted, and nothing else is touched.
 */
#ifndef AEG_DAEMON_INSTANCES_H
#define AEG_DAEMON_INSTANCES_H

#include "daemon/reconciler.h"

/* What the kernel is told of it, and the level that it must look at, as a bit. */
struct aeg_ident_row aeg_instance_row(const struct aeg_reconciler *reconciler,
				      const struct aeg_instance *instance);
uint32_t aeg_instance_level(const struct aeg_instance *instance);

/* Compiles its profile and tells the kernel; again: it had one, and connections. */
void aeg_instance_profile(struct aeg_reconciler *reconciler, struct aeg_instance *instance);
void aeg_instance_profile_again(struct aeg_reconciler *reconciler, struct aeg_instance *instance);

/* Callbacks; arg is the reconciler. */
void aeg_instances_cgroup_added(void *arg, const struct aeg_cgroup *cgroup);
void aeg_instances_cgroup_removed(void *arg, const struct aeg_cgroup *cgroup);
/* It is nobody's any more, although it is there. */
void aeg_instances_cgroup_forgotten(void *arg, const struct aeg_cgroup *cgroup);
/* TC sees a workload now, or no longer. */
void aeg_instances_covered(void *arg, struct aeg_instance *instance);

/* What a change denies must not go on; denials of it come as events, and are ended as such. Also what was
 * being decided when that began: the rest, which waits for whoever is at it. Soon: within milliseconds, once for
 * all changes until then, and the rest a moment later. */
void aeg_instances_revoke(struct aeg_reconciler *reconciler);
void aeg_instances_revoke_first(struct aeg_reconciler *reconciler);
void aeg_instances_revoke_rest(struct aeg_reconciler *reconciler);
void aeg_instances_revoke_soon(struct aeg_reconciler *reconciler);
/* Nothing changed, but some of what was to end may still be there: those come as events again. */
void aeg_instances_remind(struct aeg_reconciler *reconciler);

#endif
