/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The tables' answer beside the slow evaluator's. */
#include "compare.h"
#include "bpf/verdict.h"
#include <stdio.h>

bool compiled_make(const struct world *world, struct compiled *ret, struct aeg_buf *error)
{
	*ret = (struct compiled){.world = world};
	ret->model = world_model(world, error);
	if (!ret->model)
		return false;
	if (aeg_compile(ret->model, &ret->numbers, &ret->tables, error) == 0)
		return true;
	compiled_done(ret);
	return false;
}

void compiled_done(struct compiled *compiled)
{
	aeg_tables_free(compiled->tables);
	aeg_numbers_done(&compiled->numbers);
	aeg_model_free(compiled->model);
	*compiled = (struct compiled){0};
}

void compiled_decide(struct compiled *compiled, const struct aeg_subject *subject,
		     const struct aeg_target *target, struct aeg_decision *ret)
{
	const struct aeg_tables *tables = compiled->tables;
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	const struct aeg_dest *dest = target->host ? aeg_tables_name(tables, target->host)
						   : aeg_tables_addr(tables, &target->addr);
	struct aeg_ident ident = {0};
	struct aeg_facts facts = {
		.gen = &compiled->world->settings,
		.ident = subject ? &ident : NULL,
		.governed = dest && (dest->flags & AEG_DEST_GOVERNED),
		.proto = target->proto,
	};

	if (subject && aeg_compile_profile(compiled->tables, subject, &ident.profile, &ident.flags,
					   &error) < 0)
		abort(); /* only limits can be exceeded, and worlds are small */
	if (subject && dest)
		facts.cell = aeg_tables_cell(tables, ident.profile, dest->class, target->proto,
					     target->port);
	aeg_decide(&facts, ret);
}

bool compiled_strict(struct compiled *compiled, const struct aeg_subject *subject)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct aeg_ident ident = {0};

	if (aeg_compile_profile(compiled->tables, subject, &ident.profile, &ident.flags, &error) <
	    0)
		abort();
	return ident.flags & AEG_IDENT_STRICT;
}

/* ---- both answers as text: what differs is seen at once ---- */

static void put_answer(struct aeg_buf *ret, unsigned int verdict, unsigned int reason,
		       const char *rule)
{
	aeg_buf_printf(ret, "%s %s rule=%s", aeg_verdict_word(verdict), aeg_reason_word(reason),
		       rule ? rule : "-");
}

static void put_decision(const struct compiled *compiled, const struct aeg_decision *decision,
			 struct aeg_buf *ret)
{
	put_answer(ret, decision->verdict, decision->reason,
		   aeg_numbers_text(&compiled->numbers, decision->rule));
	aeg_buf_printf(ret, " mode=%s other: ", aeg_mode_word(decision->mode));
	if (decision->other_verdict == AEG_VERDICT_NONE)
		aeg_buf_puts(ret, "none");
	else
		put_answer(ret, decision->other_verdict, decision->other_reason,
			   aeg_numbers_text(&compiled->numbers, decision->other_rule));
}

static void put_oracle_answer(const struct oracle_answer *answer, struct aeg_buf *ret)
{
	AEG_AUTO_FREE char *rule = NULL;

	if (answer->rule)
		rule = aeg_xasprintf("%s/%s/%s", answer->policy->ns ? answer->policy->ns : "",
				     answer->policy->name, answer->rule->name);
	put_answer(ret, answer->verdict, answer->reason, rule);
}

static void put_oracle(const struct oracle_result *result, struct aeg_buf *ret)
{
	put_oracle_answer(&result->main, ret);
	aeg_buf_printf(ret, " mode=%s other: ", result->audit ? "Audit" : "Enforce");
	if (result->other.verdict == AEG_VERDICT_NONE)
		aeg_buf_puts(ret, "none");
	else
		put_oracle_answer(&result->other, ret);
}

/* ---- the explanation ---- */

static const struct aeg_step *step_of(const struct aeg_explanation *explanation,
				      const struct aeg_rule *rule)
{
	for (size_t i = 0; i < explanation->chain.n; i++)
		if (explanation->chain.items[i].rule == rule)
			return &explanation->chain.items[i];
	return NULL;
}

