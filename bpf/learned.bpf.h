/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What an address can stand for: the CIDR that covers it, and the host patterns it was learned for. A
 * decision about the address weighs all of them. Here is where it is read; dns.bpf.h writes it.
 */
#ifndef AEG_LEARNED_BPF_H
#define AEG_LEARNED_BPF_H

#include "bpf/identity.bpf.h"
#include "bpf/lookup.bpf.h"

/* To the second. Programs of some types have no coarse clock, and no program had before 5.11. */
#ifndef AEG_CLOCK
#define AEG_CLOCK()                                                                                \
	(bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_coarse_ns)                \
		 ? bpf_ktime_get_coarse_ns()                                                       \
		 : bpf_ktime_get_ns())
#endif

static __always_inline __u32 aeg_now_s(void)
{
	return (__u32)(AEG_CLOCK() / 1000000000ull);
}

static __always_inline bool aeg_addr_equal(const __u8 *a, const __u8 *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

struct aeg_reach {
	struct aeg_dest cidr; /* node 0: none covers the address */
	bool learned;	      /* for some pattern, some time */
	bool by_name;	      /* aeg_reach_judge() went by a pattern */
};

static __always_inline void aeg_reach_open(const struct aeg_view *view, const struct aeg_flow *flow,
					   struct aeg_reach *ret)
{
	aeg_dest_find(view, flow, &ret->cidr);
	ret->learned =
		aeg_forget(bpf_map_lookup_elem(&learned, flow->daddr) != NULL, view->gen->number) &
		1;
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
 * A candidate is a pattern, by its node, or the CIDR. In one number with its verdict above, the most
 * lenient least; all ones: none, and nothing that this workload's rules or any endpoint speak of.
 */
#define AEG_CHOICE_CIDR 0u
#define AEG_CHOICE_NONE (~0ull)

static __always_inline __u64 aeg_choice(const struct aeg_view *view, const struct aeg_flow *flow,
					const struct aeg_ident *ident, const struct aeg_dest *dest,
					__u32 node)
{
	struct aeg_facts facts;

	aeg_facts_find(view, flow, dest, ident, &facts);
	if (!facts.governed && !facts.cell)
		return AEG_CHOICE_NONE;
	return aeg_forget(aeg_decide_verdict(&facts), node) << 32 | node;
}

/* Where no candidate has a say: whether the workload is let out at all. */
static __always_inline __u64 aeg_choice_nothing(const struct aeg_view *view,
						const struct aeg_flow *flow,
						const struct aeg_ident *ident)
{
	const struct aeg_dest nothing = {};
	struct aeg_facts facts;

	aeg_facts_find(view, flow, &nothing, ident, &facts);
	return (__u64)aeg_decide_verdict(&facts) << 32 | AEG_CHOICE_CIDR;
}

/* What does not fit the arguments of a global function otherwise: port, protocol and the CIDR. */
static __always_inline __u64 aeg_choose_pack(const struct aeg_flow *flow,
					     const struct aeg_dest *cidr)
{
	return flow->dport | (__u64)flow->proto << 16 |
	       (__u64)(cidr->flags & AEG_DEST_GOVERNED) << 24 | (__u64)(cidr->node != 0) << 25 |
	       (__u64)cidr->class << 32;
}

static __always_inline void aeg_choose_unpack(__u64 packed, struct aeg_flow *flow,
					      struct aeg_dest *cidr)
{
	flow->dport = (__u16)packed;
	flow->proto = (__u8)(packed >> 16);
	cidr->flags = packed >> 24 & AEG_DEST_GOVERNED;
	cidr->node = packed >> 25 & 1;
	cidr->class = (__u32)(packed >> 32);
}

/* Of the patterns, the one with the most lenient verdict, if any. */
static __always_inline __u64 aeg_choose_member(const struct aeg_view *view,
					       const struct aeg_flow *flow,
					       const struct aeg_ident *ident, __u32 ttl_min)
{
	struct aeg_learned *entry = bpf_map_lookup_elem(&learned, flow->daddr);
	__u32 now = entry ? aeg_now_s() : 0;
	__u64 best = AEG_CHOICE_NONE;

	if (!entry)
		return best;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < AEG_MEMBERS_MAX; i++) {
		__u32 node = aeg_member_node(entry, flow->daddr, i, now, ttl_min);
		const struct aeg_dest *dest = bpf_map_lookup_elem(view->nodes, &node);
		__u64 choice = dest ? aeg_choice(view, flow, ident, dest, node) : AEG_CHOICE_NONE;

		if (choice >> 32 < best >> 32)
			best = choice;
	}
	return best;
}

/*
 * What an address is taken for by one identity, and its verdict: the candidate with the most lenient
 * one, the CIDR where it is as good. Which is meant the ClientHello settles.
 */
static __always_inline __u64 aeg_choose(__u64 high, __u64 low, __u64 pod, __u64 packed)
{
	struct aeg_ctl *control = aeg_ctl_get();
	const struct aeg_ident *ident;
	struct aeg_flow flow = {};
	struct aeg_dest cidr = {};
	struct aeg_view view;
	__u64 best, other;

	__builtin_memcpy(flow.daddr, &high, sizeof(high));
	__builtin_memcpy(flow.daddr + 8, &low, sizeof(low));
	aeg_choose_unpack(packed, &flow, &cidr);
	if (!control || !aeg_view_open(READ_ONCE(control->now.slot), &view))
		return (__u64)AEG_VERDICT_MAX << 32;
	ident = aeg_ident_find(&view, pod);
	if (aeg_quarantined(ident, aeg_loopback(flow.daddr)))
		return (__u64)AEG_VERDICT_DENIED << 32 | AEG_CHOICE_CIDR;
	best = aeg_choose_member(&view, &flow, ident, READ_ONCE(control->ttl_min));
	other = aeg_choice(&view, &flow, ident, &cidr, AEG_CHOICE_CIDR);
	if (best >> 32 >= other >> 32)
		best = other;
	if (best == AEG_CHOICE_NONE)
		best = aeg_choice_nothing(&view, &flow, ident);
	return best;
}

/* Decides; choice: of aeg_choose() where something was learned. */
static __always_inline void aeg_reach_judge(const struct aeg_view *view,
					    const struct aeg_flow *flow, struct aeg_reach *reach,
					    const struct aeg_ident *ident, __u32 choice,
					    struct aeg_outcome *ret)
{
	__u64 unknown = view->gen->number;
	struct aeg_dest dest = reach->cidr;

	reach->by_name = false;
	if (choice != AEG_CHOICE_CIDR) {
		const struct aeg_dest *found = bpf_map_lookup_elem(view->nodes, &choice);

		if (found)
			dest = *found;
		reach->by_name = found;
	}
	aeg_dest_forget(&dest, unknown);
	reach->by_name = aeg_forget(reach->by_name, unknown) & 1;
	aeg_judge(view, flow, &dest, ident, ret);
}

#endif
