/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The model's life, what it is filled from, and how things are found in it. */
#include "policy/model.h"
#include "base/file.h"
#include "policy/read.h"

#define API_VERSION "aegress.dev/v1alpha1"

/* ---- life ---- */

void aeg_strings_done(struct aeg_strings *strings)
{
	for (size_t i = 0; i < strings->list.n; i++)
		free(strings->list.items[i]);
	AEG_VEC_DONE(strings->list);
}

void aeg_labels_done(struct aeg_labels *labels)
{
	for (size_t i = 0; i < labels->list.n; i++) {
		free(labels->list.items[i].key);
		free(labels->list.items[i].value);
	}
	AEG_VEC_DONE(labels->list);
}

static void selector_done(struct aeg_selector *selector)
{
	for (size_t i = 0; i < selector->requirements.n; i++) {
		free(selector->requirements.items[i].key);
		aeg_strings_done(&selector->requirements.items[i].values);
	}
	AEG_VEC_DONE(selector->requirements);
}

static void to_done(struct aeg_to *to)
{
	free(to->endpoint);
	free(to->provider);
	free(to->host);
	aeg_strings_done(&to->ids);
	aeg_strings_done(&to->regions);
	aeg_strings_done(&to->vendors);
	AEG_VEC_DONE(to->ports.list);
}

static void rule_done(struct aeg_rule *rule)
{
	free(rule->name);
	free(rule->expires);
	for (size_t i = 0; i < rule->to.n; i++)
		to_done(&rule->to.items[i]);
	AEG_VEC_DONE(rule->to);
}

void aeg_endpoint_free(struct aeg_endpoint *endpoint)
{
	if (!endpoint)
		return;
	free(endpoint->name);
	aeg_labels_done(&endpoint->labels);
	free(endpoint->region);
	free(endpoint->vendor);
	free(endpoint->template);
	for (size_t i = 0; i < endpoint->hosts.n; i++)
		free(endpoint->hosts.items[i].pattern);
	AEG_VEC_DONE(endpoint->hosts);
	AEG_VEC_DONE(endpoint->cidrs);
	AEG_VEC_DONE(endpoint->ports.list);
	free(endpoint->evidence);
	free(endpoint->since);
	free(endpoint->retired);
	free(endpoint);
}

void aeg_policy_free(struct aeg_policy *policy)
{
	if (!policy)
		return;
	free(policy->ns);
	free(policy->name);
	aeg_strings_done(&policy->workloads.service_accounts);
	aeg_strings_done(&policy->workloads.namespaces);
	selector_done(&policy->workloads.pods);
	selector_done(&policy->workloads.namespace_labels);
	for (size_t i = 0; i < policy->rules.n; i++)
		rule_done(&policy->rules.items[i]);
	AEG_VEC_DONE(policy->rules);
	free(policy);
}

void aeg_workload_free(struct aeg_workload *workload)
{
	if (!workload)
		return;
	free(workload->ns);
	free(workload->name);
	free(workload->uid);
	free(workload->service_account);
	aeg_labels_done(&workload->labels);
	free(workload->cgroup);
	free(workload->unit);
	free(workload->pod);
	free(workload);
}

void aeg_namespace_free(struct aeg_namespace *ns)
{
	if (!ns)
		return;
	free(ns->name);
	aeg_labels_done(&ns->labels);
	free(ns);
}

struct aeg_model *aeg_model_new(void)
{
	return aeg_xcalloc(1, sizeof(struct aeg_model));
}

void aeg_model_free(struct aeg_model *model)
{
	if (!model)
		return;
	for (size_t i = 0; i < model->endpoints.n; i++)
		aeg_endpoint_free(model->endpoints.items[i]);
	AEG_VEC_DONE(model->endpoints);
	for (size_t i = 0; i < model->policies.n; i++)
		aeg_policy_free(model->policies.items[i]);
	AEG_VEC_DONE(model->policies);
	for (size_t i = 0; i < model->workloads.n; i++)
		aeg_workload_free(model->workloads.items[i]);
	AEG_VEC_DONE(model->workloads);
	for (size_t i = 0; i < model->namespaces.n; i++)
		aeg_namespace_free(model->namespaces.items[i]);
	AEG_VEC_DONE(model->namespaces);
	for (size_t i = 0; i < AEG_CLASS_MAX; i++)
		AEG_VEC_DONE(model->by_class[i].list);
	aeg_documents_done(&model->documents);
	aeg_strings_done(&model->files);
	aeg_strmap_done(&model->left_out);
	free(model);
}

/* ---- reading ---- */

static const struct {
	const char *api, *name;
	void (*read)(struct aeg_model *model, const struct aeg_node *document,
		     struct aeg_diags *diags);
} kinds[] = {
	{API_VERSION, "AIEndpoint", aeg_read_endpoint},
	{API_VERSION, "AIEgressPolicy", aeg_read_policy},
	{API_VERSION, "ClusterAIEgressPolicy", aeg_read_cluster_policy},
	{API_VERSION, "Workload", aeg_read_workload},
	{"v1", "Namespace", aeg_read_namespace},
};

