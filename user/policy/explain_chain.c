/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The chain: every rule that could matter, in model order, and why it did or did not match. It is
 * told from the model, not from the tables: it shows what the documents say.
 */
#include "policy/explainer.h"
#include "policy/pattern.h"

static struct aeg_step *add_step(struct aeg_explanation *ret, const struct aeg_policy *policy,
				 const struct aeg_rule *rule)
{
	struct aeg_step *step = AEG_VEC_PUSH(ret->chain);

	step->policy = policy;
	step->rule = rule;
	return step;
}

/* ---- policies that do not select ---- */

static bool listed(const struct aeg_strings *strings, const char *text)
{
	for (size_t i = 0; i < strings->list.n; i++)
		if (aeg_streq(strings->list.items[i], text))
			return true;
	return false;
}

/* The first requirement that the labels do not meet; NULL: they meet all. */
static const struct aeg_requirement *unmet(const struct aeg_selector *selector,
					   const struct aeg_labels *labels)
{
	static const struct aeg_labels none;

	for (size_t i = 0; i < selector->requirements.n; i++) {
		struct aeg_selector one = {.present = true};

		one.requirements.items = &selector->requirements.items[i];
		one.requirements.n = 1;
		if (!aeg_selector_matches(&one, labels ? labels : &none))
			return one.requirements.items;
	}
	return NULL;
}

static void say_unmet(const char *selector, const struct aeg_requirement *requirement,
		      struct aeg_buf *ret)
{
	aeg_buf_printf(ret, "does not select the workload: %s wants ", selector);
	aeg_describe_requirement(requirement, ret);
}

static char *why_not_selected(const struct aeg_policy *policy, const struct aeg_subject *subject)
{
	const struct aeg_workload_selector *workloads = &policy->workloads;
	const struct aeg_requirement *requirement;
	struct aeg_buf why = {0};

	if (workloads->service_accounts.list.n &&
	    !listed(&workloads->service_accounts, subject->service_account)) {
		aeg_buf_printf(&why, "does not select service account %s: serviceAccounts are ",
			       subject->service_account);
		aeg_describe_strings(&workloads->service_accounts, &why);
	} else if (workloads->namespaces.list.n && !listed(&workloads->namespaces, subject->ns)) {
		aeg_buf_printf(&why, "does not select namespace %s: namespaces are ", subject->ns);
		aeg_describe_strings(&workloads->namespaces, &why);
	} else if ((requirement = unmet(&workloads->pods, subject->labels))) {
		say_unmet("podSelector", requirement, &why);
	} else if ((requirement = unmet(&workloads->namespace_labels, subject->namespace_labels))) {
		say_unmet("namespaceSelector", requirement, &why);
	} else {
		aeg_buf_puts(&why, "does not select the workload");
	}
	return aeg_buf_take(&why);
}

/* ---- rules of policies that do ---- */

enum fit { FIT_NONE, FIT_DESTINATION, FIT_ALL };

static bool covers(const struct aeg_expansion *expansion, const struct aeg_target *target)
{
	if (target->host) {
		for (size_t i = 0; i < expansion->hosts.list.n; i++)
			if (aeg_pattern_covers(expansion->hosts.list.items[i], target->host))
				return true;
		return false;
	}
	for (size_t i = 0; i < expansion->cidrs.n; i++)
		if (aeg_cidr_contains(&expansion->cidrs.items[i], &target->addr))
			return true;
	return false;
}

static enum fit fit_ports(const struct aeg_rule *rule, const struct aeg_to *to,
			  const struct aeg_ports *ports, const struct aeg_target *target)
{
	if (rule->deny && !to->ports_given)
		return FIT_ALL;
	return aeg_ports_contain(ports, target->port, target->proto) ? FIT_ALL : FIT_DESTINATION;
}

static void say_fit(const struct aeg_rule *rule, const struct aeg_to *to,
		    const struct aeg_target *target, struct aeg_buf *ret)
{
	bool every = rule->deny && !to->ports_given;

	aeg_buf_printf(ret, "%s %s", rule->deny ? "denies" : "allows",
		       every ? "every port of " : "");
	aeg_describe_target(target, ret);
	if (!every) {
		aeg_buf_putc(ret, ' ');
		aeg_describe_port(target->port, target->proto, ret);
	}
	aeg_buf_puts(ret, " through ");
	aeg_describe_to(to, ret);
}

