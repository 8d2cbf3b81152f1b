/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The life of the kernel tables. Two kinds of change: a reload makes a complete generation and flips
 * to it; a cgroup that comes or goes adds or deletes one row of the generation in force.
 */
#include "daemon/reconciler.h"
#include "base/log.h"
#include "daemon/expirer.h"
#include "daemon/instances.h"
#include "daemon/quarantiner.h"
#include "daemon/reclaimer.h"
#include "daemon/resolvers.h"
#include "daemon/self.h"
#include "policy/expiry.h"

#include <errno.h>
#include <malloc.h>

#define COMPONENT "reconciler"
#define COUNTS_MAX 65536
#define REPAIR_AFTER_MS 20 /* one installation for a burst of failures */
#define REPAIR_AGAIN_MS 2000

/* ---- a complete generation ---- */

/* Caller frees. */
static struct aeg_ident_row *ident_rows(const struct aeg_reconciler *reconciler,
					struct aeg_registry *registry, uint32_t *ret_levels)
{
	size_t n = aeg_registry_count(registry);
	struct aeg_ident_row *rows = aeg_xcalloc(n ? n : 1, sizeof(*rows));

	*ret_levels = 0;
	for (size_t i = 0; i < n; i++) {
		rows[i] = aeg_instance_row(reconciler, aeg_registry_at(registry, i));
		*ret_levels |= aeg_instance_level(aeg_registry_at(registry, i));
	}
	return rows;
}

/*
 * A first start knows nobody yet. Where whom no policy selects is not denied, a first installation must
 * not deny everybody until the API server has answered; where he is, nobody gets out meanwhile.
 */
static struct aeg_gen settings_of(const struct aeg_reconciler *reconciler)
{
	struct aeg_gen settings = reconciler->config->defaults;

	if (!aeg_cluster_synced(reconciler->cluster) && settings.unselected < settings.unknown) {
		settings.unknown = settings.unselected;
		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"until the API server has told which pods there are, all of them are treated "
			"as defaults.unselected says, not as defaults.unknown");
	}
	return settings;
}

static int install_rows(struct aeg_reconciler *reconciler, const struct aeg_ruleset *ruleset,
			const struct aeg_ident_row *rows, struct aeg_buf *error)
{
	const struct aeg_generation generation = {
		.tables = ruleset->tables,
		.idents = rows,
		.nidents = aeg_registry_count(ruleset->registry),
		.settings = settings_of(reconciler),
	};
	int err = aeg_datapath_store_numbers(reconciler->datapath, &reconciler->numbers);

	if (err) {
		aeg_buf_printf(error, "labels cannot be stored: %s", strerror(-err));
		return err;
	}
	return aeg_datapath_install(reconciler->datapath, &generation, error);
}

/* Levels of both generations are watched while the flip happens. */
static int install(struct aeg_reconciler *reconciler, struct aeg_ruleset *ruleset,
		   const struct aeg_cause *cause, struct aeg_buf *error)
{
	uint32_t levels;
	AEG_AUTO_FREE struct aeg_ident_row *rows =
		ident_rows(reconciler, ruleset->registry, &levels);
	int err;

	aeg_datapath_set_levels(reconciler->datapath, reconciler->levels | levels);
	err = install_rows(reconciler, ruleset, rows, error);
	if (!err)
		reconciler->levels = levels;
	if (!err || reconciler->ruleset)
		aeg_datapath_set_levels(reconciler->datapath, reconciler->levels);
	if (err)
		return err;
	aeg_listening_wake(reconciler->listening);
	reconciler->generation_at_ns = aeg_realtime_ns();
	if (reconciler->watch.changed)
		reconciler->watch.changed(reconciler->watch.arg, cause,
					  reconciler->ruleset ? reconciler->ruleset->model : NULL,
					  ruleset->model);
	return 0;
}

static void set_roots(struct aeg_reconciler *reconciler)
{
	struct aeg_cgroup found[AEG_ROOTS_MAX];
	struct aeg_managed roots[AEG_ROOTS_MAX] = {0};
	size_t n = aeg_cgroups_roots(reconciler->cgroups, found, AEG_ROOTS_MAX);
	int err;

	for (size_t i = 0; i < n; i++)
		roots[i] = (struct aeg_managed){
			.cgroup = found[i].id, .level = found[i].level, .path = found[i].path};
	err = aeg_datapath_set_roots(reconciler->datapath, roots, n);
	if (err)
		aeg_log(AEG_LOG_ERROR, COMPONENT,
			"managed cgroups: attaching skb_egress: %s; what leaves some of them is not seen",
			strerror(-err));
}

