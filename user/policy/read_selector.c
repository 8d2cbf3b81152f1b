/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * spec.workloads of a policy. What would select everybody by accident is refused: an empty selector,
 * a list without entries, a key that nobody knows.
 */
#include "policy/read.h"

#define ALL_HINT "write 'all: true' to select every workload"

/* Matching tries every requirement on every workload; nobody writes so many by hand. */
#define REQUIREMENTS_MAX 64
#define VALUES_MAX 256

static const char *const operators[] = {
	[AEG_OP_IN] = "In",
	[AEG_OP_NOT_IN] = "NotIn",
	[AEG_OP_EXISTS] = "Exists",
	[AEG_OP_DOES_NOT_EXIST] = "DoesNotExist",
	NULL,
};

/* ---- podSelector, namespaceSelector ---- */

static void read_match_labels(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_selector *selector = target;
	struct aeg_labels labels = {0};

	if (value->type == AEG_NODE_MAP && value->items.n == 0)
		aeg_error_at(diags, value->parent->pos,
			     "empty selector: 'matchLabels' has no labels");
	aeg_read_labels(&labels, value, diags);
	for (size_t i = 0; i < labels.list.n; i++) {
		struct aeg_requirement *requirement = AEG_VEC_PUSH(selector->requirements);

		requirement->op = AEG_OP_IN;
		requirement->key = AEG_TAKE_PTR(labels.list.items[i].key);
		*AEG_VEC_PUSH(requirement->values.list) = AEG_TAKE_PTR(labels.list.items[i].value);
	}
	aeg_labels_done(&labels);
}

static void read_key(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_requirement *requirement = target;

	aeg_read_word(&requirement->key, AEG_WORD_LABEL_KEY, value, diags);
}

static void read_operator(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_requirement *requirement = target;
	int op = aeg_read_choice(operators, value, diags);

	if (op >= 0)
		requirement->op = (enum aeg_selector_op)op;
}

static void read_values(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_requirement *requirement = target;

	if (value->type == AEG_NODE_LIST && value->items.n > VALUES_MAX)
		aeg_error_at(diags, value->pos, "too many values: at most %d", VALUES_MAX);
	else
		aeg_read_words(&requirement->values, AEG_WORD_LABEL_VALUE, value, diags);
}

static const struct aeg_field requirement_fields[] = {
	{.key = "key", .read = read_key, .required = true},
	{.key = "operator", .read = read_operator, .required = true},
	{.key = "values", .read = read_values},
	{0},
};

static void read_requirement(struct aeg_selector *selector, const struct aeg_node *value,
			     struct aeg_diags *diags)
{
	struct aeg_requirement *requirement = AEG_VEC_PUSH(selector->requirements);
	const struct aeg_node *values = aeg_node_get(value, "values");
	size_t errors = diags->nerrors;
	bool wanted;

	aeg_fields_read(requirement_fields, value, requirement, diags);
	if (diags->nerrors != errors)
		return;
	wanted = requirement->op == AEG_OP_IN || requirement->op == AEG_OP_NOT_IN;
	if (wanted && !values)
		aeg_error_at(diags, value->pos,
			     "missing key 'values': operator %s compares with them",
			     operators[requirement->op]);
	if (!wanted && values)
		aeg_error_at(diags, aeg_key_pos(values), "operator %s takes no 'values'",
			     operators[requirement->op]);
}

static void read_match_expressions(void *target, const struct aeg_node *value,
				   struct aeg_diags *diags)
{
	if (!aeg_read_list(value, diags))
		return;
	for (size_t i = 0; i < value->items.n; i++)
		read_requirement(target, value->items.items[i], diags);
}

static const struct aeg_field selector_fields[] = {
	{.key = "matchLabels", .read = read_match_labels},
	{.key = "matchExpressions", .read = read_match_expressions},
	{0},
};

static size_t list_length(const struct aeg_node *node)
{
	return node ? node->items.n : 0;
}

