/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The explanation with the keys of the flow record: scripts read both the same way. */
#include "policy/explainer.h"

static void put_policy(struct aeg_json *json, const char *key, const struct aeg_policy *policy)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	if (!policy)
		return;
	aeg_describe_policy(policy, &text);
	aeg_json_str(json, key, aeg_buf_text(&text));
}

static void put_workload(struct aeg_json *json, const struct aeg_question *question)
{
	const struct aeg_subject *subject = question->subject;
	const char *slash = question->workload_name ? strchr(question->workload_name, '/') : NULL;

	if (!subject)
		return;
	aeg_json_object(json, "workload");
	aeg_json_str(json, "namespace", subject->ns);
	aeg_json_str(json, "name", slash ? slash + 1 : question->workload_name);
	aeg_json_str(json, "serviceAccount", subject->service_account);
	aeg_json_object(json, "labels");
	for (size_t i = 0; subject->labels && i < subject->labels->list.n; i++)
		aeg_json_str(json, subject->labels->list.items[i].key,
			     subject->labels->list.items[i].value);
	aeg_json_object_end(json);
	aeg_json_object_end(json);
}

static void put_destination(struct aeg_json *json, const struct aeg_question *question,
			    const struct aeg_explanation *explanation)
{
	const struct aeg_target *target = question->target;
	const struct aeg_endpoint *endpoint = explanation->endpoint;
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	aeg_describe_target(target, &text);
	aeg_json_object(json, "destination");
	aeg_json_str(json, target->host ? "name" : "ip", aeg_buf_text(&text));
	aeg_json_u64(json, "port", target->port);
	aeg_json_str(json, "protocol", aeg_proto_word(target->proto));
	if (endpoint) {
		aeg_json_str(json, "endpoint", endpoint->name);
		aeg_json_str(json, "class", aeg_class_names[endpoint->class]);
		aeg_json_str(json, "region", endpoint->region);
		aeg_json_str(json, "vendor", endpoint->vendor);
	}
	aeg_json_str(json, "pattern", explanation->pattern);
	aeg_json_object_end(json);
}

/* What each name that the address was learned for would be answered, once it is named. */
static void put_meant(struct aeg_json *json, const struct aeg_explanation *explanation)
{
	if (explanation->meant.n == 0)
		return;
	aeg_json_array(json, "learned");
	for (size_t i = 0; i < explanation->meant.n; i++) {
		const struct aeg_meant *meant = &explanation->meant.items[i];

		aeg_json_object(json, NULL);
		aeg_json_str(json, "pattern", meant->pattern);
		aeg_json_str(json, "verdict", aeg_verdict_word(meant->decision.verdict));
		aeg_json_str(json, "reason", aeg_reason_word(meant->decision.reason));
		put_policy(json, "policy", meant->policy);
		aeg_json_str(json, "rule", meant->rule ? meant->rule->name : NULL);
		aeg_json_object_end(json);
	}
	aeg_json_array_end(json);
}

static void put_tls(struct aeg_json *json, const struct aeg_explanation *explanation)
{
	bool demanded = explanation->tls & AEG_TLS_DEMAND || explanation->tls_by_name;

	if (!demanded && !explanation->tls)
		return;
	aeg_json_object(json, "tls");
	aeg_json_bool(json, "required", demanded);
	aeg_json_str(json, "minVersion", aeg_tls_version_word(explanation->tls));
	aeg_json_str(json, "ech", explanation->tls & AEG_TLS_ECH_ALLOW ? "Allow" : "Deny");
	aeg_json_object_end(json);
}

static void put_asked(struct aeg_json *json, const struct aeg_explanation *explanation)
{
	const struct aeg_decision *asked = &explanation->asked;
	const struct aeg_dns_caps *caps = &explanation->caps[asked->mode == AEG_MODE_AUDIT];

	if (asked->verdict == AEG_VERDICT_NONE)
		return;
	aeg_json_object(json, "dns");
	aeg_json_str(json, "verdict", aeg_verdict_word(asked->verdict));
	aeg_json_str(json, "reason", aeg_reason_word(asked->reason));
	put_policy(json, "policy", explanation->asked_policy);
	aeg_json_str(json, "rule", explanation->asked_rule ? explanation->asked_rule->name : NULL);
	if (caps->questions)
		aeg_json_u64(json, caps->seconds == 1 ? "perSecond" : "perMinute", caps->questions);
	aeg_json_object_end(json);
}

static void put_other(struct aeg_json *json, const struct aeg_explanation *explanation)
{
	if (explanation->decision.other_verdict == AEG_VERDICT_NONE)
		return;
	aeg_json_object(json, "other");
	aeg_json_str(json, "verdict", aeg_verdict_word(explanation->decision.other_verdict));
	aeg_json_str(json, "reason", aeg_reason_word(explanation->decision.other_reason));
	put_policy(json, "policy", explanation->other_policy);
	aeg_json_str(json, "rule", explanation->other_rule ? explanation->other_rule->name : NULL);
	aeg_json_object_end(json);
}

static void put_step(struct aeg_json *json, const struct aeg_step *step)
{
	struct aeg_pos pos = step->rule ? step->rule->pos : step->policy->pos;

	aeg_json_object(json, NULL);
	put_policy(json, "policy", step->policy);
	if (step->rule) {
		aeg_json_str(json, "rule", step->rule->name);
		aeg_json_str(json, "action", step->rule->deny ? "deny" : "allow");
		aeg_json_str(json, "expires", step->rule->expires);
		if (step->rule->expires)
			aeg_json_bool(json, "expired", step->rule->expired);
	}
	aeg_json_str(json, "mode", aeg_mode_word(step->policy->mode));
	aeg_json_bool(json, "matched", step->matched);
	aeg_json_str(json, "why", step->why);
	aeg_json_str(json, "file", pos.file);
	aeg_json_u64(json, "line", pos.line);
	aeg_json_object_end(json);
}

void aeg_explanation_json(const struct aeg_question *question,
			  const struct aeg_explanation *explanation, struct aeg_buf *ret)
{
	struct aeg_json json;

	aeg_json_begin(&json, ret);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "verdict", aeg_verdict_word(explanation->decision.verdict));
	aeg_json_str(&json, "reason", aeg_reason_word(explanation->decision.reason));
	aeg_json_str(&json, "mode", aeg_mode_word(explanation->decision.mode));
	put_policy(&json, "policy", explanation->policy);
	aeg_json_str(&json, "rule", explanation->rule ? explanation->rule->name : NULL);
	put_workload(&json, question);
	put_destination(&json, question, explanation);
	put_meant(&json, explanation);
	put_tls(&json, explanation);
	put_asked(&json, explanation);
	put_other(&json, explanation);
	aeg_json_str(&json, "note", explanation->note);
	aeg_json_array(&json, "chain");
	for (size_t i = 0; i < explanation->chain.n; i++)
		put_step(&json, &explanation->chain.items[i]);
	aeg_json_array_end(&json);
	aeg_json_object_end(&json);
}
