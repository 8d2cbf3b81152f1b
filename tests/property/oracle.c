/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* docs/policy-language.md as code, section by section. Slow, and meant to be read. */
#include "oracle.h"
#include "generate.h"

/* ---- workloads: "all conditions that are given must hold" ---- */

static const char *label(const struct aeg_labels *labels, const char *key)
{
	for (size_t i = 0; labels && i < labels->list.n; i++)
		if (strcmp(labels->list.items[i].key, key) == 0)
			return labels->list.items[i].value;
	return NULL;
}

static bool is_one_of(const struct aeg_strings *strings, const char *text)
{
	for (size_t i = 0; i < strings->list.n; i++)
		if (strcmp(strings->list.items[i], text) == 0)
			return true;
	return false;
}

static bool requirement_holds(const struct aeg_requirement *requirement, const char *value)
{
	switch (requirement->op) {
	case AEG_OP_IN:
		return value && is_one_of(&requirement->values, value);
	case AEG_OP_NOT_IN:
		return !value || !is_one_of(&requirement->values, value);
	case AEG_OP_EXISTS:
		return value != NULL;
	case AEG_OP_DOES_NOT_EXIST:
		return value == NULL;
	}
	abort();
}

static bool selected_by(const struct aeg_selector *selector, const struct aeg_labels *labels,
			const char *metadata_name)
{
	for (size_t i = 0; selector->present && i < selector->requirements.n; i++) {
		const struct aeg_requirement *requirement = &selector->requirements.items[i];
		const char *value = label(labels, requirement->key);

		if (metadata_name && strcmp(requirement->key, "kubernetes.io/metadata.name") == 0)
			value = metadata_name;
		if (!requirement_holds(requirement, value))
			return false;
	}
	return true;
}

static bool selects(const struct aeg_policy *policy, const struct aeg_subject *subject)
{
	const struct aeg_workload_selector *workloads = &policy->workloads;

	if (policy->ns && strcmp(policy->ns, subject->ns) != 0)
		return false;
	if (workloads->all)
		return true;
	if (workloads->service_accounts.list.n > 0 &&
	    !is_one_of(&workloads->service_accounts, subject->service_account))
		return false;
	if (workloads->namespaces.list.n > 0 && !is_one_of(&workloads->namespaces, subject->ns))
		return false;
	return selected_by(&workloads->pods, subject->labels, NULL) &&
	       selected_by(&workloads->namespace_labels, subject->namespace_labels, subject->ns);
}

/* ---- destinations ---- */

static bool bit(const struct aeg_addr *addr, unsigned int i)
{
	return addr->bytes[i / 8] >> (7 - i % 8) & 1;
}

static bool in_cidr(const struct aeg_cidr *cidr, const struct aeg_addr *addr)
{
	for (unsigned int i = 0; i < cidr->bits; i++)
		if (bit(&cidr->addr, i) != bit(addr, i))
			return false;
	return true;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

/* "*.x matches one or more labels in front of x" */
static bool pattern_matches(const char *pattern, const char *host)
{
	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, host) == 0;
	return strlen(host) > strlen(pattern + 1) && ends_with(host, pattern + 1);
}

static bool endpoint_covers(const struct aeg_endpoint *endpoint, const struct aeg_target *target)
{
	for (size_t i = 0; target->host && i < endpoint->hosts.n; i++)
		if (pattern_matches(endpoint->hosts.items[i].pattern, target->host))
			return true;
	for (size_t i = 0; !target->host && i < endpoint->cidrs.n; i++)
		if (in_cidr(&endpoint->cidrs.items[i].cidr, &target->addr))
			return true;
	return false;
}

static bool governed(const struct aeg_model *model, const struct aeg_target *target)
{
	for (size_t i = 0; i < model->endpoints.n; i++)
		if (endpoint_covers(model->endpoints.items[i], target))
			return true;
	return false;
}

