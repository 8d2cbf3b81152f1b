/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What programs share that user space has run over every socket that has a seat or storage. */
#ifndef AEG_ITERATE_BPF_H
#define AEG_ITERATE_BPF_H

#include "bpf/close.bpf.h"
#include "bpf/seats.bpf.h"

struct bpf_iter_meta;
struct bpf_map;

/* net/core/bpf_sk_storage.c; the last call of a run has neither socket nor value. */
struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta __attribute__((aligned(8)));
	struct bpf_map *map __attribute__((aligned(8)));
	struct sock *sk __attribute__((aligned(8)));
	void *value __attribute__((aligned(8)));
};

/* kernel/bpf/map_iter.c; the same. */
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta __attribute__((aligned(8)));
	struct bpf_map *map __attribute__((aligned(8)));
	void *key __attribute__((aligned(8)));
	void *value __attribute__((aligned(8)));
};

/* A stack of its own: before 6.2 there is no room on the callers'. */
static __attribute__((noinline)) __u64 aeg_iterated_cookie(const struct sock *sk)
{
	__u64 cookie = 0;

	if (bpf_core_read(&cookie, sizeof(cookie), &sk->__sk_common.skc_cookie.counter))
		aeg_failed(AEG_ERROR_COOKIE_READ);
	return cookie;
}

/*
 * The socket that sits there; NULL: nobody does, or has just come. Nothing holds it here: its memory can be
 * read, which fails at worst, and is that socket's while it has the seat's cookie.
 */
static __always_inline struct sock *aeg_iterated_socket(const struct aeg_sock *seat)
{
	struct sock *sk;

	if (READ_ONCE(seat->held) != AEG_SEAT_READY)
		return NULL;
	sk = (struct sock *)seat->socket;
	return aeg_iterated_cookie(sk) == seat->cookie ? sk : NULL;
}

/* Whether it ended, or ends in the kernel's own time: nobody can hold it open. */
static __always_inline bool aeg_iterated_over(struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	return state == AEG_TCP_CLOSE || state == AEG_TCP_TIME_WAIT;
}

#endif
