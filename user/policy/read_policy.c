/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* AIEgressPolicy and ClusterAIEgressPolicy: one spec, two scopes. */
#include "policy/read.h"
#include "base/strmap.h"

static const char *const modes[] = {
	[AEG_MODE_ENFORCE] = "Enforce",
	[AEG_MODE_AUDIT] = "Audit",
	NULL,
};

const char *const aeg_containment_names[AEG_CONTAINMENT_MAX + 1] = {
	[AEG_GOVERNED] = "Governed",
	[AEG_STRICT] = "Strict",
};

static void read_metadata(struct aeg_policy *policy, const struct aeg_field *fields,
			  const struct aeg_node *value, struct aeg_diags *diags)
{
	AEG_CLEANUP(aeg_metadata_done) struct aeg_metadata metadata = {0};

	aeg_fields_read(fields, value, &metadata, diags);
	policy->name = AEG_TAKE_PTR(metadata.name);
	policy->ns = AEG_TAKE_PTR(metadata.ns);
	policy->pos = metadata.pos;
}

static void read_namespaced_metadata(void *target, const struct aeg_node *value,
				     struct aeg_diags *diags)
{
	read_metadata(target, aeg_metadata_fields, value, diags);
}

static void read_cluster_metadata(void *target, const struct aeg_node *value,
				  struct aeg_diags *diags)
{
	read_metadata(target, aeg_metadata_cluster_fields, value, diags);
}

/* ---- spec ---- */

static void read_mode(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_policy *policy = target;
	int mode = aeg_read_choice(modes, value, diags);

	if (mode >= 0)
		policy->mode = (enum aeg_mode)mode;
}

static void read_containment(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_policy *policy = target;
	int containment = aeg_read_choice(aeg_containment_names, value, diags);

	if (containment >= 0)
		policy->containment = (enum aeg_containment)containment;
}

/* A list, so that other layers can be asked for one day. */
static void read_require(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	static const char *const layers[] = {"tc", NULL};
	struct aeg_policy *policy = target;

	if (!aeg_read_list(value, diags))
		return;
	for (size_t i = 0; i < value->items.n; i++) {
		const struct aeg_node *item = value->items.items[i];

		if (aeg_read_choice(layers, item, diags) < 0)
			continue;
		if (policy->require_tc)
			aeg_error_at(diags, item->pos, "duplicate '%s'", item->text);
		policy->require_tc = true;
	}
}

static void read_dns(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_policy *policy = target;

	aeg_read_dns(&policy->dns, value, diags);
}

static void read_dns_limits(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_policy *policy = target;

	aeg_read_dns_limits(&policy->dns, value, diags);
}

static void read_workloads(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_policy *policy = target;

	aeg_read_workload_selector(&policy->workloads, aeg_selector_fields, value, diags);
}

static void read_cluster_workloads(void *target, const struct aeg_node *value,
				   struct aeg_diags *diags)
{
	struct aeg_policy *policy = target;

	aeg_read_workload_selector(&policy->workloads, aeg_selector_cluster_fields, value, diags);
}

/* An empty allow list is a statement: nothing governed may be reached. */
static void read_allow(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_policy *policy = target;

	policy->has_allow = true;
	if (aeg_node_expect(value, AEG_NODE_LIST, "a list", diags))
		aeg_read_rules(policy, false, value, diags);
}

static void read_deny(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	if (aeg_read_list(value, diags))
		aeg_read_rules(target, true, value, diags);
}

static void read_tls(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_policy *policy = target;

	aeg_read_tls(&policy->tls, value, diags);
}

static const struct aeg_field spec_fields[] = {
	{.key = "mode", .read = read_mode},
	{.key = "workloads", .read = read_workloads, .required = true},
	{.key = "containment", .read = read_containment},
	{.key = "require", .read = read_require},
	{.key = "dns", .read = read_dns},
	{.key = "dnsLimits", .read = read_dns_limits},
	{.key = "allow", .read = read_allow},
	{.key = "deny", .read = read_deny},
	{.key = "tls", .read = read_tls},
	{0},
};

static const struct aeg_field cluster_spec_fields[] = {
	{.key = "mode", .read = read_mode},
	{.key = "workloads", .read = read_cluster_workloads, .required = true},
	{.key = "containment", .read = read_containment},
	{.key = "require", .read = read_require},
	{.key = "dns", .read = read_dns},
	{.key = "dnsLimits", .read = read_dns_limits},
	{.key = "allow", .read = read_allow},
	{.key = "deny", .read = read_deny},
	{.key = "tls", .read = read_tls},
	{0},
};

/* Reports and events name rules, so a policy's rules have names of their own. */
static void check_rule_names(const struct aeg_policy *policy, struct aeg_diags *diags)
{
	AEG_CLEANUP(aeg_strmap_done) struct aeg_strmap seen = {0};

	for (size_t i = 0; i < policy->rules.n; i++) {
		const struct aeg_rule *rule = &policy->rules.items[i];
		uintptr_t first;

		if (!rule->name)
			continue;
		if (aeg_strmap_get(&seen, rule->name, &first))
			aeg_error_at(diags, rule->pos, "duplicate rule '%s': first at line %u",
				     rule->name, policy->rules.items[first].pos.line);
		else
			aeg_strmap_put(&seen, rule->name, i);
	}
}

/* Without an allow list it would demand something of nothing, and look like a guard. */
static void check_tls(const struct aeg_policy *policy, const struct aeg_node *spec,
		      struct aeg_diags *diags)
{
	const struct aeg_node *tls = aeg_node_get(spec, "tls");

