/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the compiler keeps with the tables it made, and what its own files share while they make
 * them. Nobody but user/policy/compile*.c and tables.c needs this.
 *
 * The words: a *reference* is one rule with one set of ports. A *group* is a set of patterns and
 * CIDRs that rules always name together: an endpoint, or a bare host. A *node* is one pattern or
 * CIDR. A *class* is the set of references that reach a node, through itself or through anything
 * wider that covers it; nodes of one class are decided alike.
 */
#ifndef AEG_POLICY_COMPILER_H
#define AEG_POLICY_COMPILER_H

#include "policy/model.h"
#include "policy/sets.h"
#include "policy/tables.h"

struct aeg_reference {
	uint32_t policy; /* index into the model's policies */
	uint32_t rule;	 /* label number */
	uint32_t ports;	 /* set of port words */
	bool deny, audit;
};

/* The references of one policy within a class: items [start, start + n) of the class's set. */
struct aeg_touch {
	uint32_t class, start, n;
};
struct aeg_touches {
	AEG_VEC(struct aeg_touch) list;
};

struct aeg_compiler {
	const struct aeg_model *model;
	AEG_VEC(struct aeg_reference) references; /* in model order: first match is lowest number */
	struct aeg_sets ports;			  /* of port words */
	struct aeg_sets classes;		  /* of references */
	struct aeg_sets profiles;    /* of policies; numbers are rows of tables->profiles */
	struct aeg_touches *touched; /* by policy */
	size_t ntouched;
};

void aeg_compiler_free(struct aeg_compiler *compiler);

/* A port of a protocol as one number; every port of the protocol where port is AEG_PORT_ANY. */
static inline uint32_t aeg_port_word(uint16_t port, uint8_t proto)
{
	return (uint32_t)port << 8 | proto;
}
static inline uint8_t aeg_port_word_proto(uint32_t word)
{
	return (uint8_t)word;
}
static inline uint32_t aeg_port_word_any(uint32_t word)
{
	return aeg_port_word(AEG_PORT_ANY, (uint8_t)word);
}

/* ---- only while aeg_compile() runs ---- */

struct aeg_group {
	AEG_VEC(uint32_t) references;
	uint32_t declarer; /* the bit of an endpoint with CIDRs; 0: none */
};

struct aeg_node_groups { /* what names this very pattern, and what covers it */
	AEG_VEC(uint32_t) groups;
	uint32_t all; /* set of groups, those of wider nodes too; valid when resolved */
	bool governed, resolved;
};
struct aeg_name_node {
	char *pattern;
	struct aeg_node_groups groups;
};
struct aeg_cidr_node {
	struct aeg_cidr cidr;
	struct aeg_node_groups groups;
};

struct aeg_build {
	struct aeg_compiler *compiler;
	struct aeg_numbers *numbers;
	AEG_VEC(struct aeg_group) groups;
	AEG_VEC(struct aeg_name_node) names;
	AEG_VEC(struct aeg_cidr_node) cidrs;
	struct aeg_strmap name_rows, cidr_rows, endpoint_groups;
	struct aeg_sets group_sets;
	uint32_t ndeclarers; /* endpoints with CIDRs so far */
};

/* Fills groups, nodes and references from the model (compile_groups.c). */
void aeg_build_groups(struct aeg_build *build);
/* Resolves covering, makes classes, fills addrs and names (compile_nodes.c). */
void aeg_build_nodes(struct aeg_build *build, struct aeg_tables *tables);

#endif