static int attach(struct aeg_reconciler *reconciler, struct aeg_buf *error)
{
	int err = 0;

	if (!reconciler->attached)
		err = aeg_datapath_attach(reconciler->datapath, error);
	if (!err)
		reconciler->attached = true;
	return err;
}

static void swap(struct aeg_reconciler *reconciler, struct aeg_ruleset *ruleset)
{
	struct aeg_ruleset *old = reconciler->ruleset;

	reconciler->ruleset = ruleset;
	reconciler->left = 0;
	if (reconciler->swapped)
		reconciler->swapped(reconciler->swapped_arg);
	/* By the patterns of now; and before anything that takes an errand for each workload. */
	aeg_janitor_rematch(reconciler->janitor, ruleset->tables);
	aeg_instances_revoke(reconciler);
	aeg_veths_follow(reconciler->veths, ruleset->registry);
	aeg_expirer_arm(reconciler->expirer);
	aeg_reclaimer_wake(reconciler->reclaimer);
	aeg_ruleset_free(old);
}

/* ---- reload ---- */

static void rearm(struct aeg_reconciler *reconciler)
{
	static char resolv_conf[] = AEG_RESOLV_CONF;
	char *files[] = {resolv_conf};
	const struct aeg_strings servers = {.list = {.items = files, .n = 1}};
	const struct aeg_strings *paths[] = {&reconciler->config->policies,
					     &reconciler->config->workloads, &servers};
	size_t n = AEG_ARRAY_SIZE(paths);

	aeg_watcher_rearm(reconciler->watcher, paths,
			  reconciler->config->dns.resolvers_given ? n - 1 : n);
}

static void apply_resolvers(struct aeg_reconciler *reconciler)
{
	int err = aeg_resolvers_apply(&reconciler->config->dns, reconciler->datapath,
				      &reconciler->resolvers);

	if (err)
		aeg_log(AEG_LOG_ERROR, COMPONENT, "resolvers cannot be set: %s", strerror(-err));
	else if (reconciler->resolvers.list.n == 0)
		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"no resolver is trusted, so no name is learned: set dns.resolvers");
}

/* What is wrong with the documents is said in diags alone, in the words of `aegress check`. */
static int read_documents(struct aeg_reconciler *reconciler, struct aeg_diags *diags,
			  struct aeg_ruleset **ret)
{
	struct aeg_model *model;
	int err = aeg_ruleset_read(reconciler->config, reconciler->cluster, NULL, diags, &model);

	if (!err)
		err = aeg_ruleset_new(model, &reconciler->numbers, diags, ret);
	if (err)
		aeg_model_free(model);
	return err;
}

/* Whoever lives here is put into it. */
static int populate(struct aeg_reconciler *reconciler, struct aeg_ruleset *ruleset,
		    struct aeg_buf *error)
{
	int err;

	ruleset->self = reconciler->self;
	err = aeg_ruleset_populate(ruleset, reconciler->cgroups, &reconciler->numbers, error);
	if (!err)
		aeg_veths_carry(reconciler->veths,
				reconciler->ruleset ? reconciler->ruleset->registry : NULL,
				ruleset->registry);
	return err;
}

static int build(struct aeg_reconciler *reconciler, struct aeg_diags *diags, struct aeg_buf *error,
		 struct aeg_ruleset **ret)
{
	struct aeg_ruleset *ruleset;
	int err = read_documents(reconciler, diags, &ruleset);

	aeg_diags_print(diags, error, false);
	if (err)
		return err;
	err = populate(reconciler, ruleset, error);
	if (err)
		aeg_ruleset_free(ruleset);
	else
		*ret = ruleset;
	return err;
}

static int renew(struct aeg_reconciler *reconciler, const struct aeg_cause *cause,
		 struct aeg_diags *diags, struct aeg_buf *error)
{
	struct aeg_ruleset *ruleset;
	int err = build(reconciler, diags, error, &ruleset);

