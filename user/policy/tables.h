/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Compiled tables: exactly what goes into the maps of one generation, as plain sorted arrays. What
 * the kernel looks up by hash or trie, aeg_tables_* looks up here; both then ask bpf/verdict.h.
 */
#ifndef AEG_POLICY_TABLES_H
#define AEG_POLICY_TABLES_H

#include "base/addr.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "bpf/abi.h"
#include "policy/rowindex.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * Numbers for things whose numbers outlive a generation. Numbers count up and are never given twice;
 * text that was seen before gets its number again. New ones are what the datapath must store.
 */
struct aeg_number {
	uint32_t number;
	enum aeg_label_kind kind;
	char *text;
};
struct aeg_numbers {
	AEG_VEC(struct aeg_number) list; /* in order of arrival */
	struct aeg_strmap by_text;	 /* kind digit + text -> number */
	struct aeg_rowindex by_number;
	uint32_t last; /* the highest number known */
	size_t stored; /* list.items[stored..] are not in the kernel's map yet */
};
/* The number of a text, given out when it has none. Text longer than a label holds is cut with a
 * hash of the whole at its end, so that two never share a number. */
uint32_t aeg_numbers_get(struct aeg_numbers *numbers, enum aeg_label_kind kind, const char *text);
/* The same, but never a new one; 0: it has none. */
uint32_t aeg_numbers_find(const struct aeg_numbers *numbers, enum aeg_label_kind kind,
			  const char *text);
/* Takes over a number that is already in the kernel's map, before any new one is given out (-EBUSY
 * afterwards); -EEXIST when it clashes, -EINVAL when no label can be like this. */
int aeg_numbers_adopt(struct aeg_numbers *numbers, uint32_t number, enum aeg_label_kind kind,
		      const char *text);
/* NULL when unknown. */
const char *aeg_numbers_text(const struct aeg_numbers *numbers, uint32_t number);
void aeg_numbers_done(struct aeg_numbers *numbers);

struct aeg_addr_row {
	struct aeg_addr_key key;
	struct aeg_dest dest;
};
struct aeg_pattern_row { /* canonical host pattern */
	char *pattern;
	struct aeg_dest dest;
};
struct aeg_cell_row {
	struct aeg_cell_key key;
	struct aeg_cell cell;
};

/* A set of policies that selects some workload. Profile 0 is the empty set. */
struct aeg_profile {
	uint32_t flags; /* AEG_IDENT_* */
	struct aeg_dns_caps caps[AEG_LAYERS];
	AEG_VEC(uint32_t) policies; /* indices into the model's policies, ascending */
	bool compiled;		    /* its cells are in the table */
	bool overflowed; /* they are not: there was no room, and all that is governed is denied */
};

struct aeg_tables {
	AEG_VEC(struct aeg_addr_row) addrs;    /* by address, then prefix length */
	AEG_VEC(struct aeg_pattern_row) names; /* by pattern */
	AEG_VEC(struct aeg_cell_row) cells;    /* profile after profile, as they were compiled */
	AEG_VEC(struct aeg_profile) profiles;
	/* for the look-ups below; aeg_tables_index() fills the first two */
	AEG_VEC(uint32_t) wider; /* row of addrs -> next wider row that covers it */
	struct aeg_strmap by_pattern;
	struct aeg_rowindex by_key;
	/* the compiler's own memory, so that a profile can be added later; NULL: made by hand */
	struct aeg_compiler *compiler;
};

void aeg_tables_free(struct aeg_tables *tables);

/* Sorts addrs and names and makes them findable; once, when all rows are there. */
void aeg_tables_index(struct aeg_tables *tables);
/* Appends a cell and makes it findable; a key must not be there twice. */
void aeg_tables_add_cell(struct aeg_tables *tables, const struct aeg_cell_row *row);

/*
 * Most specific row that covers the address / the name (canonical); NULL: none. Of an address behind
 * NAT64 that no row covers, the row of the IPv4 address.
 */
const struct aeg_dest *aeg_tables_addr(const struct aeg_tables *tables,
				       const struct aeg_addr *addr);
const struct aeg_dest *aeg_tables_name(const struct aeg_tables *tables, const char *host);
/* The row of exactly that host pattern; NULL: no such row. */
const struct aeg_dest *aeg_tables_pattern(const struct aeg_tables *tables, const char *pattern);
/* Exact port first, then AEG_PORT_ANY, as the kernel does; NULL: no rule. */
const struct aeg_cell *aeg_tables_cell(const struct aeg_tables *tables, uint32_t profile,
				       uint32_t class, uint8_t proto, uint16_t port);

/* Whether names of that class may be asked for; NULL: no rule, or the profile may ask for any. */
const struct aeg_cell *aeg_tables_named(const struct aeg_tables *tables, uint32_t profile,
					uint32_t class);

/*
 * Turns a canonical name or pattern into the next wider pattern that covers it, in place:
 * a.b.c -> *.b.c -> *.c; false, and untouched, when there is none.
 */
bool aeg_name_widen(char *name);

#endif
