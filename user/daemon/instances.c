/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One workload in one cgroup at a time: the row of the generation in force that says who it is. What
 * cannot be added asks for a whole new generation.
 */
#include "daemon/instances.h"
#include "base/log.h"
#include "daemon/quarantiner.h"

#include <errno.h>

#define COMPONENT "instances"
#define SOON_MS 5
#define REST_MS 100

uint32_t aeg_instance_level(const struct aeg_instance *instance)
{
	return instance->cgroup.level < AEG_LEVELS_MAX ? 1u << instance->cgroup.level : 0;
}

struct aeg_ident_row aeg_instance_row(const struct aeg_reconciler *reconciler,
				      const struct aeg_instance *instance)
{
	uint32_t flags = instance->flags;

	if (reconciler->config->tc == AEG_TC_REQUIRE && flags & AEG_IDENT_SELECTED)
		flags |= AEG_IDENT_NEEDS_TC;
	if (aeg_quarantiner_holds(reconciler->quarantiner, instance->workload))
		flags |= AEG_IDENT_QUARANTINED;
	if (instance->covered)
		flags |= AEG_IDENT_HAS_TC;
	return (struct aeg_ident_row){
		.cgroup = instance->cgroup.id,
		.path = instance->cgroup.path,
		.ident = {.workload = instance->number,
			  .profile = instance->profile,
			  .flags = flags,
			  .caps = {instance->caps[0], instance->caps[1]}},
	};
}

/* Denials of what stands come as events, and are ended as such. */
static void decided_again(struct aeg_reconciler *reconciler, int err)
{
	if (err)
		aeg_log(AEG_LOG_ERROR, COMPONENT,
			"connections that stand cannot be decided again: %s", strerror(-err));
	if (reconciler->revoked)
		reconciler->revoked(reconciler->swapped_arg);
}

void aeg_instances_revoke_rest(struct aeg_reconciler *reconciler)
{
	reconciler->resting = false;
	decided_again(reconciler, aeg_datapath_revoke_rest(reconciler->datapath));
}

void aeg_instances_revoke(struct aeg_reconciler *reconciler)
{
	aeg_instances_remind(reconciler);
	aeg_instances_revoke_rest(reconciler);
}

/* Pods come by the dozen: the wait of the rest is for all of them. */
void aeg_instances_revoke_first(struct aeg_reconciler *reconciler)
{
	reconciler->revoking = false;
	aeg_instances_remind(reconciler);
	if (!reconciler->resting)
		aeg_timer_arm(reconciler->rest, REST_MS);
	reconciler->resting = true;
}

void aeg_instances_revoke_soon(struct aeg_reconciler *reconciler)
{
	if (!reconciler->revoking)
		aeg_timer_arm(reconciler->revoke, SOON_MS);
	reconciler->revoking = true;
}

void aeg_instances_remind(struct aeg_reconciler *reconciler)
{
	decided_again(reconciler, aeg_datapath_revoke(reconciler->datapath));
}

/* The cells first and the identity last: no decision sees one without the other. */
static int add_rows(struct aeg_reconciler *reconciler, struct aeg_instance *instance,
		    size_t cells_before)
{
	const struct aeg_tables *tables = reconciler->ruleset->tables;
	struct aeg_ident_row row = aeg_instance_row(reconciler, instance);
	int err = aeg_datapath_store_numbers(reconciler->datapath, &reconciler->numbers);

	if (!err && tables->cells.n > cells_before)
		err = aeg_datapath_add_cells(reconciler->datapath,
					     tables->cells.items + cells_before,
					     tables->cells.n - cells_before);
	if (!err)
		err = aeg_datapath_set_ident(reconciler->datapath, &row);
	aeg_listening_wake(reconciler->listening);
	if (err || reconciler->levels & aeg_instance_level(instance))
		return err;
	reconciler->levels |= aeg_instance_level(instance);
	aeg_datapath_set_levels(reconciler->datapath, reconciler->levels);
	return 0;
}

void aeg_instance_profile(struct aeg_reconciler *reconciler, struct aeg_instance *instance)
{
	struct aeg_ruleset *ruleset = reconciler->ruleset;
	size_t cells = ruleset->tables->cells.n;
	struct aeg_buf error = {0};
	int err = aeg_ruleset_profile(ruleset, instance, &reconciler->numbers, &error);

	if (!err)
		err = add_rows(reconciler, instance, cells);
	if (err)
		aeg_reconciler_repair(reconciler, instance->cgroup.path,
				      error.len ? aeg_buf_text(&error) : strerror(-err));
	aeg_buf_done(&error);
}

void aeg_instance_profile_again(struct aeg_reconciler *reconciler, struct aeg_instance *instance)
{
	aeg_instance_profile(reconciler, instance);
	aeg_instances_revoke(reconciler);
}

void aeg_instances_cgroup_added(void *arg, const struct aeg_cgroup *cgroup)
{
	struct aeg_reconciler *reconciler = arg;
	struct aeg_instance *instance;

	if (!reconciler->ruleset) /* the next reload asks for every cgroup */
		return;
	instance = aeg_registry_cgroup_added(reconciler->ruleset->registry, cgroup);
	if (!instance)
		return;
	aeg_instance_profile(reconciler, instance);
	/* What its processes opened was nobody's until now. */
	aeg_instances_revoke_soon(reconciler);
	aeg_log(AEG_LOG_DEBUG, COMPONENT, "cgroup '%s' is %s/%s", cgroup->path,
		instance->workload->ns, instance->workload->name);
	aeg_veths_wake(reconciler->veths);
}

void aeg_instances_cgroup_forgotten(void *arg, const struct aeg_cgroup *cgroup)
{
	struct aeg_reconciler *reconciler = arg;
	int err = aeg_datapath_delete_ident(reconciler->datapath, cgroup->id);

	aeg_listening_wake(reconciler->listening);
	if (err && err != -ENOENT)
		aeg_reconciler_repair(reconciler, cgroup->path, strerror(-err));
}

/* TC sees a workload now, or no longer: then what demands TC ends. */
void aeg_instances_covered(void *arg, struct aeg_instance *instance)
{
	struct aeg_reconciler *reconciler = arg;
	struct aeg_ident_row row = aeg_instance_row(reconciler, instance);
	int err = aeg_datapath_set_ident(reconciler->datapath, &row);

	if (err)
		aeg_reconciler_repair(reconciler, instance->cgroup.path, strerror(-err));
	else if (row.ident.flags & AEG_IDENT_NEEDS_TC && !instance->covered)
		aeg_instances_revoke_soon(reconciler);
}

void aeg_instances_cgroup_removed(void *arg, const struct aeg_cgroup *cgroup)
{
	struct aeg_reconciler *reconciler = arg;

	if (reconciler->ruleset &&
	    aeg_registry_cgroup_removed(reconciler->ruleset->registry, cgroup))
		aeg_instances_cgroup_forgotten(reconciler, cgroup);
	aeg_veths_wake(reconciler->veths);
}