/* The values that a rule gives for a label of the template; NULL: the label is fixed text. */
static const struct aeg_strings *choices_for(const struct aeg_to *to, const char *label_text)
{
	if (strcmp(label_text, "{id}") == 0)
		return &to->ids;
	if (strcmp(label_text, "{region}") == 0)
		return &to->regions;
	return strcmp(label_text, "{vendor}") == 0 ? &to->vendors : NULL;
}

/* Takes the last label off; what is left is in text, NULL: nothing was. */
static char *take_last_label(char *text)
{
	char *dot;

	if (!text || !*text)
		return NULL;
	dot = strrchr(text, '.');
	if (dot)
		*dot = '\0';
	return dot ? dot + 1 : text;
}

/*
 * Compares label by label from the right. What is left open is at the front of the template and
 * stands for one or more labels of the name, whatever number of placeholders it is.
 */
static bool template_matches(const struct aeg_to *to, const char *template_text, const char *name)
{
	AEG_AUTO_FREE char *template = aeg_xstrdup(template_text), *host = aeg_xstrdup(name);
	bool template_ends = false, host_ends = false;

	for (;;) {
		char *want, *have;
		const struct aeg_strings *choices;

		want = template_ends ? NULL : take_last_label(template);
		template_ends = template_ends || want == template;
		if (!want)
			return host_ends;
		choices = choices_for(to, want);
		if (choices && choices->list.n == 0)
			return !host_ends; /* open: at least one more label */
		have = host_ends ? NULL : take_last_label(host);
		host_ends = host_ends || have == host;
		if (!have || (choices ? !is_one_of(choices, have) : strcmp(want, have) != 0))
			return false;
	}
}

static const struct aeg_endpoint *endpoint_named(const struct aeg_model *model, const char *name)
{
	for (size_t i = 0; i < model->endpoints.n; i++)
		if (strcmp(model->endpoints.items[i]->name, name) == 0)
			return model->endpoints.items[i];
	abort(); /* unknown endpoints are refused when the model is checked */
}

/* ---- ports ---- */

static bool port_listed(const struct aeg_ports *ports, const struct aeg_target *target)
{
	for (size_t i = 0; i < ports->list.n; i++)
		if (ports->list.items[i].proto == target->proto &&
		    (ports->list.items[i].port == AEG_PORT_ANY ||
		     ports->list.items[i].port == target->port))
			return true;
	return false;
}

static bool port_fits(const struct aeg_rule *rule, const struct aeg_to *to, bool by_default,
		      const struct aeg_target *target)
{
	if (to->ports_given)
		return port_listed(&to->ports, target);
	return rule->deny || by_default; /* a deny rule without ports: every port and protocol */
}

/* ---- rules: "alternatives: one match is enough" ---- */

static bool endpoint_entry_matches(const struct aeg_model *model, const struct aeg_rule *rule,
				   const struct aeg_to *to, const struct aeg_target *target)
{
	const struct aeg_endpoint *endpoint = endpoint_named(model, to->endpoint);
	bool selecting = to->ids.list.n || to->regions.list.n || to->vendors.list.n;
	bool covered;

	if (!selecting)
		covered = endpoint_covers(endpoint, target);
	else
		covered = target->host && template_matches(to, endpoint->template, target->host);
	return covered && port_fits(rule, to, port_listed(&endpoint->ports, target), target);
}

static bool class_entry_matches(const struct aeg_model *model, const struct aeg_rule *rule,
				const struct aeg_to *to, const struct aeg_target *target)
{
	for (size_t i = 0; i < model->endpoints.n; i++) {
		const struct aeg_endpoint *endpoint = model->endpoints.items[i];
		const char *provider = label(&endpoint->labels, "provider");

		if (endpoint->class != to->class)
			continue;
		if (to->provider && (!provider || strcmp(provider, to->provider) != 0))
			continue;
		if (endpoint_covers(endpoint, target) &&
		    port_fits(rule, to, port_listed(&endpoint->ports, target), target))
			return true;
	}
	return false;
}

