/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules that end. Nothing here reads a clock: whoever asks says what time it is. */
#include "policy/expiry.h"

typedef void rule_fn(void *arg, const struct aeg_policy *policy, struct aeg_rule *rule);

static void each_ending(const struct aeg_model *model, rule_fn *fn, void *arg)
{
	for (size_t i = 0; i < model->policies.n; i++) {
		struct aeg_policy *policy = model->policies.items[i];

		for (size_t j = 0; j < policy->rules.n; j++)
			if (policy->rules.items[j].expires)
				fn(arg, policy, &policy->rules.items[j]);
	}
}

static void expire(void *arg, const struct aeg_policy *policy, struct aeg_rule *rule)
{
	const uint64_t *now_s = arg;

	rule->expired |= rule->expires_s <= *now_s;
}

void aeg_model_expire(struct aeg_model *model, uint64_t now_s)
{
	each_ending(model, expire, &now_s);
}

static void find_next(void *arg, const struct aeg_policy *policy, struct aeg_rule *rule)
{
	uint64_t *next = arg;

	if (!rule->expired && rule->expires_s < *next)
		*next = rule->expires_s;
}

uint64_t aeg_model_next_expiry(const struct aeg_model *model)
{
	uint64_t next = AEG_EXPIRY_NEVER;

	each_ending(model, find_next, &next);
	return next;
}

static void count_expired(void *arg, const struct aeg_policy *policy, struct aeg_rule *rule)
{
	size_t *n = arg;

	*n += rule->expired;
}

size_t aeg_model_expired(const struct aeg_model *model)
{
	size_t n = 0;

	each_ending(model, count_expired, &n);
	return n;
}

struct naming {
	size_t left;
	aeg_label_fn *fn;
	void *arg;
};

static void name_expired(void *arg, const struct aeg_policy *policy, struct aeg_rule *rule)
{
	struct naming *naming = arg;
	AEG_AUTO_FREE char *label = NULL;

	if (!rule->expired || !naming->left)
		return;
	label = aeg_rule_label(policy, rule);
	naming->fn(naming->arg, label);
	naming->left--;
}

void aeg_model_each_expired(const struct aeg_model *model, size_t most, aeg_label_fn *fn, void *arg)
{
	struct naming naming = {.left = most, .fn = fn, .arg = arg};

	each_ending(model, name_expired, &naming);
}

static uint64_t count_rules(const struct aeg_policy *policy, bool deny)
{
	uint64_t n = 0;

	for (size_t i = 0; i < policy->rules.n; i++)
		n += policy->rules.items[i].deny == deny;
	return n;
}

void aeg_policy_rules_json(const struct aeg_policy *policy, struct aeg_json *json)
{
	aeg_json_u64(json, "allow", count_rules(policy, false));
	aeg_json_u64(json, "deny", count_rules(policy, true));
	aeg_json_array(json, "expires");
	for (size_t i = 0; i < policy->rules.n; i++) {
		const struct aeg_rule *rule = &policy->rules.items[i];

		if (!rule->expires)
			continue;
		aeg_json_object(json, NULL);
		aeg_json_str(json, "rule", rule->name);
		aeg_json_str(json, "at", rule->expires);
		aeg_json_bool(json, "expired", rule->expired);
		aeg_json_object_end(json);
	}
	aeg_json_array_end(json);
}
