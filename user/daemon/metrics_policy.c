/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is in force, since when, and whom it concerns. */
#include "daemon/metrics.h"
#include "daemon/readiness.h"
#include "policy/expiry.h"

#define NS_PER_SECOND 1e9

static const struct aeg_metric families[] = {
	{"aegress_ready", AEG_METRIC_GAUGE, NULL, "1: /readyz answers 200."},
	{"aegress_policy_generation", AEG_METRIC_GAUGE, NULL,
	 "Number of the tables in force; counts up over restarts."},
	{"aegress_policy_generation_timestamp_seconds", AEG_METRIC_GAUGE, "seconds",
	 "When this daemon installed them; 0: an earlier one did."},
	{"aegress_policy_last_success_timestamp_seconds", AEG_METRIC_GAUGE, "seconds",
	 "When documents were last read without a mistake; 0: not yet."},
	{"aegress_policy_last_reload_ok", AEG_METRIC_GAUGE, NULL,
	 "0: the documents have mistakes or could not be installed; what was in force is."},
	{"aegress_policy_reloads", AEG_METRIC_COUNTER, NULL, "Times that documents were read."},
	{"aegress_policy_errors", AEG_METRIC_GAUGE, NULL,
	 "Mistakes in the documents, as of the last reload."},
	{"aegress_policies", AEG_METRIC_GAUGE, NULL, "Policies in force."},
	{"aegress_policy_rules_expired", AEG_METRIC_GAUGE, NULL,
	 "Rules in force that allow nothing any more, since their time is up."},
	{"aegress_policy_next_expiry_timestamp_seconds", AEG_METRIC_GAUGE, "seconds",
	 "When the next rule expires; 0: none will."},
	{"aegress_endpoints", AEG_METRIC_GAUGE, NULL, "AI endpoints in force."},
	{"aegress_workloads", AEG_METRIC_GAUGE, NULL, "Declared workloads."},
	{"aegress_workload_instances", AEG_METRIC_GAUGE, NULL,
	 "Cgroups that are a workload, by what their policies do; None: no policy isolates them."},
	{"aegress_workload_layers", AEG_METRIC_GAUGE, NULL,
	 "Cgroups that are a workload with policies, by what sees their packets."},
	{"aegress_cgroups_contested", AEG_METRIC_GAUGE, NULL,
	 "Cgroups that two workloads claim, so that they are neither."},
	{"aegress_dns_resolvers", AEG_METRIC_GAUGE, NULL,
	 "Name servers whose answers are believed."},
};
enum {
	READY,
	GENERATION,
	GENERATION_AT,
	GOOD_AT,
	RELOAD_OK,
	RELOADS,
	ERRORS,
	POLICIES,
	EXPIRED,
	NEXT_EXPIRY,
	ENDPOINTS,
	WORKLOADS,
	INSTANCES,
	LAYERS,
	CONTESTED,
	RESOLVERS,
};

static void put(struct aeg_metrics *metrics, int family, uint64_t value)
{
	aeg_metrics_family(metrics, &families[family]);
	aeg_metrics_u64(metrics, NULL, value);
}

static void put_time(struct aeg_metrics *metrics, int family, uint64_t ns)
{
	aeg_metrics_family(metrics, &families[family]);
	aeg_metrics_double(metrics, NULL, (double)ns / NS_PER_SECOND);
}

static void put_reloads(const struct aeg_reconciler *reconciler, struct aeg_metrics *metrics)
{
	put_time(metrics, GOOD_AT, reconciler->good_at_ns);
	put(metrics, RELOAD_OK, reconciler->last.ok);
	aeg_metrics_family(metrics, &families[RELOADS]);
	aeg_metrics_u64(metrics, "result=\"good\"", reconciler->reloads - reconciler->failures);
	aeg_metrics_u64(metrics, "result=\"failed\"", reconciler->failures);
	put(metrics, ERRORS, reconciler->last.diags.nerrors);
}

