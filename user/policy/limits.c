/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Counting from above is cheap and nearly always enough. Only where the sum of all documents could be
 * too large is it counted exactly, what several documents name once.
 */
#include "policy/limits.h"

static size_t at_least_one(const struct aeg_strings *strings)
{
	return strings->list.n ? strings->list.n : 1;
}

static bool selects(const struct aeg_to *to)
{
	return to->ids.list.n || to->regions.list.n || to->vendors.list.n;
}

/* Patterns and CIDRs that are the rule's own; those of a whole endpoint are there already. */
static size_t destinations_of(const struct aeg_to *to)
{
	if (to->kind == AEG_TO_HOST || to->kind == AEG_TO_CIDR)
		return 1;
	if (to->kind == AEG_TO_CLASS || !selects(to))
		return 0;
	return at_least_one(&to->ids) * at_least_one(&to->regions) * at_least_one(&to->vendors);
}

/* ---- one policy ---- */

struct sums {
	size_t destinations;
	size_t targets; /* those, endpoints and classes */
	size_t ports; /* that are written anywhere; an endpoint's or the usual ones count as one */
};

static struct sums sums_of(const struct aeg_policy *policy)
{
	struct sums sums = {.ports = 1};

	for (size_t i = 0; i < policy->rules.n; i++) {
		const struct aeg_rule *rule = &policy->rules.items[i];

		for (size_t j = 0; j < rule->to.n; j++) {
			size_t n = destinations_of(&rule->to.items[j]);

			sums.destinations += n;
			sums.targets += n ? n : 1;
			sums.ports += rule->to.items[j].ports.list.n;
		}
	}
	return sums;
}

static size_t different_ports(const struct aeg_policy *policy)
{
	uint8_t *seen = aeg_xcalloc(3, UINT16_MAX + 1);
	size_t n = 1;

	for (size_t i = 0; i < policy->rules.n; i++) {
		const struct aeg_rule *rule = &policy->rules.items[i];

		for (size_t j = 0; j < rule->to.n; j++) {
			const struct aeg_ports *ports = &rule->to.items[j].ports;

			for (size_t k = 0; k < ports->list.n; k++) {
				const struct aeg_port *port = &ports->list.items[k];
				size_t row = port->proto == AEG_PROTO_TCP
						     ? 0
						     : 1 + (port->proto == AEG_PROTO_UDP);
				uint8_t *at = &seen[row * (UINT16_MAX + 1) + port->port];

				n += !*at;
				*at = 1;
			}
		}
	}
	free(seen);
	return n;
}

static void check_policy(const struct aeg_policy *policy, struct sums sums, struct aeg_diags *diags)
{
	if (sums.destinations > AEG_POLICY_DESTINATIONS_MAX) {
		aeg_error_at(
			diags, policy->pos,
			"policy '%s' names %zu host patterns and CIDRs; at most %u are allowed",
			policy->name, sums.destinations, AEG_POLICY_DESTINATIONS_MAX);
		aeg_diag_hint(diags, "name wider ones, or have an AIEndpoint made of them");
		return;
	}
	if (sums.targets * sums.ports <= AEG_POLICY_DECISIONS_MAX)
		return;
	sums.ports = different_ports(policy);
	if (sums.targets * sums.ports > AEG_POLICY_DECISIONS_MAX)
		aeg_error_at(diags, policy->pos,
			     "policy '%s' names %zu destinations and %zu different ports; their "
			     "product may be at most %u",
			     policy->name, sums.targets, sums.ports, AEG_POLICY_DECISIONS_MAX);
}

/* ---- one namespace ---- */

static bool same_namespace(const struct aeg_policy *a, const struct aeg_policy *b)
{
	return a && a->ns && b->ns && aeg_streq(a->ns, b->ns);
}

/* Policies come by namespace. The first ones by name stay; whoever can write there chose the names. */
static void check_namespaces(const struct aeg_model *model, struct aeg_diags *diags)
{
	const struct aeg_policy *before = NULL;
	size_t total = 0;

	for (size_t i = 0; i < model->policies.n; i++) {
		const struct aeg_policy *policy = model->policies.items[i];
		struct sums sums = sums_of(policy);
		size_t errors = diags->nerrors;

		if (!same_namespace(before, policy))
			total = 0;
		before = policy;
		check_policy(policy, sums, diags);
		if (diags->nerrors != errors)
			continue;
		if (policy->ns && total + sums.destinations > AEG_NAMESPACE_DESTINATIONS_MAX)
			aeg_error_at(
				diags, policy->pos,
				"with policy '%s' namespace '%s' would name %zu host patterns and "
				"CIDRs; at most %u are allowed",
				policy->name, policy->ns, total + sums.destinations,
				AEG_NAMESPACE_DESTINATIONS_MAX);
		else
			total += sums.destinations;
	}
}

