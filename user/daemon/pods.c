/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A pod's object usually comes before its cgroup, and then it waits in the registry for it; where the
 * cgroup was first, its processes were nobody's until now, and `defaults.unknown` held.
 */
#include "daemon/pods.h"
#include "base/log.h"
#include "daemon/instances.h"
#include "daemon/reclaimer.h"
#include "workload/claims.h"

#define COMPONENT "pods"
#define LEFT_MAX 1024

static struct aeg_workload *find(const struct aeg_model *model, const char *uid)
{
	for (size_t i = 0; i < model->workloads.n; i++) {
		struct aeg_workload *workload = model->workloads.items[i];

		if (workload->uid && aeg_streq(workload->uid, uid))
			return workload;
	}
	return NULL;
}

struct matching {
	struct aeg_reconciler *reconciler;
	const struct aeg_workload *pod;
};

static void match(void *arg, const struct aeg_cgroup *cgroup)
{
	const struct matching *matching = arg;

	if (aeg_workload_claims(matching->pod, cgroup))
		aeg_instances_cgroup_added(matching->reconciler, cgroup);
}

static void add(struct aeg_reconciler *reconciler, const struct aeg_workload *pod)
{
	struct aeg_ruleset *ruleset = reconciler->ruleset;
	struct aeg_workload *added = aeg_workload_clone(pod);
	struct matching matching = {reconciler, added};

	aeg_model_workload_add(ruleset->model, added);
	aeg_registry_workload_added(ruleset->registry, added);
	if (reconciler->joined)
		reconciler->joined(reconciler->swapped_arg, added);
	aeg_cgroups_each(reconciler->cgroups, match, &matching);
}

/* In place: instances and events borrow it. */
static void change(struct aeg_reconciler *reconciler, struct aeg_workload *workload,
		   const struct aeg_workload *pod)
{
	struct aeg_workload *fresh = aeg_workload_clone(pod);
	struct aeg_labels labels = workload->labels;
	struct aeg_registry *registry = reconciler->ruleset->registry;
	char *account = workload->service_account;

	workload->labels = fresh->labels;
	workload->service_account = fresh->service_account;
	fresh->labels = labels;
	fresh->service_account = account;
	aeg_workload_free(fresh);
	for (size_t i = 0; i < aeg_registry_count(registry); i++) {
		struct aeg_instance *instance = aeg_registry_at(registry, i);

		if (instance->workload == workload)
			aeg_instance_profile_again(reconciler, instance);
	}
}

void aeg_pods_seen(struct aeg_reconciler *reconciler, const struct aeg_workload *pod)
{
	struct aeg_workload *known;

	if (!reconciler->ruleset) /* the next reload reads all */
		return;
	known = find(reconciler->ruleset->model, pod->uid);
	/* Labels that are not known yet could be any: it stays unknown until the reload that brings them. */
	if (!known && !aeg_model_namespace_labels(reconciler->ruleset->model, pod->ns))
		return;
	if (!known)
		add(reconciler, pod);
	else if (!aeg_workload_same(known, pod))
		change(reconciler, known, pod);
}

/* Each is forgotten when a new ruleset is made, which this does when they have become many. */
static void count_left(struct aeg_reconciler *reconciler)
{
	if (++reconciler->left >= LEFT_MAX)
		aeg_reconciler_reload(reconciler, &(struct aeg_cause){.source = "kubernetes"});
}

/* The workload itself stays until the next ruleset: events of it may still be on their way. */
void aeg_pods_gone(struct aeg_reconciler *reconciler, const char *uid)
{
	struct aeg_workload *known = reconciler->ruleset ? find(reconciler->ruleset->model, uid)
							 : NULL;

	if (!known)
		return;
	aeg_registry_pod_removed(reconciler->ruleset->registry, known,
				 aeg_instances_cgroup_forgotten, reconciler);
	aeg_instances_revoke_soon(reconciler);
	free(known->uid); /* no other pod is it */
	known->uid = NULL;
	known->gone = true;
	aeg_reclaimer_wake(reconciler->reclaimer);
	aeg_log(AEG_LOG_DEBUG, COMPONENT, "pod %s/%s is gone", known->ns, known->name);
	count_left(reconciler);
}
