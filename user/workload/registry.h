/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who lives where: joins declared workloads (documents; later Kubernetes pods) with cgroups that
 * exist. An instance is one cgroup that is one workload. Pure bookkeeping; tells its owner what
 * changed. A cgroup that two workloads claim belongs to neither, and that is reported.
 */
#ifndef AEG_WORKLOAD_REGISTRY_H
#define AEG_WORKLOAD_REGISTRY_H

#include "base/diag.h"
#include "policy/model.h"
#include "workload/cgroups.h"

struct aeg_instance {
	const struct aeg_workload *workload; /* borrowed from the model in force */
	struct aeg_cgroup cgroup;	     /* path owned */
	uint32_t number;		     /* of the label "namespace/name" */
	uint32_t profile, flags;	     /* as installed last */
};

struct aeg_registry;

struct aeg_registry *aeg_registry_new(void);
void aeg_registry_free(struct aeg_registry *registry);

/* Swaps the declared workloads (after a reload) and rebuilds all instances from known cgroups. */
void aeg_registry_declare(struct aeg_registry *registry, const struct aeg_model *model);
/* A cgroup came: returns its new instance, or NULL when it is no workload or is contested. When the
 * arrival contests an instance that existed, that one is dropped and written to *ret_dropped_id. */
struct aeg_instance *aeg_registry_cgroup_added(struct aeg_registry *registry,
					       const struct aeg_cgroup *cgroup);
/* A cgroup went; true when it was an instance (its ident must be deleted). */
bool aeg_registry_cgroup_removed(struct aeg_registry *registry, const struct aeg_cgroup *cgroup);

size_t aeg_registry_count(const struct aeg_registry *registry);
struct aeg_instance *aeg_registry_at(struct aeg_registry *registry,
				     size_t i); /* in order of name */
struct aeg_instance *aeg_registry_by_cgroup(struct aeg_registry *registry, uint64_t cgroup);
/* Cgroups that more than one declared workload claims. */
size_t aeg_registry_contested(const struct aeg_registry *registry);

/* Whether a declared workload's cgroup glob or unit means this path (fnmatch with FNM_PATHNAME;
 * a unit matches the last component below any slice). */
bool aeg_workload_claims(const struct aeg_workload *workload, const char *path);

#endif
