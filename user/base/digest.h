/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* SHA-256, by nettle: the library that libmicrohttpd's TLS has brought into the daemon anyway. */
#ifndef AEG_BASE_DIGEST_H
#define AEG_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define AEG_DIGEST_BYTES 32
#define AEG_DIGEST_TEXT (2 * AEG_DIGEST_BYTES + 1)

/* As sha256sum prints it. */
void aeg_digest(const void *data, size_t len, char ret[AEG_DIGEST_TEXT]);
/* Lower-case hex digits and a NUL. */
void aeg_digest_format(const uint8_t bytes[AEG_DIGEST_BYTES], char ret[AEG_DIGEST_TEXT]);

#endif
