/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is in force, as lists: policies, workloads, endpoints. */
#include "daemon/api.h"
#include "daemon/applied.h"
#include "policy/expiry.h"
#include "policy/explain.h"

/* ---- policies ---- */

/* How many live instances each policy selects; the caller frees. */
static uint64_t *count_selected(const struct aeg_ruleset *ruleset)
{
	uint64_t *counts = aeg_xcalloc(ruleset->model->policies.n + 1, sizeof(*counts));

	for (size_t i = 0; i < aeg_registry_count(ruleset->registry); i++) {
		uint32_t number = aeg_registry_at(ruleset->registry, i)->profile;
		const struct aeg_profile *profile = &ruleset->tables->profiles.items[number];

		for (size_t j = 0; j < profile->policies.n; j++)
			counts[profile->policies.items[j]]++;
	}
	return counts;
}

/* What the policy says, not what its defaults are; nothing where it says nothing. */
static void put_tls(struct aeg_json *json, const struct aeg_tls *tls)
{
	static const char *const ech[] = {
		[AEG_ECH_UNSAID] = NULL, [AEG_ECH_DENY] = "Deny", [AEG_ECH_ALLOW] = "Allow"};

	if (!tls->required && !tls->min_version && tls->ech == AEG_ECH_UNSAID)
		return;
	aeg_json_object(json, "tls");
	aeg_json_bool(json, "required", tls->required);
	aeg_json_str(json, "minVersion", aeg_tls_version_word(tls->min_version));
	aeg_json_str(json, "ech", ech[tls->ech]);
	aeg_json_object_end(json);
}

static void put_policy(struct aeg_json *json, const struct aeg_config *config,
		       const struct aeg_policy *policy, uint64_t selected)
{
	aeg_json_object(json, NULL);
	aeg_json_str(json, "kind", policy->ns ? "AIEgressPolicy" : "ClusterAIEgressPolicy");
	aeg_json_str(json, "namespace", policy->ns);
	aeg_json_str(json, "name", policy->name);
	aeg_json_str(json, "mode", policy->mode == AEG_MODE_AUDIT ? "Audit" : "Enforce");
	aeg_json_str(json, "containment", aeg_containment_names[policy->containment]);
	put_tls(json, &policy->tls);
	aeg_policy_rules_json(policy, json);
	aeg_json_u64(json, "workloads", selected);
	aeg_json_str(json, "file", policy->pos.file);
	aeg_json_u64(json, "line", policy->pos.line);
	aeg_json_bool(json, "applied", aeg_applied_owns(config, policy->pos.file));
	aeg_json_object_end(json);
}

void aeg_api_policies(const struct aeg_daemon *daemon, const struct aeg_request *request,
		      struct aeg_reply *reply)
{
	const struct aeg_ruleset *ruleset = daemon->reconciler->ruleset;
	AEG_AUTO_FREE uint64_t *selected = ruleset ? count_selected(ruleset) : NULL;
	struct aeg_json json;

	aeg_items_begin(&json, reply);
	for (size_t i = 0; ruleset && i < ruleset->model->policies.n; i++)
		put_policy(&json, daemon->config, ruleset->model->policies.items[i], selected[i]);
	aeg_items_end(&json);
}

/* ---- workloads ---- */

struct tally { /* decisions by verdict, indexed by the workload's number */
	uint64_t (*counts)[AEG_VERDICT_MAX];
	uint32_t last;
};

/* Probes of address sorting are no connections. */
static void tally_count(void *arg, const struct aeg_count_key *key, const struct aeg_count *count)
{
	const struct tally *tally = arg;

	if (key->workload <= tally->last && key->verdict < AEG_VERDICT_MAX &&
	    key->hook != AEG_HOOK_PROBE)
		tally->counts[key->workload][key->verdict] += count->decisions;
}

static void put_labels(struct aeg_json *json, const struct aeg_labels *labels)
{
	aeg_json_object(json, "labels");
	for (size_t i = 0; i < labels->list.n; i++)
		aeg_json_str(json, labels->list.items[i].key, labels->list.items[i].value);
	aeg_json_object_end(json);
}

static void put_workload(struct aeg_json *json, const struct aeg_workload *workload)
{
	aeg_json_str(json, "namespace", workload->ns);
	aeg_json_str(json, "name", workload->name);
	aeg_json_str(json, "uid", workload->uid);
	aeg_json_str(json, "serviceAccount", workload->service_account);
	put_labels(json, &workload->labels);
}

static void put_selecting(struct aeg_json *json, const struct aeg_ruleset *ruleset,
			  const struct aeg_instance *instance)
{
	const struct aeg_profile *profile = &ruleset->tables->profiles.items[instance->profile];

	aeg_json_bool(json, "isolated", instance->flags & AEG_IDENT_ISOLATED);
	aeg_json_str(json, "layers", aeg_layers_word(instance->layers));
	aeg_json_array(json, "policies");
	for (size_t i = 0; i < profile->policies.n; i++) {
		const struct aeg_policy *policy =
			ruleset->model->policies.items[profile->policies.items[i]];
		AEG_AUTO_FREE char *name =
			policy->ns ? aeg_xasprintf("%s/%s", policy->ns, policy->name)
				   : aeg_xstrdup(policy->name);

		aeg_json_str(json, NULL, name);
	}
	aeg_json_array_end(json);
}

