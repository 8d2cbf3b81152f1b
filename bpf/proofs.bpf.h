/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Answers that say again what was learned in this very second. To read such a one once more would leave
 * everything as it is, to the second in which each address expires; so it is enough to count it.
 *
 * A proof is a keyed digest of the message, all but its number, of the resolver, the second and the
 * moment: other tables, another proof. Nothing is learned from one. That a message which says something
 * new has the same digest as one of this second happens once in 2^32 or less, and who writes the
 * answers of governed names has no part in what a pod does. A proof is one word, so whoever reads one
 * reads all of it; which is overwritten by which does not matter.
 */
#ifndef AEG_PROOFS_BPF_H
#define AEG_PROOFS_BPF_H

#include "bpf/learned.bpf.h"

#define AEG_PROOF_SETS 2048
#define AEG_PROOF_WAYS 4    /* proofs that have a place in common */
#define AEG_PROOF_WORDS 128 /* of eight bytes; longer messages have no proof */

/*
 * Bits of a proof that are not the digest's. How many addresses the message was worth, or
 * AEG_PROOF_NO_PATTERN; and the last bits of the second, so that one that is over is overwritten first.
 */
#define AEG_PROOF_FOUND 0x7fu
#define AEG_PROOF_NO_PATTERN 0x7fu
#define AEG_PROOF_SECOND 0x7f80u
#define AEG_PROOF_OTHER (AEG_PROOF_FOUND | AEG_PROOF_SECOND)

struct aeg_proof_set {
	__u64 words[AEG_PROOF_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AEG_PROOF_SETS);
	__type(key, __u32);
	__type(value, struct aeg_proof_set);
} proofs __weak SEC(".maps");

struct aeg_proof {
	__u64 word;   /* 0: none */
	__u32 second; /* that it holds in */
	__u32 pad;
};

/*
 * Products of pairs of keyed halves, summed up (NH of UMAC, RFC 4418): no product waits for
 * another one, and no difference of messages cancels itself out whatever the key.
 */
static __always_inline __u64 aeg_proof_add(__u64 sum, __u64 word, __u64 key)
{
	__u64 keyed = word + key;

	return sum + (keyed & 0xffffffffu) * (keyed >> 32);
}

/*
 * Of the message that begins at start, from behind its number on; 0: too short or long, or not all of
 * it lies where it can be looked at. The last eight bytes count in any case, whether they did
 * before or not.
 */
AEG_GLOBAL __u64 dns_digest(struct __sk_buff *skb, __u32 start)
{
	const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;
	struct aeg_ctl *control = aeg_ctl_get();
	__u32 len = skb->len, last = (__u32)aeg_hidden(len - 8);
	const __u8 *at = data + (start & 63) + 2, *tail;
	__u64 factor, key, sum = len;

	if (!control || last > 8 * AEG_PROOF_WORDS)
		return 0;
	factor = control->seed_factor;
	key = control->seed_basis;
	tail = data + last;
	if (tail + 8 > end)
		return 0;
	sum = aeg_proof_add(sum, *(const __u64 *)tail, key);
#pragma clang loop unroll(disable)
	for (int i = 0; i < AEG_PROOF_WORDS; i++) {
		if (at + 8 > end)
			break;
		key += factor;
		sum = aeg_proof_add(sum, *(const __u64 *)at, key);
		at += 8;
	}
	return sum | 1;
}

/* high, low: halves of the resolver's address. digest: not 0. */
static __always_inline void aeg_proof_make(const struct aeg_ctl *control, __u64 digest, __u64 high,
					   __u64 low, struct aeg_proof *ret)
{
	__u64 factor = control->seed_factor, key = ~control->seed_basis;

	ret->second = aeg_now_s();
	digest = aeg_proof_add(digest, low, key);
	digest = aeg_proof_add(digest, high, key + factor);
	digest = aeg_proof_add(digest, READ_ONCE(*(const __u64 *)&control->now), key + 2 * factor);
	digest = aeg_proof_add(digest, ret->second, key + 3 * factor) * factor;
	digest = (digest ^ digest >> 32) * factor;
	ret->word = (digest & ~(__u64)AEG_PROOF_OTHER) | (ret->second << 7 & AEG_PROOF_SECOND);
}

static __always_inline struct aeg_proof_set *aeg_proof_set(__u64 word)
{
	__u32 set = word >> 53;

	_Static_assert(AEG_PROOF_SETS == 1 << (64 - 53), "the highest bits choose");
	return bpf_map_lookup_elem(&proofs, &set);
}

/* found: addresses, or AEG_PROOF_NO_PATTERN. Over one that is over, if any; else over any. */
static __always_inline void aeg_proof_keep(__u64 word, __u32 found)
{
	struct aeg_proof_set *set = word ? aeg_proof_set(word) : NULL;
	__u32 way = word >> 15 & (AEG_PROOF_WAYS - 1);

	if (!set)
		return;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < AEG_PROOF_WAYS; i++) {
		if ((READ_ONCE(set->words[i]) ^ word) & AEG_PROOF_SECOND)
			way = i;
	}
	WRITE_ONCE(set->words[aeg_masked(way, AEG_PROOF_WAYS - 1)], word | found);
}

/* What the message was worth; AEG_PROOF_MISSING: there is no proof of it. */
#define AEG_PROOF_MISSING (~0u)
static __always_inline __u32 aeg_proof_find(__u64 word)
{
	const struct aeg_proof_set *set = aeg_proof_set(word);

	if (!set)
		return AEG_PROOF_MISSING;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < AEG_PROOF_WAYS; i++) {
		__u64 differs = READ_ONCE(set->words[i]) ^ word;

		if (differs <= AEG_PROOF_FOUND)
			return (__u32)differs;
	}
	return AEG_PROOF_MISSING;
}

#endif
