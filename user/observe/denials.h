/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The last denials, for a person who looks: those alike are one, with a count. Of what happens faster
 * than anybody can read only the newest is kept; counters and the audit log know all.
 */
#ifndef AEG_OBSERVE_DENIALS_H
#define AEG_OBSERVE_DENIALS_H

#include "base/json.h"
#include "observe/flow.h"

#define AEG_DENIALS_KEPT 64

struct aeg_denials;

struct aeg_denials *aeg_denials_new(void);
void aeg_denials_free(struct aeg_denials *denials);
/* Whatever event it is; denied and audited ones are kept. */
void aeg_denials_observe(struct aeg_denials *denials, const struct aeg_flow *flow);
/* The newest first, as elements of an array that is open. */
void aeg_denials_json(const struct aeg_denials *denials, struct aeg_json *json);

#endif
