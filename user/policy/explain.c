/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The answer to "may it, and why?": look up, decide as the kernel does, then put names to numbers.
 * Decides nothing by itself.
 */
#include "bpf/ask.h"
#include "bpf/special.h"
#include "bpf/verdict.h"
#include "policy/explainer.h"
#include "policy/pattern.h"

/* Offline, an address is only what the CIDRs say of it. */
static const char address_note[] =
	"the address may stand for names that the kernel learned, which only the daemon can tell";

static const char exempt_note[] =
	"this is the daemon's own pod, which no policy selects: one that did could cut it off from the "
	"API server that could take it back";

/* Who asks, compiled. */
struct asker {
	const struct aeg_question *question;
	struct aeg_ident row;
	const struct aeg_ident *ident; /* NULL: not a known workload */
};

static int make_asker(const struct aeg_question *question, struct asker *ret, struct aeg_buf *error)
{
	int err;

	*ret = (struct asker){.question = question};
	if (!question->subject)
		return 0;
	ret->ident = &ret->row;
	if (question->exempt)
		return 0;
	err = aeg_compile_profile(question->tables, question->subject, &ret->row.profile,
				  &ret->row.flags, error);
	if (err)
		return err;
	memcpy(ret->row.caps, question->tables->profiles.items[ret->row.profile].caps,
	       sizeof(ret->row.caps));
	return 0;
}

static uint8_t way_of(const struct aeg_question *question)
{
	const struct aeg_target *target = question->target;

	if (target->host)
		return AEG_WAY_OUT;
	if (aeg_loopback(target->addr.bytes))
		return AEG_WAY_LOOPBACK;
	if (target->port != AEG_PORT_DNS)
		return AEG_WAY_OUT;
	return question->resolver ? AEG_WAY_RESOLVER : AEG_WAY_OTHER_RESOLVER;
}

/*
 * What is decided for one destination; dest NULL: one that nothing covers. Returns whether an endpoint
 * or a rule has a say in it.
 */
