/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who lives where: joins declared workloads (documents; later Kubernetes pods) with cgroups that
 * exist. An instance is one cgroup that is one workload. Pure bookkeeping for one model: a reload
 * makes a new registry and tells it the known cgroups, so that the old one stays whole until then.
 * A cgroup that two workloads claim belongs to neither, and that is reported.
 */
#ifndef AEG_WORKLOAD_REGISTRY_H
#define AEG_WORKLOAD_REGISTRY_H

#include "policy/model.h"
#include "workload/cgroups.h"

/* What stands between a workload and the network, and why not more. */
enum aeg_layers {
	AEG_LAYERS_UNKNOWN, /* it has no process yet, no policy selects it, or TC is switched off */
	AEG_LAYERS_BOTH,
	AEG_LAYERS_HOST,    /* it lives in the host's network namespace */
	AEG_LAYERS_NO_VETH, /* ipvlan, macvlan, a network card's function */
	AEG_LAYERS_PARTLY,  /* a veth and one of these */
	AEG_LAYERS_FAILED,
	AEG_LAYERS_MAX,
};

struct aeg_instance {
	const struct aeg_workload *workload; /* borrowed from the model */
	struct aeg_cgroup cgroup;	     /* path owned */
	uint32_t number;	 /* of the label "namespace/name"; the owner's, 0 at first */
	uint32_t profile, flags; /* as installed last; the owner's, 0 at first */
	struct aeg_dns_caps caps[AEG_LAYERS]; /* the same */
	enum aeg_layers layers;		      /* the owner's */
	bool covered;			      /* TC sees all that it sends; the owner's */
};

struct aeg_registry;

/* The model must outlive the registry. */
struct aeg_registry *aeg_registry_new(const struct aeg_model *model);
void aeg_registry_free(struct aeg_registry *registry);

/* A cgroup came: returns its new instance (valid until its cgroup is removed), or NULL when it is no
 * workload, is contested, or is known already. */
struct aeg_instance *aeg_registry_cgroup_added(struct aeg_registry *registry,
					       const struct aeg_cgroup *cgroup);
/* A cgroup went; true when it was an instance (its ident must be deleted). */
bool aeg_registry_cgroup_removed(struct aeg_registry *registry, const struct aeg_cgroup *cgroup);

/* A workload came that was not in the model; cgroups that it claims are to be told anew. */
void aeg_registry_workload_added(struct aeg_registry *registry,
				 const struct aeg_workload *workload);
/* A pod went: its instances are no more; fn is told the cgroup of each. */
void aeg_registry_pod_removed(struct aeg_registry *registry, const struct aeg_workload *workload,
			      void (*fn)(void *arg, const struct aeg_cgroup *cgroup), void *arg);

size_t aeg_registry_count(const struct aeg_registry *registry);
/* In order of namespace, name, then path of the cgroup. */
struct aeg_instance *aeg_registry_at(struct aeg_registry *registry, size_t i);
struct aeg_instance *aeg_registry_by_cgroup(const struct aeg_registry *registry, uint64_t cgroup);

/* A cgroup that more than one declared workload claims, and two of those. */
struct aeg_contested {
	uint64_t cgroup;
	char *path;
	const struct aeg_workload *first, *second;
};
size_t aeg_registry_contested(const struct aeg_registry *registry);
const struct aeg_contested *aeg_registry_contested_at(const struct aeg_registry *registry,
						      size_t i);

#endif