	if (err)
		return err;
	err = install(reconciler, ruleset, cause, error);
	if (err) {
		aeg_ruleset_free(ruleset);
		return err;
	}
	swap(reconciler, ruleset);
	aeg_timer_disarm(reconciler->repair);
	reconciler->repairing = false;
	return attach(reconciler, error);
}

static void remember(struct aeg_reconciler *reconciler, bool ok, const struct aeg_diags *diags,
		     struct aeg_buf *text)
{
	aeg_diags_done(&reconciler->last.diags);
	free(reconciler->last.text);
	reconciler->last = (struct aeg_reload){
		.ok = ok,
		.at_ns = aeg_realtime_ns(),
		.diags = *diags,
		.text = aeg_buf_take(text),
	};
	aeg_diags_forget_sources(&reconciler->last.diags);
	reconciler->reloads++;
	if (ok)
		reconciler->good_at_ns = reconciler->last.at_ns;
	else
		reconciler->failures++;
}

static void log_reload(const struct aeg_reconciler *reconciler, uint64_t took_ns)
{
	const struct aeg_ruleset *ruleset = reconciler->ruleset;

	if (!reconciler->last.ok) {
		aeg_log(AEG_LOG_ERROR, COMPONENT, "reload failed, %s: %s",
			ruleset || reconciler->adopted ? "what was in force stays in force"
						       : "nothing is in force",
			reconciler->last.text);
		return;
	}
	aeg_log(AEG_LOG_INFO, COMPONENT,
		"generation %llu is in force: %zu policies, %zu endpoints, %zu workloads in %zu "
		"cgroups; took %llu ms",
		(unsigned long long)aeg_datapath_generation(reconciler->datapath),
		ruleset->model->policies.n, ruleset->model->endpoints.n,
		ruleset->model->workloads.n, aeg_registry_count(ruleset->registry),
		(unsigned long long)(took_ns / 1000000u));
	if (reconciler->last.diags.nwarnings)
		aeg_log(AEG_LOG_WARNING, COMPONENT, "the documents are good, but: %s",
			reconciler->last.text);
	for (size_t i = 0; i < aeg_registry_contested(ruleset->registry); i++) {
		const struct aeg_contested *contested =
			aeg_registry_contested_at(ruleset->registry, i);

		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"cgroup '%s': claimed by %s/%s and %s/%s, so it is neither",
			contested->path, contested->first->ns, contested->first->name,
			contested->second->ns, contested->second->name);
	}
}

/* Without the cluster's policies it would let through what the adopted generation denies. */
static bool must_wait(const struct aeg_reconciler *reconciler)
{
	return reconciler->adopted && !reconciler->ruleset &&
	       !aeg_cluster_synced(reconciler->cluster);
}

int aeg_reconciler_reload(struct aeg_reconciler *reconciler, const struct aeg_cause *cause)
{
	uint64_t started = aeg_now_ns();
	struct aeg_diags diags = {0};
	struct aeg_buf text = {0};
	int err = -EAGAIN;

	rearm(reconciler);
	apply_resolvers(reconciler);
	if (must_wait(reconciler))
		aeg_buf_puts(&text, "the API server has not told yet what is in the cluster");
	else
		err = renew(reconciler, cause, &diags, &text);
	remember(reconciler, !err, &diags, &text);
	aeg_cluster_settle(reconciler->cluster, err ? reconciler->last.text : NULL);
	/* Documents and tables were there twice for a moment; nothing else gives that back. */
	malloc_trim(0);
	log_reload(reconciler, aeg_now_ns() - started);
	if (err && reconciler->watch.refused)
		reconciler->watch.refused(reconciler->watch.arg, cause, reconciler->last.text);
	return err;
}

/* ---- rules that end ---- */

/* Both rulesets have the model while this goes on; afterwards the one in force has it alone. */
static int expire(struct aeg_reconciler *reconciler, const struct aeg_cause *cause,
		  struct aeg_ruleset *ruleset, struct aeg_buf *error)
{
	unsigned int left = reconciler->left;
	int err = populate(reconciler, ruleset, error);

	if (!err)
		err = install(reconciler, ruleset, cause, error);
	if (err) {
		ruleset->model = NULL;
		aeg_ruleset_free(ruleset);
		return err;
	}
	reconciler->ruleset->model = NULL;
	swap(reconciler, ruleset);
	reconciler->left = left;
	return 0;
}

