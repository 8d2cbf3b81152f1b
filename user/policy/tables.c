/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Compiled tables and their look-ups in user space. The kernel's trie and hashes must give the same
 * answers; nothing is decided here.
 */
#include "policy/tables.h"
#include "bpf/special.h"
#include "bpf/verdict.h"
#include "policy/compiler.h"
#include "policy/pattern.h"

void aeg_tables_free(struct aeg_tables *tables)
{
	if (!tables)
		return;
	for (size_t i = 0; i < tables->names.n; i++)
		free(tables->names.items[i].pattern);
	for (size_t i = 0; i < tables->profiles.n; i++)
		AEG_VEC_DONE(tables->profiles.items[i].policies);
	AEG_VEC_DONE(tables->addrs);
	AEG_VEC_DONE(tables->names);
	AEG_VEC_DONE(tables->cells);
	AEG_VEC_DONE(tables->profiles);
	AEG_VEC_DONE(tables->wider);
	aeg_strmap_done(&tables->by_pattern);
	aeg_rowindex_done(&tables->by_key);
	aeg_compiler_free(tables->compiler);
	free(tables);
}

/* ---- addresses ---- */

static int compare_addrs(const void *a, const void *b)
{
	const struct aeg_addr_key *x = &((const struct aeg_addr_row *)a)->key;
	const struct aeg_addr_key *y = &((const struct aeg_addr_row *)b)->key;
	int order = memcmp(x->addr, y->addr, sizeof(x->addr));

	if (order)
		return order;
	return x->prefixlen < y->prefixlen ? -1 : x->prefixlen > y->prefixlen;
}

static bool row_contains(const struct aeg_addr_row *row, const uint8_t addr[16])
{
	struct aeg_cidr cidr = {.bits = row->key.prefixlen};
	struct aeg_addr wanted;

	memcpy(cidr.addr.bytes, row->key.addr, sizeof(cidr.addr.bytes));
	memcpy(wanted.bytes, addr, sizeof(wanted.bytes));
	return aeg_cidr_contains(&cidr, &wanted);
}

/* From `row` outwards to the first row that contains the address. */
static uint32_t widen_to(const struct aeg_tables *tables, uint32_t row, const uint8_t addr[16])
{
	while (row != AEG_ROW_NONE && !row_contains(&tables->addrs.items[row], addr))
		row = tables->wider.items[row];
	return row;
}

static void index_addrs(struct aeg_tables *tables)
{
	uint32_t wider = AEG_ROW_NONE;

	if (tables->addrs.n)
		qsort(tables->addrs.items, tables->addrs.n, sizeof(*tables->addrs.items),
		      compare_addrs);
	AEG_VEC_DONE(tables->wider);
	for (uint32_t row = 0; row < tables->addrs.n; row++) {
		/* Sorted: whatever covers this row covers or is the row before it. */
		wider = widen_to(tables, wider, tables->addrs.items[row].key.addr);
		*AEG_VEC_PUSH(tables->wider) = wider;
		wider = row;
	}
}

