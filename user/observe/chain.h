/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The chain of the audit log. A record is one JSON object; sealing appends its number and a hash:
 *   {…,"audit":{"n":7,"hash":"64 hex digits"}}
 * where hash = SHA-256(hash of record n-1, as its 64 digits, and this line up to ,"hash":), or the
 * HMAC-SHA-256 of the same under a key. The record before the first has the number 0 and 64 zeroes.
 * Changing, removing or inserting a line breaks the chain there; only who knows the key can mend it.
 */
#ifndef AEG_OBSERVE_CHAIN_H
#define AEG_OBSERVE_CHAIN_H

#include "base/buf.h"
#include "base/digest.h"
#include <nettle/hmac.h>
#include <stdbool.h>

struct aeg_link { /* what identifies a record and all before it */
	uint64_t n;
	char hash[AEG_DIGEST_TEXT];
};

struct aeg_chain {
	struct aeg_link last;
	bool keyed;
	struct hmac_sha256_ctx hmac;
};

/* Before the first record. key NULL: plain SHA-256. */
void aeg_chain_init(struct aeg_chain *chain, const void *key, size_t key_len);
/* Appends the sealed line and its newline. object: a JSON object with at least one key. */
void aeg_chain_seal(struct aeg_chain *chain, const char *object, size_t len, struct aeg_buf *ret);

enum aeg_chain_fault {
	AEG_CHAIN_OK,
	AEG_CHAIN_NO_RECORD, /* the line carries no seal at all; the chain stays where it was */
	AEG_CHAIN_GAP,	     /* another number than the one that is due */
	AEG_CHAIN_CHANGED, /* this line, or the hash of the one before it, is not what was sealed */
};
/* The next line, without its newline. Whatever is wrong, the chain goes on from this line. */
enum aeg_chain_fault aeg_chain_follow(struct aeg_chain *chain, const char *line, size_t len);
/* Reads a line's seal, without checking it. */
bool aeg_link_parse(const char *line, size_t len, struct aeg_link *ret);

#endif
