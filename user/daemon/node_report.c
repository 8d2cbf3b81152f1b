/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/node_report.h"
#include "base/digest.h"

#include <stdio.h>

static void add_document(void *arg, const struct aeg_cluster_document *document)
{
	aeg_buf_printf(arg, "%s %s %lld %d\n", document->document.file,
		       document->document.uid ? document->document.uid : "",
		       (long long)document->document.generation, document->refused != NULL);
}

void aeg_node_report_documents(const struct aeg_cluster *cluster, struct aeg_report *report)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf all = {0};
	char digest[AEG_DIGEST_TEXT];

	aeg_cluster_documents(cluster, add_document, &all);
	aeg_digest(aeg_buf_text(&all), all.len, digest);
	snprintf(report->documents, sizeof(report->documents), "%.16s", digest);
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
	for (size_t i = 0; model && i < model->policies.n; i++) {
		const struct aeg_policy *policy = model->policies.items[i];
		unsigned int n = count_pods(model, policy);
		AEG_AUTO_FREE char *file =
			policy->ns ? aeg_xasprintf("AIEgressPolicy %s/%s", policy->ns, policy->name)
				   : aeg_xasprintf("ClusterAIEgressPolicy %s", policy->name);

		if (n && json_object_size(report->pods) < AEG_LEASE_PODS_MAX)
			json_object_set_new(report->pods, file, json_integer(n));
	}
}
