/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Nearly all of DNS: a question that is remembered without being parsed, and an answer that was read in
 * this second already (proofs.bpf.h). Both where they lie in the packet. Whatever is unusual about a
 * datagram, dns.bpf.h looks at it.
 */
#ifndef AEG_DNS_QUICK_BPF_H
#define AEG_DNS_QUICK_BPF_H

#include "bpf/dns.bpf.h"

/* A UDP datagram to or from port 53. */
struct aeg_quick {
	__u64 peer[2]; /* the resolver's address, as in memory */
	__u32 start;   /* of the DNS message */
	__u32 pad;
};

#define AEG_MAPPED_HIGH16 0xffff0000u /* ::ffff:0:0/96, its third word as in memory */

/* side: 0 of the sender, 1 of the receiver. */
static __always_inline bool aeg_quick_read(struct __sk_buff *skb, __u32 side, struct aeg_quick *ret)
{
	const __u8 *ip = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;

	if (ip + 48 > end)
		return false;
	if (ip[0] == 0x45 && ip[9] == AEG_PROTO_UDP) {
		ret->peer[0] = 0;
		ret->peer[1] = AEG_MAPPED_HIGH16 | (__u64) * (const __u32 *)(ip + 12 + 4 * side)
							   << 32;
		ret->start = 28;
		return *(const __be16 *)(ip + 20 + 2 * side) == bpf_htons(AEG_PORT_DNS);
	}
	if (ip[0] >> 4 != 6 || ip[6] != AEG_PROTO_UDP)
		return false;
	ret->peer[0] = *(const __u64 *)(ip + 8 + 16 * side);
	ret->peer[1] = *(const __u64 *)(ip + 16 + 16 * side);
	ret->start = 48;
	return *(const __be16 *)(ip + 40 + 2 * side) == bpf_htons(AEG_PORT_DNS);
}

/* First bytes of a message: number, flags, number of questions. */
#define AEG_QUICK_FLAGS(head) ((__u32)(head)[2] << 8 | (head)[3])
#define AEG_QUICK_MUST                                                                             \
	(AEG_DNS_FLAG_RESPONSE | AEG_DNS_MASK_OPCODE | AEG_DNS_FLAG_TRUNCATED | AEG_DNS_MASK_RCODE)

/*
 * Key of the question of a message, still without the resolver, as aeg_key_message() makes it.
 * flags: those of AEG_QUICK_MUST that are set. 0: it has no question that is asked here, or lies
 * elsewhere.
 */
AEG_GLOBAL __u64 dns_quick_key(struct __sk_buff *skb, __u32 start, __u32 flags)
{
	const __u8 *at = (const __u8 *)(long)skb->data + (start & 63);
	const __u8 *end = (const __u8 *)(long)skb->data_end;
	struct aeg_ctl *control = aeg_ctl_get();
	__u32 id, kind;
	__u64 key;

	if (!control || at + AEG_DNS_HEADER > end || at[4] != 0 || at[5] != 1 ||
	    (AEG_QUICK_FLAGS(at) & AEG_QUICK_MUST) != flags)
		return 0;
	id = (__u32)at[0] << 8 | at[1];
	key = control->seed_basis;
	at += AEG_DNS_HEADER;
#pragma clang loop unroll(disable)
	for (int i = 0; i < AEG_KEY_WORDS; i++) {
		__u32 word, last;

		if (at + 4 > end)
			return 0;
		word = *(const __u32 *)at;
		last = aeg_key_end(word);
		key = aeg_key_add(key, word, last, control->seed_factor);
		if (!last) {
			at += 4;
			continue;
		}
		at += aeg_key_bytes(last) & 7;
		if (at + 4 > end)
			return 0;
		kind = bpf_ntohl(*(const __be32 *)at);
		if (kind != (AEG_DNS_TYPE_A << 16 | AEG_DNS_CLASS_IN) &&
		    kind != (AEG_DNS_TYPE_AAAA << 16 | AEG_DNS_CLASS_IN))
			return 0;
		return aeg_key_kind(key, kind, id, control->seed_factor);
	}
	return 0;
}

/* Usually a socket has one resolver, which was looked up when it was decided. */
static __always_inline bool aeg_quick_trusted(const struct aeg_sock *sock, const __u64 *peer)
{
	const __u64 *last = (const __u64 *)sock->daddr;

	if (READ_ONCE(sock->flags) & AEG_SOCK_RESOLVER && last[0] == peer[0] && last[1] == peer[1])
		return true;
	return bpf_map_lookup_elem(&resolvers, peer);
}

/* Remembers the question of a datagram; false: somebody else has to look at it. */
static __always_inline bool aeg_quick_ask(struct __sk_buff *skb, struct bpf_sock *sk,
					  struct aeg_sock *sock)
{
	struct aeg_ctl *control = aeg_ctl_get();
	struct aeg_quick quick;
	__u64 key;

	if (!control || !aeg_quick_read(skb, 1, &quick))
		return false;
	key = dns_quick_key(skb, quick.start, 0);
	if (!key || !aeg_quick_trusted(sock, quick.peer))
		return false;
	aeg_asked_put(sk,
		      aeg_key_resolver(key, quick.peer[0], quick.peer[1], control->seed_factor));
	return true;
}

/* Counts what an answer was worth that was read before. */
static __always_inline void aeg_quick_count(__u32 found)
{
	aeg_result_count(&dns_results, AEG_DNS_OK);
	if (found == AEG_PROOF_NO_PATTERN)
		aeg_result_count(&learnings, AEG_LEARNING_NO_PATTERN);
	else if (found)
		aeg_result_add(&learnings, AEG_LEARNING_AGAIN, found);
}

/*
 * Whether there is no more to do about an answer: this socket asked for it, and it was read in this
 * second already. The resolver is believed, or there would be no proof. ret: for who reads it now.
 */
static __always_inline bool aeg_quick_answer(struct __sk_buff *skb, struct bpf_sock *sk,
					     struct aeg_proof *ret)
{
	struct aeg_ctl *control = aeg_ctl_get();
	struct aeg_quick quick;
	struct aeg_asks *asked;
	__u64 key, digest;
	__u32 at, found;

	*ret = (struct aeg_proof){};
	if (!control || skb->ifindex == LO_IFINDEX || !aeg_quick_read(skb, 0, &quick))
		return false;
	key = dns_quick_key(skb, quick.start, AEG_DNS_FLAG_RESPONSE);
	if (!key)
		return false;
	key = aeg_key_resolver(key, quick.peer[0], quick.peer[1], control->seed_factor);
	asked = aeg_asks_get(sk);
	if (!asked)
		return false;
	at = aeg_asked_find(asked, key);
	if (at >= AEG_ASKED)
		return false;
	digest = dns_digest(skb, quick.start);
	if (!digest)
		return false;
	aeg_proof_make(control, digest, quick.peer[0], quick.peer[1], ret);
	found = aeg_proof_find(ret->word);
	if (found == AEG_PROOF_MISSING || !aeg_asked_take(asked, at, key))
		return false;
	aeg_quick_count(found);
	return true;
}

#endif
