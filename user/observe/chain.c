/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pure: texts in, texts out. The seal has a fixed form, so that it is read from the end of the line:
 * nothing that a record's own texts hold can be mistaken for it. */
#include "observe/chain.h"

#define SEAL_NUMBER ",\"audit\":{\"n\":"
#define SEAL_HASH ",\"hash\":\""
#define SEAL_END "\"}}"
#define HEX_LEN (AEG_DIGEST_TEXT - 1)
#define TAIL_LEN (sizeof(SEAL_HASH) - 1 + HEX_LEN + sizeof(SEAL_END) - 1) /* ,"hash":"…"}} */
#define NUMBER_DIGITS 19

void aeg_chain_init(struct aeg_chain *chain, const void *key, size_t key_len)
{
	*chain = (struct aeg_chain){.keyed = key != NULL};
	memset(chain->last.hash, '0', HEX_LEN);
	if (key)
		hmac_sha256_set_key(&chain->hmac, key_len, key);
}

/* Of the line's body, linked to the last record. */
static void compute(struct aeg_chain *chain, const char *body, size_t len,
		    char ret[AEG_DIGEST_TEXT])
{
	const uint8_t *last = (const uint8_t *)chain->last.hash;
	uint8_t bytes[AEG_DIGEST_BYTES];
	struct sha256_ctx plain;

	if (chain->keyed) {
		hmac_sha256_update(&chain->hmac, HEX_LEN, last);
		hmac_sha256_update(&chain->hmac, len, (const uint8_t *)body);
		hmac_sha256_digest(&chain->hmac, sizeof(bytes), bytes);
	} else {
		sha256_init(&plain);
		sha256_update(&plain, HEX_LEN, last);
		sha256_update(&plain, len, (const uint8_t *)body);
		sha256_digest(&plain, sizeof(bytes), bytes);
	}
	aeg_digest_format(bytes, ret);
}

void aeg_chain_seal(struct aeg_chain *chain, const char *object, size_t len, struct aeg_buf *ret)
{
	size_t begin = ret->len;

	aeg_buf_add(ret, object, len - 1); /* without its closing brace */
	aeg_buf_add(ret, SEAL_NUMBER, sizeof(SEAL_NUMBER) - 1);
	aeg_buf_u64(ret, chain->last.n + 1);
	compute(chain, ret->data + begin, ret->len - begin, chain->last.hash);
	chain->last.n++;
	aeg_buf_add(ret, SEAL_HASH, sizeof(SEAL_HASH) - 1);
	aeg_buf_add(ret, chain->last.hash, HEX_LEN);
	aeg_buf_add(ret, SEAL_END "\n", sizeof(SEAL_END));
}

static bool is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	}
	return true;
}

/* The number that ends at `end`, and where it begins; NULL: there is none. */
static const char *number_before(const char *line, const char *end, uint64_t *ret)
{
	const char *begin = end;

	*ret = 0;
	while (begin > line && end - begin < NUMBER_DIGITS && begin[-1] >= '0' && begin[-1] <= '9')
		begin--;
	for (const char *p = begin; p < end; p++)
		*ret = 10 * *ret + (uint64_t)(*p - '0');
	return begin < end && *begin != '0' ? begin : NULL;
}

bool aeg_link_parse(const char *line, size_t len, struct aeg_link *ret)
{
	const char *tail, *hash, *number;
	struct aeg_link link = {0};

	if (len <= TAIL_LEN)
		return false;
	tail = line + len - TAIL_LEN;
	hash = tail + sizeof(SEAL_HASH) - 1;
	if (memcmp(tail, SEAL_HASH, sizeof(SEAL_HASH) - 1) != 0 || !is_hex(hash, HEX_LEN) ||
	    memcmp(hash + HEX_LEN, SEAL_END, sizeof(SEAL_END) - 1) != 0)
		return false;
	number = number_before(line, tail, &link.n);
	if (!number || (size_t)(number - line) < sizeof(SEAL_NUMBER) ||
	    memcmp(number - (sizeof(SEAL_NUMBER) - 1), SEAL_NUMBER, sizeof(SEAL_NUMBER) - 1) != 0)
		return false;
	memcpy(link.hash, hash, HEX_LEN);
	*ret = link;
	return true;
}

enum aeg_chain_fault aeg_chain_follow(struct aeg_chain *chain, const char *line, size_t len)
{
	char hash[AEG_DIGEST_TEXT];
	struct aeg_link link;
	bool due;

	if (!aeg_link_parse(line, len, &link))
		return AEG_CHAIN_NO_RECORD;
	due = link.n == chain->last.n + 1;
	compute(chain, line, len - TAIL_LEN, hash);
	chain->last = link;
	if (!due)
		return AEG_CHAIN_GAP;
	return memcmp(hash, link.hash, HEX_LEN) == 0 ? AEG_CHAIN_OK : AEG_CHAIN_CHANGED;
}