static void say_wrong_port(const struct aeg_to *to, const struct aeg_ports *ports,
			   const struct aeg_target *target, struct aeg_buf *ret)
{
	aeg_describe_to(to, ret);
	aeg_buf_printf(ret, " covers the %s, but port ", target->host ? "host" : "address");
	aeg_describe_port(target->port, target->proto, ret);
	aeg_buf_puts(ret, " is not among ");
	aeg_describe_ports(ports, ret);
}

/* How well one alternative fits; *why is replaced when it fits better than *best. */
static void try_to(const struct aeg_question *question, const struct aeg_rule *rule,
		   const struct aeg_to *to, enum fit *best, struct aeg_buf *why)
{
	const struct aeg_target *target = question->target;
	struct aeg_expansion expansion = {0};

	for (size_t i = 0; aeg_to_expand(question->model, to, i, &expansion); i++) {
		enum fit fit = FIT_NONE;

		if (covers(&expansion, target))
			fit = fit_ports(rule, to, expansion.ports, target);
		if (fit > *best) {
			*best = fit;
			aeg_buf_reset(why);
			if (fit == FIT_ALL)
				say_fit(rule, to, target, why);
			else
				say_wrong_port(to, expansion.ports, target, why);
		}
		aeg_expansion_done(&expansion);
		expansion = (struct aeg_expansion){0};
	}
}

static void say_not_covered(const struct aeg_rule *rule, const struct aeg_target *target,
			    struct aeg_buf *ret)
{
	if (rule->to.n > 1)
		aeg_buf_puts(ret, "none of ");
	for (size_t i = 0; i < rule->to.n; i++) {
		if (i)
			aeg_buf_puts(ret, ", ");
		aeg_describe_to(&rule->to.items[i], ret);
	}
	aeg_buf_puts(ret, rule->to.n > 1 ? " covers " : " does not cover ");
	aeg_describe_target(target, ret);
}

/* An expired rule is as good as not written, but whoever looks for it shall find it. */
static void say_expired(const struct aeg_rule *rule, struct aeg_buf *why)
{
	AEG_AUTO_FREE char *until_then = aeg_buf_take(why);

	aeg_buf_printf(why, "expired at %s; until then: %s", rule->expires, until_then);
}

static void add_rule(const struct aeg_question *question, const struct aeg_policy *policy,
		     const struct aeg_rule *rule, struct aeg_explanation *ret)
{
	struct aeg_step *step = add_step(ret, policy, rule);
	struct aeg_buf why = {0};
	enum fit best = FIT_NONE;

	for (size_t i = 0; i < rule->to.n; i++)
		try_to(question, rule, &rule->to.items[i], &best, &why);
	if (best == FIT_NONE)
		say_not_covered(rule, question->target, &why);
	else if (best == FIT_ALL && rule->expires && !rule->expired)
		aeg_buf_printf(&why, ", until %s", rule->expires);
	if (best != FIT_NONE && rule->expired)
		say_expired(rule, &why);
	step->matched = best == FIT_ALL && !rule->expired;
	step->expired = best == FIT_ALL && rule->expired;
	step->wrong_port = best == FIT_DESTINATION && !rule->expired;
	step->why = aeg_buf_take(&why);
}

static void add_policy(const struct aeg_question *question, const struct aeg_policy *policy,
		       struct aeg_explanation *ret)
{
	if (!aeg_policy_selects(policy, question->subject)) {
		add_step(ret, policy, NULL)->why = why_not_selected(policy, question->subject);
		return;
	}
	if (policy->rules.n == 0)
		add_step(ret, policy, NULL)->why =
			aeg_xstrdup("selects the workload and allows nothing");
	for (size_t i = 0; i < policy->rules.n; i++)
		add_rule(question, policy, &policy->rules.items[i], ret);
}

void aeg_explain_chain(const struct aeg_question *question, struct aeg_explanation *ret)
{
	if (!question->subject)
		return;
	for (size_t i = 0; i < question->model->policies.n; i++) {
		const struct aeg_policy *policy = question->model->policies.items[i];

		/* Policies of other namespaces never matter; with them the chain would drown. */
		if (!policy->ns || aeg_streq(policy->ns, question->subject->ns))
			add_policy(question, policy, ret);
	}
}
