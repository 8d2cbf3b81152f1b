/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reads a ClientHello out of a segment, at once or piece by piece. What was found is left in scratch:
 * hello, name, and in `len` how many bytes of the segment were taken.
 */
#ifndef AEG_HELLO_READ_BPF_H
#define AEG_HELLO_READ_BPF_H

#include "bpf/errors.bpf.h"
#include "bpf/maps.bpf.h"
#include "bpf/scratch.bpf.h"

/* Beside enum aeg_hello_result: the segment is dropped as if the line had lost it. */
#define AEG_HELLO_NO_MEMORY AEG_HELLO_RESULT_MAX

/* A hello that begins here and may be all here; enum aeg_hello_result. */
AEG_GLOBAL int hello_whole(struct __sk_buff *skb, __u32 slot, __u32 start, __u32 len)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_bytes in = {.base = skb, .start = start, .len = len};
	__u32 n = len > AEG_DATA_MAX ? AEG_DATA_MAX : len;
	enum aeg_hello_result result;

	if (!scratch || aeg_bytes_copy(&in, 0, scratch->data, n, AEG_DATA_MAX))
		return AEG_HELLO_MALFORMED;
	result = aeg_hello_parse(scratch->data, n, &scratch->hello);
	scratch->len = AEG_TLS_RECORD_HEADER + aeg_get16(scratch->data, 3);
	if (result == AEG_HELLO_DONE)
		result = aeg_hello_name(scratch->data, &scratch->hello, &scratch->seed,
					&scratch->name);
	return (int)result;
}

/* The next piece of one; enum aeg_hello_result. second: AEG_SECOND_*, or 0: it is the first. */
AEG_GLOBAL int hello_piece(struct __sk_buff *skb, __u32 slot, __u32 start, __u32 len, __u32 second)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);
	struct aeg_bytes in = {.base = skb, .start = start, .len = len};
	struct bpf_sock *sk = skb->sk;
	struct aeg_hello_buf *buf;
	enum aeg_hello_result result;

	if (!scratch || !sk)
		return AEG_HELLO_MALFORMED;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return AEG_HELLO_MALFORMED;
	buf = bpf_sk_storage_get(&hellos, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!buf) {
		aeg_failed(AEG_ERROR_HELLO_STORAGE);
		return AEG_HELLO_NO_MEMORY;
	}
	buf->second = second & (AEG_SECOND_HELLO | AEG_SECOND_EARLY);
	result = aeg_hello_feed(buf, &in);
	scratch->len = buf->at;
	if (result == AEG_HELLO_DONE)
		result = aeg_hello_parse_fed(buf, &scratch->hello);
	if (result == AEG_HELLO_DONE)
		result = aeg_hello_name(buf->data, &scratch->hello, &scratch->seed, &scratch->name);
	return (int)result;
}

/* How often a segment is gone on with: one of 64 KB may hold 3,000 records of early data. */
#define AEG_HELLO_ROUNDS 128

/* The same of what comes behind a first hello: there may be many records before a second one. */
AEG_GLOBAL int hello_behind(struct __sk_buff *skb, __u32 slot, __u32 start, __u32 len, __u32 second)
{
	struct aeg_scratch *scratch = aeg_scratch_get(slot);

	if (!scratch)
		return AEG_HELLO_MALFORMED;
	AEG_MEM(scratch->taken) = 0;
	for (__u32 i = 0; i < AEG_HELLO_ROUNDS; i++) {
		__u32 taken = AEG_MEM(scratch->taken);
		int result = hello_piece(skb, slot, start + taken, len - taken, second);

		taken += AEG_MEM(scratch->len);
		AEG_MEM(scratch->taken) = taken;
		if (result != AEG_HELLO_NEED_MORE || taken >= len)
			return result;
	}
	return AEG_HELLO_TOO_LONG;
}

#endif
