/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Finds the declared workloads that claim a cgroup without asking each of them: plain paths and units
 * by hash, globs after two cheap comparisons. 1,000 workloads times 10,000 cgroups is usual.
 */
#ifndef AEG_WORKLOAD_CLAIMS_H
#define AEG_WORKLOAD_CLAIMS_H

#include "base/strmap.h"
#include "policy/model.h"
#include "workload/cgroups.h"

struct aeg_claim { /* of a plain path or a unit */
	const struct aeg_workload *workload;
	size_t next; /* index + 1 of the next claim of the same text; 0: none */
};
struct aeg_claim_glob {
	const struct aeg_workload *workload;
	const char *tail; /* literal text after the last special character; borrowed */
	size_t tail_len;
	size_t slashes;
};

struct aeg_claims {
	struct aeg_strmap paths, units, pods; /* -> index + 1 of the last claim of that text */
	AEG_VEC(struct aeg_claim) list;
	AEG_VEC(struct aeg_claim_glob) globs;
};

/* The model must outlive the claims. */
void aeg_claims_init(struct aeg_claims *claims, const struct aeg_model *model);
void aeg_claims_done(struct aeg_claims *claims);
/* One more workload, which was not in the model then. */
void aeg_claims_add(struct aeg_claims *claims, const struct aeg_workload *workload);
/* A pod that went claims nothing any more. */
void aeg_claims_remove_pod(struct aeg_claims *claims, const struct aeg_workload *workload);
/* The workload that claims the cgroup, NULL when none does; *ret_second is another one, or NULL. */
const struct aeg_workload *aeg_claims_find(const struct aeg_claims *claims,
					   const struct aeg_cgroup *cgroup,
					   const struct aeg_workload **ret_second);

/*
 * Whether one declared workload's cgroup glob or unit means this cgroup. A glob (fnmatch with
 * FNM_PATHNAME) matches the path below the managed directory or the path below the cgroup root; a
 * unit is the last component, with nothing but slices between it and the managed directory.
 */
bool aeg_workload_claims(const struct aeg_workload *workload, const struct aeg_cgroup *cgroup);

#endif
