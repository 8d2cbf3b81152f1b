/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Writes a generation beside the one in force, flips, and adds to the one in force. */
#include "bpf/name.h"
#include "datapath/internal.h"
#include "datapath/prefixes.h"
#include <errno.h>

#define CHUNK 4096 /* rows that are turned into keys and values at a time */
#define ERRNO_MAX 4095

/* Rows of a table as user space has them: key and value at fixed places. */
struct rows {
	const char *first;
	size_t n, stride, key_size, value_at, value_size;
};
#define ROWS(array, count, key, value)                                                             \
	((struct rows){                                                                            \
		.first = (const char *)(array),                                                    \
		.n = (count),                                                                      \
		.stride = sizeof(*(array)),                                                        \
		.key_size = sizeof((array)->key),                                                  \
		.value_at = (size_t)((const char *)&(array)->value - (const char *)(array)),       \
		.value_size = sizeof((array)->value),                                              \
	})

struct node_row {
	uint32_t node;
	struct aeg_dest dest;
};

static int write_rows(struct aeg_table *table, const struct rows *rows)
{
	size_t room = rows->n < CHUNK ? rows->n : CHUNK;
	AEG_AUTO_FREE char *keys = aeg_xcalloc(room + 1, rows->key_size);
	AEG_AUTO_FREE char *values = aeg_xcalloc(room + 1, rows->value_size);

	for (size_t from = 0; from < rows->n; from += room) {
		size_t n = rows->n - from < room ? rows->n - from : room;
		int err;

		for (size_t i = 0; i < n; i++) {
			const char *row = rows->first + (from + i) * rows->stride;

			memcpy(keys + i * rows->key_size, row, rows->key_size);
			memcpy(values + i * rows->value_size, row + rows->value_at,
			       rows->value_size);
		}
		err = aeg_map_fill(table->fd, keys, rows->key_size, values, rows->value_size, n);
		if (err)
			return err;
	}
	table->entries += rows->n;
	return 0;
}

static int fill_table(struct aeg_slot *slot, enum aeg_table_kind kind, const struct rows *rows)
{
	int err = aeg_table_create(kind, rows->n, &slot->tables[kind]);

	return err ? err : write_rows(&slot->tables[kind], rows);
}

/* Host patterns as they are looked up: by hash, a long one in several rows. */
struct pattern_rows {
	AEG_VEC(struct aeg_name_row) names;
	AEG_VEC(struct node_row) nodes;
};

static void pattern_rows_done(struct pattern_rows *rows)
{
	AEG_VEC_DONE(rows->names);
	AEG_VEC_DONE(rows->nodes);
}