static void put_instance(struct aeg_json *json, const struct aeg_ruleset *ruleset,
			 const struct aeg_instance *instance, const struct tally *tally)
{
	const uint64_t *counts = tally->counts[instance->number];

	aeg_json_object(json, NULL);
	put_workload(json, instance->workload);
	aeg_json_str(json, "cgroup", instance->cgroup.path);
	aeg_json_u64(json, "cgroupId", instance->cgroup.id);
	put_selecting(json, ruleset, instance);
	aeg_json_object(json, "decisions");
	aeg_json_u64(json, "allowed", counts[AEG_VERDICT_ALLOWED]);
	aeg_json_u64(json, "audited", counts[AEG_VERDICT_AUDITED]);
	aeg_json_u64(json, "denied", counts[AEG_VERDICT_DENIED]);
	aeg_json_object_end(json);
	aeg_json_object_end(json);
}

/* Declared, but no cgroup of it exists: "cgroup" is null. */
static void put_absent(struct aeg_json *json, const struct aeg_workload *workload)
{
	aeg_json_object(json, NULL);
	put_workload(json, workload);
	aeg_json_raw(json, "cgroup", "null");
	aeg_json_object_end(json);
}

static int compare_workloads(const struct aeg_workload *a, const struct aeg_workload *b)
{
	int order = strcmp(a->ns, b->ns);

	return order ? order : strcmp(a->name, b->name);
}

/* Both the declared workloads and the instances are in order of name. */
static void put_workloads(struct aeg_json *json, const struct aeg_ruleset *ruleset,
			  const struct tally *tally)
{
	size_t n = aeg_registry_count(ruleset->registry), at = 0;

	for (size_t i = 0; i < ruleset->model->workloads.n; i++) {
		const struct aeg_workload *workload = ruleset->model->workloads.items[i];
		const struct aeg_instance *instance;
		bool any = false;

		for (; at < n; at++, any = true) {
			instance = aeg_registry_at(ruleset->registry, at);
			if (compare_workloads(instance->workload, workload) != 0)
				break;
			put_instance(json, ruleset, instance, tally);
		}
		if (!any)
			put_absent(json, workload);
	}
}

void aeg_api_workloads(const struct aeg_daemon *daemon, const struct aeg_request *request,
		       struct aeg_reply *reply)
{
	const struct aeg_reconciler *reconciler = daemon->reconciler;
	struct tally tally = {.last = reconciler->numbers.last};
	struct aeg_json json;

	tally.counts = aeg_xcalloc((size_t)tally.last + 1, sizeof(*tally.counts));
	aeg_datapath_counts(reconciler->datapath, tally_count, &tally);
	aeg_items_begin(&json, reply);
	if (reconciler->ruleset)
		put_workloads(&json, reconciler->ruleset, &tally);
	aeg_items_end(&json);
	free(tally.counts);
}

/* ---- endpoints ---- */

static void put_ports(struct aeg_json *json, const struct aeg_ports *ports)
{
	aeg_json_array(json, "ports");
	for (size_t i = 0; i < ports->list.n; i++) {
		const struct aeg_port *port = &ports->list.items[i];
		const char *proto = port->proto == AEG_PROTO_UDP ? "udp" : "tcp";
		AEG_AUTO_FREE char *text = port->port == AEG_PORT_ANY
						   ? aeg_xasprintf("any/%s", proto)
						   : aeg_xasprintf("%u/%s", port->port, proto);

		aeg_json_str(json, NULL, text);
	}
	aeg_json_array_end(json);
}

static void put_destinations(struct aeg_json *json, const struct aeg_endpoint *endpoint)
{
	aeg_json_array(json, "hosts");
	for (size_t i = 0; i < endpoint->hosts.n; i++)
		aeg_json_str(json, NULL, endpoint->hosts.items[i].pattern);
	aeg_json_array_end(json);
	aeg_json_array(json, "cidrs");
	for (size_t i = 0; i < endpoint->cidrs.n; i++) {
		char text[AEG_ADDR_TEXT];

		aeg_cidr_format(&endpoint->cidrs.items[i].cidr, text);
		aeg_json_str(json, NULL, text);
	}
	aeg_json_array_end(json);
}

static void put_endpoint(struct aeg_json *json, const struct aeg_endpoint *endpoint)
{
	aeg_json_object(json, NULL);
	aeg_json_str(json, "name", endpoint->name);
	aeg_json_str(json, "class", aeg_class_names[endpoint->class]);
	aeg_json_str(json, "provider", aeg_endpoint_provider(endpoint));
	aeg_json_str(json, "region", endpoint->region);
	aeg_json_str(json, "vendor", endpoint->vendor);
	put_destinations(json, endpoint);
	put_ports(json, &endpoint->ports);
	aeg_json_str(json, "since", endpoint->since);
	aeg_json_str(json, "retired", endpoint->retired);
	aeg_json_str(json, "evidence", endpoint->evidence);
	aeg_json_object_end(json);
}

void aeg_api_endpoints(const struct aeg_daemon *daemon, const struct aeg_request *request,
		       struct aeg_reply *reply)
{
	const struct aeg_ruleset *ruleset = daemon->reconciler->ruleset;
	struct aeg_json json;

	aeg_items_begin(&json, reply);
	for (size_t i = 0; ruleset && i < ruleset->model->endpoints.n; i++)
		put_endpoint(&json, ruleset->model->endpoints.items[i]);
	aeg_items_end(&json);
}
