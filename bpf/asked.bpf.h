/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The questions that a socket has open, by key (dns_key.h). Each that is sent may be answered once.
 * Threads may send on one socket at the same time, so what changes changes under its lock.
 */
#ifndef AEG_ASKED_BPF_H
#define AEG_ASKED_BPF_H

#include "bpf/errors.bpf.h"

_Static_assert((AEG_ASKED & (AEG_ASKED - 1)) == 0, "oldest wraps");

/* NULL: the socket asked nothing yet. */
static __always_inline struct aeg_asks *aeg_asks_get(struct bpf_sock *sk)
{
	return bpf_sk_storage_get(&asks, sk, NULL, 0);
}

static __always_inline void aeg_asked_put(struct bpf_sock *sk, __u64 key)
{
	struct aeg_asks *asked = bpf_sk_storage_get(&asks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	__u64 *place;
	bool evicted;

	if (!asked) {
		aeg_failed(AEG_ERROR_ASKS_STORAGE);
		return;
	}
	bpf_spin_lock(&asked->lock);
	place = &asked->keys[asked->oldest & (AEG_ASKED - 1)];
	evicted = *place;
	*place = key;
	asked->oldest++;
	bpf_spin_unlock(&asked->lock);
	if (evicted)
		aeg_result_count(&learnings, AEG_LEARNING_EVICTED);
}

/* Where the question is, the newest first: most sockets have one or two open. AEG_ASKED: nowhere. */
static __always_inline __u32 aeg_asked_find(const struct aeg_asks *asked, __u64 key)
{
	__u32 newest = READ_ONCE(asked->oldest) - 1u;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < AEG_ASKED; i++) {
		__u32 at = (newest - i) & (AEG_ASKED - 1);

		if (READ_ONCE(asked->keys[at]) == key)
			return at;
	}
	return AEG_ASKED;
}

/* false: it is not open any more. */
static __always_inline bool aeg_asked_take(struct aeg_asks *asked, __u32 at, __u64 key)
{
	__u64 *place = &asked->keys[at & (AEG_ASKED - 1)];
	bool got;

	bpf_spin_lock(&asked->lock);
	got = *place == key;
	if (got)
		*place = 0;
	bpf_spin_unlock(&asked->lock);
	return got;
}

#endif
