/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which workloads a policy selects. Namespace and service account are fields that Kubernetes vouches
 * for, never labels, which whoever makes a pod can choose (CVE-2023-41333, GO-2025-4167).
 */
#include "policy/model.h"

const char *aeg_labels_get(const struct aeg_labels *labels, const char *key)
{
	for (size_t i = 0; labels && i < labels->list.n; i++)
		if (aeg_streq(labels->list.items[i].key, key))
			return labels->list.items[i].value;
	return NULL;
}

static bool has_string(const struct aeg_strings *strings, const char *text)
{
	for (size_t i = 0; i < strings->list.n; i++)
		if (aeg_streq(strings->list.items[i], text))
			return true;
	return false;
}

/* value NULL: the key is absent, which NotIn and DoesNotExist accept. */
static bool requirement_accepts(const struct aeg_requirement *requirement, const char *value)
{
	switch (requirement->op) {
	case AEG_OP_IN:
		return value && has_string(&requirement->values, value);
	case AEG_OP_NOT_IN:
		return !value || !has_string(&requirement->values, value);
	case AEG_OP_EXISTS:
		return value;
	case AEG_OP_DOES_NOT_EXIST:
		return !value;
	}
	return false;
}

bool aeg_selector_matches(const struct aeg_selector *selector, const struct aeg_labels *labels)
{
	for (size_t i = 0; i < selector->requirements.n; i++) {
		const struct aeg_requirement *requirement = &selector->requirements.items[i];

		if (!requirement_accepts(requirement, aeg_labels_get(labels, requirement->key)))
			return false;
	}
	return true;
}

/* The API server sets the name label on every namespace; a document's labels cannot replace it. */
static bool namespace_matches(const struct aeg_selector *selector,
			      const struct aeg_subject *subject)
{
	for (size_t i = 0; i < selector->requirements.n; i++) {
		const struct aeg_requirement *requirement = &selector->requirements.items[i];
		const char *value = subject->ns;

		if (!aeg_streq(requirement->key, AEG_NAMESPACE_NAME_LABEL))
			value = aeg_labels_get(subject->namespace_labels, requirement->key);
		if (!requirement_accepts(requirement, value))
			return false;
	}
	return true;
}

static bool is_one_of(const struct aeg_strings *wanted, const char *text)
{
	return wanted->list.n == 0 || has_string(wanted, text);
}

bool aeg_policy_selects(const struct aeg_policy *policy, const struct aeg_subject *subject)
{
	const struct aeg_workload_selector *workloads = &policy->workloads;

	if (policy->ns && !aeg_streq(policy->ns, subject->ns))
		return false;
	if (workloads->all)
		return true;
	return is_one_of(&workloads->service_accounts, subject->service_account) &&
	       is_one_of(&workloads->namespaces, subject->ns) &&
	       aeg_selector_matches(&workloads->pods, subject->labels) &&
	       namespace_matches(&workloads->namespace_labels, subject);
}

/* Whether all requirements on the key accept the value. */
static bool key_accepts(const struct aeg_selector *selector, const char *key, const char *value)
{
	for (size_t i = 0; i < selector->requirements.n; i++) {
		const struct aeg_requirement *requirement = &selector->requirements.items[i];

		if (aeg_streq(requirement->key, key) && !requirement_accepts(requirement, value))
			return false;
	}
	return true;
}

static const struct aeg_requirement *find_op(const struct aeg_selector *selector, const char *key,
					     enum aeg_selector_op op)
{
	for (size_t i = 0; i < selector->requirements.n; i++)
		if (selector->requirements.items[i].op == op &&
		    aeg_streq(selector->requirements.items[i].key, key))
			return &selector->requirements.items[i];
	return NULL;
}

/* With an In, one of its values has to do; without, absence or any value that NotIn leaves over. */
static bool key_can_match(const struct aeg_selector *selector, const char *key)
{
	const struct aeg_requirement *in = find_op(selector, key, AEG_OP_IN);

	if (!in)
		return key_accepts(selector, key, NULL) ||
		       !find_op(selector, key, AEG_OP_DOES_NOT_EXIST);
	for (size_t i = 0; i < in->values.list.n; i++)
		if (key_accepts(selector, key, in->values.list.items[i]))
			return true;
	return false;
}

const char *aeg_selector_conflict(const struct aeg_selector *selector)
{
	for (size_t i = 0; i < selector->requirements.n; i++)
		if (!key_can_match(selector, selector->requirements.items[i].key))
			return selector->requirements.items[i].key;
	return NULL;
}
