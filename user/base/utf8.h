/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Strict UTF-8, one character at a time: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef AEG_BASE_UTF8_H
#define AEG_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEG_UTF8_BOM 0xfeffU

/* Bytes of the character that text begins with, 0 when it is not valid or len is 0. */
size_t aeg_utf8_decode(const char *text, size_t len, uint32_t *ret);
/*
 * Characters that move the cursor, break lines or reorder what a reviewer sees: C0 (tab and newline
 * too), DEL, C1, U+2028, U+2029, the bidirectional overrides and isolates, U+FEFF, noncharacters.
 */
bool aeg_utf8_is_control(uint32_t c);

#endif
