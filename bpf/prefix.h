/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Longest prefix match in a hash: a binary search over the prefix lengths that occur, as Waldvogel
 * et al. describe (SIGCOMM 1997). Where the search must turn to longer prefixes, a marker makes the
 * look-up hit; it carries the answer of the longest net above it, so that the last hit is the answer.
 *
 * An LPM trie costs a step, and a cache miss, for every bit that tells nets apart: in place and with
 * 10,000 nets that was as much as everything else that connect() does. This is one look-up for
 * one length, three for seven, eight for all 129, however many nets there are; and none after a net that no
 * longer one is in.
 */
#ifndef AEG_PREFIX_H
#define AEG_PREFIX_H

#include "bpf/abi.h"

#define AEG_LENGTHS_DEPTH 8 /* of the tree over 129 lengths */

/* Which tree an address is searched by: IPv4 and IPv6 nets have lengths of their own. */
static inline __u32 aeg_prefix_family(const struct aeg_prefix *net)
{
	return net->high != 0 || net->low >> 32 != 0xffff;
}

static inline __u64 aeg_be64(const __u8 *bytes)
{
	__u32 words[2];

#ifdef __bpf__
	bytes = __builtin_assume_aligned(bytes, 4); /* or eight loads would become of it */
#endif
	__builtin_memcpy(words, bytes, sizeof(words));
	return (__u64)__builtin_bswap32(words[0]) << 32 | __builtin_bswap32(words[1]);
}

static inline struct aeg_prefix aeg_prefix_of(const __u8 addr[16], __u32 bits)
{
	struct aeg_prefix net = {
		.high = aeg_be64(addr),
		.low = aeg_be64(addr + 8),
		.bits = bits,
	};

	return net;
}

static inline struct aeg_length aeg_length_of(__u32 bits)
{
	struct aeg_length length = {
		.high = bits >= 64 ? ~0ull : ~(~0ull >> bits),
		.low = bits >= 128 ? ~0ull
		       : bits > 64 ? ~(~0ull >> (bits - 64))
				   : 0,
		.bits = bits,
		.used = 1,
	};

	return length;
}

/* The net of this length around another one. */
static inline struct aeg_prefix aeg_prefix_cut(const struct aeg_prefix *from,
					       const struct aeg_length *length)
{
	struct aeg_prefix net = {
		.high = from->high & length->high,
		.low = from->low & length->low,
		.bits = length->bits,
	};

	return net;
}

#endif
