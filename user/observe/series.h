/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sums by label set, and never more sets than there is room for: who came first stays, what is new
 * then goes to a set of the caller's choice. A set keeps its place, so that no counter ever runs
 * backwards because another one came.
 */
#ifndef AEG_OBSERVE_SERIES_H
#define AEG_OBSERVE_SERIES_H

#include "observe/metrics.h"

/* The label value of what is folded: no name of a Kubernetes object begins with "_". */
#define AEG_OTHER "_other"

#define AEG_SERIES_VALUES 3

struct aeg_series;

struct aeg_series *aeg_series_new(size_t max);
void aeg_series_free(struct aeg_series *series);
/* All sums to 0. */
void aeg_series_zero(struct aeg_series *series);
/* The place of a label set; of `other` where it is new and there is no room. `other` always has room: it
 * must come from a small set of texts. A place is the set's until aeg_series_forget(). */
size_t aeg_series_place(struct aeg_series *series, const char *labels, const char *other);
/* The sums of a place. Valid until the next place is asked for. */
uint64_t *aeg_series_at(struct aeg_series *series, size_t place);
/* Samples of one of the values, in the order in which the sets came; label (NULL: none) is appended to
 * the labels of each. */
void aeg_series_put(const struct aeg_series *series, const struct aeg_metrics *metrics,
		    size_t value, const char *label);
/* Forgets the sets that aeg_series_at() was not asked for since aeg_series_zero(). Every place is another one
 * then. The room of those that had one of their own is not given away while others are folded: what was counted
 * for `other` must not go on elsewhere. */
void aeg_series_forget(struct aeg_series *series);
/* Calls of aeg_series_at() since aeg_series_zero() that were about an other set. */
uint64_t aeg_series_folded(const struct aeg_series *series);

#endif