static bool entry_matches(const struct aeg_model *model, const struct aeg_rule *rule,
			  const struct aeg_to *to, const struct aeg_target *target)
{
	bool tcp = target->proto == AEG_PROTO_TCP;

	switch (to->kind) {
	case AEG_TO_ENDPOINT:
		return endpoint_entry_matches(model, rule, to, target);
	case AEG_TO_CLASS:
		return class_entry_matches(model, rule, to, target);
	case AEG_TO_HOST:
		return target->host && pattern_matches(to->host, target->host) &&
		       port_fits(rule, to, tcp && target->port == 443, target);
	case AEG_TO_CIDR:
		return !target->host && in_cidr(&to->cidr, &target->addr) &&
		       port_fits(rule, to, tcp, target);
	}
	abort();
}

/* "From that second on the rule allows nothing, as if it were not written"; times compare as text. */
static bool has_ended(const struct aeg_rule *rule)
{
	return rule->expires && strcmp(rule->expires, WORLD_NOW) <= 0;
}

static bool rule_matches(const struct aeg_model *model, const struct aeg_rule *rule,
			 const struct aeg_target *target)
{
	if (has_ended(rule))
		return false;
	for (size_t i = 0; i < rule->to.n; i++)
		if (entry_matches(model, rule, &rule->to.items[i], target))
			return true;
	return false;
}

/* ---- "How a connection is decided" ---- */

struct asked {
	const struct aeg_model *model;
	const struct aeg_gen *settings;
	const struct aeg_subject *subject;
	const struct aeg_target *target;
};

/* The first rule of that kind that matches, of the policies that select; auditing ones or not. */
static bool find_rule(const struct asked *asked, bool auditing, bool deny,
		      struct oracle_answer *ret)
{
	for (size_t i = 0; i < asked->model->policies.n; i++) {
		const struct aeg_policy *policy = asked->model->policies.items[i];

		if (policy->mode == AEG_MODE_AUDIT && !auditing)
			continue;
		if (!selects(policy, asked->subject))
			continue;
		for (size_t j = 0; j < policy->rules.n; j++) {
			const struct aeg_rule *rule = &policy->rules.items[j];

			if (rule->deny != deny || !rule_matches(asked->model, rule, asked->target))
				continue;
			ret->policy = policy;
			ret->rule = rule;
			return true;
		}
	}
	return false;
}

static bool policy_allows(const struct asked *asked, const struct aeg_policy *policy)
{
	for (size_t i = 0; i < policy->rules.n; i++)
		if (!policy->rules.items[i].deny &&
		    rule_matches(asked->model, &policy->rules.items[i], asked->target))
			return true;
	return false;
}

/* Section "TLS": of the policies whose allow rules match, what is said, and the strictest of it. */
static uint8_t tls_demands(const struct asked *asked, bool auditing)
{
	unsigned int version = 0, said_allow = 0, said_deny = 0, required = 0;

	for (size_t i = 0; i < asked->model->policies.n; i++) {
		const struct aeg_policy *policy = asked->model->policies.items[i];

		if ((policy->mode == AEG_MODE_AUDIT && !auditing) ||
		    !selects(policy, asked->subject) || !policy_allows(asked, policy))
			continue;
		if (policy->tls.min_version > version)
			version = policy->tls.min_version;
		required |= policy->tls.required;
		said_allow |= policy->tls.ech == AEG_ECH_ALLOW;
		said_deny |= policy->tls.ech == AEG_ECH_DENY;
	}
	return (uint8_t)(version | (required ? AEG_TLS_DEMAND : 0) |
			 (said_allow && !said_deny ? AEG_TLS_ECH_ALLOW : 0));
}

static bool isolated(const struct asked *asked, bool auditing)
{
	for (size_t i = 0; i < asked->model->policies.n; i++) {
		const struct aeg_policy *policy = asked->model->policies.items[i];

		if (policy->has_allow && (auditing || policy->mode == AEG_MODE_ENFORCE) &&
		    selects(policy, asked->subject))
			return true;
	}
	return false;
}

