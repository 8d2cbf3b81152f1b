/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The explanation for people: the verdict, who and where, what decided, every rule, a way out. */
#include "policy/explainer.h"

static void put_place(struct aeg_pos pos, struct aeg_buf *ret)
{
	if (pos.file)
		aeg_buf_printf(ret, "  (%s:%u)", pos.file, pos.line);
}

static void put_workload(const struct aeg_question *question, struct aeg_buf *ret)
{
	const struct aeg_subject *subject = question->subject;

	aeg_buf_puts(ret, "  workload     ");
	if (!subject) {
		aeg_buf_puts(ret, "not known\n");
		return;
	}
	if (question->workload_name)
		aeg_buf_puts(ret, question->workload_name);
	else
		aeg_buf_printf(ret, "any in namespace %s", subject->ns);
	aeg_buf_printf(ret, ", service account %s", subject->service_account);
	for (size_t i = 0; subject->labels && i < subject->labels->list.n; i++)
		aeg_buf_printf(ret, ", %s=%s", subject->labels->list.items[i].key,
			       subject->labels->list.items[i].value);
	aeg_buf_putc(ret, '\n');
}

static void put_destination(const struct aeg_question *question,
			    const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	const struct aeg_endpoint *endpoint = explanation->endpoint;

	aeg_buf_puts(ret, "  destination  ");
	aeg_describe_target(question->target, ret);
	aeg_buf_puts(ret, ", port ");
	aeg_describe_port(question->target->port, question->target->proto, ret);
	aeg_buf_puts(ret, "\n  endpoint     ");
	if (!endpoint)
		aeg_buf_puts(ret, "none: not an AI endpoint");
	else
		aeg_buf_printf(ret, "%s, class %s", endpoint->name,
			       aeg_class_names[endpoint->class]);
	if (endpoint && endpoint->region)
		aeg_buf_printf(ret, ", region %s", endpoint->region);
	if (endpoint && endpoint->vendor)
		aeg_buf_printf(ret, ", vendor %s", endpoint->vendor);
	if (explanation->pattern)
		aeg_buf_printf(ret, ", found as %s", explanation->pattern);
	aeg_buf_putc(ret, '\n');
}

static void put_decider(const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	if (!explanation->policy)
		return;
	aeg_buf_puts(ret, "  policy       ");
	aeg_describe_policy(explanation->policy, ret);
	if (explanation->policy->mode == AEG_MODE_AUDIT)
		aeg_buf_puts(ret, ", which only audits");
	aeg_buf_printf(ret, "\n  rule         %s %s", explanation->rule->deny ? "deny" : "allow",
		       explanation->rule->name);
	if (explanation->rule->expires)
		aeg_buf_printf(ret, ", until %s", explanation->rule->expires);
	put_place(explanation->rule->pos, ret);
	aeg_buf_putc(ret, '\n');
}

static void put_meant(const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	for (size_t i = 0; i < explanation->meant.n; i++) {
		const struct aeg_meant *meant = &explanation->meant.items[i];

		aeg_buf_printf(ret, "  %s  %s: %s, %s", i ? "          " : "learned for",
			       meant->pattern, aeg_verdict_word(meant->decision.verdict),
			       aeg_reason_word(meant->decision.reason));
		if (meant->rule)
			aeg_buf_printf(ret, " %s", meant->rule->name);
		aeg_buf_putc(ret, '\n');
	}
}

/* What the ClientHello will be held against, once connect() was allowed. */
static void put_tls(const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	const char *version = aeg_tls_version_word(explanation->tls);
	bool demanded = explanation->tls & AEG_TLS_DEMAND || explanation->tls_by_name;

	if (!demanded && !explanation->tls)
		return;
	aeg_buf_printf(ret, "  TLS          %s", demanded ? "demanded" : "if it is spoken");
	if (explanation->tls_by_name)
		aeg_buf_puts(ret, ", with a server name that is allowed");
	if (version)
		aeg_buf_printf(ret, ", at least %s", version);
	aeg_buf_puts(ret, explanation->tls & AEG_TLS_ECH_ALLOW ? ", ECH allowed\n" : ", no ECH\n");
}

