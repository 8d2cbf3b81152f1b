/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From a destination and an identity to a decision: the three look-ups in the tables of one
 * generation, then verdict.h. What is missing denies with reason internal.
 */
#ifndef AEG_LOOKUP_BPF_H
#define AEG_LOOKUP_BPF_H

#include "bpf/errors.bpf.h"

/* Not a subprogram: before 6.2 the verifier prunes less in programs that have one. */
#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)
#include "bpf/prefix.h"
#include "bpf/special.h"
#include "bpf/verdict.h"
#pragma clang attribute pop

/* One attempt to reach a destination. */
struct aeg_flow {
	__u8 daddr[16];
	__u16 dport; /* host order */
	__u8 proto;
	__u8 hook;   /* enum aeg_hook */
	__u8 family; /* AF_* of the socket */
};

/* What was decided, and for whom. */
struct aeg_outcome {
	struct aeg_decision decision;
	__u32 workload;
	__u32 node;
	__u64 generation;
};

/* The tables of one generation. */
struct aeg_view {
	__u32 slot;
	const struct aeg_gen *gen;
	void *idents;
	void *cells;
	void *nodes;
};

static __always_inline void *aeg_inner(void *outer, __u32 slot, enum aeg_error place)
{
	void *inner = bpf_map_lookup_elem(outer, &slot);

	if (!inner)
		aeg_failed(place);
	return inner;
}

/* Both parts of a view; false: not there, and counted. */
static __always_inline bool aeg_view_settings(__u32 slot, struct aeg_view *ret)
{
	ret->slot = slot;
	ret->gen = bpf_map_lookup_elem(&gens, &slot);
	if (ret->gen && ret->gen->number)
		return true;
	aeg_failed(AEG_ERROR_NO_GEN);
	return false;
}

static __always_inline bool aeg_view_tables(__u32 slot, struct aeg_view *ret)
{
	ret->idents = aeg_inner(&idents, slot, AEG_ERROR_NO_IDENTS);
	if (!ret->idents)
		return false;
	if (!aeg_inner(&addrs, slot, AEG_ERROR_NO_ADDRS))
		return false;
	ret->cells = aeg_inner(&cells, slot, AEG_ERROR_NO_CELLS);
	if (!ret->cells)
		return false;
	ret->nodes = aeg_inner(&nodes, slot, AEG_ERROR_NO_NODES);
	return ret->nodes != NULL;
}

static __always_inline bool aeg_view_open(__u32 slot, struct aeg_view *ret)
{
	return aeg_view_settings(slot, ret) && aeg_view_tables(slot, ret);
}

/* The exact port's cell, else that of all ports; NULL: no rule of the profile touches it. */
static __always_inline const struct aeg_cell *aeg_cell_find(const struct aeg_view *view,
							    __u32 profile, __u32 class,
							    const struct aeg_flow *flow)
{
	struct aeg_cell_key key = {
		.profile = profile,
		.class = class,
		.port = flow->dport,
		.proto = aeg_cell_proto(flow->proto),
	};
	const struct aeg_cell *cell = bpf_map_lookup_elem(view->cells, &key);

	if (cell)
		return cell;
	key.port = AEG_PORT_ANY;
	return bpf_map_lookup_elem(view->cells, &key);
}

static __always_inline void aeg_outcome_forget(struct aeg_outcome *outcome, __u64 unknown)
{
	__u64 words[2];

	__builtin_memcpy(words, &outcome->decision, sizeof(words));
	words[0] = aeg_forget(words[0], unknown);
	words[1] = aeg_forget(words[1], unknown);
	__builtin_memcpy(&outcome->decision, words, sizeof(words));
	outcome->workload = (__u32)aeg_forget(outcome->workload, unknown);
	outcome->node = (__u32)aeg_forget(outcome->node, unknown);
}

static __always_inline void aeg_dest_forget(struct aeg_dest *dest, __u64 unknown)
{
	dest->class = (__u32)aeg_forget(dest->class, unknown);
	dest->node = (__u32)aeg_forget(dest->node, unknown);
	dest->flags = (__u32)aeg_forget(dest->flags, unknown);
}

/* In what dest_find() returns: class below, node above, and this. */
#define AEG_DEST_PACKED_GOVERNED (1ull << 63)

_Static_assert(AEG_LABELS_MAX < 1u << 31, "a node leaves room for a flag");

/* What is found of a net, in one number. */
static __always_inline __u64 aeg_dest_pack(const struct aeg_dest *dest, bool declarers)
{
	if (declarers)
		return dest->declarers;
	return dest->class | (__u64)dest->node << 32 |
	       (dest->flags & AEG_DEST_GOVERNED ? AEG_DEST_PACKED_GOVERNED : 0);
}