int aeg_reconciler_expire(struct aeg_reconciler *reconciler, const struct aeg_cause *cause,
			  struct aeg_buf *error)
{
	struct aeg_model *model = reconciler->ruleset->model;
	struct aeg_diags diags = {0};
	struct aeg_ruleset *ruleset;
	int err;

	aeg_model_expire(model, aeg_realtime_s());
	err = aeg_ruleset_new(model, &reconciler->numbers, &diags, &ruleset);
	aeg_diags_print(&diags, error, false);
	aeg_diags_done(&diags);
	return err ? err : expire(reconciler, cause, ruleset, error);
}

int aeg_reconciler_keep(struct aeg_reconciler *reconciler, struct aeg_buf *error)
{
	return attach(reconciler, error);
}

static void on_files_changed(void *arg)
{
	aeg_reconciler_reload(arg, &(struct aeg_cause){.source = "files"});
}

/* ---- repair ---- */

void aeg_reconciler_repair(struct aeg_reconciler *reconciler, const char *path, const char *why)
{
	static struct aeg_log_limit limit = {.burst = 5, .seconds = 10};

	if (aeg_log_allowed(&limit, aeg_now_ns()))
		aeg_log(AEG_LOG_WARNING, COMPONENT, "cgroup '%s': %s; installing a new generation",
			path, why);
	/* Armed once: a stream of failures must not put it off for ever. */
	if (!reconciler->repairing)
		aeg_timer_arm(reconciler->repair, REPAIR_AFTER_MS);
	reconciler->repairing = true;
}

static void on_repair(void *arg)
{
	static const struct aeg_cause cause = {.source = "repair"};
	struct aeg_reconciler *reconciler = arg;
	struct aeg_buf error = {0};

	reconciler->repairing = reconciler->ruleset &&
				install(reconciler, reconciler->ruleset, &cause, &error) != 0;
	if (reconciler->repairing) {
		aeg_log(AEG_LOG_ERROR, COMPONENT, "installing failed: %s", aeg_buf_text(&error));
		aeg_timer_arm(reconciler->repair, REPAIR_AGAIN_MS);
	} else if (reconciler->ruleset) {
		aeg_instances_revoke(reconciler);
	}
	aeg_buf_done(&error);
}

static void on_revoke(void *arg)
{
	aeg_instances_revoke_first(arg);
}

static void on_rest(void *arg)
{
	aeg_instances_revoke_rest(arg);
}

static void on_roots_changed(void *arg)
{
	set_roots(arg);
}

/* ---- life ---- */

static int open_datapath(struct aeg_reconciler *reconciler, struct aeg_buf *error)
{
	const struct aeg_config *config = reconciler->config;
	const struct aeg_datapath_config datapath = {
		.cgroup_root = config->cgroup_root,
		.pin_dir = config->pin_dir,
		.ring_bytes = config->ring_bytes,
		.counts_max = COUNTS_MAX,
		.sockops = aeg_config_sockops(config),
		.tc = config->tc != AEG_TC_OFF,
	};
	int err = aeg_datapath_open(&datapath, &reconciler->datapath, error);

	if (err)
		return err;
	reconciler->adopted = aeg_datapath_adopted(reconciler->datapath) &&
			      aeg_datapath_generation(reconciler->datapath) != 0;
	err = aeg_datapath_load_numbers(reconciler->datapath, &reconciler->numbers);
	if (err)
		aeg_buf_printf(error, "pins '%s': labels cannot be read: %s", config->pin_dir,
			       strerror(-err));
	return err;
}

static int open_cgroups(struct aeg_reconciler *reconciler, struct aeg_buf *error)
{
	static const struct aeg_cgroups_ops ops = {
		.added = aeg_instances_cgroup_added,
		.removed = aeg_instances_cgroup_removed,
		.roots_changed = on_roots_changed,
	};
	const struct aeg_config *config = reconciler->config;

	return aeg_cgroups_open(config->cgroup_root,
				(const char *const *)config->managed.list.items,
				config->managed.list.n, reconciler->loop, &ops, reconciler, error,
				&reconciler->cgroups);
}

