/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What was learned stays while connections use it: whoever runs these programs makes them look at every
 * socket that has a seat or storage, and give the names more time that connections were let through for. It never
 * learns anything, and leaves sockets as they are.
 */
#define AEG_CLOCK() bpf_ktime_get_ns()
#include "bpf/iterate.bpf.h"
#include "bpf/learned.bpf.h"

char LICENSE[] SEC("license")
= "Dual BSD/GPL";

/* A stream that was let through for a name. Datagrams have no end that would show that they are over. */
static __always_inline bool aeg_renew_concerns(const struct aeg_sock *sock)
{
	if (sock->hook != AEG_HOOK_CONNECT || !sock->by_name || sock->watch == AEG_WATCH_DEAD)
		return false;
	return sock->decision.verdict == AEG_VERDICT_ALLOWED ||
	       sock->decision.verdict == AEG_VERDICT_AUDITED;
}

/*
 * No lock, which programs of this type may not take: another answer may be given the place of a member
 * whose time is over, meanwhile. Then that one has the least time that any answer has, or the next
 * answer to this one's name mends it.
 */
static __always_inline void aeg_renew_member(struct aeg_member *member, __u32 now, __u32 ttl_min)
{
	if ((__s32)(READ_ONCE(member->expires) - now - ttl_min) >= 0)
		return;
	WRITE_ONCE(member->expires, now + ttl_min);
	aeg_result_count(&learnings, AEG_LEARNING_HELD);
}

/* Whether the address has a name of this pattern. One whose time is over comes back: it was in use. */
static __always_inline bool aeg_renew_node(struct aeg_learned *entry, __u32 node, __u32 now,
					   __u32 ttl_min)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < AEG_MEMBERS_MAX; i++) {
		struct aeg_member *member = &entry->members[i];

		if (READ_ONCE(member->node) != node)
			continue;
		aeg_renew_member(member, now, ttl_min);
		return true;
	}
	return false;
}

/* All that the address stands for just now, as whoever connects to it does. */
static __always_inline void aeg_renew_all(struct aeg_learned *entry, __u32 now, __u32 ttl_min)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < AEG_MEMBERS_MAX; i++) {
		struct aeg_member *member = &entry->members[i];

		if (READ_ONCE(member->node) && (__s32)(READ_ONCE(member->expires) - now) >= 0)
			aeg_renew_member(member, now, ttl_min);
	}
}

/*
 * Of the names of its address the one that the connection was let through for. Where none is of that
 * pattern, since other patterns match the names after a reload, nobody knows which it was: then all of
 * them, by which revoke.bpf.c and connect() decide, too. Whether it stands the caller has to know.
 */
static __always_inline void aeg_renew(const struct aeg_sock *sock, __u32 now, __u32 ttl_min)
{
	struct aeg_learned *entry;
	__u8 addr[16];

	if (!aeg_renew_concerns(sock))
		return;
	__builtin_memcpy(addr, sock->daddr, sizeof(addr)); /* no key where it is, up to 6.1 */
	entry = bpf_map_lookup_elem(&learned, addr);
	if (!entry || !aeg_addr_equal(entry->addr, addr))
		return;
	if (!aeg_renew_node(entry, sock->node, now, ttl_min))
		aeg_renew_all(entry, now, ttl_min);
}

static __always_inline void aeg_renew_look(struct sock *sk, const struct aeg_sock *sock)
{
	const struct aeg_ctl *control = aeg_ctl_get();

	if (control && !aeg_iterated_over(sk))
		aeg_renew(sock, aeg_now_s(), READ_ONCE(control->ttl_min));
}

AEG_WALKERS(renew, aeg_renew_look)
