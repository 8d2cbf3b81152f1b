/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Folds the identical denials of a retry loop: the first is reported at once, those that follow within
 * the window become one record at its end, with how many and when. Never folds what differs in
 * anything that a record says, but for the process number, the socket, and one name's address. What
 * is counted is never lost: a table that is full reports its oldest entry early.
 */
#ifndef AEG_OBSERVE_FOLD_H
#define AEG_OBSERVE_FOLD_H

#include "observe/flow.h"
#include <stdbool.h>
#include <stddef.h>

struct aeg_fold;

/* A record that stands for flow->count denials; its time is that of the last. */
typedef void aeg_folded_fn(void *arg, struct aeg_flow *flow);

/* window_ns: 0 folds nothing. max: different denials that are watched at once. */
struct aeg_fold *aeg_fold_new(size_t max, uint64_t window_ns, aeg_folded_fn *fn, void *arg);
void aeg_fold_free(struct aeg_fold *fold); /* reports nothing any more; see aeg_fold_flush() */
/* From now on what would be denied is folded like what is: for those who keep no connections apart. */
void aeg_fold_audited(struct aeg_fold *fold);
/* True: it was folded into others, and is reported with them. */
bool aeg_fold_add(struct aeg_fold *fold, const struct aeg_flow *flow);
/* Reports what is due. now: CLOCK_MONOTONIC, ns, as in events. */
void aeg_fold_expire(struct aeg_fold *fold, uint64_t now);
/* Reports everything. */
void aeg_fold_flush(struct aeg_fold *fold);
/* When the next window ends; 0: none is open. */
uint64_t aeg_fold_due(const struct aeg_fold *fold);
/* Denials that were folded and not reported yet. */
uint64_t aeg_fold_pending(const struct aeg_fold *fold);

#endif