static void read_selector(struct aeg_selector *selector, const struct aeg_node *value,
			  struct aeg_diags *diags)
{
	size_t errors = diags->nerrors;
	const char *conflict;

	selector->present = true;
	if (value->type == AEG_NODE_MAP && value->items.n == 0) {
		aeg_error_at(diags, value->pos,
			     "empty selector: add conditions or leave it out; " ALL_HINT);
		return;
	}
	if (list_length(aeg_node_get(value, "matchLabels")) / 2 +
		    list_length(aeg_node_get(value, "matchExpressions")) >
	    REQUIREMENTS_MAX) {
		aeg_error_at(diags, value->pos, "too many conditions: at most %d",
			     REQUIREMENTS_MAX);
		return;
	}
	aeg_fields_read(selector_fields, value, selector, diags);
	if (diags->nerrors != errors)
		return;
	conflict = aeg_selector_conflict(selector);
	if (conflict)
		aeg_error_at(diags, value->pos,
			     "selector can never match: its conditions on '%s' exclude each other",
			     conflict);
}

/* ---- workloads ---- */

static void read_all(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_workload_selector *workloads = target;

	if (!aeg_node_bool(value, &workloads->all))
		aeg_error_at(diags, value->pos, "expected a boolean: write true");
	else if (!workloads->all)
		aeg_error_at(diags, value->pos, "'all' can only be true: leave it out instead");
	else if (value->parent->items.n > 2)
		aeg_error_at(diags, aeg_key_pos(value), "'all' excludes every other condition");
}

static void read_service_accounts(void *target, const struct aeg_node *value,
				  struct aeg_diags *diags)
{
	struct aeg_workload_selector *workloads = target;

	aeg_read_words(&workloads->service_accounts, AEG_WORD_NAME, value, diags);
}

static void read_namespaces(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_workload_selector *workloads = target;

	aeg_read_words(&workloads->namespaces, AEG_WORD_SHORT_NAME, value, diags);
}

static void read_pod_selector(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_workload_selector *workloads = target;

	read_selector(&workloads->pods, value, diags);
}

static void read_namespace_selector(void *target, const struct aeg_node *value,
				    struct aeg_diags *diags)
{
	struct aeg_workload_selector *workloads = target;

	read_selector(&workloads->namespace_labels, value, diags);
}

/* Reaching into other namespaces is what a namespaced policy must never do. */
static void refuse_key(const struct aeg_node *value, const char *key, struct aeg_diags *diags)
{
	aeg_error_at(diags, aeg_key_pos(value),
		     "'%s' is not for an AIEgressPolicy, which selects workloads of its own "
		     "namespace only: use a ClusterAIEgressPolicy",
		     key);
}

static void refuse_namespaces(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	refuse_key(value, "namespaces", diags);
}

static void refuse_namespace_selector(void *target, const struct aeg_node *value,
				      struct aeg_diags *diags)
{
	refuse_key(value, "namespaceSelector", diags);
}

const struct aeg_field aeg_selector_fields[] = {
	{.key = "all", .read = read_all},
	{.key = "serviceAccounts", .read = read_service_accounts},
	{.key = "podSelector", .read = read_pod_selector},
	{.key = "namespaces", .read = refuse_namespaces},
	{.key = "namespaceSelector", .read = refuse_namespace_selector},
	{0},
};

const struct aeg_field aeg_selector_cluster_fields[] = {
	{.key = "all", .read = read_all},
	{.key = "serviceAccounts", .read = read_service_accounts},
	{.key = "podSelector", .read = read_pod_selector},
	{.key = "namespaces", .read = read_namespaces},
	{.key = "namespaceSelector", .read = read_namespace_selector},
	{0},
};

void aeg_read_workload_selector(struct aeg_workload_selector *ret, const struct aeg_field *fields,
				const struct aeg_node *value, struct aeg_diags *diags)
{
	if (value->type == AEG_NODE_MAP && value->items.n == 0)
		aeg_error_at(diags, value->pos, "empty selector: add conditions, or " ALL_HINT);
	else
		aeg_fields_read(fields, value, ret, diags);
}
