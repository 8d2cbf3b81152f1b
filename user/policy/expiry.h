/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules that end. A rule whose time is up is marked, and whatever is compiled or explained from then on
 * does without it: by the mark, never by a clock, so that all of it agrees.
 */
#ifndef AEG_POLICY_EXPIRY_H
#define AEG_POLICY_EXPIRY_H

#include "base/json.h"
#include "policy/model.h"

#define AEG_EXPIRY_NEVER UINT64_MAX

/* Marks what has expired by now_s (CLOCK_REALTIME). A mark is never taken back. */
void aeg_model_expire(struct aeg_model *model, uint64_t now_s);
/* When the next rule that is not marked expires, or AEG_EXPIRY_NEVER. */
uint64_t aeg_model_next_expiry(const struct aeg_model *model);
size_t aeg_model_expired(const struct aeg_model *model); /* how many are marked */
/* The labels of the first so many of them, in order. */
typedef void aeg_label_fn(void *arg, const char *label);
void aeg_model_each_expired(const struct aeg_model *model, size_t most, aeg_label_fn *fn,
			    void *arg);

/* "allow": how many rules, "deny": how many, "expires": [which of them end, and when]. */
void aeg_policy_rules_json(const struct aeg_policy *policy, struct aeg_json *json);

#endif