/* ---- all ---- */

static size_t from_above(const struct aeg_model *model)
{
	size_t n = 0;

	for (size_t i = 0; i < model->endpoints.n; i++)
		n += model->endpoints.items[i]->hosts.n + model->endpoints.items[i]->cidrs.n;
	for (size_t i = 0; i < model->policies.n; i++)
		n += sums_of(model->policies.items[i]).destinations;
	return n;
}

struct counting {
	struct aeg_strmap known;
	size_t fresh; /* of the document that is counted */
	bool keep;
};

static void count(struct counting *counting, const char *text)
{
	if (counting->keep)
		aeg_strmap_put(&counting->known, text, 0);
	else
		counting->fresh += !aeg_strmap_get(&counting->known, text, NULL);
}

static void count_cidr(struct counting *counting, const struct aeg_cidr *cidr)
{
	char text[AEG_ADDR_TEXT];

	aeg_cidr_format(cidr, text);
	count(counting, text);
}

static void count_endpoint(struct counting *counting, const struct aeg_endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->hosts.n; i++)
		count(counting, endpoint->hosts.items[i].pattern);
	for (size_t i = 0; i < endpoint->cidrs.n; i++)
		count_cidr(counting, &endpoint->cidrs.items[i].cidr);
}

static void count_to(struct counting *counting, const struct aeg_model *model,
		     const struct aeg_to *to)
{
	struct aeg_expansion expansion = {0};

	for (size_t i = 0; destinations_of(to) && aeg_to_expand(model, to, i, &expansion); i++) {
		for (size_t j = 0; j < expansion.hosts.list.n; j++)
			count(counting, expansion.hosts.list.items[j]);
		for (size_t j = 0; j < expansion.cidrs.n; j++)
			count_cidr(counting, &expansion.cidrs.items[j]);
		aeg_expansion_done(&expansion);
		expansion = (struct aeg_expansion){0};
	}
}

static void count_policy(struct counting *counting, const struct aeg_model *model,
			 const struct aeg_policy *policy)
{
	for (size_t i = 0; i < policy->rules.n; i++) {
		for (size_t j = 0; j < policy->rules.items[i].to.n; j++)
			count_to(counting, model, &policy->rules.items[i].to.items[j]);
	}
}

/* Whether what was counted as fresh fits, so that it may be kept. */
static bool fits(struct counting *counting, struct aeg_pos pos, const char *what, const char *name,
		 struct aeg_diags *diags)
{
	size_t fresh = counting->fresh;

	counting->fresh = 0;
	counting->keep = counting->known.n + fresh <= AEG_ALL_DESTINATIONS_MAX;
	if (!counting->keep)
		aeg_error_at(
			diags, pos,
			"with %s '%s' there would be %zu different host patterns and CIDRs; at "
			"most %u fit",
			what, name, counting->known.n + fresh, AEG_ALL_DESTINATIONS_MAX);
	return counting->keep;
}

/* Endpoints and policies of the cluster go before those of namespaces: their authors may more. */
static void check_all(const struct aeg_model *model, struct aeg_diags *diags)
{
	struct counting counting = {0};

	for (size_t i = 0; i < model->endpoints.n; i++) {
		const struct aeg_endpoint *endpoint = model->endpoints.items[i];

		count_endpoint(&counting, endpoint);
		if (fits(&counting, endpoint->pos, "endpoint", endpoint->name, diags))
			count_endpoint(&counting, endpoint);
		counting.keep = false;
	}
	for (size_t i = 0; i < model->policies.n; i++) {
		const struct aeg_policy *policy = model->policies.items[i];

		count_policy(&counting, model, policy);
		if (fits(&counting, policy->pos, "policy", policy->name, diags))
			count_policy(&counting, model, policy);
		counting.keep = false;
	}
	aeg_strmap_done(&counting.known);
}

void aeg_limits_check(const struct aeg_model *model, struct aeg_diags *diags)
{
	check_namespaces(model, diags);
	if (!diags->nerrors && from_above(model) > AEG_ALL_DESTINATIONS_MAX)
		check_all(model, diags);
}