/* What the question for the name meets, before there is an address to connect to. */
static void put_asked(const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	const struct aeg_decision *asked = &explanation->asked;
	const struct aeg_dns_caps *caps = &explanation->caps[asked->mode == AEG_MODE_AUDIT];

	if (asked->verdict == AEG_VERDICT_NONE)
		return;
	aeg_buf_printf(ret, "  DNS          %s, %s", aeg_verdict_word(asked->verdict),
		       aeg_reason_word(asked->reason));
	if (explanation->asked_rule) {
		aeg_buf_puts(ret, ": ");
		aeg_describe_policy(explanation->asked_policy, ret);
		aeg_buf_printf(ret, ", rule %s", explanation->asked_rule->name);
		put_place(explanation->asked_rule->pos, ret);
	}
	if (caps->questions)
		aeg_buf_printf(ret, "; up to %u questions %s", caps->questions,
			       caps->seconds == 1 ? "a second" : "a minute");
	aeg_buf_putc(ret, '\n');
}

/* Beside the decision: what auditing policies would do, or what enforcing ones do meanwhile. */
static void put_other(const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	const struct aeg_decision *decision = &explanation->decision;
	bool main_is_enforced = decision->mode == AEG_MODE_ENFORCE;

	if (decision->other_verdict == AEG_VERDICT_NONE)
		return;
	aeg_buf_printf(ret, "  %s  %s, %s", main_is_enforced ? "with audits" : "enforced   ",
		       aeg_verdict_word(decision->other_verdict),
		       aeg_reason_word(decision->other_reason));
	if (explanation->other_policy) {
		aeg_buf_puts(ret, ": ");
		aeg_describe_policy(explanation->other_policy, ret);
		aeg_buf_printf(ret, ", rule %s", explanation->other_rule->name);
		put_place(explanation->other_rule->pos, ret);
	}
	aeg_buf_putc(ret, '\n');
}

static void put_step(const struct aeg_step *step, struct aeg_buf *ret)
{
	aeg_buf_printf(ret, "  %c ", step->matched ? '+' : '-');
	aeg_describe_policy(step->policy, ret);
	if (step->policy->mode == AEG_MODE_AUDIT)
		aeg_buf_puts(ret, " [audit]");
	if (step->rule)
		aeg_buf_printf(ret, " %s %s", step->rule->deny ? "deny" : "allow",
			       step->rule->name);
	aeg_buf_printf(ret, ": %s", step->why);
	put_place(step->rule ? step->rule->pos : step->policy->pos, ret);
	aeg_buf_putc(ret, '\n');
}

static void put_chain(const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	if (explanation->chain.n == 0)
		return;
	aeg_buf_puts(ret, "\nRules considered, in order (+ matches):\n");
	for (size_t i = 0; i < explanation->chain.n; i++)
		put_step(&explanation->chain.items[i], ret);
}

/* ---- a way out ---- */

/* What an allow rule would have to name. */
static void put_wanted(const struct aeg_question *question,
		       const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	const struct aeg_target *target = question->target;
	const struct aeg_endpoint *endpoint = explanation->endpoint;

	aeg_buf_puts(ret, "{");
	if (endpoint)
		aeg_buf_printf(ret, "endpoint: %s", endpoint->name);
	else
		aeg_buf_puts(ret, target->host ? "host: " : "cidr: ");
	if (!endpoint)
		aeg_describe_target(target, ret);
	if (!endpoint || !aeg_ports_contain(&endpoint->ports, target->port, target->proto)) {
		aeg_buf_puts(ret, ", ports: [");
		aeg_describe_port(target->port, target->proto, ret);
		aeg_buf_puts(ret, "]");
	}
	aeg_buf_puts(ret, "}");
}

static const struct aeg_policy *first_isolating(const struct aeg_question *question,
						enum aeg_mode mode)
{
	for (size_t i = 0; i < question->model->policies.n; i++) {
		const struct aeg_policy *policy = question->model->policies.items[i];

		if (policy->has_allow && policy->mode == mode &&
		    aeg_policy_selects(policy, question->subject))
			return policy;
	}
	return NULL;
}

static void hint_expired(const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	for (size_t i = 0; i < explanation->chain.n; i++) {
		const struct aeg_step *step = &explanation->chain.items[i];

		if (!step->expired)
			continue;
		aeg_buf_printf(
			ret,
			",\n  or a later time in the `expires` of rule %s, which expired at %s",
			step->rule->name, step->rule->expires);
		put_place(step->rule->expires_pos, ret);
		return;
	}
}

