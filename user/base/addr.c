// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Text <-> the canonical 128 bits. glibc's inet_pton() is strict enough (no leading zeros, no
 * zone, no "127.1"); what it accepts is what the unit tests list.
 */
#include "base/addr.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define V4_PREFIX_BITS 96U
static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

int aeg_addr_parse(const char *text, struct aeg_addr *ret)
{
	struct aeg_addr addr;

	if (inet_pton(AF_INET, text, addr.bytes + sizeof(v4_prefix)) == 1)
		memcpy(addr.bytes, v4_prefix, sizeof(v4_prefix));
	else if (inet_pton(AF_INET6, text, addr.bytes) != 1)
		return -EINVAL;
	*ret = addr;
	return 0;
}

bool aeg_addr_is_v4(const struct aeg_addr *addr)
{
	return memcmp(addr->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

/* inet_ntop() goes by way of printf(). */
static void format_v4(const uint8_t bytes[4], char *ret)
{
	for (int i = 0; i < 4; i++) {
		unsigned int byte = bytes[i];

		if (byte >= 100)
			*ret++ = (char)('0' + byte / 100);
		if (byte >= 10)
			*ret++ = (char)('0' + byte / 10 % 10);
		*ret++ = (char)('0' + byte % 10);
		*ret++ = i < 3 ? '.' : '\0';
	}
}

void aeg_addr_format(const struct aeg_addr *addr, char ret[AEG_ADDR_TEXT])
{
	if (aeg_addr_is_v4(addr))
		format_v4(addr->bytes + sizeof(v4_prefix), ret);
	else /* cannot fail: the family is known and the room is larger than INET6_ADDRSTRLEN */
		inet_ntop(AF_INET6, addr->bytes, ret, AEG_ADDR_TEXT);
}

/* One to three digits without a leading zero; -ERANGE above max. */
static int prefix_parse(const char *text, unsigned int max, unsigned int *ret)
{
	size_t len = strlen(text);
	unsigned int value = 0;

	if (!len || strspn(text, "0123456789") != len || (text[0] == '0' && len > 1))
		return -EINVAL;
	if (len > 3)
		return -ERANGE;
	for (; *text; text++)
		value = value * 10 + (unsigned int)(*text - '0');
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* Zeroes the host bits; returns whether one of them was set. */
static bool mask(struct aeg_addr *addr, unsigned int bits)
{
	bool changed = false;

	for (unsigned int i = 0; i < sizeof(addr->bytes); i++) {
		unsigned int kept = bits > i * 8 ? bits - i * 8 : 0;
		uint8_t host = kept >= 8 ? 0 : (uint8_t)(0xffU >> kept);

		changed |= (addr->bytes[i] & host) != 0;
		addr->bytes[i] &= (uint8_t)~host;
	}
	return changed;
}

int aeg_cidr_parse(const char *text, struct aeg_cidr *ret)
{
	const char *slash = strchr(text, '/');
	char addr_text[AEG_ADDR_TEXT];
	struct aeg_cidr cidr;
	unsigned int base;
	bool masked;
	int err;

	if (!slash || (size_t)(slash - text) >= sizeof(addr_text))
		return -EINVAL;
	memcpy(addr_text, text, (size_t)(slash - text));
	addr_text[slash - text] = '\0';
	err = aeg_addr_parse(addr_text, &cidr.addr);
	if (err)
		return err;
	/* The way it is written, not the value, says what the prefix counts: ::ffff:1.2.3.4/120. */
	base = strchr(addr_text, ':') ? 0 : V4_PREFIX_BITS;
	err = prefix_parse(slash + 1, 128 - base, &cidr.bits);
	if (err)
		return err;
	cidr.bits += base;
	masked = mask(&cidr.addr, cidr.bits);
	*ret = cidr;
	return masked ? -EEXIST : 0;
}

void aeg_cidr_format(const struct aeg_cidr *cidr, char ret[AEG_ADDR_TEXT])
{
	bool v4 = cidr->bits >= V4_PREFIX_BITS && aeg_addr_is_v4(&cidr->addr);
	size_t len;

	aeg_addr_format(&cidr->addr, ret);
	len = strlen(ret);
	snprintf(ret + len, AEG_ADDR_TEXT - len, "/%u",
		 v4 ? cidr->bits - V4_PREFIX_BITS : cidr->bits);
}

bool aeg_cidr_contains(const struct aeg_cidr *cidr, const struct aeg_addr *addr)
{
	struct aeg_addr masked = *addr;

	mask(&masked, cidr->bits);
	return memcmp(masked.bytes, cidr->addr.bytes, sizeof(masked.bytes)) == 0;
}

bool aeg_cidr_covers(const struct aeg_cidr *wide, const struct aeg_cidr *narrow)
{
	return wide->bits <= narrow->bits && aeg_cidr_contains(wide, &narrow->addr);
}
