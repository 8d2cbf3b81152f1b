/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Instances by cgroup id, and the cgroups that nobody gets because two workloads claim them. */
#include "workload/registry.h"
#include "workload/claims.h"

#include <search.h>

struct aeg_registry {
	struct aeg_claims claims;
	void *by_cgroup; /* tsearch tree of struct aeg_instance */
	AEG_VEC(struct aeg_instance *) list;
	bool sorted;
	AEG_VEC(struct aeg_contested) contested;
};

static int compare_id(const void *a, const void *b)
{
	uint64_t x = ((const struct aeg_instance *)a)->cgroup.id;
	uint64_t y = ((const struct aeg_instance *)b)->cgroup.id;

	return (x > y) - (x < y);
}

static int compare_name(const void *a, const void *b)
{
	const struct aeg_instance *x = *(struct aeg_instance *const *)a;
	const struct aeg_instance *y = *(struct aeg_instance *const *)b;
	int order = strcmp(x->workload->ns, y->workload->ns);

	if (!order)
		order = strcmp(x->workload->name, y->workload->name);
	return order ? order : strcmp(x->cgroup.path, y->cgroup.path);
}

struct aeg_registry *aeg_registry_new(const struct aeg_model *model)
{
	struct aeg_registry *registry = aeg_xcalloc(1, sizeof(*registry));

	aeg_claims_init(&registry->claims, model);
	return registry;
}

static void free_instance(struct aeg_instance *instance)
{
	free(instance->cgroup.path);
	free(instance);
}

static void keep_instance(void *instance)
{
}

void aeg_registry_free(struct aeg_registry *registry)
{
	if (!registry)
		return;
	tdestroy(registry->by_cgroup, keep_instance);
	for (size_t i = 0; i < registry->list.n; i++)
		free_instance(registry->list.items[i]);
	AEG_VEC_DONE(registry->list);
	for (size_t i = 0; i < registry->contested.n; i++)
		free(registry->contested.items[i].path);
	AEG_VEC_DONE(registry->contested);
	aeg_claims_done(&registry->claims);
	free(registry);
}

static void add_contested(struct aeg_registry *registry, const struct aeg_cgroup *cgroup,
			  const struct aeg_workload *first, const struct aeg_workload *second)
{
	for (size_t i = 0; i < registry->contested.n; i++) {
		if (registry->contested.items[i].cgroup == cgroup->id)
			return;
	}
	*AEG_VEC_PUSH(registry->contested) = (struct aeg_contested){
		.cgroup = cgroup->id,
		.path = aeg_xstrdup(cgroup->path),
		.first = first,
		.second = second,
	};
}

static struct aeg_instance *add_instance(struct aeg_registry *registry,
					 const struct aeg_cgroup *cgroup,
					 const struct aeg_workload *workload)
{
	struct aeg_instance *instance = aeg_xcalloc(1, sizeof(*instance));

	instance->workload = workload;
	instance->cgroup = *cgroup;
	instance->cgroup.path = aeg_xstrdup(cgroup->path);
	if (!tsearch(instance, &registry->by_cgroup, compare_id))
		abort(); /* out of memory, as in base/mem.h */
	*AEG_VEC_PUSH(registry->list) = instance;
	registry->sorted = false;
	return instance;
}

struct aeg_instance *aeg_registry_cgroup_added(struct aeg_registry *registry,
					       const struct aeg_cgroup *cgroup)
{
	const struct aeg_workload *first, *second;

	first = aeg_claims_find(&registry->claims, cgroup, &second);
	if (!first || aeg_registry_by_cgroup(registry, cgroup->id))
		return NULL;
	if (second) {
		add_contested(registry, cgroup, first, second);
		return NULL;
	}
	return add_instance(registry, cgroup, first);
}

static void remove_contested(struct aeg_registry *registry, uint64_t id)
{
	for (size_t i = 0; i < registry->contested.n; i++) {
		if (registry->contested.items[i].cgroup == id) {
			free(registry->contested.items[i].path);
			registry->contested.items[i] =
				registry->contested.items[--registry->contested.n];
			return;
		}
	}
}

static void unlist(struct aeg_registry *registry, const struct aeg_instance *instance)
{
	for (size_t i = 0; i < registry->list.n; i++) {
		if (registry->list.items[i] == instance) {
			registry->list.items[i] = registry->list.items[--registry->list.n];
			registry->sorted = false;
			return;
		}
	}
}

bool aeg_registry_cgroup_removed(struct aeg_registry *registry, const struct aeg_cgroup *cgroup)
{
	struct aeg_instance *instance = aeg_registry_by_cgroup(registry, cgroup->id);

	if (!instance) {
		remove_contested(registry, cgroup->id);
		return false;
	}
	tdelete(instance, &registry->by_cgroup, compare_id);
	unlist(registry, instance);
	free_instance(instance);
	return true;
}

void aeg_registry_workload_added(struct aeg_registry *registry, const struct aeg_workload *workload)
{
	aeg_claims_add(&registry->claims, workload);
}

void aeg_registry_pod_removed(struct aeg_registry *registry, const struct aeg_workload *workload,
			      void (*fn)(void *arg, const struct aeg_cgroup *cgroup), void *arg)
{
	aeg_claims_remove_pod(&registry->claims, workload);
	for (size_t i = registry->list.n; i-- > 0;) {
		struct aeg_instance *instance = registry->list.items[i];

		if (instance->workload != workload)
			continue;
		fn(arg, &instance->cgroup);
		tdelete(instance, &registry->by_cgroup, compare_id);
		registry->list.items[i] = registry->list.items[--registry->list.n];
		registry->sorted = false;
		free_instance(instance);
	}
}

size_t aeg_registry_count(const struct aeg_registry *registry)
{
	return registry->list.n;
}

struct aeg_instance *aeg_registry_at(struct aeg_registry *registry, size_t i)
{
	if (!registry->sorted && registry->list.n > 1)
		qsort(registry->list.items, registry->list.n, sizeof(registry->list.items[0]),
		      compare_name);
	registry->sorted = true;
	return registry->list.items[i];
}

struct aeg_instance *aeg_registry_by_cgroup(const struct aeg_registry *registry, uint64_t cgroup)
{
	const struct aeg_instance key = {.cgroup.id = cgroup};
	struct aeg_instance **found = tfind(&key, &registry->by_cgroup, compare_id);

	return found ? *found : NULL;
}

size_t aeg_registry_contested(const struct aeg_registry *registry)
{
	return registry->contested.n;
}

const struct aeg_contested *aeg_registry_contested_at(const struct aeg_registry *registry, size_t i)
{
	return &registry->contested.items[i];
}