/* What it says of the DNS question. */
static bool asked_agrees(const struct compiled *compiled, const struct aeg_subject *subject,
			 const struct aeg_target *target, const struct aeg_explanation *explanation)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf expected = {0}, found = {0};
	struct oracle_result result;

	if (!subject || !target->host)
		return explanation->asked.verdict == AEG_VERDICT_NONE;
	result = oracle_ask(compiled->model, subject, target);
	if (result.main.verdict == AEG_VERDICT_NONE)
		return explanation->asked.verdict == AEG_VERDICT_NONE;
	put_oracle(&result, &expected);
	put_decision(compiled, &explanation->asked, &found);
	if (aeg_streq(aeg_buf_text(&expected), aeg_buf_text(&found)))
		return true;
	printf("# question: expected %s\n#           found    %s\n", aeg_buf_text(&expected),
	       aeg_buf_text(&found));
	return false;
}

/* Its decision is the tables', its rule the evaluator's, and its chain says that the rule matched. */
static bool explanation_agrees(struct compiled *compiled, const struct aeg_subject *subject,
			       const struct aeg_target *target, const struct aeg_decision *decision,
			       const struct oracle_result *expected)
{
	AEG_CLEANUP(aeg_explanation_done) struct aeg_explanation explanation = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	const struct aeg_step *step;
	struct aeg_question question = {
		.model = compiled->model,
		.tables = compiled->tables,
		.numbers = &compiled->numbers,
		.gen = &compiled->world->settings,
		.subject = subject,
		.target = target,
	};

	if (aeg_explain(&question, &explanation, &text) < 0)
		return false;
	aeg_explanation_text(&question, &explanation, &text);
	aeg_explanation_json(&question, &explanation, &text);
	if (!asked_agrees(compiled, subject, target, &explanation) ||
	    memcmp(&explanation.decision, decision, sizeof(*decision)) != 0 ||
	    explanation.rule != expected->main.rule ||
	    explanation.other_rule != expected->other.rule || explanation.tls != expected->main.tls)
		return false;
	step = step_of(&explanation, explanation.rule);
	return !explanation.rule || (step && step->matched);
}

static bool texts_agree(const struct compiled *compiled, const struct oracle_result *result,
			const struct aeg_decision *decision, struct aeg_buf *ret_difference)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf expected = {0}, found = {0};

	put_oracle(result, &expected);
	put_decision(compiled, decision, &found);
	if (aeg_streq(aeg_buf_text(&expected), aeg_buf_text(&found)))
		return true;
	aeg_buf_printf(ret_difference, "  expected  %s\n  found     %s\n", aeg_buf_text(&expected),
		       aeg_buf_text(&found));
	return false;
}

bool decision_agrees(const struct compiled *compiled, const struct world_subject *who,
		     const struct aeg_target *target, const struct aeg_decision *decision,
		     struct aeg_buf *ret_difference)
{
	struct aeg_subject subject = world_subject(compiled->model, who);
	struct oracle_result result = oracle_decide(compiled->model, &compiled->world->settings,
						    who->known ? &subject : NULL, target);

	return texts_agree(compiled, &result, decision, ret_difference);
}

bool triple_agrees(struct compiled *compiled, const struct world_subject *who,
		   const struct aeg_target *target, bool explain, unsigned int *ret_reason,
		   struct aeg_buf *ret_difference)
{
	struct aeg_subject named = world_subject(compiled->model, who);
	const struct aeg_subject *subject = who->known ? &named : NULL;
	struct aeg_decision decision;
	struct oracle_result result =
		oracle_decide(compiled->model, &compiled->world->settings, subject, target);

	compiled_decide(compiled, subject, target, &decision);
	*ret_reason = decision.reason;
	if (!texts_agree(compiled, &result, &decision, ret_difference))
		return false;
	if (!explain || explanation_agrees(compiled, subject, target, &decision, &result))
		return true;
	aeg_buf_puts(ret_difference, "  explain disagrees with tables and evaluator\n");
	return false;
}

void triple_describe(const struct world_subject *who, const struct aeg_target *target,
		     struct aeg_buf *ret)
{
	char addr[AEG_ADDR_TEXT];

	if (!who->known)
		aeg_buf_puts(ret, "unknown workload");
	else
		aeg_buf_printf(ret, "namespace %s, service account %s", who->ns,
			       who->service_account);
	for (size_t i = 0; who->known && i < who->labels.list.n; i++)
		aeg_buf_printf(ret, ", %s=%s", who->labels.list.items[i].key,
			       who->labels.list.items[i].value);
	aeg_addr_format(&target->addr, addr);
	aeg_buf_printf(ret, " -> %s port %u protocol %u", target->host ? target->host : addr,
		       target->port, target->proto);
}
