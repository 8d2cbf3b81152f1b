/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Compares what allow rules stand for with what deny rules of their policy stand for. */
#include "policy/shadow.h"
#include "policy/pattern.h"

struct denial {
	struct aeg_expansion expansion;
	const struct aeg_ports *ports; /* NULL: every port and protocol */
};
struct shadow {
	const struct aeg_model *model;
	AEG_VEC(struct denial) denials;
	size_t *budget;
};

static bool spend(struct shadow *shadow, size_t amount)
{
	if (*shadow->budget < amount) {
		*shadow->budget = 0;
		return false;
	}
	*shadow->budget -= amount;
	return true;
}

static bool port_covers(const struct aeg_port *wide, const struct aeg_port *narrow)
{
	return wide->proto == narrow->proto &&
	       (wide->port == AEG_PORT_ANY || wide->port == narrow->port);
}

static bool ports_cover(const struct aeg_ports *wide, const struct aeg_ports *narrow)
{
	for (size_t i = 0; wide && i < narrow->list.n; i++) {
		size_t j = 0;

		while (j < wide->list.n &&
		       !port_covers(&wide->list.items[j], &narrow->list.items[i]))
			j++;
		if (j == wide->list.n)
			return false;
	}
	return true;
}

static bool denies_host(struct shadow *shadow, const char *host, const struct aeg_ports *ports)
{
	for (size_t i = 0; i < shadow->denials.n; i++) {
		const struct denial *denial = &shadow->denials.items[i];
		const struct aeg_strings *hosts = &denial->expansion.hosts;

		if (!spend(shadow, hosts->list.n + 1))
			return false;
		if (!ports_cover(denial->ports, ports))
			continue;
		for (size_t j = 0; j < hosts->list.n; j++)
			if (aeg_pattern_covers(hosts->list.items[j], host))
				return true;
	}
	return false;
}

static bool denies_cidr(struct shadow *shadow, const struct aeg_cidr *cidr,
			const struct aeg_ports *ports)
{
	for (size_t i = 0; i < shadow->denials.n; i++) {
		const struct denial *denial = &shadow->denials.items[i];
		const struct aeg_expansion *expansion = &denial->expansion;

		if (!spend(shadow, expansion->cidrs.n + 1))
			return false;
		if (!ports_cover(denial->ports, ports))
			continue;
		for (size_t j = 0; j < expansion->cidrs.n; j++)
			if (aeg_cidr_covers(&expansion->cidrs.items[j], cidr))
				return true;
	}
	return false;
}

static bool denies_all_of(struct shadow *shadow, const struct aeg_expansion *allowed)
{
	for (size_t i = 0; i < allowed->hosts.list.n; i++)
		if (!denies_host(shadow, allowed->hosts.list.items[i], allowed->ports))
			return false;
	for (size_t i = 0; i < allowed->cidrs.n; i++)
		if (!denies_cidr(shadow, &allowed->cidrs.items[i], allowed->ports))
			return false;
	return true;
}

static bool denies_destination(struct shadow *shadow, const struct aeg_to *to)
{
	struct aeg_expansion allowed;
	bool denied = true;

	for (size_t i = 0; denied && aeg_to_expand(shadow->model, to, i, &allowed); i++) {
		denied = spend(shadow, allowed.hosts.list.n + allowed.cidrs.n) &&
			 denies_all_of(shadow, &allowed);
		aeg_expansion_done(&allowed);
	}
	return denied;
}

static void add_denials(struct shadow *shadow, const struct aeg_to *to)
{
	struct aeg_expansion expansion;

	for (size_t i = 0; aeg_to_expand(shadow->model, to, i, &expansion); i++) {
		*AEG_VEC_PUSH(shadow->denials) = (struct denial){
			.expansion = expansion,
			.ports = to->ports_given ? &to->ports : NULL,
		};
		if (!spend(shadow, expansion.hosts.list.n + expansion.cidrs.n))
			return;
	}
}

static void check_rule(struct shadow *shadow, const struct aeg_rule *rule, struct aeg_diags *diags)
{
	for (size_t i = 0; i < rule->to.n; i++)
		if (!denies_destination(shadow, &rule->to.items[i]))
			return;
	aeg_warning_at(diags, rule->pos,
		       "allow rule '%s' has no effect: deny rules of this policy cover all of it",
		       rule->name);
}

void aeg_shadow_check(const struct aeg_model *model, const struct aeg_policy *policy,
		      size_t *budget, struct aeg_diags *diags)
{
	struct shadow shadow = {.model = model, .budget = budget};

	for (size_t i = 0; i < policy->rules.n; i++)
		for (size_t j = 0; policy->rules.items[i].deny && j < policy->rules.items[i].to.n;
		     j++)
			add_denials(&shadow, &policy->rules.items[i].to.items[j]);
	for (size_t i = 0; shadow.denials.n && i < policy->rules.n; i++)
		if (!policy->rules.items[i].deny)
			check_rule(&shadow, &policy->rules.items[i], diags);
	for (size_t i = 0; i < shadow.denials.n; i++)
		aeg_expansion_done(&shadow.denials.items[i].expansion);
	AEG_VEC_DONE(shadow.denials);
}
