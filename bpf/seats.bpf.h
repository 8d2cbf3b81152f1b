/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where the state of a connection is. To make and to free sk_storage costs more than the whole decision,
 * so a connection sits in an array, in the one seat that its socket's cookie names, for as long as its
 * socket is open or still sends. Cookies are never given twice: a seat with this cookie is this socket's.
 * sk_storage is for whoever finds the seat taken, and for what is no connection.
 *
 * Only connect() gives seats: every socket that connects is released some day. The kernel holds the
 * socket's lock then, and for each of its segments: only for a seat that is free two may compete.
 */
#ifndef AEG_SEATS_BPF_H
#define AEG_SEATS_BPF_H

#include "bpf/bytes.h"
#include "bpf/errors.bpf.h"
#include "bpf/maps.bpf.h"

/* The seat of this cookie; NULL: it is another one's, or nobody's. */
static __always_inline struct aeg_sock *aeg_seat_find(__u64 cookie)
{
	__u32 index = cookie % AEG_SEATS;
	struct aeg_sock *seat;

	if (!cookie)
		return NULL;
	seat = bpf_map_lookup_elem(&seats, &index);
	return seat && seat->cookie == cookie ? seat : NULL;
}

/*
 * The seat of a socket. A cookie of 0: nobody asked for one yet; the helper would make one for every socket
 * that passes by. Where it cannot be loaded, before 6.2, nobody sits.
 */
static __always_inline struct aeg_sock *aeg_seat_of(void *socket)
{
	const struct sock *sk;

	if (!AEG_CASTS)
		return NULL;
	sk = AEG_CAST(struct sock, socket);
	return aeg_seat_find((__u64)sk->__sk_common.skc_cookie.counter);
}

/* Whether it may have storage; where that cannot be loaded, it may. */
static __always_inline bool aeg_may_be_stored(void *socket)
{
	return !AEG_CASTS || AEG_CAST(struct sock, socket)->sk_bpf_storage;
}

/* Where the state of a socket is; NULL: nothing is known of it. */
static __always_inline struct aeg_sock *aeg_state_of(struct bpf_sock *sk)
{
	struct aeg_sock *seat = aeg_seat_of(sk);

	if (seat || !aeg_may_be_stored(sk))
		return seat;
	return bpf_sk_storage_get(&socks, sk, NULL, 0);
}

/*
 * The socket of a packet, if it is TCP's and not only a part of one; its fields are loaded, not called for.
 * The helper takes a raw socket's protocol for it.
 */
static __always_inline const struct sock *aeg_tcp_of_packet(struct bpf_sock *sk)
{
	const struct sock *tcp = (const struct sock *)bpf_skc_to_tcp_sock(sk);

	return tcp && tcp->sk_type == SOCK_STREAM ? tcp : NULL;
}

/* The same where a packet is the context; a program attached to a cgroup is shown whole sockets only. */
static __always_inline const struct sock *aeg_tcp_of_context(struct __sk_buff *skb,
							     struct bpf_sock *sk)
{
	const struct sock *tcp;

	if (!AEG_CONTEXT_CASTS)
		return aeg_tcp_of_packet(sk);
	tcp = AEG_CAST_CONTEXT(struct sk_buff, skb)->sk;
	return tcp && tcp->sk_protocol == AEG_PROTO_TCP && tcp->sk_type == SOCK_STREAM ? tcp : NULL;
}

static __always_inline struct aeg_sock *aeg_seat_of_tcp(const struct sock *tcp)
{
	return aeg_seat_find((__u64)tcp->__sk_common.skc_cookie.counter);
}

/* The same of a packet's. */
static __always_inline struct aeg_sock *aeg_state_of_packet(struct bpf_sock *sk,
							    const struct sock *tcp)
{
	struct aeg_sock *seat = tcp ? aeg_seat_of_tcp(tcp) : NULL;

	return seat ? seat : bpf_sk_storage_get(&socks, sk, NULL, 0);
}

/* Whether it ended, or ends in the kernel's own time: nobody can hold it open. */
static __always_inline bool aeg_tcp_over(__u8 state)
{
	return state == AEG_TCP_CLOSE || state == AEG_TCP_TIME_WAIT;
}

/*
 * Nothing tells when a closed socket has sent everything, so whoever wants its seat looks. It may be gone;
 * its memory can be read all the same, and is that socket's while it has the seat's cookie.
 */
static __always_inline bool aeg_seat_deserted(const struct aeg_sock *seat)
{
	const struct sock *sk;

	if (!AEG_CASTS || READ_ONCE(seat->held) != AEG_SEAT_LINGERS)
		return false;
	sk = AEG_CAST(struct sock, (const void *)seat->socket);
	return (__u64)sk->__sk_common.skc_cookie.counter != seat->cookie ||
	       aeg_tcp_over(sk->__sk_common.skc_state);
}

/* Takes the seat of this cookie, empty; NULL: somebody sits there. */
static __always_inline struct aeg_sock *aeg_seat_take(__u64 cookie)
{
	__u32 index = cookie % AEG_SEATS;
	struct aeg_sock *seat = bpf_map_lookup_elem(&seats, &index);
	__u64 deserter = 0;
	bool taken;

	if (!seat)
		return NULL;
	if (aeg_seat_deserted(seat))
		deserter = seat->cookie;
	bpf_spin_lock(&seat->lock);
	taken = seat->held != AEG_SEAT_FREE &&
		(seat->held != AEG_SEAT_LINGERS || seat->cookie != deserter);
	if (!taken)
		seat->held = AEG_SEAT_TAKEN;
	bpf_spin_unlock(&seat->lock);
	if (taken)
		return NULL;
	seat->cookie = cookie;
	seat->leaf = 0;
	seat->flags = 0;
	seat->watch = AEG_WATCH_OFF;
	return seat;
}

/* From now on, whoever looks at all seats looks at this one; the lock is for the order of the stores. */
static __always_inline void aeg_seat_ready(struct aeg_sock *seat, const struct bpf_sock *sk)
{
	seat->socket = (__u64)sk;
	bpf_spin_lock(&seat->lock);
	seat->held = AEG_SEAT_READY;
	bpf_spin_unlock(&seat->lock);
}

/* Everything that is known of a socket, to another place. */
static __always_inline void aeg_state_copy(void *to, const void *from)
{
	const __u64 *words = from;
	__u64 *copy = to;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < AEG_SOCK_STATE / 8; i++)
		copy[i] = words[i];
}

/* Moves somebody to sk_storage. */
static __always_inline void aeg_seat_move(struct aeg_sock *seat, struct aeg_sock *storage)
{
	aeg_state_copy(storage, seat);
	seat->cookie = 0;
	WRITE_ONCE(seat->held, AEG_SEAT_FREE);
}

/*
 * The socket is closed. Once everything it sent has arrived, what the kernel still sends for it holds no
 * bytes, and finds its state here until somebody else wants the seat. Until then the seat is its own.
 */
static __always_inline void aeg_seat_leave(struct aeg_sock *seat, bool lingers)
{
	WRITE_ONCE(seat->held, lingers ? AEG_SEAT_LINGERS : AEG_SEAT_FREE);
}

#endif