static bool decide(const struct asker *asker, const struct aeg_dest *dest, struct aeg_decision *ret)
{
	const struct aeg_target *target = asker->question->target;
	struct aeg_facts facts = {
		.gen = asker->question->gen,
		.ident = asker->ident,
		.governed = dest && (dest->flags & AEG_DEST_GOVERNED),
		.proto = target->proto,
		.way = dest ? AEG_WAY_OUT : way_of(asker->question),
	};

	if (dest && asker->ident)
		facts.cell = aeg_tables_cell(asker->question->tables, asker->ident->profile,
					     dest->class, target->proto, target->port);
	aeg_decide(&facts, ret);
	return facts.governed || facts.cell;
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

/* ---- an address and what it was learned for ---- */

/*
 * As connect() does it: of all that have a say the most lenient goes on, the CIDR where it is as good,
 * else the first pattern. The ClientHello settles which was meant. by_cidr: the CIDR has a say.
 */
static const struct aeg_dest *decide_meant(const struct asker *asker, const struct aeg_dest *dest,
					   bool by_cidr, struct aeg_explanation *ret)
{
	const struct aeg_question *question = asker->question;
	unsigned int best = by_cidr ? ret->decision.verdict : AEG_VERDICT_MAX;

	for (size_t i = 0; i < question->learned->list.n; i++) {
		const char *pattern = question->learned->list.items[i];
		const struct aeg_dest *other = aeg_tables_pattern(question->tables, pattern);
		struct aeg_meant *meant;
		bool counts;

		if (!other)
			continue;
		meant = AEG_VEC_PUSH(ret->meant);
		meant->pattern = pattern;
		counts = decide(asker, other, &meant->decision);
		find_rule(question, meant->decision.rule, &meant->policy, &meant->rule);
		if (!counts || meant->decision.verdict >= best)
			continue;
		best = meant->decision.verdict;
		ret->decision = meant->decision;
		dest = other;
	}
	return dest;
}

static const struct aeg_dest *decide_target(const struct asker *asker, struct aeg_explanation *ret)
{
	const struct aeg_question *question = asker->question;
	const struct aeg_target *target = question->target;
	const struct aeg_dest *dest = target->host
					      ? aeg_tables_name(question->tables, target->host)
					      : aeg_tables_addr(question->tables, &target->addr);
	bool counts = decide(asker, dest, &ret->decision);

	if (!target->host && question->learned)
		return decide_meant(asker, dest, counts, ret);
	if (!target->host)
		ret->note = address_note;
	return dest;
}

/* Quarantine, and a layer that a policy requires and that is missing: only the living have that. */
static void decide_last(const struct asker *asker, struct aeg_explanation *ret)
{
	const struct aeg_question *question = asker->question;
	const struct aeg_target *target = question->target;
	struct aeg_ident ident = asker->row;

	if (!asker->ident || !question->lives)
		return;
	ident.flags |= question->standing;
	aeg_decide_last(&ident, !target->host && aeg_loopback(target->addr.bytes), &ret->decision);
}

/* What becomes of the question for that name; how often it was asked nobody knows here. */
static void decide_question(const struct asker *asker, const struct aeg_dest *dest,
			    struct aeg_explanation *ret)
{
	const struct aeg_question *question = asker->question;
	struct aeg_ask ask = {.ident = asker->ident};

	if (!question->target->host || !aeg_asks_judged(asker->ident))
		return;
	ask.name_len = (uint32_t)strlen(question->target->host);
	if (dest)
		ask.cell = aeg_tables_named(question->tables, asker->ident->profile, dest->class);
	aeg_decide_ask(&ask, &ret->asked);
	memcpy(ret->caps, asker->ident->caps, sizeof(ret->caps));
	find_rule(question, ret->asked.rule, &ret->asked_policy, &ret->asked_rule);
}

/* The hello is held against the demands of the rule that let the connection through. */
static void note_tls(const struct aeg_question *question, const char *pattern,
		     struct aeg_explanation *ret)
{
	const struct aeg_target *target = question->target;
	bool by_name = pattern && aeg_tables_pattern(question->tables, pattern);

	if (ret->decision.verdict != AEG_VERDICT_ALLOWED || !ret->decision.rule ||
	    target->proto != AEG_PROTO_TCP)
		return;
	ret->tls = ret->decision.tls;
	ret->tls_by_name = by_name && target->port == AEG_PORT_TLS;
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

/* pattern: the name that an address turned out to stand for; NULL: the target itself is meant. */
static const struct aeg_endpoint *find_endpoint(const struct aeg_question *question,
						const char *pattern)
{
	struct aeg_target target = *question->target;
	AEG_AUTO_FREE char *host = pattern ? aeg_xstrdup(pattern) : NULL;
	struct best best = {0};

	if (!target.host && pattern && aeg_tables_pattern(question->tables, pattern))
		target.host = host;
	for (size_t i = 0; i < question->model->endpoints.n; i++) {
		const struct aeg_endpoint *endpoint = question->model->endpoints.items[i];

		if (target.host)
			try_hosts(endpoint, &target, &best);
		else
			try_cidrs(endpoint, &target, &best);
	}
	return best.endpoint;
}

int aeg_explain(const struct aeg_question *question, struct aeg_explanation *ret,
		struct aeg_buf *error)
{
	struct aeg_explanation explanation = {0};
	const struct aeg_decision *decision = &explanation.decision;
	const struct aeg_dest *dest;
	struct asker asker;
	const char *pattern;
	int err = make_asker(question, &asker, error);

	if (err)
		return err;
	dest = decide_target(&asker, &explanation);
	decide_last(&asker, &explanation);
	pattern = dest ? aeg_numbers_text(question->numbers, dest->node) : NULL;
	note_tls(question, pattern, &explanation);
	decide_question(&asker, dest, &explanation);
	find_rule(question, decision->rule, &explanation.policy, &explanation.rule);
	find_rule(question, decision->other_rule, &explanation.other_policy,
		  &explanation.other_rule);
	explanation.endpoint = find_endpoint(question, pattern);
	explanation.pattern = pattern ? aeg_xstrdup(pattern) : NULL;
	if (question->exempt)
		explanation.note = exempt_note;
	else
		aeg_explain_chain(question, &explanation);
	*ret = explanation;
	return 0;
}

void aeg_explanation_done(struct aeg_explanation *explanation)
{
	for (size_t i = 0; i < explanation->chain.n; i++)
		free(explanation->chain.items[i].why);
	AEG_VEC_DONE(explanation->chain);
	AEG_VEC_DONE(explanation->meant);
	free(explanation->pattern);
	*explanation = (struct aeg_explanation){0};
}
