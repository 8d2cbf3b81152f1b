/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What only the whole set of documents can tell, asked once, after the last one was read. Puts the
 * lists in order on the way, so that everything after it can search them.
 */
#include "base/strmap.h"
#include "policy/expiry.h"
#include "policy/limits.h"
#include "policy/read.h"
#include "policy/shadow.h"
#include "policy/template.h"
#include <errno.h>

/* Comparisons spent on warnings: some tens of milliseconds. */
#define SHADOW_BUDGET ((size_t)4 << 20)
/* Of an unknown name; suggestions are for people, and cost a comparison with every candidate. */
#define CANDIDATES_MAX 4096
#define SUGGESTIONS_MAX 100

struct check {
	struct aeg_model *model;
	struct aeg_diags *diags;
	struct aeg_strmap seen;	     /* "kind namespace/name" -> its place */
	AEG_VEC(const char *) names; /* of endpoints, once a suggestion needs them */
	size_t nsuggestions, shadow_budget;
};

/* ---- duplicates ---- */

static void check_unique(struct check *check, const char *kind, const char *ns, const char *name,
			 const struct aeg_pos *pos)
{
	AEG_AUTO_FREE char *path = ns ? aeg_xasprintf("%s/%s", ns, name) : aeg_xstrdup(name);
	AEG_AUTO_FREE char *key = aeg_xasprintf("%s %s", kind, path);
	const struct aeg_pos *first;
	uintptr_t value;

	if (!aeg_strmap_get(&check->seen, key, &value)) {
		aeg_strmap_put(&check->seen, key, (uintptr_t)pos);
		return;
	}
	first = (const struct aeg_pos *)value;
	aeg_error_at(check->diags, *pos, "duplicate %s '%s': first at %s:%u", kind, path,
		     first->file, first->line);
}

static void check_duplicates(struct check *check)
{
	const struct aeg_model *model = check->model;

	for (size_t i = 0; i < model->endpoints.n; i++) {
		const struct aeg_endpoint *endpoint = model->endpoints.items[i];

		check_unique(check, "AIEndpoint", NULL, endpoint->name, &endpoint->pos);
	}
	for (size_t i = 0; i < model->policies.n; i++) {
		const struct aeg_policy *policy = model->policies.items[i];

		check_unique(check, policy->ns ? "AIEgressPolicy" : "ClusterAIEgressPolicy",
			     policy->ns, policy->name, &policy->pos);
	}
	for (size_t i = 0; i < model->workloads.n; i++) {
		const struct aeg_workload *workload = model->workloads.items[i];

		if (workload->uid) /* a pod: two of one name are there while one follows the other */
			continue;
		check_unique(check, "Workload", workload->ns, workload->name, &workload->pos);
	}
	for (size_t i = 0; i < model->namespaces.n; i++) {
		const struct aeg_namespace *ns = model->namespaces.items[i];

		check_unique(check, "Namespace", NULL, ns->name, &ns->pos);
	}
}

/* ---- order ---- */

/* NULL first: cluster policies before those of namespaces, endpoints without provider before others. */
static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return !!a - !!b;
	return strcmp(a, b);
}

