/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How much a policy may ask for. Tables have an end, and who may write a policy in one namespace must not
 * be able to fill them for all: each limit blames one document, by its place.
 */
#ifndef AEG_POLICY_LIMITS_H
#define AEG_POLICY_LIMITS_H

#include "policy/model.h"

#define AEG_POLICY_DESTINATIONS_MAX 16384u /* host patterns and CIDRs of its rules */
#define AEG_POLICY_DECISIONS_MAX                                                                   \
	(1u << 18) /* those, endpoints and classes, times different ports */
#define AEG_NAMESPACE_DESTINATIONS_MAX 65536u
/* Of all documents; what several name counts once. */
#define AEG_ALL_DESTINATIONS_MAX (1u << 20)

/* After the lists were sorted. */
void aeg_limits_check(const struct aeg_model *model, struct aeg_diags *diags);

#endif
