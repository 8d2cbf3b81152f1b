/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The end of a connection whose ClientHello was denied, where no daemon destroys the socket. Programs
 * that see packets can do nothing but drop them, and a client would wait for its own time-out. So
 * from the handshake on until the hello is through, the socket has a TCP_USER_TIMEOUT: bytes that are
 * not acknowledged for so long, as what is dropped never is, end it with ETIMEDOUT. It is taken off
 * at the first round trip that is measured behind the hello.
 */
#ifndef AEG_BACKSTOP_BPF_H
#define AEG_BACKSTOP_BPF_H

#include "bpf/errors.bpf.h"
#include "bpf/maps.bpf.h"

#define IPPROTO_TCP_LEVEL 6 /* SOL_TCP */
#define TCP_USER_TIMEOUT 18 /* ms; bpf_setsockopt knows it since 5.9 */
#define AEG_BACKSTOP_MS 1000
#define AEG_BACKSTOP_MAX 60000
#define AEG_BACKSTOP_UNMEASURED 8000 /* where the SYN was repeated: eight times a second */

/*
 * A hello may be lost and repeated as any segment: a second, and eight round trips, are time for two
 * repeats. srtt_us is kept in eighths.
 */
static __always_inline __u32 aeg_backstop_time(const struct bpf_sock_ops *ctx)
{
	__u32 eight = ctx->srtt_us;
	__u32 time = AEG_BACKSTOP_MS + (eight ? eight / 1000 : AEG_BACKSTOP_UNMEASURED);

	return time < AEG_BACKSTOP_MAX ? time : AEG_BACKSTOP_MAX;
}

/*
 * The socket's time-out; what the application set is not ours to change. bpf_getsockopt() tells since
 * 6.1 only. The verifier lets nobody add to a socket's address, unless it forgot what it is.
 */
static __always_inline __u32 aeg_backstop_get(struct bpf_sock *sk)
{
	struct inet_connection_sock *connection = NULL;
	__u32 time = 0;
	long err;

	if (AEG_CASTS)
		return AEG_CAST(struct inet_connection_sock, sk)->icsk_user_timeout;
	err = bpf_probe_read_kernel(&connection, sizeof(connection), &sk);
	err |= bpf_core_read(&time, sizeof(time), &connection->icsk_user_timeout);
	if (err)
		aeg_failed(AEG_ERROR_BACKSTOP);
	return err ? ~0u : time;
}

static __always_inline void aeg_backstop_put(struct bpf_sock_ops *ctx, struct aeg_sock *sock,
					     __u32 time)
{
	int value = (int)time, flags = (int)ctx->bpf_sock_ops_cb_flags;

	flags = time ? flags | BPF_SOCK_OPS_RTT_CB_FLAG : flags & ~BPF_SOCK_OPS_RTT_CB_FLAG;
	sock->backstop = (__u16)time;
	if (bpf_setsockopt(ctx, IPPROTO_TCP_LEVEL, TCP_USER_TIMEOUT, &value, sizeof(value)) ||
	    bpf_sock_ops_cb_flags_set(ctx, flags))
		aeg_failed(AEG_ERROR_BACKSTOP);
}

/* The handshake is over: the hello comes next. */
static __always_inline void aeg_backstop_begin(struct bpf_sock_ops *ctx, struct bpf_sock *sk,
					       struct aeg_sock *sock)
{
	sock->backstop = 0;
	if (sock->watch >= AEG_WATCH_HELLO && sock->watch <= AEG_WATCH_DEAD &&
	    aeg_backstop_get(sk) == 0)
		aeg_backstop_put(ctx, sock, aeg_backstop_time(ctx));
}

/* A round trip was measured. Another time-out than ours was set meanwhile, and stays. */
static __always_inline void aeg_backstop_end(struct bpf_sock_ops *ctx, struct bpf_sock *sk,
					     struct aeg_sock *sock)
{
	if (!sock->backstop || sock->watch > AEG_WATCH_DONE)
		return;
	if (aeg_backstop_get(sk) == sock->backstop)
		aeg_backstop_put(ctx, sock, 0);
	sock->backstop = 0;
}

#endif
