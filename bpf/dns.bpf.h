/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Remembers what a socket asked a trusted resolver, and learns the addresses of the answer before the
 * socket is given it. Whatever is not understood passes and teaches nothing. Here is what becomes of a
 * message, and how one comes in a datagram; dns_tcp.bpf.h finds those in streams.
 */
#ifndef AEG_DNS_BPF_H
#define AEG_DNS_BPF_H

#include "bpf/asked.bpf.h"
#include "bpf/dns_key.h"
#include "bpf/dns_contain.bpf.h"
#include "bpf/events.bpf.h"
#include "bpf/identity.bpf.h"
#include "bpf/learn.bpf.h"
#include "bpf/packet.bpf.h"
#include "bpf/proofs.bpf.h"
#include "bpf/refused.bpf.h"
#include "bpf/scratch.bpf.h"
#include "bpf/special.h"

/* Copies the first n bytes of a datagram's payload into `slot`; 0: they are not there. */
AEG_GLOBAL int dns_load(struct __sk_buff *skb, __u32 slot, __u32 start, __u32 n)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_bytes in = {.base = skb, .start = start, .len = n};

	if (!scratch || aeg_bytes_copy(&in, 0, scratch->data, n, AEG_DATA_MAX))
		return 0;
	return (int)n;
}

/* ---- questions ---- */

/* With the resolver: what an answer has to repeat. 0: no question. */
static __always_inline __u64 aeg_dns_key(const struct aeg_scratch *scratch, __u32 len)
{
	const __u64 *resolver = (const __u64 *)scratch->resolver;
	__u64 key = aeg_key_message(scratch->data, len, &scratch->seed);

	return key ? aeg_key_resolver(key, resolver[0], resolver[1], scratch->seed.factor) : 0;
}

/* Remembers the question in `slot`, which this socket sends to scratch->resolver; enum aeg_dns_result. */
AEG_GLOBAL int dns_query(struct __sk_buff *skb, __u32 slot, __u32 len)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct bpf_sock *sk = skb->sk;
	enum aeg_dns_result result;
	__u64 key;

	if (!scratch || !sk)
		return AEG_DNS_SHORT;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return AEG_DNS_SHORT;
	key = aeg_dns_key(scratch, len); /* parsing writes to the message */
	result = aeg_dns_query(scratch->data, len, &scratch->seed, &scratch->name,
			       &scratch->question);
	if (key && result == AEG_DNS_OK)
		aeg_asked_put(sk, key);
	return (int)result;
}

/* Claims memory for messages to or from a resolver. NULL: there is none, drop the packet. */
static __always_inline struct aeg_scratch *aeg_dns_claim(const __u8 *resolver, __u32 *ret_slot)
{
	struct aeg_ctl *control = aeg_ctl_get();
	struct aeg_scratch *scratch = control ? aeg_scratch_claim(ret_slot) : NULL;

	if (!scratch) {
		aeg_result_count(&learnings, AEG_LEARNING_BUSY);
		return NULL;
	}
	aeg_scratch_seed(scratch, control);
	__builtin_memcpy(scratch->resolver, resolver, sizeof(scratch->resolver));
	scratch->lesson.now = aeg_now_s();
	scratch->lesson.proof = 0;
	return scratch;
}

/* Remembers a question to a trusted resolver. */
static __always_inline int aeg_dns_egress(struct __sk_buff *skb, const struct aeg_sock *sock,
					  const struct aeg_packet *packet)
{
	struct aeg_scratch *scratch;
	struct aeg_udp udp = {};
	__u32 slot = 0, n;
	int result;

	/* IPv6 extension headers are not skipped: who is judged may not hide a question behind one. */
	if (!aeg_udp_read(skb, packet, &udp)) {
		if (aeg_ask_free(sock))
			return AEG_PASS;
	} else if (udp.dport != AEG_PORT_DNS || !bpf_map_lookup_elem(&resolvers, packet->daddr)) {
		return AEG_PASS;
	}
	scratch = aeg_dns_claim(packet->daddr, &slot);
	if (!scratch)
		return AEG_DENY;
	n = udp.payload.len > AEG_DNS_QUESTION_MAX ? AEG_DNS_QUESTION_MAX : udp.payload.len;
	n = (__u32)dns_load(skb, slot, udp.payload.start, n);
	result = dns_query(skb, slot, n);
	result = aeg_ask_datagram(skb, sock, packet, udp.sport, scratch, slot, (__u32)result);
	aeg_scratch_release(scratch);
	return result;
}

