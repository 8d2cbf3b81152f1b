/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What programs share that user space has run over everything that stands: over every seat, and over every
 * socket that has storage. Some kernels let nobody iterate over the storage itself; there, it is looked for
 * at every socket that a process holds open, and what is met nowhere is held: see standing.bpf.h.
 */
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

struct socket {
	struct sock *sk;
} __attribute__((preserve_access_index));

/* kernel/bpf/task_iter.c; the last call of a run has no file. */
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta __attribute__((aligned(8)));
	struct task_struct *task __attribute__((aligned(8)));
	__u32 fd __attribute__((aligned(8)));
	struct file *file __attribute__((aligned(8)));
};

/* The socket of an open file, NULL: it is none. */
static __always_inline struct sock *aeg_iterated_open(const struct bpf_iter__task_file *ctx)
{
	struct socket *socket = ctx->file ? bpf_sock_from_file(ctx->file) : NULL;

	return socket ? socket->sk : NULL;
}

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
	__u32 held = READ_ONCE(seat->held);
	struct sock *sk;

	if (held != AEG_SEAT_READY && held != AEG_SEAT_LINGERS)
		return NULL;
	sk = (struct sock *)seat->socket;
	return aeg_iterated_cookie(sk) == seat->cookie ? sk : NULL;
}

static __always_inline bool aeg_iterated_over(struct sock *sk)
{
	return aeg_tcp_over(BPF_CORE_READ(sk, __sk_common.skc_state));
}

/* The seat with this number, if somebody sits there: *ret_sk. */
static __always_inline struct aeg_sock *aeg_iterated_seat(__u32 index, struct sock **ret_sk)
{
	struct aeg_sock *seat = bpf_map_lookup_elem(&seats, &index);

	*ret_sk = seat ? aeg_iterated_socket(seat) : NULL;
	return seat;
}

/*
 * The programs that have look(sk, state) called for everything that stands: NAME over all storage, NAME_files
 * over that of what processes hold open, NAME_seats over AEG_SEATS_RUN seats, from that on which user space
 * wrote into the packet's mark. The last is of a kind that may take locks, and that user space can run: the
 * packet is of no interest. What starts with ? is loaded where user space says so.
 */
#define AEG_WALKERS(NAME, look)                                                                    \
	SEC("iter/bpf_sk_storage_map")                                                             \
	int NAME(struct bpf_iter__bpf_sk_storage_map *ctx)                                         \
	{                                                                                          \
		struct aeg_sock *sock = ctx->value;                                                \
		struct sock *sk = ctx->sk;                                                         \
                                                                                                   \
		if (sock && sk)                                                                    \
			look(sk, sock);                                                            \
		return 0;                                                                          \
	}                                                                                          \
	SEC("?iter/task_file")                                                                     \
	int NAME##_files(struct bpf_iter__task_file *ctx)                                          \
	{                                                                                          \
		struct sock *sk = aeg_iterated_open(ctx);                                          \
		struct aeg_sock *sock = sk ? bpf_sk_storage_get(&socks, sk, NULL, 0) : NULL;       \
                                                                                                   \
		if (sock)                                                                          \
			look(sk, sock);                                                            \
		return 0;                                                                          \
	}                                                                                          \
	static long NAME##_seat(__u32 i, __u32 *first)                                             \
	{                                                                                          \
		struct sock *sk;                                                                   \
		struct aeg_sock *seat = aeg_iterated_seat(*first + i, &sk);                        \
                                                                                                   \
		if (sk)                                                                            \
			look(sk, seat);                                                            \
		return 0;                                                                          \
	}                                                                                          \
	SEC("?tc")                                                                                 \
	int NAME##_seats(struct __sk_buff *skb)                                                    \
	{                                                                                          \
		__u32 first = skb->mark;                                                           \
                                                                                                   \
		bpf_loop(AEG_SEATS_RUN, NAME##_seat, &first, 0);                                   \
		return 0;                                                                          \
	}

#endif
