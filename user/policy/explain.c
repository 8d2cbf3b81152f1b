/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The answer to "may it, and why?": look up, decide as the kernel does, then put names to numbers.
 * Decides nothing by itself.
 */
#include "bpf/verdict.h"
#include "policy/explainer.h"
#include "policy/pattern.h"

static const struct aeg_dest *find_dest(const struct aeg_question *question)
{
	const struct aeg_target *target = question->target;

	if (target->host)
		return aeg_tables_name(question->tables, target->host);
	return aeg_tables_addr(question->tables, &target->addr);
}

/* The hello is held against the demands of the layer that allowed the connection. */
static void note_tls(const struct aeg_question *question, const struct aeg_cell *cell,
		     struct aeg_explanation *ret)
{
	const struct aeg_target *target = question->target;

	if (ret->decision.verdict != AEG_VERDICT_ALLOWED || !ret->decision.rule ||
	    target->proto != AEG_PROTO_TCP)
		return;
	ret->tls = ret->decision.mode == AEG_MODE_AUDIT ? cell->all.tls : cell->enforce.tls;
	ret->tls_by_name = target->host && target->port == AEG_PORT_TLS;
}

static int decide(const struct aeg_question *question, const struct aeg_dest *dest,
		  struct aeg_explanation *ret, struct aeg_buf *error)
{
	const struct aeg_target *target = question->target;
	struct aeg_ident ident = {0};
	struct aeg_facts facts = {
		.gen = question->gen,
		.governed = dest && (dest->flags & AEG_DEST_GOVERNED),
		.proto = target->proto,
	};
	int err;

	if (question->subject) {
		err = aeg_compile_profile(question->tables, question->subject, &ident.profile,
					  &ident.flags, error);
		if (err)
			return err;
		facts.ident = &ident;
	}
	if (dest && facts.ident)
		facts.cell = aeg_tables_cell(question->tables, ident.profile, dest->class,
					     target->proto, target->port);
	aeg_decide(&facts, &ret->decision);
	note_tls(question, facts.cell, ret);
	return 0;
}

static void find_rule(const struct aeg_question *question, uint32_t number,
		      const struct aeg_policy **ret_policy, const struct aeg_rule **ret_rule)
{
	const char *text = aeg_numbers_text(question->numbers, number);

	if (number == 0 || !text)
		return;
	for (size_t i = 0; i < question->model->policies.n; i++) {
		const struct aeg_policy *policy = question->model->policies.items[i];

		for (size_t j = 0; j < policy->rules.n; j++) {
			const struct aeg_rule *rule = &policy->rules.items[j];
			AEG_AUTO_FREE char *label = aeg_rule_label(policy, rule);

			if (!aeg_streq(label, text))
				continue;
			*ret_policy = policy;
			*ret_rule = rule;
			return;
		}
	}
}

/* ---- the endpoint that people will recognise ---- */

struct best {
	const struct aeg_endpoint *endpoint;
	const char *pattern;
	const struct aeg_cidr *cidr;
};

/* Among equally specific ones the endpoint that also has the port. */
static bool better_tie(const struct best *best, const struct aeg_endpoint *endpoint,
		       const struct aeg_target *target)
{
	return !aeg_ports_contain(&best->endpoint->ports, target->port, target->proto) &&
	       aeg_ports_contain(&endpoint->ports, target->port, target->proto);
}

static void try_hosts(const struct aeg_endpoint *endpoint, const struct aeg_target *target,
		      struct best *best)
{
	for (size_t i = 0; i < endpoint->hosts.n; i++) {
		const char *pattern = endpoint->hosts.items[i].pattern;

		if (!aeg_pattern_covers(pattern, target->host))
			continue;
		if (best->pattern && (aeg_streq(best->pattern, pattern)
					      ? !better_tie(best, endpoint, target)
					      : !aeg_pattern_covers(best->pattern, pattern)))
			continue;
		*best = (struct best){.endpoint = endpoint, .pattern = pattern};
	}
}

static void try_cidrs(const struct aeg_endpoint *endpoint, const struct aeg_target *target,
		      struct best *best)
{
	for (size_t i = 0; i < endpoint->cidrs.n; i++) {
		const struct aeg_cidr *cidr = &endpoint->cidrs.items[i].cidr;

		if (!aeg_cidr_contains(cidr, &target->addr))
			continue;
		if (best->cidr &&
		    (best->cidr->bits == cidr->bits ? !better_tie(best, endpoint, target)
						    : best->cidr->bits > cidr->bits))
			continue;
		*best = (struct best){.endpoint = endpoint, .cidr = cidr};
	}
}

static const struct aeg_endpoint *find_endpoint(const struct aeg_question *question)
{
	struct best best = {0};

	for (size_t i = 0; i < question->model->endpoints.n; i++) {
		const struct aeg_endpoint *endpoint = question->model->endpoints.items[i];

		if (question->target->host)
			try_hosts(endpoint, question->target, &best);
		else
			try_cidrs(endpoint, question->target, &best);
	}
	return best.endpoint;
}

int aeg_explain(const struct aeg_question *question, struct aeg_explanation *ret,
		struct aeg_buf *error)
{
	struct aeg_explanation explanation = {0};
	const struct aeg_dest *dest = find_dest(question);
	const struct aeg_decision *decision = &explanation.decision;
	const char *pattern;
	int err = decide(question, dest, &explanation, error);

	if (err)
		return err;
	find_rule(question, decision->rule, &explanation.policy, &explanation.rule);
	find_rule(question, decision->other_rule, &explanation.other_policy,
		  &explanation.other_rule);
	explanation.endpoint = find_endpoint(question);
	pattern = dest ? aeg_numbers_text(question->numbers, dest->node) : NULL;
	explanation.pattern = pattern ? aeg_xstrdup(pattern) : NULL;
	aeg_explain_chain(question, &explanation);
	*ret = explanation;
	return 0;
}

void aeg_explanation_done(struct aeg_explanation *explanation)
{
	for (size_t i = 0; i < explanation->chain.n; i++)
		free(explanation->chain.items[i].why);
	AEG_VEC_DONE(explanation->chain);
	free(explanation->pattern);
	*explanation = (struct aeg_explanation){0};
}
