/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Workload and Namespace: who lives where, on hosts without Kubernetes. */
#include "policy/read.h"

/* ---- Workload ---- */

static void read_metadata(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	AEG_CLEANUP(aeg_metadata_done) struct aeg_metadata metadata = {0};
	struct aeg_workload *workload = target;

	aeg_fields_read(aeg_metadata_fields, value, &metadata, diags);
	workload->name = AEG_TAKE_PTR(metadata.name);
	workload->ns = AEG_TAKE_PTR(metadata.ns);
	workload->pos = metadata.pos;
	workload->labels = metadata.labels;
	metadata.labels = (struct aeg_labels){0};
}

static void read_service_account(void *target, const struct aeg_node *value,
				 struct aeg_diags *diags)
{
	struct aeg_workload *workload = target;

	aeg_read_word(&workload->service_account, AEG_WORD_NAME, value, diags);
}

static void read_cgroup(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_workload *workload = target;

	aeg_read_word(&workload->cgroup, AEG_WORD_CGROUP, value, diags);
}

static void read_unit(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_workload *workload = target;

	aeg_read_word(&workload->unit, AEG_WORD_UNIT, value, diags);
}

static const struct aeg_field spec_fields[] = {
	{.key = "serviceAccount", .read = read_service_account},
	{.key = "cgroup", .read = read_cgroup},
	{.key = "unit", .read = read_unit},
	{0},
};

/* Of two, the one that is written second is wrong. */
static const struct aeg_node *later_of(const struct aeg_node *map, const char *a, const char *b)
{
	for (size_t i = map->items.n; i >= 2; i -= 2)
		if (aeg_streq(map->items.items[i - 2]->text, a) ||
		    aeg_streq(map->items.items[i - 2]->text, b))
			return map->items.items[i - 2];
	return map;
}

static void read_spec(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_workload *workload = target;
	size_t errors = diags->nerrors;

	aeg_fields_read(spec_fields, value, workload, diags);
	if (!workload->service_account)
		workload->service_account = aeg_xstrdup("default");
	if (diags->nerrors != errors)
		return;
	if (!workload->cgroup && !workload->unit)
		aeg_error_at(diags, value->pos,
			     "missing key 'cgroup': a workload has a cgroup or a unit");
	if (workload->cgroup && workload->unit)
		aeg_error_at(diags, later_of(value, "cgroup", "unit")->pos,
			     "a workload has a cgroup or a unit, not both");
}

static const struct aeg_field workload_fields[] = {
	{.key = "apiVersion", .read = aeg_read_nothing, .required = true},
	{.key = "kind", .read = aeg_read_nothing, .required = true},
	{.key = "metadata", .read = read_metadata, .required = true},
	{.key = "spec", .read = read_spec, .required = true},
	{0},
};

void aeg_read_workload(struct aeg_model *model, const struct aeg_node *document,
		       struct aeg_diags *diags)
{
	struct aeg_workload *workload = aeg_xcalloc(1, sizeof(*workload));
	size_t errors = diags->nerrors;

	aeg_fields_read(workload_fields, document, workload, diags);
	if (diags->nerrors != errors) {
		aeg_workload_free(workload);
		return;
	}
	workload->pos.file = aeg_model_file(model, document->pos.file);
	*AEG_VEC_PUSH(model->workloads) = workload;
}

/* ---- Namespace ---- */

/* Kubernetes sets this label itself; selectors see the name, whatever a document claims. */
static void check_name_label(const struct aeg_namespace *ns, const struct aeg_node *metadata,
			     struct aeg_diags *diags)
{
	const struct aeg_node *labels = aeg_node_get(metadata, "labels");
	const char *claimed = aeg_labels_get(&ns->labels, AEG_NAMESPACE_NAME_LABEL);

	if (claimed && ns->name && !aeg_streq(claimed, ns->name))
		aeg_error_at(diags, aeg_node_get(labels, AEG_NAMESPACE_NAME_LABEL)->pos,
			     "'%s': label " AEG_NAMESPACE_NAME_LABEL
			     " is always the namespace's name, '%s'",
			     claimed, ns->name);
}

static void read_namespace_metadata(void *target, const struct aeg_node *value,
				    struct aeg_diags *diags)
{
	AEG_CLEANUP(aeg_metadata_done) struct aeg_metadata metadata = {0};
	struct aeg_namespace *ns = target;

	aeg_fields_read(aeg_metadata_namespace_fields, value, &metadata, diags);
	ns->name = AEG_TAKE_PTR(metadata.name);
	ns->pos = metadata.pos;
	ns->labels = metadata.labels;
	metadata.labels = (struct aeg_labels){0};
	check_name_label(ns, value, diags);
}

static const struct aeg_field namespace_fields[] = {
	{.key = "apiVersion", .read = aeg_read_nothing, .required = true},
	{.key = "kind", .read = aeg_read_nothing, .required = true},
	{.key = "metadata", .read = read_namespace_metadata, .required = true},
	{0},
};

void aeg_read_namespace(struct aeg_model *model, const struct aeg_node *document,
			struct aeg_diags *diags)
{
	struct aeg_namespace *ns = aeg_xcalloc(1, sizeof(*ns));
	size_t errors = diags->nerrors;

	aeg_fields_read(namespace_fields, document, ns, diags);
	if (diags->nerrors != errors) {
		aeg_namespace_free(ns);
		return;
	}
	ns->pos.file = aeg_model_file(model, document->pos.file);
	*AEG_VEC_PUSH(model->namespaces) = ns;
}
