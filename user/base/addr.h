/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Addresses and CIDRs in the one canonical form: 128 bits, IPv4 mapped to ::ffff:a.b.c.d. */
#ifndef AEG_BASE_ADDR_H
#define AEG_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEG_ADDR_TEXT 64 /* room for any formatted address or CIDR, NUL included */

struct aeg_addr {
	uint8_t bytes[16];
};

struct aeg_cidr {
	struct aeg_addr addr; /* host bits are zero */
	unsigned int bits;    /* 0..128; an IPv4 /n is 96 + n */
};

/* Strict: dotted quad without leading zeros, or RFC 4291 text without zone. 0 or -EINVAL. */
int aeg_addr_parse(const char *text, struct aeg_addr *ret);
bool aeg_addr_is_v4(const struct aeg_addr *addr);
void aeg_addr_format(const struct aeg_addr *addr, char ret[AEG_ADDR_TEXT]);
/* -EINVAL: not a CIDR; -ERANGE: prefix too long; -EEXIST: host bits set (ret is the masked form). */
int aeg_cidr_parse(const char *text, struct aeg_cidr *ret);
void aeg_cidr_format(const struct aeg_cidr *cidr, char ret[AEG_ADDR_TEXT]);
bool aeg_cidr_contains(const struct aeg_cidr *cidr, const struct aeg_addr *addr);
bool aeg_cidr_covers(const struct aeg_cidr *wide, const struct aeg_cidr *narrow); /* or equal */

#endif
