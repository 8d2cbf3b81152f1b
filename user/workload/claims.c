/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which declared workload means which cgroup. Looks at nothing but the two texts. */
#include "workload/claims.h"
#include "workload/pod.h"

#include <fnmatch.h>

#define SPECIAL "*?[]\\" /* to fnmatch */

struct found {
	const struct aeg_workload *first, *second;
};

static void found_add(struct found *found, const struct aeg_workload *workload)
{
	if (!workload) /* a pod that went */
		return;
	if (!found->first)
		found->first = workload;
	else if (found->first != workload && !found->second)
		found->second = workload;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Whether every directory between the managed one and the last component is a slice. */
static bool below_slices(const char *below)
{
	static const char suffix[] = ".slice";
	const size_t len = sizeof(suffix) - 1;

	for (const char *slash; (slash = strchr(below, '/')); below = slash + 1) {
		if ((size_t)(slash - below) <= len || memcmp(slash - len, suffix, len) != 0)
			return false;
	}
	return true;
}

static bool glob_matches(const char *glob, const struct aeg_cgroup *cgroup)
{
	const char *below = cgroup->path + cgroup->below;

	return (*below && fnmatch(glob, below, FNM_PATHNAME) == 0) ||
	       fnmatch(glob, cgroup->path, FNM_PATHNAME) == 0;
}

bool aeg_workload_claims(const struct aeg_workload *workload, const struct aeg_cgroup *cgroup)
{
	char pod[AEG_POD_UID_MAX + 1];

	if (workload->pod)
		return aeg_pod_of_cgroup(cgroup->path + cgroup->below, pod) &&
		       aeg_streq(workload->pod, pod);
	if (workload->cgroup)
		return glob_matches(workload->cgroup, cgroup);
	return workload->unit && aeg_streq(workload->unit, last_component(cgroup->path)) &&
	       below_slices(cgroup->path + cgroup->below);
}

static size_t count_slashes(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '/';
	return n;
}

static const char *literal_tail(const char *glob)
{
	for (const char *at; (at = strpbrk(glob, SPECIAL)); glob = at + 1)
		;
	return glob;
}

static void add_exact(struct aeg_claims *claims, struct aeg_strmap *map, const char *text,
		      const struct aeg_workload *workload)
{
	struct aeg_claim *claim = AEG_VEC_PUSH(claims->list);
	uintptr_t previous = 0;

	aeg_strmap_get(map, text, &previous);
	*claim = (struct aeg_claim){.workload = workload, .next = previous};
	aeg_strmap_put(map, text, claims->list.n);
}

static void add_glob(struct aeg_claims *claims, const struct aeg_workload *workload)
{
	const char *tail = literal_tail(workload->cgroup);

	*AEG_VEC_PUSH(claims->globs) = (struct aeg_claim_glob){
		.workload = workload,
		.tail = tail,
		.tail_len = strlen(tail),
		.slashes = count_slashes(workload->cgroup),
	};
}

void aeg_claims_add(struct aeg_claims *claims, const struct aeg_workload *workload)
{
	if (workload->pod)
		add_exact(claims, &claims->pods, workload->pod, workload);
	else if (workload->unit)
		add_exact(claims, &claims->units, workload->unit, workload);
	else if (workload->cgroup && strpbrk(workload->cgroup, SPECIAL))
		add_glob(claims, workload);
	else if (workload->cgroup)
		add_exact(claims, &claims->paths, workload->cgroup, workload);
}

void aeg_claims_init(struct aeg_claims *claims, const struct aeg_model *model)
{
	*claims = (struct aeg_claims){0};
	for (size_t i = 0; i < model->workloads.n; i++)
		aeg_claims_add(claims, model->workloads.items[i]);
}

void aeg_claims_remove_pod(struct aeg_claims *claims, const struct aeg_workload *workload)
{
	uintptr_t at = 0;

	for (aeg_strmap_get(&claims->pods, workload->pod, &at); at;
	     at = claims->list.items[at - 1].next)
		if (claims->list.items[at - 1].workload == workload)
			claims->list.items[at - 1].workload = NULL;
}

void aeg_claims_done(struct aeg_claims *claims)
{
	aeg_strmap_done(&claims->paths);
	aeg_strmap_done(&claims->units);
	aeg_strmap_done(&claims->pods);
	AEG_VEC_DONE(claims->list);
	AEG_VEC_DONE(claims->globs);
}

static void find_exact(const struct aeg_claims *claims, const struct aeg_strmap *map,
		       const char *text, struct found *found)
{
	uintptr_t at = 0;

	for (aeg_strmap_get(map, text, &at); at; at = claims->list.items[at - 1].next)
		found_add(found, claims->list.items[at - 1].workload);
}

static void find_globs(const struct aeg_claims *claims, const struct aeg_cgroup *cgroup,
		       struct found *found)
{
	const size_t len = strlen(cgroup->path), slashes = count_slashes(cgroup->path);
	const size_t slashes_below = count_slashes(cgroup->path + cgroup->below);

	for (size_t i = 0; i < claims->globs.n && !found->second; i++) {
		const struct aeg_claim_glob *glob = &claims->globs.items[i];

		if (glob->slashes != slashes && glob->slashes != slashes_below)
			continue;
		if (glob->tail_len > len ||
		    memcmp(cgroup->path + len - glob->tail_len, glob->tail, glob->tail_len) != 0)
			continue;
		if (glob_matches(glob->workload->cgroup, cgroup))
			found_add(found, glob->workload);
	}
}

const struct aeg_workload *aeg_claims_find(const struct aeg_claims *claims,
					   const struct aeg_cgroup *cgroup,
					   const struct aeg_workload **ret_second)
{
	const char *below = cgroup->path + cgroup->below;
	char pod[AEG_POD_UID_MAX + 1];
	struct found found = {0};

	if (aeg_pod_of_cgroup(below, pod))
		find_exact(claims, &claims->pods, pod, &found);
	find_exact(claims, &claims->paths, cgroup->path, &found);
	if (*below)
		find_exact(claims, &claims->paths, below, &found);
	if (below_slices(below))
		find_exact(claims, &claims->units, last_component(cgroup->path), &found);
	find_globs(claims, cgroup, &found);
	*ret_second = found.second;
	return found.first;
}