/* "some policy that isolates it says containment: Strict" */
static bool contained(const struct asked *asked, bool auditing)
{
	for (size_t i = 0; i < asked->model->policies.n; i++) {
		const struct aeg_policy *policy = asked->model->policies.items[i];

		if (policy->has_allow && policy->containment == AEG_STRICT &&
		    (auditing || policy->mode == AEG_MODE_ENFORCE) &&
		    selects(policy, asked->subject))
			return true;
	}
	return false;
}

static enum aeg_reason why_nothing_allows(uint8_t proto)
{
	if (proto == AEG_PROTO_TCP)
		return AEG_REASON_NO_RULE;
	return proto == AEG_PROTO_UDP ? AEG_REASON_UDP : AEG_REASON_PROTOCOL;
}

static struct oracle_answer ask(const struct asked *asked, bool auditing)
{
	struct oracle_answer answer = {0};

	if (find_rule(asked, auditing, true, &answer)) {
		answer.verdict = AEG_VERDICT_DENIED;
		answer.reason = AEG_REASON_DENY_RULE;
	} else if (find_rule(asked, auditing, false, &answer)) {
		answer.verdict = AEG_VERDICT_ALLOWED;
		answer.reason = AEG_REASON_RULE;
		if (asked->target->proto == AEG_PROTO_TCP)
			answer.tls = tls_demands(asked, auditing);
	} else if (!governed(asked->model, asked->target) && contained(asked, auditing)) {
		answer.verdict = AEG_VERDICT_DENIED; /* no world has a resolver or loopback */
		answer.reason = AEG_REASON_STRICT;
	} else if (!governed(asked->model, asked->target)) {
		answer.verdict = AEG_VERDICT_ALLOWED;
		answer.reason = AEG_REASON_NOT_GOVERNED;
	} else if (isolated(asked, auditing)) {
		answer.verdict = AEG_VERDICT_DENIED;
		answer.reason = why_nothing_allows(asked->target->proto);
	} else if (isolated(asked, true)) { /* "only auditing policies isolate: allowed" */
		answer.verdict = AEG_VERDICT_ALLOWED;
		answer.reason = AEG_REASON_UNSELECTED;
	} else {
		answer.verdict = asked->settings->unselected;
		answer.reason = AEG_REASON_UNSELECTED;
	}
	return answer;
}

static bool differ(const struct oracle_answer *a, const struct oracle_answer *b)
{
	return a->verdict != b->verdict || a->reason != b->reason || a->rule != b->rule;
}

/* The table of section "Modes". */
static struct oracle_result both(struct oracle_answer enforced, struct oracle_answer all)
{
	struct oracle_result result = {.main = enforced, .other = all};

	if (enforced.verdict != AEG_VERDICT_DENIED && all.verdict == AEG_VERDICT_DENIED) {
		all.verdict = AEG_VERDICT_AUDITED;
		result = (struct oracle_result){.main = all, .other = enforced, .audit = true};
	} else if (enforced.verdict != AEG_VERDICT_DENIED && !enforced.rule && all.rule) {
		result = (struct oracle_result){.main = all, .other = enforced, .audit = true};
	} else {
		result.audit = enforced.verdict == AEG_VERDICT_AUDITED;
	}
	if (!differ(&result.main, &result.other))
		result.other = (struct oracle_answer){.verdict = AEG_VERDICT_NONE};
	return result;
}

/* ---- section "What may be asked of resolvers" ---- */

/* The policies whose `dns` holds for the workload; of the enforcing ones or of all. */
static bool asks_policy(const struct asked *asked, bool auditing, size_t i)
{
	const struct aeg_policy *policy = asked->model->policies.items[i];

	return policy->containment == AEG_STRICT &&
	       (auditing || policy->mode == AEG_MODE_ENFORCE) && selects(policy, asked->subject);
}