static int compare_endpoints(const void *a, const void *b)
{
	const struct aeg_endpoint *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int compare_providers(const void *a, const void *b)
{
	const struct aeg_endpoint *const *x = a, *const *y = b;
	int order = compare_text(aeg_endpoint_provider(*x), aeg_endpoint_provider(*y));

	return order ? order : strcmp((*x)->name, (*y)->name);
}

static int compare_policies(const void *a, const void *b)
{
	const struct aeg_policy *const *x = a, *const *y = b;
	int order = compare_text((*x)->ns, (*y)->ns);

	return order ? order : strcmp((*x)->name, (*y)->name);
}

static int compare_workloads(const void *a, const void *b)
{
	const struct aeg_workload *const *x = a, *const *y = b;
	int order = strcmp((*x)->ns, (*y)->ns);

	return order ? order : strcmp((*x)->name, (*y)->name);
}

static int compare_namespaces(const void *a, const void *b)
{
	const struct aeg_namespace *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

#define SORT(vec, compare)                                                                         \
	do {                                                                                       \
		if ((vec).n)                                                                       \
			qsort((vec).items, (vec).n, sizeof(*(vec).items), (compare));              \
	} while (0)

static void sort_model(struct aeg_model *model)
{
	SORT(model->endpoints, compare_endpoints);
	SORT(model->policies, compare_policies);
	SORT(model->workloads, compare_workloads);
	SORT(model->namespaces, compare_namespaces);
	for (size_t i = 0; i < AEG_CLASS_MAX; i++)
		AEG_VEC_DONE(model->by_class[i].list);
	for (size_t i = 0; i < model->endpoints.n; i++) {
		struct aeg_endpoint *endpoint = model->endpoints.items[i];

		*AEG_VEC_PUSH(model->by_class[endpoint->class].list) = endpoint;
	}
	for (size_t i = 0; i < AEG_CLASS_MAX; i++)
		SORT(model->by_class[i].list, compare_providers);
}

/* ---- destinations ---- */

static void suggest_endpoint(struct check *check, const char *name)
{
	const struct aeg_model *model = check->model;

	if (model->endpoints.n > CANDIDATES_MAX || ++check->nsuggestions > SUGGESTIONS_MAX)
		return;
	for (size_t i = check->names.n; i < model->endpoints.n; i++)
		*AEG_VEC_PUSH(check->names) = model->endpoints.items[i]->name;
	aeg_diag_suggest(check->diags, name, check->names.items, check->names.n);
}

static void suggest_provider(struct check *check, const struct aeg_to *to)
{
	const struct aeg_endpoints *endpoints = &check->model->by_class[to->class];
	AEG_VEC(const char *) providers = {0};

	if (endpoints->list.n > CANDIDATES_MAX || ++check->nsuggestions > SUGGESTIONS_MAX)
		return;
	for (size_t i = 0; i < endpoints->list.n; i++) {
		const char *provider = aeg_endpoint_provider(endpoints->list.items[i]);

		if (provider)
			*AEG_VEC_PUSH(providers) = provider;
	}
	aeg_diag_suggest(check->diags, to->provider, providers.items, providers.n);
	AEG_VEC_DONE(providers);
}

static void check_selection(struct check *check, const struct aeg_to *to,
			    const struct aeg_endpoint *endpoint)
{
	struct aeg_filling filling = aeg_to_filling(to);
	AEG_AUTO_FREE char *wrong = NULL;

	if (!aeg_filling_given(&filling))
		return;
	if (!endpoint->template) {
		aeg_error_at(
			check->diags, to->pos,
			"endpoint '%s' has no template: ids, regions and vendors cannot select "
			"in it",
			endpoint->name);
		return;
	}
	wrong = aeg_template_refuses(endpoint->template, &filling);
	if (wrong)
		aeg_error_at(check->diags, to->pos, "endpoint '%s': %s", endpoint->name, wrong);
}

static void check_endpoint(struct check *check, const struct aeg_to *to)
{
	const struct aeg_endpoint *endpoint = aeg_model_endpoint(check->model, to->endpoint);

	if (endpoint) {
		check_selection(check, to, endpoint);
		if (endpoint->retired)
			aeg_warning_at(check->diags, to->pos, "endpoint '%s' is retired, as of %s",
				       endpoint->name, endpoint->retired);
	} else if (!aeg_strmap_get(&check->model->left_out, to->endpoint, NULL)) {
		aeg_error_at(check->diags, to->pos, "unknown endpoint '%s'", to->endpoint);
		suggest_endpoint(check, to->endpoint);
	}
}

/* An endpoint that was left out for its mistakes may be the one that is missed here. */
static void check_class(struct check *check, const struct aeg_to *to)
{
	if (aeg_to_endpoint(check->model, to, 0) || check->model->left_out.n)
		return;
	if (!to->provider) {
		aeg_error_at(check->diags, to->pos,
			     "no endpoint has class '%s': this can never match",
			     aeg_class_names[to->class]);
		return;
	}
	aeg_error_at(check->diags, to->pos,
		     "no endpoint has class '%s' and provider '%s': this can never match",
		     aeg_class_names[to->class], to->provider);
	suggest_provider(check, to);
}

static void check_rule(struct check *check, const struct aeg_rule *rule)
{
	if (rule->expired)
		aeg_warning_at(check->diags, rule->expires_pos,
			       "rule '%s' expired at %s: it allows nothing", rule->name,
			       rule->expires);
	for (size_t i = 0; i < rule->to.n; i++) {
		const struct aeg_to *to = &rule->to.items[i];

		if (to->kind == AEG_TO_ENDPOINT)
			check_endpoint(check, to);
		else if (to->kind == AEG_TO_CLASS)
			check_class(check, to);
	}
}

static void check_policy(struct check *check, const struct aeg_policy *policy)
{
	size_t errors = check->diags->nerrors;

	for (size_t i = 0; i < policy->rules.n; i++)
		check_rule(check, &policy->rules.items[i]);
	if (check->diags->nerrors == errors)
		aeg_shadow_check(check->model, policy, &check->shadow_budget, check->diags);
}

int aeg_model_check(struct aeg_model *model, uint64_t now_s, struct aeg_diags *diags)
{
	struct check check = {.model = model, .diags = diags, .shadow_budget = SHADOW_BUDGET};

	check_duplicates(&check);
	sort_model(model);
	aeg_documents_sort(&model->documents);
	aeg_model_expire(model, now_s);
	for (size_t i = 0; i < model->policies.n; i++)
		check_policy(&check, model->policies.items[i]);
	aeg_limits_check(model, diags);
	aeg_strmap_done(&check.seen);
	AEG_VEC_DONE(check.names);
	return diags->nerrors ? -EINVAL : 0;
}
