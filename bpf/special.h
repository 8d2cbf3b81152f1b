/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Special-use addresses: where a name of the outside world has no business. A resolver that gives one
 * away (DNS rebinding) must not open the node, its metadata service or the cluster; what an endpoint
 * declares by CIDR, as with PrivateLink, is another matter.
 */
#ifndef AEG_SPECIAL_H
#define AEG_SPECIAL_H

#include "bpf/input.h"
#include "bpf/prefix.h"

/* host order; RFC 6890 where nothing else is said */
AEG_INLINE int aeg_special4(__u32 addr)
{
	return addr >> 24 == 0 || addr >> 24 == 10 || addr >> 24 == 127 ||
	       addr >> 22 == (100u << 24 | 64u << 16) >> 22 || /* shared: pods, metadata services */
	       addr >> 16 == (169u << 8 | 254) || addr >> 20 == (172u << 24 | 16u << 16) >> 20 ||
	       addr >> 8 == 192u << 16 || addr >> 16 == (192u << 8 | 168) ||
	       addr >> 29 == 7; /* multicast, reserved, broadcast */
}

/* 127.0.0.0/8 and ::1: what is sent there does not leave the network namespace. */
AEG_INLINE int aeg_loopback(const __u8 *addr)
{
	__u64 low = aeg_be64(addr + 8);

	if (aeg_be64(addr))
		return 0;
	return low >> 24 == 0xffff7f || low == 1;
}

/* 64:ff9b::/96, the well-known prefix of RFC 6052; halves in host order. */
AEG_INLINE int aeg_nat64(__u64 high, __u64 low)
{
	return high == 0x0064ff9b00000000ull && !(low >> 32);
}

#define AEG_MAPPED_LOW 0xffff00000000ull /* of ::ffff:0:0/96 */

/* addr: 16 bytes, network order. */
AEG_INLINE int aeg_special(const __u8 *addr)
{
	__u32 first = (__u32)addr[0] << 8 | addr[1], inner;
	__u32 zeros = 0;

	for (int i = 2; i < 10; i++)
		zeros |= addr[i];
	inner = (__u32)addr[12] << 24 | (__u32)addr[13] << 16 | (__u32)addr[14] << 8 | addr[15];
	if (first == 0 && !zeros && addr[10] == 0xff && addr[11] == 0xff)
		return aeg_special4(inner);
	/* NAT64, 64:ff9b::/96: the translator sends it to the inner address. */
	if (first == 0x64 && addr[2] == 0xff && addr[3] == 0x9b)
		return aeg_special4(inner);
	return addr[0] == 0 ||		    /* ::, ::1, IPv4-compatible */
	       addr[0] >> 1 == 0xfc >> 1 || /* unique local */
	       first >> 6 == 0xfe80 >> 6 || first >> 6 == 0xfec0 >> 6 || addr[0] == 0xff;
}

#endif
