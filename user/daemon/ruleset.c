/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Documents -> model -> tables -> profiles of everybody who is there. Touches no kernel map. */
#include "daemon/ruleset.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/applied.h"
#include "daemon/self.h"

#include <errno.h>

#define TRIAL_PROFILES_MAX 1024
#define ATTEMPTS_MAX 16

static bool exists(const char *path)
{
	return access(path, F_OK) == 0 || errno != ENOENT;
}

static void read_paths(struct aeg_model *model, const struct aeg_strings *paths, bool given,
		       struct aeg_diags *diags)
{
	for (size_t i = 0; i < paths->list.n; i++) {
		if (given || exists(paths->list.items[i]))
			aeg_model_load(model, paths->list.items[i], diags);
	}
}

static bool left_out(const struct aeg_overlay *overlay, const char *path)
{
	if (!overlay || !overlay->without)
		return false;
	for (size_t i = 0; i < overlay->without->list.n; i++) {
		if (aeg_streq(overlay->without->list.items[i], path))
			return true;
	}
	return false;
}

static void read_applied(struct aeg_model *model, const struct aeg_config *config,
			 const struct aeg_overlay *overlay, struct aeg_diags *diags)
{
	AEG_AUTO_FREE char *dir = aeg_applied_dir(config);
	struct aeg_paths paths = {0};

	if (exists(dir) && aeg_paths_collect(dir, &paths) < 0)
		aeg_error_at(diags, (struct aeg_pos){.file = dir}, "cannot be read");
	for (size_t i = 0; i < paths.list.n; i++) {
		if (!left_out(overlay, paths.list.items[i]))
			aeg_model_load(model, paths.list.items[i], diags);
	}
	aeg_paths_done(&paths);
}

static int read_all(const struct aeg_config *config, const struct aeg_cluster *cluster,
		    const struct aeg_overlay *overlay, struct aeg_diags *diags,
		    struct aeg_model **ret)
{
	struct aeg_model *model = aeg_model_new();

	*ret = model;
	read_paths(model, &config->policies, config->policies_given, diags);
	read_paths(model, &config->workloads, config->workloads_given, diags);
	read_applied(model, config, overlay, diags);
	if (overlay && overlay->text)
		aeg_model_add_text(model, overlay->file, overlay->text, overlay->len, diags);
	aeg_cluster_fill(cluster, model, diags); /* last: of two that clash, the file stays */
	return aeg_model_check(model, aeg_realtime_s(), diags);
}

/* A document may be wrong only because of another one that was refused, hence more than two attempts. */
int aeg_ruleset_read(const struct aeg_config *config, struct aeg_cluster *cluster,
		     const struct aeg_overlay *overlay, struct aeg_diags *diags,
		     struct aeg_model **ret)
{
	int err;

	aeg_cluster_accept_all(cluster);
	for (unsigned int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		struct aeg_diags found = {0};

		err = read_all(config, cluster, overlay, &found, ret);
		if (err && aeg_cluster_refuse(cluster, &found)) {
			aeg_model_free(*ret);
			aeg_diags_done(&found);
			continue;
		}
		aeg_diags_done(diags);
		*diags = found;
		return err;
	}
	aeg_error_at(diags, (struct aeg_pos){.file = "kubernetes"},
		     "documents were still wrong after %u were left out one after the other",
		     ATTEMPTS_MAX);
	*ret = aeg_model_new();
	return -EINVAL;
}

int aeg_ruleset_new(struct aeg_model *model, struct aeg_numbers *numbers, struct aeg_diags *diags,
		    struct aeg_ruleset **ret)
{
	struct aeg_tables *tables;
	int err = aeg_compile_documents(model, numbers, diags, &tables);

	if (err)
		return err;
	*ret = aeg_xcalloc(1, sizeof(**ret));
	**ret = (struct aeg_ruleset){
		.model = model,
		.tables = tables,
		.registry = aeg_registry_new(model),
	};
	return 0;
}

void aeg_ruleset_free(struct aeg_ruleset *ruleset)
{
	if (!ruleset)
		return;
	aeg_registry_free(ruleset->registry);
	aeg_tables_free(ruleset->trial);
	aeg_tables_free(ruleset->tables);
	aeg_model_free(ruleset->model);
	free(ruleset);
}

/* Whoever may ask questions may invent any number of profiles: now and then they are forgotten. */
int aeg_ruleset_trial(struct aeg_ruleset *ruleset, struct aeg_numbers *numbers,
		      struct aeg_buf *error, struct aeg_tables **ret)
{
	int err = 0;

	if (ruleset->trial && ruleset->trial->profiles.n > TRIAL_PROFILES_MAX)
		aeg_tables_free(AEG_TAKE_PTR(ruleset->trial));
	if (!ruleset->trial)
		err = aeg_compile(ruleset->model, numbers, &ruleset->trial, error);
	if (!err)
		*ret = ruleset->trial;
	return err;
}

static void tell_overflow(const char *workload)
{
	static struct aeg_log_limit limit = {.burst = 5, .seconds = 60};

	if (aeg_log_allowed(&limit, aeg_now_ns()))
		aeg_log(AEG_LOG_WARNING, "policies",
			"workload %s: the policies that select it need more decisions than the %u "
			"that fit, so that it reaches no AI endpoint: select fewer different sets of "
			"workloads or name fewer ports",
			workload, AEG_MAX_CELLS);
}

int aeg_ruleset_profile(struct aeg_ruleset *ruleset, struct aeg_instance *instance,
			struct aeg_numbers *numbers, struct aeg_buf *error)
{
	const struct aeg_workload *workload = instance->workload;
	AEG_AUTO_FREE char *name = aeg_xasprintf("%s/%s", workload->ns, workload->name);
	struct aeg_subject subject = aeg_subject_of(ruleset->model, workload);

	instance->number = aeg_numbers_get(numbers, AEG_LABEL_WORKLOAD, name);
	if (aeg_self_is_in(ruleset->self, instance->cgroup.path)) {
		instance->profile = instance->flags = 0;
		memset(instance->caps, 0, sizeof(instance->caps));
		return 0;
	}
	if (aeg_compile_profile(ruleset->tables, &subject, &instance->profile, &instance->flags,
				error))
		return -EINVAL;
	memcpy(instance->caps, ruleset->tables->profiles.items[instance->profile].caps,
	       sizeof(instance->caps));
	if (ruleset->tables->profiles.items[instance->profile].overflowed)
		tell_overflow(name);
	return 0;
}

static void add_cgroup(void *arg, const struct aeg_cgroup *cgroup)
{
	aeg_registry_cgroup_added(arg, cgroup);
}

int aeg_ruleset_populate(struct aeg_ruleset *ruleset, const struct aeg_cgroups *cgroups,
			 struct aeg_numbers *numbers, struct aeg_buf *error)
{
	int err = 0;

	aeg_cgroups_each(cgroups, add_cgroup, ruleset->registry);
	for (size_t i = 0; i < aeg_registry_count(ruleset->registry) && !err; i++)
		err = aeg_ruleset_profile(ruleset, aeg_registry_at(ruleset->registry, i), numbers,
					  error);
	return err;
}