static int by_key(const void *a, const void *b)
{
	const struct aeg_name_row *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

/* -EEXIST: two patterns have the same hash. Once in 2^64 pairs, but it must not pass unnoticed. */
static int build_patterns(const struct aeg_ctl *ctl, const struct aeg_tables *tables,
			  struct pattern_rows *ret)
{
	const struct aeg_seed seed = {.basis = ctl->seed_basis, .factor = ctl->seed_factor};

	for (size_t i = 0; i < tables->names.n; i++) {
		const struct aeg_pattern_row *row = &tables->names.items[i];
		struct aeg_name_row name;

		for (uint32_t n = 0; aeg_name_row_make(row->pattern, n, &row->dest, &seed, &name);
		     n++)
			*AEG_VEC_PUSH(ret->names) = name;
		*AEG_VEC_PUSH(ret->nodes) = (struct node_row){row->dest.node, row->dest};
	}
	if (ret->names.n)
		qsort(ret->names.items, ret->names.n, sizeof(*ret->names.items), by_key);
	for (size_t i = 1; i < ret->names.n; i++) {
		if (ret->names.items[i].key == ret->names.items[i - 1].key)
			return -EEXIST;
	}
	return 0;
}

static int fill_patterns(struct aeg_slot *slot, const struct aeg_ctl *ctl,
			 const struct aeg_tables *tables)
{
	AEG_CLEANUP(pattern_rows_done) struct pattern_rows rows = {0};
	struct rows names, nodes;
	int err = build_patterns(ctl, tables, &rows);

	names = ROWS(rows.names.items, rows.names.n, key, entry);
	nodes = ROWS(rows.nodes.items, rows.nodes.n, node, dest);
	if (!err)
		err = fill_table(slot, AEG_TABLE_NAMES, &names);
	if (!err)
		err = fill_table(slot, AEG_TABLE_NODES, &nodes);
	return err;
}

static int fill_slot(struct aeg_slot *slot, const struct aeg_generation *generation,
		     const struct aeg_prefixes *prefixes)
{
	const struct aeg_tables *tables = generation->tables;
	struct rows idents = ROWS(generation->idents, generation->nidents, cgroup, ident);
	struct rows addrs = ROWS(prefixes->rows.items, prefixes->rows.n, net, dest);
	struct rows cells = ROWS(tables->cells.items, tables->cells.n, key, cell);
	int err = fill_table(slot, AEG_TABLE_IDENTS, &idents);

	if (!err)
		err = fill_table(slot, AEG_TABLE_ADDRS, &addrs);
	if (!err)
		err = fill_table(slot, AEG_TABLE_CELLS, &cells);
	return err;
}

static bool is_default(uint32_t verdict)
{
	return verdict > AEG_VERDICT_NONE && verdict < AEG_VERDICT_MAX;
}

static bool settings_valid(const struct aeg_gen *gen)
{
	return is_default(gen->unselected) && is_default(gen->unknown) &&
	       gen->deny_errno <= ERRNO_MAX;
}

/* The elements of a slot that are no tables of their own. */
static int write_settings(struct aeg_datapath *datapath, uint32_t index, const struct aeg_gen *gen,
			  const struct aeg_lengths *lengths)
{
	int err = aeg_map_put(datapath->maps[AEG_MAP_LENGTHS], &index, lengths);

	return err ? err : aeg_map_put(datapath->maps[AEG_MAP_GENS], &index, gen);
}

/* Whether somebody's identity has this flag. */
static bool has_flag(const struct aeg_generation *generation, uint32_t flag)
{
	for (size_t i = 0; i < generation->nidents; i++) {
		if (generation->idents[i].ident.flags & flag)
			return true;
	}
	return false;
}

/* Set before the first identity says so, and cleared when none does: see aeg_frame_held(). */
static void set_held(struct aeg_datapath *datapath, bool held)
{
	uint32_t levels = datapath->ctl->levels & ~AEG_LEVELS_HELD;

	__atomic_store_n(&datapath->ctl->levels, levels | (held ? AEG_LEVELS_HELD : 0),
			 __ATOMIC_RELEASE);
}

/* Of workloads that went while no daemon was there to see it: the table has room for those alive. */
static void forget_askers(struct aeg_datapath *datapath)
{
	const struct aeg_slot *slot = aeg_slot_active(datapath);
	int askers = datapath->maps[AEG_MAP_ASKERS], idents = slot->tables[AEG_TABLE_IDENTS].fd;
	AEG_VEC(uint64_t) gone = {0};
	struct aeg_ident ident;
	uint64_t cgroup, *last = NULL;

	while (bpf_map_get_next_key(askers, last, &cgroup) == 0) {
		if (bpf_map_lookup_elem(idents, &cgroup, &ident))
			*AEG_VEC_PUSH(gone) = cgroup;
		last = &cgroup;
	}
	for (size_t i = 0; i < gone.n; i++)
		(void)bpf_map_delete_elem(askers, &gone.items[i]);
	AEG_VEC_DONE(gone);
}

/*
 * A program that read the slot number just before the last flip may still be in the slot that is
 * about to be filled: it is waited for first.
 */
static int install(struct aeg_datapath *datapath, const struct aeg_generation *generation,
		   struct aeg_slot *slot)
{
	AEG_CLEANUP(aeg_prefixes_done) struct aeg_prefixes prefixes = {0};
	uint32_t index = (datapath->ctl->now.slot + 1) % AEG_SLOTS;
	struct aeg_gen gen = generation->settings;
	bool held = has_flag(generation, AEG_IDENT_QUARANTINED);
	bool strict = has_flag(generation, AEG_IDENT_STRICT);
	struct aeg_places listeners = {0};
	int err = aeg_prefixes_build(generation->tables->addrs.items, generation->tables->addrs.n,
				     &prefixes);

	gen.number = aeg_datapath_generation(datapath) + 1;
	if (!err)
		err = fill_slot(slot, generation, &prefixes);
	if (!err)
		err = fill_patterns(slot, datapath->ctl, generation->tables);
	if (!err)
		err = aeg_slots_grace(datapath);
	if (!err)
		err = aeg_slot_link(datapath, index, slot);
	if (!err)
		err = write_settings(datapath, index, &gen, &prefixes.lengths);
	if (!err)
		err = aeg_strict_set(datapath, strict || datapath->strict);
	if (err)
		return err;
	aeg_listeners_prepare(datapath, generation, &listeners);
	if (held)
		set_held(datapath, true);
	aeg_moment_set(datapath, index);
	set_held(datapath, held);
	datapath->idents_stale = false;
	/* One that stays refuses nobody; the next generation takes it off. */
	(void)aeg_strict_set(datapath, strict);
	aeg_places_take(datapath, &datapath->listeners, &listeners);
	forget_askers(datapath);
	return 0;
}

int aeg_datapath_install(struct aeg_datapath *datapath, const struct aeg_generation *generation,
			 struct aeg_buf *error)
{
	AEG_CLEANUP(aeg_slot_done) struct aeg_slot slot;
	int err = -EINVAL;

	for (int i = 0; i < AEG_TABLE_MAX; i++)
		slot.tables[i] = (struct aeg_table){.fd = -1};
	if (settings_valid(&generation->settings))
		err = install(datapath, generation, &slot);
	if (err)
		aeg_buf_printf(error, "writing generation %llu: %s",
			       (unsigned long long)aeg_datapath_generation(datapath) + 1,
			       strerror(-err));
	return err;
}

uint64_t aeg_datapath_generation(const struct aeg_datapath *datapath)
{
	uint32_t slot = datapath->ctl->now.slot;
	struct aeg_gen gen = {0};

	if (bpf_map_lookup_elem(datapath->maps[AEG_MAP_GENS], &slot, &gen))
		return 0;
	return gen.number;
}

/* ---- additions to the generation in force ---- */

int aeg_datapath_add_cells(struct aeg_datapath *datapath, const struct aeg_cell_row *rows, size_t n)
{
	struct aeg_slot *slot = aeg_slot_active(datapath);
	struct rows cells = ROWS(rows, n, key, cell);
	struct aeg_table *table;

	if (!slot)
		return -ENOENT;
	table = &slot->tables[AEG_TABLE_CELLS];
	if (n > table->capacity - table->entries)
		return -ENOSPC;
	return write_rows(table, &cells);
}

/*
 * A hash gives a deleted or replaced element to the next one that is inserted, while a program may
 * still be reading it: it would decide with another pod's identity.
 */
static int settle_idents(struct aeg_datapath *datapath)
{
	int err;

	if (!datapath->idents_stale)
		return 0;
	err = aeg_slots_grace(datapath);
	if (!err)
		datapath->idents_stale = false;
	return err;
}

int aeg_datapath_set_ident(struct aeg_datapath *datapath, const struct aeg_ident_row *row)
{
	struct aeg_slot *slot = aeg_slot_active(datapath);
	struct aeg_table *table;
	struct aeg_ident old;
	bool known;
	int err;

	if (!slot)
		return -ENOENT;
	table = &slot->tables[AEG_TABLE_IDENTS];
	known = bpf_map_lookup_elem(table->fd, &row->cgroup, &old) == 0;
	if (known && memcmp(&old, &row->ident, sizeof(old)) == 0)
		return 0;
	if (row->ident.flags & AEG_IDENT_QUARANTINED)
		set_held(datapath, true);
	err = settle_idents(datapath);
	if (!err && row->ident.flags & AEG_IDENT_STRICT)
		err = aeg_strict_set(datapath, true);
	if (!err) {
		aeg_listener_prepare(datapath, row);
		err = aeg_map_put(table->fd, &row->cgroup, &row->ident);
	}
	if (err)
		return err;
	table->entries += !known;
	datapath->idents_stale = known;
	aeg_epoch_bump(datapath);
	aeg_listener_take(datapath, row);
	return 0;
}

int aeg_datapath_delete_ident(struct aeg_datapath *datapath, uint64_t cgroup)
{
	struct aeg_slot *slot = aeg_slot_active(datapath);
	int err = -ENOENT;

	if (slot)
		err = bpf_map_delete_elem(slot->tables[AEG_TABLE_IDENTS].fd, &cgroup);
	if (err)
		return err;
	(void)bpf_map_delete_elem(datapath->maps[AEG_MAP_HOMES], &cgroup);
	(void)bpf_map_delete_elem(datapath->maps[AEG_MAP_ASKERS], &cgroup);
	slot->tables[AEG_TABLE_IDENTS].entries--;
	datapath->idents_stale = true;
	aeg_epoch_bump(datapath);
	aeg_place_forget(datapath, &datapath->listeners, cgroup);
	return 0;
}
