/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The questions that a socket has open, by key (dns_key.h). Each that is sent may be answered once.
 * Threads may send on one socket at the same time, so what changes changes under its lock.
 */
#ifndef AEG_ASKED_BPF_H
#define AEG_ASKED_BPF_H

#include "bpf/errors.bpf.h"

_Static_assert((AEG_ASKED & (AEG_ASKED - 1)) == 0 && 256 % AEG_ASKED == 0, "oldest wraps");

static __always_inline void aeg_asked_put(struct aeg_sock *sock, __u64 key)
{
	__u64 *place;
	bool evicted;

	bpf_spin_lock(&sock->lock);
	place = &sock->asked[sock->oldest & (AEG_ASKED - 1)];
	evicted = *place;
	*place = key;
	sock->oldest++;
	bpf_spin_unlock(&sock->lock);
	if (evicted)
		aeg_result_count(&learnings, AEG_LEARNING_EVICTED);
}

/* Where the question is, the newest first: most sockets have one or two open. AEG_ASKED: nowhere. */
static __always_inline __u32 aeg_asked_find(const struct aeg_sock *sock, __u64 key)
{
	__u32 newest = READ_ONCE(sock->oldest) - 1u;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < AEG_ASKED; i++) {
		__u32 at = (newest - i) & (AEG_ASKED - 1);

		if (READ_ONCE(sock->asked[at]) == key)
			return at;
	}
	return AEG_ASKED;
}

/* false: it is not open any more. */
static __always_inline bool aeg_asked_take(struct aeg_sock *sock, __u32 at, __u64 key)
{
	__u64 *place = &sock->asked[at & (AEG_ASKED - 1)];
	bool got;

	bpf_spin_lock(&sock->lock);
	got = *place == key;
	if (got)
		*place = 0;
	bpf_spin_unlock(&sock->lock);
	return got;
}

#endif
