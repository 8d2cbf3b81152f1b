/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who is selected: Kubernetes semantics, and that no label can pose as a field. */
#include "util_model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define ALLOW "allow: []"

/* key=value pairs, separated by blanks, as labels; free with done_labels(). */
static struct aeg_labels labels_of(const char *text)
{
	AEG_AUTO_FREE char *copy = aeg_xstrdup(text);
	struct aeg_labels labels = {0};
	char *rest = NULL;

	for (char *pair = strtok_r(copy, " ", &rest); pair; pair = strtok_r(NULL, " ", &rest)) {
		char *equal = strchr(pair, '=');

		*equal = '\0';
		*AEG_VEC_PUSH(labels.list) = (struct aeg_label_pair){
			.key = aeg_xstrdup(pair), .value = aeg_xstrdup(equal + 1)};
	}
	return labels;
}

static void done_labels(struct aeg_labels *labels)
{
	for (size_t i = 0; i < labels->list.n; i++) {
		free(labels->list.items[i].key);
		free(labels->list.items[i].value);
	}
	AEG_VEC_DONE(labels->list);
}

/* Whether the text's one policy selects; NULL labels are none at all. */
static bool selects(const char *text, const char *ns, const char *service_account,
		    const char *pod_labels, const char *namespace_labels)
{
	AEG_CLEANUP(done_labels) struct aeg_labels pod = labels_of(pod_labels ? pod_labels : "");
	AEG_CLEANUP(done_labels)
	struct aeg_labels of_ns = labels_of(namespace_labels ? namespace_labels : "");
	struct aeg_subject subject = {
		.ns = ns,
		.service_account = service_account,
		.labels = pod_labels ? &pod : NULL,
		.namespace_labels = namespace_labels ? &of_ns : NULL,
	};
	struct aeg_model *model = model_of(text);
	bool selected;

	assert_int_equal(model->policies.n, 1);
	selected = aeg_policy_selects(model->policies.items[0], &subject);
	aeg_model_free(model);
	return selected;
}

static bool pods_match(const char *expressions, const char *labels)
{
	AEG_AUTO_FREE char *text = aeg_xasprintf(
		POLICY("p", "workloads: {podSelector: {matchExpressions: [%s]}}, " ALLOW),
		expressions);

	return selects(text, "ns", "default", labels, NULL);
}

static void operators(void **state)
{
	static const char in[] = "{key: tier, operator: In, values: [web, db]}";
	static const char not_in[] = "{key: tier, operator: NotIn, values: [web, db]}";
	static const char exists[] = "{key: tier, operator: Exists}";
	static const char absent[] = "{key: tier, operator: DoesNotExist}";

	assert_true(pods_match(in, "tier=web"));
	assert_true(pods_match(in, "app=x tier=db"));
	assert_false(pods_match(in, "tier=api"));
	assert_false(pods_match(in, "app=web"));
	assert_false(pods_match(in, NULL));
	assert_false(pods_match(not_in, "tier=web"));
	assert_true(pods_match(not_in, "tier=api"));
	assert_true(pods_match(not_in, "app=web")); /* an absent key is not in any list */
	assert_true(pods_match(not_in, NULL));
	assert_true(pods_match(exists, "tier="));
	assert_false(pods_match(exists, "app=web"));
	assert_false(pods_match(absent, "tier="));
	assert_true(pods_match(absent, "app=web"));
	assert_true(pods_match(absent, NULL));
}

static void all_requirements_hold(void **state)
{
	static const char both[] = "{key: tier, operator: In, values: [web]}, "
				   "{key: locked, operator: DoesNotExist}";

	assert_true(pods_match(both, "tier=web"));
	assert_false(pods_match(both, "tier=web locked=yes"));
	assert_false(pods_match(both, "app=web"));
	assert_true(selects(POLICY("p", "workloads: {podSelector: {matchLabels: {a: b, c: ''}, "
					"matchExpressions: [{key: d, operator: Exists}]}}, " ALLOW),
			    "ns", "sa", "a=b c= d=e", NULL));
	assert_false(selects(
		POLICY("p", "workloads: {podSelector: {matchLabels: {a: b, c: ''}}}, " ALLOW), "ns",
		"sa", "a=b", NULL));
}

static void conditions_are_anded(void **state)
{
	static const char text[] = POLICY("p", "workloads: {serviceAccounts: [chat, api], "
					       "podSelector: {matchLabels: {tier: web}}}, " ALLOW);

	assert_true(selects(text, "ns", "chat", "tier=web", NULL));
	assert_true(selects(text, "ns", "api", "tier=web", NULL));
	assert_false(selects(text, "ns", "other", "tier=web", NULL));
	assert_false(selects(text, "ns", "chat", "tier=db", NULL));
	assert_false(selects(text, "ns", "chat", NULL, NULL));
}

/* CVE-2023-41333: a policy of one namespace must never reach into another. */
static void own_namespace_only(void **state)
{
	static const char text[] = POLICY("p", "workloads: {all: true}, " ALLOW);

	assert_true(selects(text, "ns", "sa", NULL, NULL));
	assert_false(selects(text, "other", "sa", NULL, NULL));
	assert_false(selects(text, "other", "sa", "kubernetes.io/metadata.name=ns namespace=ns",
			     "kubernetes.io/metadata.name=ns"));
	assert_false(selects(text, "ns2", "sa", NULL, NULL));
	assert_false(selects(text, "", "sa", NULL, NULL));
}

