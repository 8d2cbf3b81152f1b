/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Compares what allow rules stand for with what deny rules of their policy stand for. Endpoints that
 * both name are seen as such; the rest is compared pattern by pattern.
 */
#include "policy/shadow.h"
#include "policy/pattern.h"
#include "policy/template.h"

struct denial {
	const struct aeg_to *to;
	bool whole;		  /* names endpoints with all they have; nothing is expanded */
	struct aeg_expansion own; /* else: what it stands for */
};
struct shadow {
	const struct aeg_model *model;
	AEG_VEC(struct denial) denials;
	size_t *budget;
};

static bool spend(struct shadow *shadow, size_t amount)
{
	bool enough = *shadow->budget >= amount;

	*shadow->budget = enough ? *shadow->budget - amount : 0;
	return enough;
}

static bool is_whole(const struct aeg_to *to)
{
	struct aeg_filling filling = aeg_to_filling(to);

	return (to->kind == AEG_TO_ENDPOINT || to->kind == AEG_TO_CLASS) &&
	       !aeg_filling_given(&filling);
}

static bool names_endpoint(const struct aeg_to *to, const struct aeg_endpoint *endpoint)
{
	const char *provider = aeg_endpoint_provider(endpoint);

	if (to->kind == AEG_TO_ENDPOINT)
		return aeg_streq(to->endpoint, endpoint->name);
	return to->class == endpoint->class &&
	       (!to->provider || (provider && aeg_streq(to->provider, provider)));
}

/* ---- ports ---- */

static bool has_port(const struct aeg_ports *ports, const struct aeg_port *wanted)
{
	for (size_t i = 0; i < ports->list.n; i++) {
		const struct aeg_port *port = &ports->list.items[i];

		if (port->proto == wanted->proto &&
		    (port->port == AEG_PORT_ANY || port->port == wanted->port))
			return true;
	}
	return false;
}

/* Without ports, a deny rule is about every port and protocol. */
static bool denies_ports(const struct aeg_to *to, const struct aeg_ports *ports)
{
	for (size_t i = 0; to->ports_given && i < ports->list.n; i++)
		if (!has_port(&to->ports, &ports->list.items[i]))
			return false;
	return true;
}

/* ---- one denial against one pattern ---- */

static bool covers_host(struct shadow *shadow, const struct denial *denial, const char *host)
{
	const struct aeg_strings *own = &denial->own.hosts;
	const struct aeg_endpoint *endpoint;

	if (!spend(shadow, own->list.n + 1))
		return false;
	for (size_t i = 0; i < own->list.n; i++)
		if (aeg_pattern_covers(own->list.items[i], host))
			return true;
	for (size_t i = 0;
	     denial->whole && (endpoint = aeg_to_endpoint(shadow->model, denial->to, i)); i++) {
		if (!spend(shadow, endpoint->hosts.n + 1))
			return false;
		for (size_t j = 0; j < endpoint->hosts.n; j++)
			if (aeg_pattern_covers(endpoint->hosts.items[j].pattern, host))
				return true;
	}
	return false;
}

static bool covers_cidr(struct shadow *shadow, const struct denial *denial,
			const struct aeg_cidr *cidr)
{
	const struct aeg_endpoint *endpoint;

	if (!spend(shadow, denial->own.cidrs.n + 1))
		return false;
	for (size_t i = 0; i < denial->own.cidrs.n; i++)
		if (aeg_cidr_covers(&denial->own.cidrs.items[i], cidr))
			return true;
	for (size_t i = 0;
	     denial->whole && (endpoint = aeg_to_endpoint(shadow->model, denial->to, i)); i++) {
		if (!spend(shadow, endpoint->cidrs.n + 1))
			return false;
		for (size_t j = 0; j < endpoint->cidrs.n; j++)
			if (aeg_cidr_covers(&endpoint->cidrs.items[j].cidr, cidr))
				return true;
	}
	return false;
}

/* ---- all denials against what is allowed ---- */

static bool denied_host(struct shadow *shadow, const char *host, const struct aeg_ports *ports)
{
	for (size_t i = 0; i < shadow->denials.n; i++)
		if (denies_ports(shadow->denials.items[i].to, ports) &&
		    covers_host(shadow, &shadow->denials.items[i], host))
			return true;
	return false;
}

