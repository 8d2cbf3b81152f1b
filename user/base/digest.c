/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One call for a whole text; whoever hashes in pieces uses nettle itself. */
#include "base/digest.h"
#include <nettle/sha2.h>

void aeg_digest_format(const uint8_t bytes[AEG_DIGEST_BYTES], char ret[AEG_DIGEST_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < AEG_DIGEST_BYTES; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * AEG_DIGEST_BYTES] = '\0';
}

void aeg_digest(const void *data, size_t len, char ret[AEG_DIGEST_TEXT])
{
	uint8_t bytes[AEG_DIGEST_BYTES];
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, len, data);
	sha256_digest(&context, sizeof(bytes), bytes);
	aeg_digest_format(bytes, ret);
}
