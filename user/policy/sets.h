/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sets of numbers, each kept once and known by a number of its own; number 0 is the empty set. */
#ifndef AEG_POLICY_SETS_H
#define AEG_POLICY_SETS_H

#include "policy/rowindex.h"

struct aeg_set { /* a view: ascending, without duplicates */
	const uint32_t *items;
	size_t n;
};
struct aeg_set_span {
	size_t start, n;
};
struct aeg_sets {
	AEG_VEC(uint32_t) pool;
	AEG_VEC(struct aeg_set_span) spans;
	struct aeg_rowindex index;
};

void aeg_sets_init(struct aeg_sets *sets);
void aeg_sets_done(struct aeg_sets *sets);
/* The number of the set, given out when it is new. items must be ascending and unique. */
uint32_t aeg_sets_intern(struct aeg_sets *sets, const uint32_t *items, size_t n);
/* Valid until the next intern. */
struct aeg_set aeg_sets_get(const struct aeg_sets *sets, uint32_t number);

/* Sorts and drops duplicates in place; returns how many are left. */
size_t aeg_u32_sort_unique(uint32_t *items, size_t n);

#endif
