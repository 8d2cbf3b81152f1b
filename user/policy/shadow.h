/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Allow rules that deny rules of the same policy take away completely: legal, hardly meant. */
#ifndef AEG_POLICY_SHADOW_H
#define AEG_POLICY_SHADOW_H

#include "policy/model.h"

/*
 * Warns about them. It compares pairs, so whoever writes the rules chooses the cost: budget is what
 * is left of it for the whole model, and when it is used up nothing more is warned about.
 */
void aeg_shadow_check(const struct aeg_model *model, const struct aeg_policy *policy,
		      size_t *budget, struct aeg_diags *diags);

#endif