static void put_policies(const struct aeg_model *model, struct aeg_metrics *metrics)
{
	static const char *const labels[2][2] = {
		{"scope=\"Namespace\",mode=\"Enforce\"", "scope=\"Namespace\",mode=\"Audit\""},
		{"scope=\"Cluster\",mode=\"Enforce\"", "scope=\"Cluster\",mode=\"Audit\""},
	};
	uint64_t counts[2][2] = {{0}};

	for (size_t i = 0; model && i < model->policies.n; i++) {
		const struct aeg_policy *policy = model->policies.items[i];

		counts[policy->ns == NULL][policy->mode == AEG_MODE_AUDIT]++;
	}
	aeg_metrics_family(metrics, &families[POLICIES]);
	for (int scope = 0; scope < 2; scope++) {
		for (int mode = 0; mode < 2; mode++)
			aeg_metrics_u64(metrics, labels[scope][mode], counts[scope][mode]);
	}
}

static void put_expiry(const struct aeg_model *model, struct aeg_metrics *metrics)
{
	uint64_t next = model ? aeg_model_next_expiry(model) : AEG_EXPIRY_NEVER;

	put(metrics, EXPIRED, model ? aeg_model_expired(model) : 0);
	put(metrics, NEXT_EXPIRY, next == AEG_EXPIRY_NEVER ? 0 : next);
}

static void put_instances(const struct aeg_ruleset *ruleset, struct aeg_metrics *metrics)
{
	uint64_t enforced = 0, audited = 0, n = ruleset ? aeg_registry_count(ruleset->registry) : 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t flags = aeg_registry_at(ruleset->registry, i)->flags;

		if (flags & AEG_IDENT_ISOLATED)
			enforced++;
		else if (flags & AEG_IDENT_ISOLATED_UNION)
			audited++;
	}
	aeg_metrics_family(metrics, &families[INSTANCES]);
	aeg_metrics_u64(metrics, "mode=\"Enforce\"", enforced);
	aeg_metrics_u64(metrics, "mode=\"Audit\"", audited);
	aeg_metrics_u64(metrics, "mode=\"None\"", n - enforced - audited);
}

static void put_layers(const struct aeg_ruleset *ruleset, struct aeg_metrics *metrics)
{
	uint64_t counts[AEG_LAYERS_MAX];

	aeg_layers_count(ruleset ? ruleset->registry : NULL, counts);
	aeg_metrics_family(metrics, &families[LAYERS]);
	for (int i = 0; i < AEG_LAYERS_MAX; i++) {
		AEG_AUTO_FREE char *label =
			aeg_xasprintf("layers=\"%s\"", aeg_layers_word((enum aeg_layers)i));

		aeg_metrics_u64(metrics, label, counts[i]);
	}
}

void aeg_metrics_put_policy(const struct aeg_collector *collector, struct aeg_metrics *metrics)
{
	const struct aeg_reconciler *reconciler = collector->daemon->reconciler;
	const struct aeg_ruleset *ruleset = reconciler->ruleset;
	const struct aeg_model *model = ruleset ? ruleset->model : NULL;

	put(metrics, READY, aeg_readiness(collector->daemon, NULL));
	put(metrics, GENERATION, aeg_datapath_generation(reconciler->datapath));
	put_time(metrics, GENERATION_AT, reconciler->generation_at_ns);
	put_reloads(reconciler, metrics);
	put_policies(model, metrics);
	put_expiry(model, metrics);
	put(metrics, ENDPOINTS, model ? model->endpoints.n : 0);
	put(metrics, WORKLOADS, model ? model->workloads.n : 0);
	put_instances(ruleset, metrics);
	put_layers(ruleset, metrics);
	put(metrics, CONTESTED, ruleset ? aeg_registry_contested(ruleset->registry) : 0);
	put(metrics, RESOLVERS, reconciler->resolvers.list.n);
}
