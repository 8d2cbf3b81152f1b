/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/node_report.h"

struct marks {
	AEG_VEC(struct aeg_mark) list;
};

static void add_mark(void *arg, const struct aeg_cluster_document *document)
{
	struct marks *marks = arg;

	if (document->state == AEG_DOCUMENT_IN_FORCE)
		*AEG_VEC_PUSH(marks->list) = document->mark;
}

void aeg_node_report_documents(const struct aeg_cluster *cluster, struct aeg_report *report)
{
	struct marks marks = {0};

	aeg_cluster_documents(cluster, add_mark, &marks);
	aeg_report_set_marks(report, marks.list.items, marks.list.n);
	AEG_VEC_DONE(marks.list);
}

static unsigned int count_pods(const struct aeg_model *model, const struct aeg_policy *policy)
{
	unsigned int n = 0;

	for (size_t i = 0; i < model->workloads.n; i++) {
		const struct aeg_workload *workload = model->workloads.items[i];
		struct aeg_subject subject;

		if (!workload->uid || (policy->ns && !aeg_streq(policy->ns, workload->ns)))
			continue;
		subject = aeg_subject_of(model, workload);
		n += aeg_policy_selects(policy, &subject);
	}
	return n;
}

void aeg_node_report_pods(const struct aeg_reconciler *reconciler, struct aeg_report *report)
{
	const struct aeg_model *model = reconciler->ruleset ? reconciler->ruleset->model : NULL;

	json_decref(report->pods);
	report->pods = json_object();
	report->pods_bytes = 0;
	for (size_t i = 0; model && i < model->policies.n; i++) {
		const struct aeg_policy *policy = model->policies.items[i];
		unsigned int n = count_pods(model, policy);
		AEG_AUTO_FREE char *file =
			policy->ns ? aeg_xasprintf("AIEgressPolicy %s/%s", policy->ns, policy->name)
				   : aeg_xasprintf("ClusterAIEgressPolicy %s", policy->name);

		if (n && !aeg_report_add_pods(report, file, n))
			return; /* the rest is not told, rather than nothing */
	}
}
