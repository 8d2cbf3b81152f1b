/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The compiler: documents -> tables. Pure; deny wins here, once, and never in the kernel. A profile
 * (which policies select a workload) can be added to tables that are already in force: its rows are
 * new, so nothing that decides changes until the workload's identity row points at them.
 */
#ifndef AEG_POLICY_COMPILE_H
#define AEG_POLICY_COMPILE_H

#include "base/diag.h"
#include "policy/model.h"
#include "policy/tables.h"

/* Limits of one generation. policy/limits.h keeps documents below the first two. */
#define AEG_MAX_ADDRS (1u << 20)
#define AEG_MAX_NAMES (1u << 20)
#define AEG_MAX_CELLS (1u << 21)

/*
 * Tables of a checked model, without any profile but 0. The model must outlive the tables. On error
 * ret is untouched and error holds a sentence.
 */
int aeg_compile(const struct aeg_model *model, struct aeg_numbers *numbers, struct aeg_tables **ret,
		struct aeg_buf *error);

/*
 * The same with the profiles of all Workloads that the documents declare: limits count both. What does
 * not fit is an error in diags.
 */
int aeg_compile_documents(const struct aeg_model *model, struct aeg_numbers *numbers,
			  struct aeg_diags *diags, struct aeg_tables **ret);

/* Who a declared workload is to the policies; borrows from the model. */
struct aeg_subject aeg_subject_of(const struct aeg_model *model,
				  const struct aeg_workload *workload);

/*
 * The identity row of a workload: finds or adds its profile. New cells are appended to
 * tables->cells from the index that was its length before; *ret_flags gets AEG_IDENT_*. Where they would
 * be more than AEG_MAX_CELLS the profile has none and is isolated: see struct aeg_profile. 0.
 */
int aeg_compile_profile(struct aeg_tables *tables, const struct aeg_subject *subject,
			uint32_t *ret_profile, uint32_t *ret_flags, struct aeg_buf *error);

#endif
