/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Look-ups are remembered: a flood of events asks for the same few names over and over. */
#include "daemon/names.h"
#include "policy/pattern.h"

struct place { /* a node's pattern, taken apart once */
	const char *text;
	bool is_cidr;
	struct aeg_cidr cidr;
};

void aeg_names_done(struct aeg_names *names)
{
	aeg_strmap_done(&names->workloads);
	aeg_strmap_done(&names->rules);
	for (size_t i = 0; i < names->rule_names.n; i++) {
		free(names->rule_names.items[i]->policy);
		free(names->rule_names.items[i]->rule);
		free(names->rule_names.items[i]);
	}
	AEG_VEC_DONE(names->rule_names);
}

static struct aeg_rule_names *add_rule(struct aeg_names *names, const char *label)
{
	struct aeg_rule_names *rule = aeg_xcalloc(1, sizeof(*rule));
	const char *slash = strrchr(label, '/');
	const char *policy = *label == '/' ? label + 1 : label; /* cluster policies: "/name/rule" */

	*AEG_VEC_PUSH(names->rule_names) = rule;
	aeg_strmap_put(&names->rules, label, names->rule_names.n);
	if (slash && slash >= policy) {
		rule->policy = aeg_xstrndup(policy, (size_t)(slash - policy));
		rule->rule = aeg_xstrdup(slash + 1);
	}
	return rule;
}

static void add_rules(struct aeg_names *names, const struct aeg_policy *policy)
{
	for (size_t i = 0; i < policy->rules.n; i++) {
		AEG_AUTO_FREE char *label = aeg_rule_label(policy, &policy->rules.items[i]);

		struct aeg_rule_names *rule = add_rule(names, label);

		rule->in_force = &policy->rules.items[i];
		rule->mode = policy->mode;
	}
}

void aeg_names_reset(struct aeg_names *names, const struct aeg_numbers *numbers,
		     const struct aeg_ruleset *ruleset)
{
	aeg_names_done(names);
	*names = (struct aeg_names){
		.numbers = numbers, .ruleset = ruleset, .resets = names->resets + 1};
	if (!ruleset)
		return;
	for (size_t i = 0; i < ruleset->model->policies.n; i++)
		add_rules(names, ruleset->model->policies.items[i]);
	for (size_t i = 0; i < ruleset->model->workloads.n; i++) {
		const struct aeg_workload *workload = ruleset->model->workloads.items[i];
		AEG_AUTO_FREE char *name = aeg_xasprintf("%s/%s", workload->ns, workload->name);

		aeg_strmap_put(&names->workloads, name, (uintptr_t)workload);
	}
}

const struct aeg_workload *aeg_names_workload(const struct aeg_names *names, uint32_t number)
{
	const char *text = number ? aeg_numbers_text(names->numbers, number) : NULL;
	uintptr_t workload = 0;

	if (text)
		aeg_strmap_get(&names->workloads, text, &workload);
	return (const struct aeg_workload *)workload;
}

const struct aeg_rule_names *aeg_names_rule(struct aeg_names *names, uint32_t number)
{
	static const struct aeg_rule_names none;
	const char *label = number ? aeg_numbers_text(names->numbers, number) : NULL;
	uintptr_t i;

	if (!label)
		return &none;
	if (aeg_strmap_get(&names->rules, label, &i))
		return names->rule_names.items[i - 1];
	return add_rule(names, label); /* of an earlier ruleset */
}

static struct place place_of(const char *text)
{
	struct place place = {.text = text};

	place.is_cidr = aeg_cidr_parse(text, &place.cidr) == 0;
	return place;
}

static bool endpoint_covers(const struct aeg_endpoint *endpoint, const struct place *place)
{
	for (size_t i = 0; place->is_cidr && i < endpoint->cidrs.n; i++) {
		if (aeg_cidr_covers(&endpoint->cidrs.items[i].cidr, &place->cidr))
			return true;
	}
	for (size_t i = 0; !place->is_cidr && i < endpoint->hosts.n; i++) {
		if (aeg_pattern_covers(endpoint->hosts.items[i].pattern, place->text))
			return true;
	}
	return false;
}

static const struct aeg_endpoint *find_of_to(const struct aeg_model *model, const struct aeg_to *to,
					     const struct place *place)
{
	const struct aeg_endpoint *found = NULL;
	struct aeg_expansion expansion;

	for (size_t i = 0; !found && aeg_to_expand(model, to, i, &expansion); i++) {
		if (expansion.endpoint && endpoint_covers(expansion.endpoint, place))
			found = expansion.endpoint;
		aeg_expansion_done(&expansion);
	}
	return found;
}

/* Whether it names this very pattern, and not one that covers it. */
static bool endpoint_lists(const struct aeg_endpoint *endpoint, const struct place *place)
{
	for (size_t i = 0; !place->is_cidr && i < endpoint->hosts.n; i++) {
		if (aeg_streq(endpoint->hosts.items[i].pattern, place->text))
			return true;
	}
	return false;
}

static const struct aeg_endpoint *find_endpoint(const struct aeg_model *model,
						const struct aeg_rule *rule,
						const struct place *place)
{
	const struct aeg_endpoint *found = NULL;

	for (size_t i = 0; rule && !found && i < rule->to.n; i++)
		found = find_of_to(model, &rule->to.items[i], place);
	for (size_t i = 0; !found && i < model->endpoints.n; i++) {
		if (endpoint_lists(model->endpoints.items[i], place))
			found = model->endpoints.items[i];
	}
	for (size_t i = 0; !found && i < model->endpoints.n; i++) {
		if (endpoint_covers(model->endpoints.items[i], place))
			found = model->endpoints.items[i];
	}
	return found;
}

static size_t cache_slot(uint32_t rule, uint32_t node)
{
	return ((uint64_t)rule * 0x9e3779b97f4a7c15u + (uint64_t)node * 0xc2b2ae3d27d4eb4fu) >> 32 &
	       (AEG_NAMES_CACHE - 1);
}

const struct aeg_endpoint *aeg_names_endpoint(struct aeg_names *names, uint32_t rule, uint32_t node)
{
	const char *text = node ? aeg_numbers_text(names->numbers, node) : NULL;
	size_t slot = cache_slot(rule, node);
	struct place place;

	if (!text || !names->ruleset)
		return NULL;
	if (names->cache[slot].node != node || names->cache[slot].rule != rule) {
		place = place_of(text);
		names->cache[slot].rule = rule;
		names->cache[slot].node = node;
		names->cache[slot].endpoint = find_endpoint(
			names->ruleset->model, aeg_names_rule(names, rule)->in_force, &place);
	}
	return names->cache[slot].endpoint;
}