static bool denied_cidr(struct shadow *shadow, const struct aeg_cidr *cidr,
			const struct aeg_ports *ports)
{
	for (size_t i = 0; i < shadow->denials.n; i++)
		if (denies_ports(shadow->denials.items[i].to, ports) &&
		    covers_cidr(shadow, &shadow->denials.items[i], cidr))
			return true;
	return false;
}

static bool denied_endpoint(struct shadow *shadow, const struct aeg_endpoint *endpoint,
			    const struct aeg_ports *ports)
{
	for (size_t i = 0; i < shadow->denials.n; i++) {
		const struct denial *denial = &shadow->denials.items[i];

		if (denial->whole && names_endpoint(denial->to, endpoint) &&
		    denies_ports(denial->to, ports))
			return true;
	}
	for (size_t i = 0; i < endpoint->hosts.n; i++)
		if (!denied_host(shadow, endpoint->hosts.items[i].pattern, ports))
			return false;
	for (size_t i = 0; i < endpoint->cidrs.n; i++)
		if (!denied_cidr(shadow, &endpoint->cidrs.items[i].cidr, ports))
			return false;
	return true;
}

static bool denied_expansion(struct shadow *shadow, const struct aeg_expansion *allowed)
{
	for (size_t i = 0; i < allowed->hosts.list.n; i++)
		if (!denied_host(shadow, allowed->hosts.list.items[i], allowed->ports))
			return false;
	for (size_t i = 0; i < allowed->cidrs.n; i++)
		if (!denied_cidr(shadow, &allowed->cidrs.items[i], allowed->ports))
			return false;
	return true;
}

static bool denied_destination(struct shadow *shadow, const struct aeg_to *to)
{
	const struct aeg_endpoint *endpoint;
	struct aeg_expansion allowed;
	bool denied = true;

	if (!spend(shadow, shadow->denials.n))
		return false;
	if (!is_whole(to)) {
		if (!aeg_to_expand(shadow->model, to, 0, &allowed))
			return false;
		denied = denied_expansion(shadow, &allowed);
		aeg_expansion_done(&allowed);
		return denied;
	}
	for (size_t i = 0; denied && (endpoint = aeg_to_endpoint(shadow->model, to, i)); i++)
		denied = denied_endpoint(shadow, endpoint,
					 to->ports_given ? &to->ports : &endpoint->ports);
	return denied;
}

static void check_rule(struct shadow *shadow, const struct aeg_rule *rule, struct aeg_diags *diags)
{
	for (size_t i = 0; i < rule->to.n; i++)
		if (!denied_destination(shadow, &rule->to.items[i]))
			return;
	aeg_warning_at(diags, rule->pos,
		       "allow rule '%s' has no effect: deny rules of this policy cover all of it",
		       rule->name);
}

static void add_denial(struct shadow *shadow, const struct aeg_to *to)
{
	struct denial denial = {.to = to, .whole = is_whole(to)};

	if (denial.whole || aeg_to_expand(shadow->model, to, 0, &denial.own))
		*AEG_VEC_PUSH(shadow->denials) = denial;
}

void aeg_shadow_check(const struct aeg_model *model, const struct aeg_policy *policy,
		      size_t *budget, struct aeg_diags *diags)
{
	struct shadow shadow = {.model = model, .budget = budget};

	if (!policy->has_allow || *budget == 0)
		return;
	for (size_t i = 0; i < policy->rules.n; i++)
		for (size_t j = 0; policy->rules.items[i].deny && j < policy->rules.items[i].to.n;
		     j++)
			add_denial(&shadow, &policy->rules.items[i].to.items[j]);
	for (size_t i = 0; shadow.denials.n && i < policy->rules.n; i++)
		if (!policy->rules.items[i].deny && !policy->rules.items[i].expired)
			check_rule(&shadow, &policy->rules.items[i], diags);
	for (size_t i = 0; i < shadow.denials.n; i++)
		aeg_expansion_done(&shadow.denials.items[i].own);
	AEG_VEC_DONE(shadow.denials);
}