/* ---- answers ---- */

/* Length and text lie in an event as they do in `spoken`. */
static __always_inline void aeg_name_tell(struct aeg_scratch *scratch)
{
	struct aeg_name_event *event = &scratch->event;

	event->len = (__u16)scratch->name.len;
	__builtin_memcpy(event->name, scratch->name.text, sizeof(event->name));
}

/* Keeps the name's text where it is not known: 1, and 0 where it is. Once an answer. */
AEG_GLOBAL int dns_speak(struct __sk_buff *skb, __u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch || bpf_map_lookup_elem(&spoken, &scratch->name.hash))
		return 0;
	aeg_name_tell(scratch);
	bpf_map_update_elem(&spoken, &scratch->name.hash, &scratch->event.len, BPF_ANY);
	return 1;
}

/* What an event about this answer says whatever became of it; the rest is zero. */
static __always_inline struct aeg_event *aeg_answer_event(struct aeg_scratch *scratch, __u8 type,
							  __u32 node, __u64 now)
{
	struct aeg_event *event = &scratch->event.base;

	aeg_name_tell(scratch);
	__builtin_memset(event, 0, sizeof(*event));
	event->time = now;
	event->generation = scratch->lesson.generation;
	event->cgroup = scratch->lesson.leaf;
	event->workload = scratch->lesson.workload;
	event->node = node;
	event->type = type;
	__builtin_memcpy(event->saddr, scratch->resolver, sizeof(event->saddr));
	return event;
}

/* Tells what was learned. */
static __always_inline void aeg_learn_report(struct aeg_ctl *control, struct aeg_scratch *scratch,
					     const struct aeg_dns_record *record,
					     const struct aeg_member *member, __u64 now)
{
	struct aeg_event *event = aeg_answer_event(scratch, AEG_EVENT_NAME, member->node, now);

	event->duration = (__u64)(member->expires - scratch->lesson.now) * 1000000000ull;
	__builtin_memcpy(event->daddr, record->addr, sizeof(event->daddr));
	aeg_name_event_send(control, &events, AEG_ERROR_EVENT_LOST, &scratch->event);
}

/*
 * Tells of each address that is new: the table bounds how many that can be. And of an address that was
 * known, for a name that never was: one of such an answer, since names are without number.
 */
static __always_inline void aeg_learn_tell(struct aeg_ctl *control, struct aeg_scratch *scratch,
					   const struct aeg_dns_record *record,
					   const struct aeg_member *member,
					   enum aeg_learning result)
{
	__u64 now;

	if (result != AEG_LEARNING_NEW && !AEG_MEM(scratch->lesson.unheard))
		return;
	AEG_MEM(scratch->lesson.unheard) = 0;
	now = bpf_ktime_get_ns();
	if (result == AEG_LEARNING_NEW || aeg_tell_allowed(scratch->lesson.workload, now))
		aeg_learn_report(control, scratch, record, member, now);
}

/*
 * Tells that the answer in `slot`, for a name of this node, was refused; record: the one for which, 0:
 * all of it, else counted from 1. refusal: as in the event.
 */
AEG_GLOBAL int dns_refuse(struct __sk_buff *skb, __u32 slot, __u32 node, __u32 refusal,
			  __u32 record)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_ctl *control = aeg_ctl_get();
	__u64 now = bpf_ktime_get_ns();
	struct aeg_event *event;

	if (!scratch || !control || !aeg_refusals_wanted(control) ||
	    !aeg_tell_allowed(scratch->lesson.workload, now))
		return 0;
	event = aeg_answer_event(scratch, AEG_EVENT_REFUSED, node, now);
	event->refusal = (__u8)refusal;
	if (record)
		__builtin_memcpy(
			event->daddr,
			scratch->answers.records[(record - 1) & (AEG_DNS_RECORDS_MAX - 1)].addr,
			sizeof(event->daddr));
	aeg_name_event_send(control, &events, AEG_ERROR_EVENT_LOST, &scratch->event);
	return 0;
}

