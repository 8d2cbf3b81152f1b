/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A whole set of documents, compiled: the last thing that can be wrong with it. The daemon and the CLI
 * both go this way, so that what one refuses the other does not call good.
 */
#include "policy/compile.h"

struct aeg_subject aeg_subject_of(const struct aeg_model *model,
				  const struct aeg_workload *workload)
{
	return (struct aeg_subject){
		.ns = workload->ns,
		.service_account = workload->service_account,
		.labels = &workload->labels,
		.namespace_labels = aeg_model_namespace_labels(model, workload->ns),
	};
}

static int compile_profiles(const struct aeg_model *model, struct aeg_tables *tables,
			    struct aeg_buf *error)
{
	int err = 0;

	for (size_t i = 0; i < model->workloads.n && !err; i++) {
		struct aeg_subject subject = aeg_subject_of(model, model->workloads.items[i]);
		uint32_t profile, flags;

		err = aeg_compile_profile(tables, &subject, &profile, &flags, error);
	}
	return err;
}

/* What does not fit is the fault of no file, so the diagnostic names none. */
int aeg_compile_documents(const struct aeg_model *model, struct aeg_numbers *numbers,
			  struct aeg_diags *diags, struct aeg_tables **ret)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct aeg_tables *tables = NULL;
	int err = aeg_compile(model, numbers, &tables, &error);

	if (!err)
		err = compile_profiles(model, tables, &error);
	if (err) {
		aeg_tables_free(tables);
		aeg_error_at(diags, (struct aeg_pos){0}, "%s", aeg_buf_text(&error));
		return err;
	}
	*ret = tables;
	return 0;
}
