/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A hash index over rows that live in somebody else's array: it stores row numbers, the caller
 * compares. Rows are only ever added.
 */
#ifndef AEG_POLICY_ROWINDEX_H
#define AEG_POLICY_ROWINDEX_H

#include "base/mem.h"
#include <stdbool.h>
#include <stdint.h>

#define AEG_ROW_NONE UINT32_MAX

struct aeg_rowindex_slot {
	uint32_t hash, row; /* row AEG_ROW_NONE: free */
};
struct aeg_rowindex {
	struct aeg_rowindex_slot *slots;
	size_t n, cap;
};

/* Whether the row is the one that `key` means. */
typedef bool aeg_row_same_fn(const void *rows, uint32_t row, const void *key);

/* The caller has made sure that no equal row is there. */
void aeg_rowindex_add(struct aeg_rowindex *index, uint32_t hash, uint32_t row);
uint32_t aeg_rowindex_find(const struct aeg_rowindex *index, uint32_t hash, aeg_row_same_fn *same,
			   const void *rows, const void *key);
void aeg_rowindex_done(struct aeg_rowindex *index);

uint32_t aeg_row_hash(const void *data, size_t len);

#endif