/* The same of what was not even read; high, low: the resolver. */
AEG_GLOBAL int dns_unread(struct __sk_buff *skb, __u64 high, __u64 low, __u32 refusal)
{
	struct aeg_ctl *control = aeg_ctl_get();
	struct bpf_sock *sk = skb->sk;
	struct aeg_sock *sock = sk ? bpf_sk_storage_get(&socks, sk, NULL, 0) : NULL;
	struct aeg_event *event;

	if (!control || !sock)
		return 0;
	event = aeg_unread_new(control, high, low, sock->workload, (__u8)refusal);
	if (!event)
		return 0;
	event->cgroup = sock->leaf;
	event->generation = sock->generation;
	aeg_event_submit(control, &events, event);
	return 0;
}

/* See dest_find(). */
AEG_GLOBAL __u64 dns_declarers(__u32 slot, __u64 high, __u64 low)
{
	return aeg_net_find(slot, high, low, true);
}

/* Whether an endpoint that has the name has a CIDR around the address, too, or around what NAT64 makes of it. */
static __always_inline bool aeg_declared(const struct aeg_ctl *control,
					 const struct aeg_lesson *lesson, const __u8 *addr)
{
	__u64 high = aeg_be64(addr), low = aeg_be64(addr + 8), found;
	__u32 slot = READ_ONCE(control->now.slot);

	if (!lesson->declarers)
		return false;
	found = dns_declarers(slot, high, low);
	if (!found && aeg_nat64(high, low))
		found = dns_declarers(slot, 0, AEG_MAPPED_LOW | low);
	return found & lesson->declarers;
}

static __always_inline __u32 aeg_lifetime(const struct aeg_lesson *lesson, __u32 ttl)
{
	if (ttl < lesson->ttl_min)
		return lesson->ttl_min;
	return ttl > AEG_TTL_MAX ? AEG_TTL_MAX : ttl;
}

/* Whether what the answer says of an address holds now, to the second. */
static __always_inline bool aeg_learned_now(__u32 result)
{
	return result == AEG_LEARNING_NEW || result == AEG_LEARNING_AGAIN;
}

static __always_inline enum aeg_learning aeg_record_learn(struct aeg_ctl *control,
							  struct aeg_scratch *scratch,
							  const struct aeg_dns_record *record)
{
	struct aeg_member member = {};
	enum aeg_learning result;

	if (aeg_special(record->addr) && !aeg_declared(control, &scratch->lesson, record->addr))
		return AEG_LEARNING_SPECIAL;
	member.node = scratch->lesson.node;
	member.name = scratch->name.hash;
	member.expires = scratch->lesson.now + aeg_lifetime(&scratch->lesson, record->ttl);
	result = aeg_learn(control, scratch, record->addr, &member);
	if (aeg_learned_now(result))
		aeg_learn_tell(control, scratch, record, &member, result);
	return result;
}

/* Learns record i of the answer in `slot`; enum aeg_learning. */
AEG_GLOBAL int dns_learn(struct __sk_buff *skb, __u32 slot, __u32 i)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_ctl *control = aeg_ctl_get();
	enum aeg_learning result;

	if (!scratch || !control)
		return AEG_LEARNING_BUSY;
	i &= AEG_DNS_RECORDS_MAX - 1;
	result = aeg_record_learn(control, scratch, &scratch->answers.records[i]);
	if (!aeg_learned_now(result) && !AEG_MEM(scratch->lesson.refusal)) {
		AEG_MEM(scratch->lesson.refusal) = result;
		AEG_MEM(scratch->lesson.refused) = i;
	}
	return (int)result;
}

static __always_inline int aeg_dns_node(struct aeg_scratch *scratch, const struct aeg_dest *dest)
{
	if (!dest)
		return 0;
	scratch->lesson.declarers = dest->declarers;
	return (int)dest->node;
}

