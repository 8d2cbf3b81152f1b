/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What was decided about connections in this very second. A client that connects again and again asks the
 * same thing, and everything that a decision is made of stands in the key: who asks and for what, the
 * tables (a moment), what addresses had been learned (taught), and the second, since what was learned
 * ends with one. So what is found here is what looking it all up once more would say.
 *
 * Each CPU has places of its own. Programs stay on their CPU, but one may run in the middle of another:
 * who writes holds a lock, with which nobody comes in between, and counts; who reads looks at the count
 * before and after.
 */
#ifndef AEG_RECENT_BPF_H
#define AEG_RECENT_BPF_H

#include "bpf/bytes.h"
#include "bpf/identity.bpf.h"
#include "bpf/lookup.bpf.h"

#define AEG_RECENT_KEY 6 /* words */

struct aeg_recent_key {
	__u64 words[AEG_RECENT_KEY];
};

/* What came of it. */
struct aeg_recent_choice {
	__u64 pod; /* that gave the identity */
	struct aeg_decision decision;
	__u32 workload;
	__u32 node;
	__u64 by_name; /* 1: as in aeg_reach */
};

struct aeg_recent {
	struct bpf_spin_lock lock;
	__u32 count; /* of the times it was written */
	__u64 claim; /* of who is about to decide; 0: nobody */
	struct aeg_recent_key key;
	struct aeg_recent_choice choice;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AEG_RECENT_CPU);
	__type(key, __u32);
	__type(value, struct aeg_recent);
} recents __weak SEC(".maps");

/* taught: of aeg_ctl, from before anything is looked up. leaf: the cgroup of who asks and made the socket. */
static __always_inline struct aeg_recent_key aeg_recent_key_of(const struct aeg_moment *moment,
							       __u32 taught, __u64 leaf,
							       const struct aeg_flow *flow,
							       __u64 time)
{
	struct aeg_recent_key key;

	key.words[0] = leaf;
	key.words[1] = (__u64)moment->epoch << 32 | moment->slot;
	__builtin_memcpy(&key.words[2], flow->daddr, sizeof(flow->daddr));
	key.words[4] = (__u64)taught << 32 | (__u32)(time / 1000000000ull);
	key.words[5] = (__u64)flow->proto << 16 | flow->dport;
	return key;
}

/* Any place does that the same question leads to again. NULL: there are fewer than CPUs. */
static __always_inline struct aeg_recent *aeg_recent_place(__u64 leaf, const struct aeg_flow *flow)
{
	const __u32 *addr = (const __u32 *)flow->daddr;
	__u64 mixed = (leaf + addr[0] + addr[1] + addr[2] + addr[3] + flow->dport) *
		      0x9e3779b97f4a7c15ull;
	__u32 place =
		bpf_get_smp_processor_id() * AEG_RECENT_CPU + (__u32)(mixed >> 32) % AEG_RECENT_CPU;

	return bpf_map_lookup_elem(&recents, &place);
}

static __always_inline bool aeg_recent_equal(const struct aeg_recent_key *a,
					     const struct aeg_recent_key *b)
{
	__u64 differ = 0;

#pragma clang loop unroll(full)
	for (int i = 0; i < AEG_RECENT_KEY; i++)
		differ |= READ_ONCE(a->words[i]) ^ b->words[i];
	return !differ;
}

/* Copies words that somebody else may be writing. */
static __always_inline void aeg_words_read(void *to, const void *from, __u32 bytes)
{
	const __u64 *words = from;
	__u64 *copy = to;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < bytes / 8; i++)
		copy[i] = READ_ONCE(words[i]);
}

/* false: nothing was decided, or it is being overwritten. */
static __always_inline bool aeg_recent_recall(const struct aeg_recent *recent,
					      const struct aeg_recent_key *key,
					      struct aeg_recent_choice *ret)
{
	__u32 count = READ_ONCE(recent->count);

	if (!aeg_recent_equal(&recent->key, key))
		return false;
	aeg_words_read(ret, &recent->choice, sizeof(*ret));
	return ret->decision.verdict != AEG_VERDICT_NONE && READ_ONCE(recent->count) == count;
}

/*
 * A place for what is decided next; what was there is gone. claim: a number that nobody else has at the
 * same time.
 */
static __always_inline void aeg_recent_claim(struct aeg_recent *recent,
					     const struct aeg_recent_key *key, __u64 claim)
{
	bpf_spin_lock(&recent->lock);
	WRITE_ONCE(recent->count, recent->count + 1);
	recent->claim = claim;
	recent->key = *key;
	recent->choice.decision.verdict = AEG_VERDICT_NONE;
	bpf_spin_unlock(&recent->lock);
}

/* Whoever has claimed the place since has it. */
static __always_inline void aeg_recent_keep(struct aeg_recent *recent, __u64 claim,
					    const struct aeg_recent_choice *choice)
{
	if (READ_ONCE(recent->claim) != claim)
		return;
	bpf_spin_lock(&recent->lock);
	if (recent->claim == claim) {
		WRITE_ONCE(recent->count, recent->count + 1);
		recent->claim = 0;
		recent->choice = *choice;
	}
	bpf_spin_unlock(&recent->lock);
}

#endif
