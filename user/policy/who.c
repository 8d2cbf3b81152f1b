/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Workloads and namespaces that come, change and go while a model is in force. */
#include "policy/model.h"
#include "policy/read.h"

static char *copy(const char *text)
{
	return text ? aeg_xstrdup(text) : NULL;
}

static void copy_labels(const struct aeg_labels *labels, struct aeg_labels *ret)
{
	for (size_t i = 0; i < labels->list.n; i++)
		*AEG_VEC_PUSH(ret->list) = (struct aeg_label_pair){
			.key = aeg_xstrdup(labels->list.items[i].key),
			.value = aeg_xstrdup(labels->list.items[i].value),
		};
}

struct aeg_workload *aeg_workload_clone(const struct aeg_workload *workload)
{
	struct aeg_workload *clone = aeg_xcalloc(1, sizeof(*clone));

	clone->ns = copy(workload->ns);
	clone->name = copy(workload->name);
	clone->uid = copy(workload->uid);
	clone->pos = workload->pos;
	clone->service_account = copy(workload->service_account);
	clone->cgroup = copy(workload->cgroup);
	clone->unit = copy(workload->unit);
	clone->pod = copy(workload->pod);
	copy_labels(&workload->labels, &clone->labels);
	return clone;
}

struct aeg_namespace *aeg_namespace_clone(const struct aeg_namespace *ns)
{
	struct aeg_namespace *clone = aeg_xcalloc(1, sizeof(*clone));

	clone->name = copy(ns->name);
	clone->pos = ns->pos;
	copy_labels(&ns->labels, &clone->labels);
	return clone;
}

bool aeg_labels_same(const struct aeg_labels *a, const struct aeg_labels *b)
{
	if (a->list.n != b->list.n)
		return false;
	for (size_t i = 0; i < a->list.n; i++) {
		const char *value = aeg_labels_get(b, a->list.items[i].key);

		if (!value || !aeg_streq(value, a->list.items[i].value))
			return false;
	}
	return true;
}

bool aeg_workload_same(const struct aeg_workload *a, const struct aeg_workload *b)
{
	return aeg_streq(a->ns, b->ns) && aeg_streq(a->name, b->name) &&
	       aeg_streq(a->service_account, b->service_account) &&
	       aeg_labels_same(&a->labels, &b->labels);
}

static bool comes_after(const struct aeg_workload *a, const struct aeg_workload *b)
{
	int order = strcmp(a->ns, b->ns);

	return order > 0 || (order == 0 && strcmp(a->name, b->name) > 0);
}

void aeg_model_workload_add(struct aeg_model *model, struct aeg_workload *workload)
{
	size_t at;

	*AEG_VEC_PUSH(model->workloads) = workload;
	for (at = model->workloads.n - 1; at > 0; at--) {
		if (!comes_after(model->workloads.items[at - 1], workload))
			break;
		model->workloads.items[at] = model->workloads.items[at - 1];
	}
	model->workloads.items[at] = workload;
}