static const struct aeg_dest *most_specific(const struct aeg_tables *tables,
					    const struct aeg_addr *addr)
{
	size_t low = 0, high = tables->addrs.n;
	uint32_t row;

	while (low < high) { /* the first row that begins behind the address */
		size_t middle = low + (high - low) / 2;

		if (memcmp(tables->addrs.items[middle].key.addr, addr->bytes, 16) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* Prefixes nest or are disjoint: what contains the address is the row before it or wider. */
	row = widen_to(tables, low ? (uint32_t)low - 1 : AEG_ROW_NONE, addr->bytes);
	return row == AEG_ROW_NONE ? NULL : &tables->addrs.items[row].dest;
}

const struct aeg_dest *aeg_tables_addr(const struct aeg_tables *tables, const struct aeg_addr *addr)
{
	const struct aeg_dest *dest = most_specific(tables, addr);
	struct aeg_addr inner = {.bytes = {[10] = 0xff, [11] = 0xff}};

	if (dest || !aeg_nat64(aeg_be64(addr->bytes), aeg_be64(addr->bytes + 8)))
		return dest;
	memcpy(inner.bytes + 12, addr->bytes + 12, 4);
	return most_specific(tables, &inner);
}

/* ---- names ---- */

static int compare_names(const void *a, const void *b)
{
	const struct aeg_pattern_row *x = a, *y = b;

	return strcmp(x->pattern, y->pattern);
}

static void index_names(struct aeg_tables *tables)
{
	if (tables->names.n)
		qsort(tables->names.items, tables->names.n, sizeof(*tables->names.items),
		      compare_names);
	aeg_strmap_done(&tables->by_pattern);
	for (size_t row = 0; row < tables->names.n; row++)
		aeg_strmap_put(&tables->by_pattern, tables->names.items[row].pattern, row);
}

bool aeg_name_widen(char *name)
{
	size_t skip = strncmp(name, "*.", 2) == 0 ? 2 : 0;
	char *dot = strchr(name + skip, '.');

	if (!dot)
		return false;
	name[0] = '*';
	memmove(name + 1, dot, strlen(dot) + 1);
	return true;
}

const struct aeg_dest *aeg_tables_pattern(const struct aeg_tables *tables, const char *pattern)
{
	uintptr_t row;

	return aeg_strmap_get(&tables->by_pattern, pattern, &row) ? &tables->names.items[row].dest
								  : NULL;
}

const struct aeg_dest *aeg_tables_name(const struct aeg_tables *tables, const char *host)
{
	char name[AEG_PATTERN_TEXT];
	size_t len = strlen(host);
	uintptr_t row;

	if (len == 0 || len > AEG_HOST_MAX)
		return NULL;
	memcpy(name, host, len + 1);
	do {
		if (aeg_strmap_get(&tables->by_pattern, name, &row))
			return &tables->names.items[row].dest;
	} while (aeg_name_widen(name));
	return NULL;
}

void aeg_tables_index(struct aeg_tables *tables)
{
	index_addrs(tables);
	index_names(tables);
}

/* ---- cells ---- */

static bool same_cell(const void *rows, uint32_t row, const void *key)
{
	const struct aeg_tables *tables = rows;

	return memcmp(&tables->cells.items[row].key, key, sizeof(struct aeg_cell_key)) == 0;
}

void aeg_tables_add_cell(struct aeg_tables *tables, const struct aeg_cell_row *row)
{
	uint32_t at = (uint32_t)tables->cells.n;

	*AEG_VEC_PUSH(tables->cells) = *row;
	aeg_rowindex_add(&tables->by_key, aeg_row_hash(&row->key, sizeof(row->key)), at);
}

static const struct aeg_cell *find_cell(const struct aeg_tables *tables,
					const struct aeg_cell_key *key)
{
	uint32_t row = aeg_rowindex_find(&tables->by_key, aeg_row_hash(key, sizeof(*key)),
					 same_cell, tables, key);

	return row == AEG_ROW_NONE ? NULL : &tables->cells.items[row].cell;
}

const struct aeg_cell *aeg_tables_cell(const struct aeg_tables *tables, uint32_t profile,
				       uint32_t class, uint8_t proto, uint16_t port)
{
	struct aeg_cell_key key = {
		.profile = profile,
		.class = class,
		.port = port,
		.proto = aeg_cell_proto(proto),
	};
	const struct aeg_cell *cell = find_cell(tables, &key);

	if (cell || port == AEG_PORT_ANY)
		return cell;
	key.port = AEG_PORT_ANY;
	return find_cell(tables, &key);
}

const struct aeg_cell *aeg_tables_named(const struct aeg_tables *tables, uint32_t profile,
					uint32_t class)
{
	const struct aeg_cell_key key = {
		.profile = profile,
		.class = class,
		.port = AEG_PORT_ANY,
		.proto = AEG_PROTO_NAMED,
	};

	return find_cell(tables, &key);
}
