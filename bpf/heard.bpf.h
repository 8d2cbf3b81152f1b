/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What was decided about ClientHellos in this very second, as recent.bpf.h is about addresses: everything
 * that a decision is made of stands in the key, so what is found here is what looking it all up once
 * more would say. A place in scratch is its claimer's, and so is what it remembers: nobody else writes.
 */
#ifndef AEG_HEARD_BPF_H
#define AEG_HEARD_BPF_H

#include "bpf/identity.bpf.h"
#include "bpf/scratch.bpf.h"

/* First hellos with short names, of whoever sends on sockets of its own: all that is usual. */
static __always_inline bool aeg_heard_usual(const struct aeg_scratch *scratch,
					    const struct aeg_sock *sock, __u32 result)
{
	return result == AEG_HELLO_DONE && sock->watch != AEG_WATCH_SECOND && !sock->user &&
	       scratch->name.len <= AEG_NAME_PIECE;
}

/*
 * Makes the key; before anything is looked up, since what changes later must make another one. Its last
 * word says whether it is one: in memory, or the verifier follows everything behind it twice.
 */
static __always_inline void aeg_heard_ask(struct aeg_scratch *scratch, const struct aeg_sock *sock,
					  const struct aeg_ctl *control,
					  const struct aeg_moment *moment, __u32 result)
{
	const __u64 *text = (const __u64 *)scratch->name.text;
	__u64 *words = scratch->asked.words;

	words[0] = (__u64)READ_ONCE(control->taught) << 32 | (__u32)(scratch->time / 1000000000ull);
	words[1] = (__u64)moment->epoch << 32 | moment->slot;
	words[2] = sock->pod;
	words[3] = sock->generation;
	words[4] = (__u64)sock->workload << 32 | sock->node;
	words[5] = (__u64)scratch->name.len << 32 | (__u32)sock->by_name << 16 | sock->dport;
	words[6] = scratch->name.hash;
	__builtin_memcpy(&words[7], sock->daddr, sizeof(sock->daddr));
	__builtin_memcpy(&words[9], &sock->decision, sizeof(sock->decision));
#pragma clang loop unroll(full)
	for (int i = 0; i < AEG_NAME_PIECE / 8; i++)
		words[11 + i] = text[i]; /* zeros behind the name */
	AEG_MEM(words[AEG_HEARD_KEY - 1]) = aeg_heard_usual(scratch, sock, result);
}

/* Any place does that the same question leads to again. */
static __always_inline struct aeg_heard *aeg_heard_place(struct aeg_scratch *scratch)
{
	__u64 mixed = scratch->asked.words[6] + scratch->asked.words[2] * 0x9e3779b97f4a7c15ull;

	return &scratch->heard[mixed >> 32 & (AEG_HEARD - 1)];
}

/* Leaves what was decided in scratch->outcome; false: nothing was. */
static __always_inline bool aeg_heard_recall(struct aeg_scratch *scratch)
{
	const struct aeg_heard *heard = aeg_heard_place(scratch);
	__u64 differ = 0;

#pragma clang loop unroll(full)
	for (int i = 0; i < AEG_HEARD_KEY; i++)
		differ |= aeg_hidden(heard->key.words[i] ^ scratch->asked.words[i]);
	if (differ || !AEG_MEM(scratch->asked.words[AEG_HEARD_KEY - 1]))
		return false;
	scratch->outcome = heard->outcome;
	return true;
}

/* For whoever says the same again before the second is over; never what is denied. */
static __always_inline void aeg_heard_keep(struct aeg_scratch *scratch)
{
	struct aeg_heard *heard = aeg_heard_place(scratch);

	if (!AEG_MEM(scratch->asked.words[AEG_HEARD_KEY - 1]) ||
	    scratch->outcome.decision.verdict == AEG_VERDICT_DENIED)
		return;
	heard->key = scratch->asked;
	heard->outcome = scratch->outcome;
}

#endif