	if (tls && !policy->has_allow)
		aeg_error_at(diags, aeg_key_pos(tls),
			     "'tls' goes with 'allow': it is about what the policy allows");
}

/* A policy that only takes away contains nobody, so it must not look as if it did. */
static void check_containment(const struct aeg_policy *policy, const struct aeg_node *spec,
			      struct aeg_diags *diags)
{
	if (policy->containment == AEG_STRICT && !policy->has_allow)
		aeg_error_at(
			diags, aeg_key_pos(aeg_node_get(spec, "containment")),
			"'containment: Strict' goes with 'allow': write 'allow: []' if nothing "
			"may leave");
}

/* Elsewhere the workload may ask anybody anything, so that they would guard nothing. */
static void check_dns(const struct aeg_policy *policy, const struct aeg_node *spec,
		      struct aeg_diags *diags)
{
	const struct aeg_node *limits = aeg_node_get(spec, "dnsLimits");

	if (policy->containment == AEG_STRICT)
		return;
	if (policy->dns.allowed_names)
		aeg_error_at(diags, aeg_key_pos(aeg_node_get(spec, "dns")),
			     "'dns: AllowedNames' goes with 'containment: Strict': a governed "
			     "workload may ask any resolver");
	if (limits)
		aeg_error_at(diags, aeg_key_pos(limits),
			     "'dnsLimits' goes with 'containment: Strict': a governed workload may "
			     "ask any resolver");
}

/* It is about what isolated workloads reach. */
static void check_require(const struct aeg_policy *policy, const struct aeg_node *spec,
			  struct aeg_diags *diags)
{
	if (policy->require_tc && !policy->has_allow)
		aeg_error_at(diags, aeg_key_pos(aeg_node_get(spec, "require")),
			     "'require' goes with 'allow': it is about what the policy allows");
}

static void take_rules(struct aeg_policy *from, struct aeg_policy *to, bool deny)
{
	for (size_t i = 0; i < from->rules.n; i++)
		if (from->rules.items[i].deny == deny)
			*AEG_VEC_PUSH(to->rules) = from->rules.items[i];
}

/* Allow rules come first, whatever the order of the two keys. */
static void order_rules(struct aeg_policy *policy)
{
	struct aeg_policy ordered = {0};

	take_rules(policy, &ordered, false);
	take_rules(policy, &ordered, true);
	free(policy->rules.items);
	policy->rules.items = ordered.rules.items;
	policy->rules.n = ordered.rules.n;
	policy->rules.cap = ordered.rules.cap;
}

static void read_spec(struct aeg_policy *policy, const struct aeg_field *fields,
		      const struct aeg_node *value, struct aeg_diags *diags)
{
	size_t errors = diags->nerrors;

	aeg_fields_read(fields, value, policy, diags);
	check_rule_names(policy, diags);
	check_tls(policy, value, diags);
	check_containment(policy, value, diags);
	check_require(policy, value, diags);
	check_dns(policy, value, diags);
	order_rules(policy);
	if (diags->nerrors == errors && !policy->has_allow && policy->rules.n == 0)
		aeg_error_at(diags, value->pos,
			     "missing key 'allow': a policy has 'allow' or 'deny'");
}

static void read_namespaced_spec(void *target, const struct aeg_node *value,
				 struct aeg_diags *diags)
{
	read_spec(target, spec_fields, value, diags);
}

static void read_cluster_spec(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	read_spec(target, cluster_spec_fields, value, diags);
}

/* ---- documents ---- */

static const struct aeg_field policy_fields[] = {
	{.key = "apiVersion", .read = aeg_read_nothing, .required = true},
	{.key = "kind", .read = aeg_read_nothing, .required = true},
	{.key = "metadata", .read = read_namespaced_metadata, .required = true},
	{.key = "spec", .read = read_namespaced_spec, .required = true},
	{0},
};

static const struct aeg_field cluster_policy_fields[] = {
	{.key = "apiVersion", .read = aeg_read_nothing, .required = true},
	{.key = "kind", .read = aeg_read_nothing, .required = true},
	{.key = "metadata", .read = read_cluster_metadata, .required = true},
	{.key = "spec", .read = read_cluster_spec, .required = true},
	{0},
};

static void place(struct aeg_policy *policy, const char *file)
{
	policy->pos.file = file;
	for (size_t i = 0; i < policy->rules.n; i++) {
		struct aeg_rule *rule = &policy->rules.items[i];

		rule->pos.file = rule->expires_pos.file = file;
		for (size_t j = 0; j < rule->to.n; j++)
			rule->to.items[j].pos.file = file;
	}
}

static void read_document(struct aeg_model *model, const struct aeg_field *fields,
			  const struct aeg_node *document, struct aeg_diags *diags)
{
	struct aeg_policy *policy = aeg_xcalloc(1, sizeof(*policy));
	size_t errors = diags->nerrors;

	aeg_fields_read(fields, document, policy, diags);
	if (diags->nerrors != errors) {
		aeg_policy_free(policy);
		return;
	}
	place(policy, aeg_model_file(model, document->pos.file));
	*AEG_VEC_PUSH(model->policies) = policy;
}

void aeg_read_policy(struct aeg_model *model, const struct aeg_node *document,
		     struct aeg_diags *diags)
{
	read_document(model, policy_fields, document, diags);
}

void aeg_read_cluster_policy(struct aeg_model *model, const struct aeg_node *document,
			     struct aeg_diags *diags)
{
	read_document(model, cluster_policy_fields, document, diags);
}
