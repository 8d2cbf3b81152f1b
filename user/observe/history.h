/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The last flow records, for those who read along; they are formatted by who reads them. Bounded: a
 * reader that falls behind the oldest record loses some, can tell how many, and slows nobody down.
 */
#ifndef AEG_OBSERVE_HISTORY_H
#define AEG_OBSERVE_HISTORY_H

#include "observe/flow.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aeg_history;

/* max: records kept. node: named in every record, borrowed. */
struct aeg_history *aeg_history_new(size_t max, const char *node);
void aeg_history_free(struct aeg_history *history);
/* Keeps the flow and gives it the next number; numbers start at 1. */
void aeg_history_add(struct aeg_history *history, struct aeg_flow *flow);
/*
 * The first record with a number >= *seq; sets *seq to its number and *ret_lost to how many numbers
 * from the asked one on are gone. False: nothing there yet. Borrowed until the next add.
 */
bool aeg_history_get(const struct aeg_history *history, uint64_t *seq, uint64_t *ret_lost,
		     struct aeg_flow *ret);
uint64_t aeg_history_next(const struct aeg_history *history);  /* number the next one will get */
uint64_t aeg_history_first(const struct aeg_history *history); /* oldest kept; next when empty */

#endif
