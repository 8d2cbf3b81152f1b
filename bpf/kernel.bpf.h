/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the programs know of the kernel: the UAPI, libbpf's helpers, and the few fields of its own
 * structures that are read through CO-RE. A field that is not listed here is not used anywhere.
 */
#ifndef AEG_KERNEL_BPF_H
#define AEG_KERNEL_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define IPPROTO_ICMP 1
#define IPPROTO_ICMPV6 58
#define IPPROTO_UDPLITE 136
#define IPPROTO_MPTCP 262
#define TCP_SYN_SENT 2

/* include/linux/skbuff.h, skb_shared_info: the first two before 5.12 in tx_flags, then in flags */
#define SKBTX_DEV_ZEROCOPY (1u << 3)
#define SKBTX_SHARED_FRAG (1u << 5)
#define SKBFL_ZEROCOPY_ENABLE (1u << 0)
#define SKBFL_SHARED_FRAG (1u << 1)

/* What a cgroup program returns. */
#define AEG_PASS 1
#define AEG_DENY 0

/*
 * Verified by itself, for any arguments: 5.10 takes the context and numbers. Weak, or clang leaves
 * out arguments that it sees unused.
 */
#define AEG_GLOBAL __attribute__((noinline, weak))

#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))

/*
 * Since 6.2 a pointer can be given its type, and what it points to is loaded like anything else; before,
 * every field costs a call. The enum is the verifier's list of functions that it knows: where it has
 * this one, it puts a move in the call's place. For the programs of one file, which defines AEG_CASTING:
 * the libbpf of Debian 12 cannot link two that name the same function of the kernel.
 */
enum special_kfunc_type { KF_bpf_rdonly_cast, KF_bpf_cast_to_kern_ctx };
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
extern void *bpf_cast_to_kern_ctx(void *context) __ksym __weak;

#ifdef AEG_CASTING
#define AEG_CASTS bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_rdonly_cast)
#else
#define AEG_CASTS false
#endif
#define AEG_CAST(type, pointer)                                                                    \
	((type *)(AEG_CASTS ? bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(type))              \
			    : (const void *)(pointer)))

/* The same of a program's context, for one file more: what the kernel hands over needs no type to be named. */
#ifdef AEG_CASTING_CONTEXT
#define AEG_CONTEXT_CASTS                                                                          \
	bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_cast_to_kern_ctx)
#else
#define AEG_CONTEXT_CASTS false
#endif
#define AEG_CAST_CONTEXT(type, context)                                                            \
	((type *)(AEG_CONTEXT_CASTS ? bpf_cast_to_kern_ctx(context) : (void *)(context)))

/* One field of what was cast; 0, or why it cannot be read. */
#define AEG_READ_IF(casts, ret, from, field)                                                       \
	((casts) ? (*(ret) = (from)->field, 0) : bpf_core_read(ret, sizeof(*(ret)), &(from)->field))
#define AEG_READ(ret, from, field) AEG_READ_IF(AEG_CASTS, ret, from, field)
#define AEG_CONTEXT_READ(ret, from, field) AEG_READ_IF(AEG_CONTEXT_CASTS, ret, from, field)

/*
 * The same value, but one of which the verifier knows nothing: it follows every combination of known
 * values to the end of the program, and a decision has many. unknown: any value it does not know.
 */
static __always_inline __u64 aeg_forget(__u64 value, __u64 unknown)
{
	asm volatile("%0 ^= %1\n%0 ^= %1" : "+r"(value) : "r"(unknown));
	return value;
}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

typedef struct {
	__s64 counter;
} atomic64_t;

struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
	__be32 skc_rcv_saddr;
	struct in6_addr skc_v6_rcv_saddr;
	unsigned long skc_flags;
	atomic64_t skc_cookie;
};

struct kernfs_node {
	__u64 id; /* of a cgroup's directory: the cgroup's id */
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup *ancestors[1]; /* since 6.1; level + 1 of them, the hierarchy's root first */
};

struct cgroup___before_6_1 {
	__u64 ancestor_ids[1];
};

struct css_set {
	struct cgroup *dfl_cgrp; /* on cgroup2 */
};

struct task_struct {
	int tgid;
	char comm[AEG_COMM_LEN];
	struct css_set *cgroups;
};

struct sock_cgroup_data {
	struct cgroup *cgroup; /* since 5.15; something else could be in its place before */
};

struct sock_cgroup_data___before_5_15 {
	__u64 val; /* the same pointer, unless one of its two lowest bits is set */
};

struct sock___before_5_15 {
	struct sock_cgroup_data___before_5_15 sk_cgrp_data;
};

struct bpf_local_storage;

struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
	struct bpf_local_storage *sk_bpf_storage; /* of all maps and whoever's programs */
	__u8 sk_kern_sock : 1;
	__u16 sk_type;
	__u16 sk_protocol; /* before 5.6 a bitfield */
};

struct bpf_sock_addr_kern { /* what the context of connect() and sendmsg() is to the kernel */
	struct sock *sk;
};

struct sk_buff {
	struct sock *sk;
	unsigned char *head;
	__u32 end; /* an offset on 64-bit machines */
};

struct skb_shared_info {
	__u8 flags;    /* since 5.12 */
	__u8 tx_flags; /* held these flags before */
};

struct inet_connection_sock {
	__u32 icsk_user_timeout;
};

struct inet_sock {
	__be16 inet_sport; /* outlives the bind: skc_num is 0 once both sides have closed */
};

struct tcp_sock {
	__u64 bytes_received;
	__u64 bytes_acked;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 write_seq;
	__u32 srtt_us;
	__u32 total_retrans;
};

#pragma clang attribute pop

#endif