static void hint_no_rule(const struct aeg_question *question,
			 const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	const struct aeg_policy *policy = first_isolating(
		question, explanation->decision.verdict == AEG_VERDICT_DENIED ? AEG_MODE_ENFORCE
									      : AEG_MODE_AUDIT);

	if (!policy)
		return;
	aeg_buf_puts(ret, "an allow rule of ");
	aeg_describe_policy(policy, ret);
	aeg_buf_puts(ret, " with `to: [");
	put_wanted(question, explanation, ret);
	aeg_buf_puts(ret, "]`");
	for (size_t i = 0; i < explanation->chain.n; i++) {
		const struct aeg_step *step = &explanation->chain.items[i];

		if (step->wrong_port && !step->rule->deny) {
			aeg_buf_printf(ret, ",\n  or that port in the `ports` of rule %s",
				       step->rule->name);
			put_place(step->rule->pos, ret);
			break;
		}
	}
	hint_expired(explanation, ret);
}

static void hint_deny_rule(const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	if (!explanation->policy)
		return;
	aeg_buf_puts(ret, "deny wins over every allow rule: narrow or remove rule ");
	aeg_buf_puts(ret, explanation->rule->name);
	aeg_buf_puts(ret, " of ");
	aeg_describe_policy(explanation->policy, ret);
	put_place(explanation->rule->pos, ret);
}

static void put_hint(const struct aeg_question *question, const struct aeg_explanation *explanation,
		     struct aeg_buf *ret)
{
	if (explanation->decision.verdict == AEG_VERDICT_ALLOWED)
		return;
	aeg_buf_puts(ret, "\nWhat would change this:\n  ");
	switch (explanation->decision.reason) {
	case AEG_REASON_NO_RULE:
	case AEG_REASON_UDP:
	case AEG_REASON_PROTOCOL:
	case AEG_REASON_STRICT:
		hint_no_rule(question, explanation, ret);
		break;
	case AEG_REASON_DENY_RULE:
		hint_deny_rule(explanation, ret);
		break;
	case AEG_REASON_UNSELECTED:
		if (question->exempt) {
			aeg_buf_puts(ret, "`defaults.unselected` of the daemon's configuration");
			break;
		}
		aeg_buf_puts(
			ret,
			"a policy that selects the workload and has an allow list with `to: [");
		put_wanted(question, explanation, ret);
		aeg_buf_puts(ret, "]`,\n  or `defaults.unselected` of the daemon's configuration");
		break;
	case AEG_REASON_RESOLVER:
		aeg_buf_puts(ret, "asking a name server of `dns.resolvers`, or an allow rule for "
				  "this one's address");
		break;
	case AEG_REASON_UNKNOWN_WORKLOAD:
		aeg_buf_puts(ret, "a Workload document that names the process's cgroup,\n"
				  "  or `defaults.unknown` of the daemon's configuration");
		break;
	case AEG_REASON_QUARANTINED:
		aeg_buf_puts(ret,
			     "`aegress release` of the workload: no policy opens a quarantine");
		break;
	case AEG_REASON_LAYER:
		aeg_buf_puts(
			ret,
			"what `aegress get workloads` says is missing under LAYERS: a policy, or "
			"`tc: require`,\n  demands that TC sees the workload");
		break;
	default:
		break;
	}
	aeg_buf_putc(ret, '\n');
}

void aeg_explanation_text(const struct aeg_question *question,
			  const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	const struct aeg_decision *decision = &explanation->decision;

	aeg_buf_printf(ret, "%s  %s: %s\n", aeg_verdict_word(decision->verdict),
		       aeg_reason_word(decision->reason), aeg_reason_sentence(decision->reason));
	put_workload(question, ret);
	put_destination(question, explanation, ret);
	put_decider(explanation, ret);
	put_meant(explanation, ret);
	put_tls(explanation, ret);
	put_asked(explanation, ret);
	put_other(explanation, ret);
	if (explanation->note)
		aeg_buf_printf(ret, "  note         %s\n", explanation->note);
	put_chain(explanation, ret);
	put_hint(question, explanation, ret);
}