/*
 * The pattern of the name that was asked for, node 0 where none covers it. A resolver may answer a
 * pod's first try, "huggingface.co.ml.svc.cluster.local": then the name in front counts.
 */
AEG_GLOBAL int dns_node(struct __sk_buff *skb, __u32 slot)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_ctl *control = aeg_ctl_get();
	const struct aeg_dest *dest;
	void *table;
	__u32 len;

	if (!scratch || !control)
		return 0;
	table = aeg_inner(&names, READ_ONCE(control->now.slot), AEG_ERROR_NO_NAMES);
	if (!table)
		return 0;
	dest = aeg_name_find(table, &scratch->name);
	if (dest)
		return aeg_dns_node(scratch, dest);
	len = aeg_name_search(&searches, &scratch->name);
	if (!len || aeg_name_take(&scratch->name, scratch->data, AEG_DNS_NAME, len, &scratch->seed))
		return 0;
	dest = aeg_name_find(table, &scratch->name);
	return aeg_dns_node(scratch, dest);
}

/* Parses the response's question; enum aeg_dns_result. */
AEG_GLOBAL int dns_response(struct __sk_buff *skb, __u32 slot, __u32 len)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch)
		return AEG_DNS_SHORT;
	return (int)aeg_dns_response(scratch->data, len, &scratch->seed, &scratch->name,
				     &scratch->question);
}

/* Its addresses; enum aeg_dns_result. */
AEG_GLOBAL int dns_answers(struct __sk_buff *skb, __u32 slot, __u32 len)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch)
		return AEG_DNS_SHORT;
	return (int)aeg_dns_answers(scratch->data, len, &scratch->question, &scratch->answers);
}

/* Learns all addresses of an answer that belongs to a question. */
static __always_inline void aeg_dns_learn(struct __sk_buff *skb, const struct aeg_ctl *control,
					  struct aeg_scratch *scratch, __u32 slot)
{
	__u32 node = (__u32)dns_node(skb, slot), n;

	if (!node) {
		aeg_result_count(&learnings, AEG_LEARNING_NO_PATTERN);
		aeg_proof_keep(scratch->lesson.proof, AEG_PROOF_NO_PATTERN);
		return;
	}
	scratch->lesson.node = node;
	scratch->lesson.ttl_min = READ_ONCE(control->ttl_min);
	scratch->lesson.learned = 0;
	scratch->lesson.refusal = 0;
	scratch->lesson.unheard = (__u32)dns_speak(skb, slot);
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < AEG_DNS_RECORDS_MAX; i++) {
		__u32 result;

		if (i >= READ_ONCE(scratch->answers.n))
			break;
		result = (__u32)dns_learn(skb, slot, i);
		aeg_result_count(&learnings, result);
		AEG_MEM(scratch->lesson.learned) += aeg_learned_now(result);
	}
	n = AEG_MEM(scratch->lesson.learned);
	if (n == READ_ONCE(scratch->answers.n))
		aeg_proof_keep(scratch->lesson.proof, n & AEG_PROOF_FOUND);
	else
		dns_refuse(skb, slot, node, scratch->lesson.refusal, scratch->lesson.refused + 1);
}

/* Tells that nothing was learned from an answer whose name is known, if that one is governed. */
static __always_inline void aeg_dns_refuse(struct __sk_buff *skb, const struct aeg_ctl *control,
					   __u32 slot, __u32 refusal)
{
	__u32 node = aeg_refusals_wanted(control) ? (__u32)dns_node(skb, slot) : 0;

	if (node)
		dns_refuse(skb, slot, node, refusal, 0);
}

/* Whether this socket asked scratch->resolver; then it did so no longer. */
static __always_inline bool aeg_dns_asked(struct bpf_sock *sk, __u64 key)
{
	struct aeg_asks *asked = aeg_asks_get(sk);
	__u32 at = asked && key ? aeg_asked_find(asked, key) : AEG_ASKED;

	return asked && at < AEG_ASKED && aeg_asked_take(asked, at, key);
}