static int open_alarms(struct aeg_reconciler *reconciler, struct aeg_buf *error)
{
	int err = aeg_quarantiner_open(reconciler, reconciler->loop, &reconciler->quarantiner);

	if (!err)
		err = aeg_expirer_open(reconciler, reconciler->loop, &reconciler->expirer);
	if (err)
		aeg_buf_printf(error, "event loop: %s", strerror(-err));
	return err;
}

/* Who keeps the tables in order that nothing else shrinks. */
static int open_janitors(struct aeg_reconciler *reconciler, struct aeg_buf *error)
{
	int err = aeg_janitor_open(reconciler->datapath, reconciler->loop, &reconciler->janitor);

	if (!err)
		err = aeg_reclaimer_open(reconciler, reconciler->loop, &reconciler->reclaimer);
	if (err)
		aeg_buf_printf(error, "event loop: %s", strerror(-err));
	return err;
}

static int open_listening(struct aeg_reconciler *reconciler, struct aeg_buf *error)
{
	int err =
		aeg_listening_open(reconciler->datapath, reconciler->loop, &reconciler->listening);

	if (err)
		aeg_buf_printf(error, "event loop: %s", strerror(-err));
	return err;
}

/* What a former daemon attached is taken off where TC is switched off now. */
static int open_veths(struct aeg_reconciler *reconciler, struct aeg_buf *error)
{
	int err;

	if (reconciler->config->tc == AEG_TC_OFF)
		err = aeg_datapath_set_veths(reconciler->datapath, NULL, 0);
	else
		err = aeg_veths_open(reconciler->datapath, reconciler->loop, aeg_instances_covered,
				     reconciler, &reconciler->veths);
	if (err)
		aeg_buf_printf(error, "following interfaces: %s", strerror(-err));
	return err;
}

int aeg_reconciler_open(const struct aeg_config *config, struct aeg_loop *loop,
			struct aeg_buf *error, struct aeg_reconciler **ret)
{
	struct aeg_reconciler *reconciler = aeg_xcalloc(1, sizeof(*reconciler));
	int err;

	reconciler->config = config;
	reconciler->loop = loop;
	err = aeg_loop_timer(loop, on_repair, reconciler, &reconciler->repair);
	if (!err)
		err = aeg_loop_timer(loop, on_revoke, reconciler, &reconciler->revoke);
	if (!err)
		err = aeg_loop_timer(loop, on_rest, reconciler, &reconciler->rest);
	if (!err)
		err = aeg_watcher_new(loop, on_files_changed, reconciler, &reconciler->watcher);
	if (err)
		aeg_buf_printf(error, "event loop: %s", strerror(-err));
	if (!err)
		err = open_cgroups(reconciler, error);
	if (!err)
		err = open_alarms(reconciler, error);
	if (!err) /* last: it leaves pins, and an error before it leaves nothing */
		err = open_datapath(reconciler, error);
	if (!err)
		err = open_janitors(reconciler, error);
	if (!err)
		err = open_listening(reconciler, error);
	if (!err)
		err = open_veths(reconciler, error);
	if (err) {
		aeg_reconciler_close(reconciler);
		return err;
	}
	reconciler->self = aeg_self_cgroup(reconciler->cgroups, config->cgroup_root);
	set_roots(reconciler);
	*ret = reconciler;
	return 0;
}

void aeg_reconciler_close(struct aeg_reconciler *reconciler)
{
	if (!reconciler)
		return;
	aeg_watcher_free(reconciler->watcher);
	aeg_watch_remove(reconciler->repair);
	aeg_watch_remove(reconciler->revoke);
	aeg_watch_remove(reconciler->rest);
	aeg_janitor_close(reconciler->janitor);
	aeg_reclaimer_close(reconciler->reclaimer);
	aeg_quarantiner_close(reconciler->quarantiner);
	aeg_expirer_close(reconciler->expirer);
	aeg_listening_close(reconciler->listening);
	aeg_veths_close(reconciler->veths);
	AEG_VEC_DONE(reconciler->resolvers.list);
	aeg_cgroups_close(reconciler->cgroups);
	aeg_ruleset_free(reconciler->ruleset);
	aeg_datapath_close(reconciler->datapath);
	aeg_numbers_done(&reconciler->numbers);
	aeg_diags_done(&reconciler->last.diags);
	free(reconciler->last.text);
	free(reconciler->self);
	free(reconciler);
}
