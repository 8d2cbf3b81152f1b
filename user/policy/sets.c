/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* All members of all sets lie in one pool; a span says where each set's are. */
#include "policy/sets.h"

static bool same_set(const void *rows, uint32_t row, const void *key)
{
	struct aeg_set set = aeg_sets_get(rows, row);
	const struct aeg_set *wanted = key;

	return set.items && set.n == wanted->n &&
	       memcmp(set.items, wanted->items, set.n * sizeof(*set.items)) == 0;
}

void aeg_sets_init(struct aeg_sets *sets)
{
	*sets = (struct aeg_sets){0};
	(void)AEG_VEC_PUSH(sets->spans); /* number 0: the empty set */
}

void aeg_sets_done(struct aeg_sets *sets)
{
	AEG_VEC_DONE(sets->pool);
	AEG_VEC_DONE(sets->spans);
	aeg_rowindex_done(&sets->index);
}

uint32_t aeg_sets_intern(struct aeg_sets *sets, const uint32_t *items, size_t n)
{
	struct aeg_set wanted = {.items = items, .n = n};
	uint32_t hash, number;
	size_t start;

	if (n == 0)
		return 0;
	hash = aeg_row_hash(items, n * sizeof(*items));
	number = aeg_rowindex_find(&sets->index, hash, same_set, sets, &wanted);
	if (number != AEG_ROW_NONE)
		return number;
	start = sets->pool.n;
	for (size_t i = 0; i < n; i++)
		*AEG_VEC_PUSH(sets->pool) = items[i];
	number = (uint32_t)sets->spans.n;
	*AEG_VEC_PUSH(sets->spans) = (struct aeg_set_span){.start = start, .n = n};
	aeg_rowindex_add(&sets->index, hash, number);
	return number;
}

struct aeg_set aeg_sets_get(const struct aeg_sets *sets, uint32_t number)
{
	const struct aeg_set_span *span = &sets->spans.items[number];

	if (span->n == 0)
		return (struct aeg_set){0};
	return (struct aeg_set){.items = sets->pool.items + span->start, .n = span->n};
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

size_t aeg_u32_sort_unique(uint32_t *items, size_t n)
{
	size_t kept = 0;

	if (n < 2)
		return n;
	qsort(items, n, sizeof(*items), compare_u32);
	for (size_t i = 1; i < n; i++)
		if (items[i] != items[kept])
			items[++kept] = items[i];
	return kept + 1;
}