/* A set of documents comes file by file: the newest name is nearly always the one. */
const char *aeg_model_file(struct aeg_model *model, const char *file)
{
	for (size_t i = model->files.list.n; i > 0; i--)
		if (aeg_streq(model->files.list.items[i - 1], file))
			return model->files.list.items[i - 1];
	return *AEG_VEC_PUSH(model->files.list) = aeg_xstrdup(file);
}

/* Index into kinds, or -1 after an error. */
static int read_kind(const struct aeg_node *document, struct aeg_diags *diags)
{
	const char *names[AEG_ARRAY_SIZE(kinds) + 1] = {0};
	const struct aeg_node *kind = aeg_node_get(document, "kind");

	for (size_t i = 0; i < AEG_ARRAY_SIZE(kinds); i++)
		names[i] = kinds[i].name;
	if (kind)
		return aeg_read_choice(names, kind, diags);
	aeg_error_at(diags, document->pos, "missing key 'kind'");
	return -1;
}

static bool check_api(const struct aeg_node *document, const char *wanted, struct aeg_diags *diags)
{
	const char *choices[] = {wanted, NULL};
	const struct aeg_node *api = aeg_node_get(document, "apiVersion");

	if (api)
		return aeg_read_choice(choices, api, diags) == 0;
	aeg_error_at(diags, document->pos, "missing key 'apiVersion'");
	return false;
}

/* Without its kind and version nothing else in a document means anything. */
void aeg_model_add_node(struct aeg_model *model, const struct aeg_node *document,
			struct aeg_diags *diags)
{
	int kind;

	if (!aeg_node_expect(document, AEG_NODE_MAP, NULL, diags))
		return;
	kind = read_kind(document, diags);
	if (kind < 0 || !check_api(document, kinds[kind].api, diags))
		return;
	kinds[kind].read(model, document, diags);
	aeg_documents_add(&model->documents, kinds[kind].name, document);
}

static void add_documents(struct aeg_model *model, struct aeg_yaml *yaml, struct aeg_diags *diags)
{
	for (size_t i = 0; i < yaml->documents.n; i++)
		aeg_model_add_node(model, yaml->documents.items[i], diags);
	aeg_yaml_free(yaml);
}

void aeg_model_add_text(struct aeg_model *model, const char *file, const char *text, size_t len,
			struct aeg_diags *diags)
{
	struct aeg_yaml *yaml;

	aeg_yaml_parse(file, text, len, diags, &yaml);
	add_documents(model, yaml, diags);
}

void aeg_model_load(struct aeg_model *model, const char *path, struct aeg_diags *diags)
{
	AEG_CLEANUP(aeg_paths_done) struct aeg_paths paths = {0};
	int error = aeg_paths_collect(path, &paths);

	if (error)
		aeg_error_at(diags, (struct aeg_pos){.file = path}, "cannot read: %s",
			     strerror(-error));
	for (size_t i = 0; i < paths.list.n; i++) {
		struct aeg_yaml *yaml;

		aeg_yaml_load(paths.list.items[i], diags, &yaml);
		add_documents(model, yaml, diags);
	}
}

/* ---- finding ---- */

const char *aeg_endpoint_provider(const struct aeg_endpoint *endpoint)
{
	return aeg_labels_get(&endpoint->labels, "provider");
}

static int compare_name_to_endpoint(const void *name, const void *item)
{
	const struct aeg_endpoint *const *endpoint = item;

	return strcmp(name, (*endpoint)->name);
}

const struct aeg_endpoint *aeg_model_endpoint(const struct aeg_model *model, const char *name)
{
	struct aeg_endpoint **found = NULL;

	if (model->endpoints.n)
		found = bsearch(name, model->endpoints.items, model->endpoints.n,
				sizeof(struct aeg_endpoint *), compare_name_to_endpoint);
	return found ? *found : NULL;
}

static int compare_name_to_namespace(const void *name, const void *item)
{
	const struct aeg_namespace *const *ns = item;

	return strcmp(name, (*ns)->name);
}

const struct aeg_labels *aeg_model_namespace_labels(const struct aeg_model *model, const char *ns)
{
	struct aeg_namespace **found = NULL;

	if (model->namespaces.n)
		found = bsearch(ns, model->namespaces.items, model->namespaces.n,
				sizeof(struct aeg_namespace *), compare_name_to_namespace);
	return found ? &(*found)->labels : NULL;
}

char *aeg_rule_label(const struct aeg_policy *policy, const struct aeg_rule *rule)
{
	return aeg_xasprintf("%s/%s/%s", policy->ns ? policy->ns : "", policy->name, rule->name);
}
