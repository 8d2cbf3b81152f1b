/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A growable, always NUL-terminated text buffer. */
#ifndef AEG_BASE_BUF_H
#define AEG_BASE_BUF_H

#include "base/mem.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct aeg_buf {
	char *data; /* NULL while empty and never written */
	size_t len, cap;
};

void aeg_buf_add(struct aeg_buf *buf, const void *data, size_t len);
void aeg_buf_puts(struct aeg_buf *buf, const char *text);
void aeg_buf_putc(struct aeg_buf *buf, char c);
/* Decimal; the way of hot paths, ten times as fast as printf. */
void aeg_buf_u64(struct aeg_buf *buf, uint64_t value);
/* At least `digits` of them, at most 20: zeroes in front. */
void aeg_buf_padded(struct aeg_buf *buf, uint64_t value, unsigned int digits);
/* Room for `more` bytes behind the text; what was written there is taken in by aeg_buf_wrote(). */
char *aeg_buf_room(struct aeg_buf *buf, size_t more);
void aeg_buf_wrote(struct aeg_buf *buf, size_t len);
/* As short as it can be and still read back as the same number: 0.1, 1e+20. */
void aeg_buf_double(struct aeg_buf *buf, double value);
void aeg_buf_printf(struct aeg_buf *buf, const char *format, ...) AEG_PRINTF(2, 3);
void aeg_buf_vprintf(struct aeg_buf *buf, const char *format, va_list args) AEG_PRINTF(2, 0);
/* Forgets the content, keeps the memory. */
void aeg_buf_reset(struct aeg_buf *buf);
void aeg_buf_done(struct aeg_buf *buf);
/* The text, "" when empty; borrowed. */
const char *aeg_buf_text(const struct aeg_buf *buf);
/* The text as a heap string that the caller owns; the buffer is empty afterwards. */
char *aeg_buf_take(struct aeg_buf *buf);

#endif
