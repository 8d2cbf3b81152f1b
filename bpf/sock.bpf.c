/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The socket programs, attached at the root of the managed hierarchy: who made a socket, where it
 * may go, how its connection ended. They read their context and leave the rest to police.bpf.h.
 */
#define AEG_CASTING /* before everything */
#include "bpf/backstop.bpf.h"
#include "bpf/police.bpf.h"
#include "bpf/seats.bpf.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

/* Multipath TCP asks for the same thing as TCP; other protocols above 255 are nobody's. */
static __always_inline __u8 aeg_proto(__u32 protocol)
{
	if (protocol == IPPROTO_MPTCP)
		return AEG_PROTO_TCP;
	return protocol > 255 ? 255 : (__u8)protocol;
}

/* What packet programs see of sockets that connect() and sendmsg() hooks do not, or not always. */
static __always_inline __u8 aeg_watch_begin(const struct bpf_sock *ctx)
{
	__u8 proto = aeg_proto(ctx->protocol);

	if (ctx->type == SOCK_RAW || (proto != AEG_PROTO_TCP && proto != AEG_PROTO_UDP))
		return AEG_WATCH_PACKETS;
	return AEG_WATCH_OFF;
}

static __always_inline __u8 aeg_connect_hook(const struct bpf_sock_addr *ctx)
{
	return ctx->type == SOCK_STREAM ? AEG_HOOK_CONNECT : AEG_HOOK_PROBE;
}

static __always_inline int aeg_police4(struct bpf_sock_addr *ctx, __u8 hook)
{
	struct aeg_flow flow = {
		.daddr = {[10] = 0xff, [11] = 0xff},
		.dport = bpf_ntohs((__u16)ctx->user_port),
		.proto = aeg_proto(ctx->protocol),
		.hook = hook,
		.family = (__u8)ctx->family,
	};

	*(__u32 *)&flow.daddr[12] = ctx->user_ip4;
	return aeg_police(ctx, &flow);
}

/* A mapped IPv4 address needs nothing: it is in the canonical form already. */
static __always_inline int aeg_police6(struct bpf_sock_addr *ctx, __u8 hook)
{
	struct aeg_flow flow = {
		.dport = bpf_ntohs((__u16)ctx->user_port),
		.proto = aeg_proto(ctx->protocol),
		.hook = hook,
		.family = (__u8)ctx->family,
	};
	__u32 *addr = (__u32 *)flow.daddr;

	addr[0] = ctx->user_ip6[0];
	addr[1] = ctx->user_ip6[1];
	addr[2] = ctx->user_ip6[2];
	addr[3] = ctx->user_ip6[3];
	return aeg_police(ctx, &flow);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return aeg_police4(ctx, aeg_connect_hook(ctx));
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return aeg_police6(ctx, aeg_connect_hook(ctx));
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return aeg_police4(ctx, AEG_HOOK_DATAGRAM);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return aeg_police6(ctx, AEG_HOOK_DATAGRAM);
}

/* What workloads that are contained strictly may make; multipath TCP is none of it. */
static __always_inline bool aeg_create_plain(const struct bpf_sock *ctx)
{
	return ctx->type != SOCK_RAW &&
	       (ctx->protocol == AEG_PROTO_TCP || ctx->protocol == AEG_PROTO_UDP);
}

/* Counted as a packet that never came to be: there is no destination yet, and so no event. */
static __always_inline void aeg_create_refuse(const struct aeg_ident *ident)
{
	struct aeg_outcome outcome = {
		.decision = {.verdict = AEG_VERDICT_DENIED,
			     .reason = AEG_REASON_PROTOCOL,
			     .mode = AEG_MODE_ENFORCE},
		.workload = ident->workload,
	};

	aeg_count_decision(&outcome, AEG_HOOK_PACKET);
}

/*
 * Refuses odd sockets to whoever is contained strictly. Stamps the creator's identity, before 5.15: see
 * maker.bpf.h. Without storage nothing is lost: connect() stamps then, and the packets of other sockets
 * are stamped by the first of them.
 */
SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *ctx)
{
	const struct aeg_ident *ident = NULL;
	bool plain = aeg_create_plain(ctx);
	struct aeg_stamp stamp = {};
	struct aeg_ctl *control;
	struct aeg_moment now;
	struct aeg_sock *sock;
	void *table;

	if (AEG_MAKER_KEPT && plain)
		return AEG_PASS;
	control = aeg_ctl_get();
	if (!control)
		return AEG_PASS;
	now = aeg_now(control);
	if (!aeg_current_managed(control))
		return AEG_PASS;
	stamp.epoch = now.epoch;
	stamp.leaf = bpf_get_current_cgroup_id();
	table = aeg_inner(&idents, now.slot, AEG_ERROR_NO_IDENTS);
	if (table)
		stamp.pod = aeg_current_pod(control, table, &ident);
	if (ident) {
		if (!plain && ident->flags & AEG_IDENT_STRICT) {
			aeg_create_refuse(ident);
			return AEG_DENY;
		}
	}
	if (AEG_MAKER_KEPT)
		return AEG_PASS;
	sock = bpf_sk_storage_get(&socks, ctx, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!sock) {
		aeg_failed(AEG_ERROR_STAMP_STORAGE);
		return AEG_PASS;
	}
	sock->watch = aeg_watch_begin(ctx);
	aeg_stamp_put(sock, &stamp);
	return AEG_PASS;
}

static __always_inline void aeg_release_report(struct bpf_sock *ctx, const struct aeg_sock *sock)
{
	struct aeg_ending ending = {.family = (__u8)ctx->family};
	struct aeg_ctl *control;

	if (!aeg_close_owed(sock))
		return;
	control = aeg_ctl_get();
	if (!control)
		return;
	if (ctx->protocol == AEG_PROTO_TCP)
		aeg_tcp_read(ctx, &ending);
	aeg_close_report(control, ctx, sock, &ending);
}

SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *ctx)
{
	struct aeg_sock *sock = aeg_seat_of(ctx);

	if (sock) {
		aeg_release_report(ctx, sock);
		aeg_seat_leave(sock, aeg_tcp_lingers(ctx));
		return AEG_PASS;
	}
	if (!aeg_may_be_stored(ctx))
		return AEG_PASS;
	sock = bpf_sk_storage_get(&socks, ctx, NULL, 0);
	if (sock)
		aeg_release_report(ctx, sock);
	return AEG_PASS;
}

/* How long a handshake took; and the backstop of those whose ClientHello is awaited. */
SEC("sockops")
int sock_ops(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk;
	struct aeg_sock *sock;

	if (ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && ctx->op != BPF_SOCK_OPS_RTT_CB)
		return 1;
	sk = ctx->sk;
	if (!sk)
		return 1;
	sock = aeg_state_of(sk);
	if (!sock)
		return 1;
	if (ctx->op == BPF_SOCK_OPS_RTT_CB) {
		aeg_backstop_end(ctx, sk, sock);
		return 1;
	}
	if (sock->flags & AEG_SOCK_REPORTED)
		sock->established = bpf_ktime_get_ns();
	aeg_backstop_begin(ctx, sk, sock);
	return 1;
}