/* An allow rule, and no deny rule takes the port away; or a deny rule that touches the host at all. */
static bool leads_there(const struct asked *asked, bool auditing, const struct aeg_rule *rule)
{
	struct aeg_target target = *asked->target;
	struct asked there = *asked;
	struct oracle_answer ignored;

	there.target = &target;
	/* The ports that worlds name, and last one that none does. */
	for (size_t i = 0; i <= 2 * world_nports + 1; i++) {
		target.port = i / 2 < world_nports ? world_ports[i / 2] : 9;
		target.proto = i % 2 ? AEG_PROTO_TCP : AEG_PROTO_UDP;
		if (rule_matches(asked->model, rule, &target) &&
		    (rule->deny || !find_rule(&there, auditing, true, &ignored)))
			return true;
	}
	return false;
}

static bool find_name(const struct asked *asked, bool auditing, bool deny,
		      struct oracle_answer *ret)
{
	for (size_t i = 0; i < asked->model->policies.n; i++) {
		const struct aeg_policy *policy = asked->model->policies.items[i];

		if ((policy->mode == AEG_MODE_AUDIT && !auditing) ||
		    !selects(policy, asked->subject))
			continue;
		for (size_t j = 0; j < policy->rules.n; j++) {
			const struct aeg_rule *rule = &policy->rules.items[j];

			if (rule->deny != deny || !leads_there(asked, auditing, rule))
				continue;
			ret->policy = policy;
			ret->rule = rule;
			return true;
		}
	}
	return false;
}

static struct oracle_answer ask_name(const struct asked *asked, bool auditing)
{
	struct oracle_answer answer = {.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_DNS};
	bool names = false;
	size_t longest = 253;

	for (size_t i = 0; i < asked->model->policies.n; i++) {
		const struct aeg_dns *dns = &asked->model->policies.items[i]->dns;

		if (!asks_policy(asked, auditing, i))
			continue;
		names |= dns->allowed_names;
		if (dns->caps.name_len && dns->caps.name_len < longest)
			longest = dns->caps.name_len;
	}
	if (names && !find_name(asked, auditing, false, &answer)) {
		find_name(asked, auditing, true, &answer);
		answer.verdict = AEG_VERDICT_DENIED;
		answer.reason = AEG_REASON_DNS_NAME;
	} else if (strlen(asked->target->host) > longest) {
		answer = (struct oracle_answer){.verdict = AEG_VERDICT_DENIED,
						.reason = AEG_REASON_DNS_SIZE};
	} else if (names) {
		answer.reason = AEG_REASON_RULE;
	}
	return answer;
}

struct oracle_result oracle_ask(const struct aeg_model *model, const struct aeg_subject *subject,
				const struct aeg_target *target)
{
	struct asked asked = {.model = model, .subject = subject, .target = target};

	for (size_t i = 0; i < model->policies.n; i++) {
		const struct aeg_dns *dns = &model->policies.items[i]->dns;

		if (asks_policy(&asked, true, i) &&
		    (dns->allowed_names || dns->caps.questions || dns->caps.name_len))
			return both(ask_name(&asked, false), ask_name(&asked, true));
	}
	return (struct oracle_result){.main = {.verdict = AEG_VERDICT_NONE}};
}

struct oracle_result oracle_decide(const struct aeg_model *model, const struct aeg_gen *settings,
				   const struct aeg_subject *subject,
				   const struct aeg_target *target)
{
	struct asked asked = {
		.model = model, .settings = settings, .subject = subject, .target = target};
	struct oracle_result result = {0};

	if (subject)
		return both(ask(&asked, false), ask(&asked, true));
	result.main.verdict = AEG_VERDICT_ALLOWED;
	result.main.reason = AEG_REASON_NOT_GOVERNED;
	if (governed(model, target)) {
		result.main.verdict = settings->unknown;
		result.main.reason = AEG_REASON_UNKNOWN_WORKLOAD;
	}
	result.audit = result.main.verdict == AEG_VERDICT_AUDITED;
	return result;
}
