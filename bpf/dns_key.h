/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A question as one number that only we can compute: what its answer has to repeat, found without
 * parsing, four bytes at a time. Letter case does not count, since some resolvers do not keep it. Bit 5
 * is set in lengths and digits, too: that makes a name the same as some that are no host names or that
 * nobody has, which an honest resolver gives no answer for.
 *
 * Four bytes, because type and class come behind a name's end: a word that begins in the name ends
 * within the question.
 */
#ifndef AEG_DNS_KEY_H
#define AEG_DNS_KEY_H

#include "bpf/input.h"
#include "bpf/name.h"
#include "bpf/parse_dns.h"

#define AEG_KEY_WORDS 64 /* of the longest name */

/* Lowest bit 7 of a byte that is zero; 0: none is. */
AEG_INLINE __u32 aeg_key_end(__u32 word)
{
	__u32 zeros = (word - 0x01010101u) & ~word & 0x80808080u;

	return zeros & -zeros;
}

/* Bytes of the word up to the one that aeg_key_end() found, 1 to 4. */
AEG_INLINE __u32 aeg_key_bytes(__u32 end)
{
	return ((end - 1) & 0x01010101u) * 0x01010101u >> 24;
}

/* word: as it lies in memory; nothing of it counts that is behind `end`. */
AEG_INLINE __u64 aeg_key_add(__u64 key, __u32 word, __u32 end, __u64 factor)
{
	return (key ^ ((end ? word & (end - 1) : word) | 0x20202020u)) * factor;
}

/* kind: type and class, host order. */
AEG_INLINE __u64 aeg_key_kind(__u64 key, __u32 kind, __u32 id, __u64 factor)
{
	return (key ^ kind ^ (__u64)id << 32) * factor;
}

/* The resolver's address, in halves as they lie in memory. Never 0. */
AEG_INLINE __u64 aeg_key_resolver(__u64 key, __u64 high, __u64 low, __u64 factor)
{
	key = (key ^ high) * factor;
	return (key ^ low) * factor | 1;
}

/* Of the message in plain memory, before it is parsed, without the resolver; 0: it has no question. */
AEG_INLINE __u64 aeg_key_message(const __u8 *data, __u32 len, const struct aeg_seed *seed)
{
	__u64 key = seed->basis;
	__u32 at = AEG_DNS_HEADER;

	for (__u32 i = 0; i < AEG_KEY_WORDS; i++) {
		__u32 word, end;

		if (at + 4 > len)
			return 0;
		word = *(const __u32 *)__builtin_assume_aligned(
			data + aeg_masked(at, AEG_DATA_MAX - 4), 4);
		end = aeg_key_end(word);
		key = aeg_key_add(key, word, end, seed->factor);
		at += end ? aeg_key_bytes(end) : 4;
		if (!end)
			continue;
		if (at + 4 > len)
			return 0;
		return aeg_key_kind(key, aeg_get32(data, at), aeg_get16(data, 0), seed->factor);
	}
	return 0;
}

#endif