/* The most specific net around an address, see prefix.h; 0: none. */
static __always_inline __u64 aeg_net_find(__u32 slot, __u64 high, __u64 low, bool declarers)
{
	const struct aeg_prefix whole = {.high = high, .low = low, .bits = 128};
	const struct aeg_lengths *all = bpf_map_lookup_elem(&lengths, &slot);
	void *table = aeg_inner(&addrs, slot, AEG_ERROR_NO_ADDRS);
	const struct aeg_length *tree;
	__u64 best = 0, node = 1;

	if (!all || !table)
		return 0;
	tree = all->tree[aeg_prefix_family(&whole)];
#pragma clang loop unroll(disable)
	for (int i = 0; i < AEG_LENGTHS_DEPTH; i++) {
		const struct aeg_length *length = &tree[node & (AEG_LENGTHS - 1)];
		struct aeg_prefix net = aeg_prefix_cut(&whole, length);
		const struct aeg_dest *dest;

		if (!length->used)
			break;
		dest = bpf_map_lookup_elem(table, &net);
		node = aeg_forget(node * 2 + (dest != NULL), high);
		if (dest && !(dest->flags & AEG_DEST_MARKER))
			best = aeg_dest_pack(dest, declarers);
		best = aeg_forget(best, high);
		if (dest && dest->flags & AEG_DEST_LAST)
			break;
	}
	return best;
}

/* Global: the loop is verified once and not for every way that leads to it. */
AEG_GLOBAL __u64 dest_find(__u32 slot, __u64 high, __u64 low)
{
	return aeg_net_find(slot, high, low, false);
}

/*
 * What covers an address. Behind NAT64, where nothing is said about that address itself, it is what
 * covers the IPv4 address that the translator sends it to. node 0: none.
 */
static __always_inline void aeg_dest_find(const struct aeg_view *view, const struct aeg_flow *flow,
					  struct aeg_dest *ret)
{
	__u64 high = aeg_be64(flow->daddr), low = aeg_be64(flow->daddr + 8);
	__u64 found = dest_find(view->slot, high, low);

	if (!found && aeg_nat64(high, low))
		found = dest_find(view->slot, 0, AEG_MAPPED_LOW | low);
	*ret = (struct aeg_dest){
		.class = (__u32)found,
		.node = (__u32)((found & ~AEG_DEST_PACKED_GOVERNED) >> 32),
		.flags = found & AEG_DEST_PACKED_GOVERNED ? AEG_DEST_GOVERNED : 0,
	};
	aeg_dest_forget(ret, found);
}

/* Who is not contained strictly pays nothing for it. */
static __always_inline __u8 aeg_way_find(const struct aeg_flow *flow, const struct aeg_ident *ident)
{
	if (!aeg_way_matters(ident))
		return AEG_WAY_OUT;
	if (aeg_loopback(flow->daddr))
		return AEG_WAY_LOOPBACK;
	if (flow->dport != AEG_PORT_DNS)
		return AEG_WAY_OUT;
	return bpf_map_lookup_elem(&resolvers, flow->daddr) ? AEG_WAY_RESOLVER
							    : AEG_WAY_OTHER_RESOLVER;
}

/* The facts of one identity and one destination; dest->node 0: no table row covers it. */
static __always_inline void aeg_facts_find(const struct aeg_view *view, const struct aeg_flow *flow,
					   const struct aeg_dest *dest,
					   const struct aeg_ident *ident, struct aeg_facts *ret)
{
	ret->gen = view->gen;
	ret->ident = ident;
	ret->cell = NULL;
	ret->governed = dest->flags & AEG_DEST_GOVERNED;
	ret->proto = flow->proto;
	ret->way = dest->node ? AEG_WAY_OUT : aeg_way_find(flow, ident);
	ret->way = (__u8)aeg_forget(ret->way, view->gen->number) & 3;
	if (ident && dest->node && ident->profile)
		ret->cell = aeg_cell_find(view, ident->profile, dest->class, flow);
}

static __always_inline const struct aeg_ident *aeg_ident_find(const struct aeg_view *view,
							      __u64 pod)
{
	return pod ? bpf_map_lookup_elem(view->idents, &pod) : NULL;
}

/* Decides for one identity. */
static __always_inline void aeg_judge(const struct aeg_view *view, const struct aeg_flow *flow,
				      const struct aeg_dest *dest, const struct aeg_ident *ident,
				      struct aeg_outcome *ret)
{
	struct aeg_facts facts;

	aeg_facts_find(view, flow, dest, ident, &facts);
	aeg_decide(&facts, &ret->decision);
	ret->workload = ident ? ident->workload : 0;
	ret->node = dest->node;
	ret->generation = view->gen->number;
	aeg_outcome_forget(ret, ret->generation);
	aeg_decide_last(ident, aeg_loopback(flow->daddr), &ret->decision);
}

static __always_inline void aeg_judge_internal(struct aeg_outcome *ret)
{
	*ret = (struct aeg_outcome){};
	aeg_decide_internal(&ret->decision);
}

#endif