/* A pod chooses its labels, not its service account. */
static void labels_are_not_fields(void **state)
{
	static const char text[] = POLICY("p", "workloads: {serviceAccounts: [chat]}, " ALLOW);

	assert_false(selects(text, "ns", "sa", "serviceAccount=chat serviceaccount=chat", NULL));
	assert_false(selects(POLICY("p", "workloads: {podSelector: {matchLabels: "
					 "{kubernetes.io/metadata.name: ns}}}, " ALLOW),
			     "ns", "sa", NULL, NULL));
}

static void cluster_policies(void **state)
{
	static const char all[] = CLUSTER_POLICY("p", "workloads: {all: true}, " ALLOW);
	static const char listed[] = CLUSTER_POLICY("p", "workloads: {namespaces: [a, b]}, " ALLOW);
	static const char labelled[] = CLUSTER_POLICY(
		"p", "workloads: {namespaceSelector: {matchLabels: {tier: prod}}}, " ALLOW);
	static const char unlabelled[] =
		CLUSTER_POLICY("p", "workloads: {namespaceSelector: {matchExpressions: "
				    "[{key: tier, operator: NotIn, values: [dev]}]}}, " ALLOW);

	assert_true(selects(all, "a", "sa", NULL, NULL));
	assert_true(selects(listed, "b", "sa", NULL, NULL));
	assert_false(selects(listed, "c", "sa", NULL, NULL));
	assert_true(selects(labelled, "a", "sa", NULL, "tier=prod"));
	assert_false(selects(labelled, "a", "sa", "tier=prod", "tier=dev"));
	assert_false(selects(labelled, "a", "sa", "tier=prod", NULL));
	assert_true(selects(unlabelled, "a", "sa", NULL, NULL)); /* unknown namespace: no labels */
	assert_false(selects(unlabelled, "a", "sa", NULL, "tier=dev"));
}

static void namespace_name_cannot_be_spoofed(void **state)
{
	static const char text[] = CLUSTER_POLICY("p",
						  "workloads: {namespaceSelector: {matchLabels: "
						  "{kubernetes.io/metadata.name: prod}}}, " ALLOW);
	static const char others[] = CLUSTER_POLICY(
		"p", "workloads: {namespaceSelector: {matchExpressions: [{key: "
		     "kubernetes.io/metadata.name, operator: NotIn, values: [prod]}]}}, " ALLOW);

	assert_true(selects(text, "prod", "sa", NULL, NULL));
	assert_true(selects(text, "prod", "sa", NULL, "kubernetes.io/metadata.name=dev"));
	assert_false(selects(text, "dev", "sa", NULL, "kubernetes.io/metadata.name=prod"));
	assert_true(selects(others, "dev", "sa", NULL, "kubernetes.io/metadata.name=prod"));
	assert_false(selects(others, "prod", "sa", NULL, "kubernetes.io/metadata.name=dev"));
}

static void conflicts(void **state)
{
#define EXPRESSIONS(list)                                                                          \
	POLICY("p", "workloads: {podSelector: {matchExpressions: [" list "]}}, " ALLOW)
#define CONFLICT(key)                                                                              \
	"4:33: selector can never match: its conditions on '" key "' exclude each other"
	assert_diags(EXPRESSIONS("{key: a, operator: Exists}, {key: a, operator: DoesNotExist}"),
		     CONFLICT("a"));
	assert_diags(EXPRESSIONS("{key: a, operator: In, values: [x]}, "
				 "{key: a, operator: NotIn, values: [x]}"),
		     CONFLICT("a"));
	assert_diags(EXPRESSIONS("{key: b, operator: Exists}, "
				 "{key: a, operator: In, values: [x, y]}, "
				 "{key: a, operator: In, values: [z]}"),
		     CONFLICT("a"));
	assert_diags(EXPRESSIONS("{key: a, operator: In, values: [x]}, "
				 "{key: a, operator: DoesNotExist}"),
		     CONFLICT("a"));
	/* close, but possible */
	assert_diags(EXPRESSIONS("{key: a, operator: In, values: [x, y]}, "
				 "{key: a, operator: NotIn, values: [x]}, "
				 "{key: a, operator: Exists}"),
		     "");
	assert_diags(EXPRESSIONS("{key: a, operator: NotIn, values: [x]}, "
				 "{key: a, operator: DoesNotExist}"),
		     "");
	assert_diags(EXPRESSIONS("{key: a, operator: Exists}, {key: b, operator: DoesNotExist}"),
		     "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operators),
		cmocka_unit_test(all_requirements_hold),
		cmocka_unit_test(conditions_are_anded),
		cmocka_unit_test(own_namespace_only),
		cmocka_unit_test(labels_are_not_fields),
		cmocka_unit_test(cluster_policies),
		cmocka_unit_test(namespace_name_cannot_be_spoofed),
		cmocka_unit_test(conflicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