/* What the message in `slot` says, if this socket asked scratch->resolver for it. */
static __always_inline void aeg_dns_read(struct __sk_buff *skb, struct bpf_sock *sk,
					 struct aeg_sock *sock, const struct aeg_ctl *control,
					 struct aeg_scratch *scratch, __u32 slot, __u32 len)
{
	__u64 key = aeg_dns_key(scratch, len); /* parsing writes to the message */
	bool asked = aeg_dns_asked(sk, key), named = true;
	__u32 result = (__u32)dns_response(skb, slot, len);

	scratch->lesson.workload = sock->workload;
	scratch->lesson.leaf = sock->leaf;
	scratch->lesson.generation = sock->generation;
	if (result == AEG_DNS_OK && !asked) {
		aeg_result_count(&learnings, AEG_LEARNING_UNASKED);
		aeg_dns_refuse(skb, control, slot, AEG_LEARNING_UNASKED);
		return;
	}
	if (result == AEG_DNS_OK)
		result = (__u32)dns_answers(skb, slot, len);
	else if (result != AEG_DNS_TRUNCATED)
		named = false;
	aeg_result_count(&dns_results, result);
	if (result == AEG_DNS_OK)
		aeg_dns_learn(skb, control, scratch, slot);
	else if (named)
		aeg_dns_refuse(skb, control, slot, AEG_REFUSED_MESSAGE | result);
}

/* Global, so that a stream of messages is verified once and not for each of them. */
AEG_GLOBAL int dns_message(struct __sk_buff *skb, __u32 slot, __u32 len)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_ctl *control = aeg_ctl_get();
	struct bpf_sock *sk = skb->sk;
	struct aeg_sock *sock;

	if (!scratch || !control || !sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	sock = bpf_sk_storage_get(&socks, sk, NULL, 0);
	if (sock)
		aeg_dns_read(skb, sk, sock, control, scratch, slot, len);
	return 0;
}

/*
 * Whether an answer may come in through lo: on the host itself. A raw socket of a pod can send itself any
 * answer that way.
 */
static __always_inline bool aeg_dns_local(const struct aeg_resolver *resolver,
					  const struct aeg_sock *sock)
{
	struct aeg_ctl *control = aeg_ctl_get();
	__u64 netns = resolver->netns;

	if (!netns && control)
		netns = READ_ONCE(control->host_netns);
	return netns && sock->netns == netns;
}

/* Whether an address is a resolver's whose bytes, come in this way, are read. */
static __always_inline bool aeg_dns_trusted(struct __sk_buff *skb, const struct aeg_sock *sock,
					    const struct aeg_packet *packet)
{
	const struct aeg_resolver *resolver = bpf_map_lookup_elem(&resolvers, packet->saddr);
	__u64 addr[2];

	if (!resolver)
		return false;
	if (skb->ifindex != LO_IFINDEX || aeg_dns_local(resolver, sock))
		return true;
	aeg_result_count(&learnings, AEG_LEARNING_LOOPBACK);
	__builtin_memcpy(addr, packet->saddr, sizeof(addr));
	dns_unread(skb, addr[0], addr[1], AEG_LEARNING_LOOPBACK);
	return false;
}

/* Reads an answer from a trusted resolver. proof: of the message, made in this second; 0: none. */
static __always_inline int aeg_dns_ingress(struct __sk_buff *skb, struct aeg_sock *sock,
					   const struct aeg_packet *packet,
					   const struct aeg_proof *proof)
{
	struct aeg_scratch *scratch;
	struct aeg_udp udp;
	__u32 slot = 0, n;

	if (!aeg_udp_read(skb, packet, &udp) || udp.sport != AEG_PORT_DNS ||
	    !aeg_dns_trusted(skb, sock, packet))
		return AEG_PASS;
	scratch = aeg_dns_claim(packet->saddr, &slot);
	if (!scratch)
		return AEG_DENY;
	if (proof->word) {
		scratch->lesson.now = proof->second;
		scratch->lesson.proof = proof->word;
	}
	n = udp.payload.len > AEG_DATA_MAX ? AEG_DATA_MAX : udp.payload.len;
	n = (__u32)dns_load(skb, slot, udp.payload.start, n);
	dns_message(skb, slot, n);
	aeg_scratch_release(scratch);
	return AEG_PASS;
}

#endif
