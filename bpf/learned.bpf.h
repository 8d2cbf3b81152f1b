/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What an address can stand for: the CIDR that covers it, and the host patterns it was learned for. A
 * decision about the address weighs all of them. Here is where it is read; dns.bpf.h writes it.
 */
#ifndef AEG_LEARNED_BPF_H
#define AEG_LEARNED_BPF_H

#include "bpf/identity.bpf.h"
#include "bpf/lookup.bpf.h"

static __always_inline __u32 aeg_now_s(void)
{
	return (__u32)(bpf_ktime_get_ns() / 1000000000ull);
}

static __always_inline bool aeg_addr_equal(const __u8 *a, const __u8 *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

struct aeg_reach {
	const struct aeg_dest *cidr; /* NULL: none covers the address */
	struct aeg_learned *learned; /* NULL: never learned */
	bool by_name;		     /* aeg_reach_judge() went by a pattern */
};

/* key: of prefix length 128. */
static __always_inline void aeg_reach_open(const struct aeg_view *view,
					   const struct aeg_addr_key *key, struct aeg_reach *ret)
{
	ret->cidr = bpf_map_lookup_elem(view->addrs, key);
	ret->learned = bpf_map_lookup_elem(&learned, key->addr);
	ret->by_name = false;
}

/*
 * The node of a member; 0: none, or no longer. Whoever is asked for is in use and stays a while: a
 * client may keep an address longer than its time to live. An element that was freed and given to
 * another address while we read shows that address.
 */
static __always_inline __u32 aeg_member_node(struct aeg_learned *entry, const __u8 *addr, __u32 i,
					     __u32 now, __u32 ttl_min)
{
	struct aeg_member *member = &entry->members[i];
	__u32 node = READ_ONCE(member->node), expires = READ_ONCE(member->expires);

	if (!node || (__s32)(expires - now) < 0)
		return 0;
	if (!aeg_addr_equal(entry->addr, addr))
		return 0;
	if ((__s32)(expires - now - ttl_min) < 0)
		WRITE_ONCE(member->expires, now + ttl_min);
	return node;
}

/* Whether an address was ever learned for a node: a connection may be older than what it knew. */
static __always_inline bool aeg_learned_for(const __u8 *addr, __u32 node)
{
	const struct aeg_learned *entry = bpf_map_lookup_elem(&learned, addr);
	bool found = false;

	if (!entry)
		return false;
#pragma clang loop unroll(full)
	for (int i = 0; i < AEG_MEMBERS_MAX; i++)
		found |= READ_ONCE(entry->members[i].node) == node;
	return found && aeg_addr_equal(entry->addr, addr);
}

/* ---- choosing ---- */

/*
 * One of the patterns, by node; or: none of them. With its verdict above, the most lenient least. What
 * neither an endpoint nor a rule of the workload's has is no candidate: else a CIDR that a rule of
 * somebody else's names, all addresses perhaps, would let everybody off.
 */
#define AEG_CHOICE_CIDR 0u
#define AEG_CHOICE_NONE ((__u64)AEG_VERDICT_MAX << 32)

static __always_inline __u64 aeg_choice(const struct aeg_view *view, const struct aeg_flow *flow,
					const struct aeg_ident *ident, const struct aeg_dest *dest,
					__u32 node)
{
	struct aeg_facts facts;

	if (!dest)
		return AEG_CHOICE_NONE;
	aeg_facts_find(view, flow, dest, ident, &facts);
	if (!facts.governed && !facts.cell)
		return AEG_CHOICE_NONE;
	return (__u64)aeg_decide_verdict(&facts) << 32 | node;
}

/*
 * What an address that was learned is taken for: the candidate with the most lenient verdict, the
 * CIDR where it is as good. Which is meant settles the ClientHello.
 */
static __always_inline __u32 aeg_choose(const struct aeg_flow *flow, __u64 pod)
{
	struct aeg_learned *entry = bpf_map_lookup_elem(&learned, flow->dest.addr);
	struct aeg_ctl *control = aeg_ctl_get();
	const struct aeg_ident *ident;
	struct aeg_view view;
	__u32 now = aeg_now_s(), ttl_min;
	__u64 best;

	if (!entry || !control || !aeg_view_open(READ_ONCE(control->slot), &view))
		return AEG_CHOICE_CIDR;
	ttl_min = READ_ONCE(control->ttl_min);
	ident = aeg_ident_find(&view, pod);
	best = aeg_choice(&view, flow, ident, bpf_map_lookup_elem(view.addrs, &flow->dest),
			  AEG_CHOICE_CIDR);
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < AEG_MEMBERS_MAX; i++) {
		__u32 node = aeg_member_node(entry, flow->dest.addr, i, now, ttl_min);
		__u64 candidate;

		if (!node)
			continue;
		candidate = aeg_choice(&view, flow, ident, bpf_map_lookup_elem(view.nodes, &node),
				       node);
		if (candidate >> 32 < best >> 32)
			best = candidate;
	}
	return (__u32)best;
}

/* Decides; choice: of aeg_choose() where something was learned. */
static __always_inline void aeg_reach_judge(const struct aeg_view *view,
					    const struct aeg_flow *flow, struct aeg_reach *reach,
					    __u64 pod, __u32 choice, struct aeg_outcome *ret)
{
	const struct aeg_dest *found = reach->cidr;
	__u64 unknown = view->gen->number;
	struct aeg_dest dest = {};

	reach->by_name = choice != AEG_CHOICE_CIDR;
	if (reach->by_name)
		found = bpf_map_lookup_elem(view->nodes, &choice);
	if (found)
		dest = *found;
	dest.class = (__u32)aeg_forget(dest.class, unknown);
	dest.node = (__u32)aeg_forget(dest.node, unknown);
	dest.flags = (__u32)aeg_forget(dest.flags, unknown);
	reach->by_name = aeg_forget(reach->by_name, unknown) & 1;
	aeg_judge(view, flow, &dest, aeg_ident_find(view, pod), ret);
}

#endif
