/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Open addressing with linear probing, at most half full. */
#include "policy/rowindex.h"

static void place(struct aeg_rowindex *index, struct aeg_rowindex_slot slot)
{
	size_t i = slot.hash & (index->cap - 1);

	while (index->slots[i].row != AEG_ROW_NONE)
		i = (i + 1) & (index->cap - 1);
	index->slots[i] = slot;
}

static void grow(struct aeg_rowindex *index)
{
	struct aeg_rowindex old = *index;

	index->cap = old.cap ? old.cap * 2 : 64;
	index->slots = aeg_xcalloc(index->cap, sizeof(*index->slots));
	for (size_t i = 0; i < index->cap; i++)
		index->slots[i].row = AEG_ROW_NONE;
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].row != AEG_ROW_NONE)
			place(index, old.slots[i]);
	free(old.slots);
}

void aeg_rowindex_add(struct aeg_rowindex *index, uint32_t hash, uint32_t row)
{
	if (index->n * 2 >= index->cap)
		grow(index);
	place(index, (struct aeg_rowindex_slot){.hash = hash, .row = row});
	index->n++;
}

uint32_t aeg_rowindex_find(const struct aeg_rowindex *index, uint32_t hash, aeg_row_same_fn *same,
			   const void *rows, const void *key)
{
	if (index->n == 0)
		return AEG_ROW_NONE;
	for (size_t i = hash & (index->cap - 1);; i = (i + 1) & (index->cap - 1)) {
		const struct aeg_rowindex_slot *slot = &index->slots[i];

		if (slot->row == AEG_ROW_NONE)
			return AEG_ROW_NONE;
		if (slot->hash == hash && same(rows, slot->row, key))
			return slot->row;
	}
}

void aeg_rowindex_done(struct aeg_rowindex *index)
{
	free(index->slots);
	*index = (struct aeg_rowindex){0};
}

/* FNV-1a with a final mix: linear probing needs the low bits to depend on every byte. */
uint32_t aeg_row_hash(const void *data, size_t len)
{
	const unsigned char *bytes = data;
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93u;
	return (uint32_t)(hash >> 32);
}
