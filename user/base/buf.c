// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The text buffer: capacity doubles, a NUL always follows the content. */
#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>

#define U64_DIGITS 20

/* Room for `more` bytes and the NUL, where there is none yet. */
static void grow(struct aeg_buf *buf, size_t more)
{
	size_t wanted = buf->cap ? buf->cap : 64;

	while (wanted - buf->len <= more && wanted <= SIZE_MAX / 4)
		wanted *= 2;
	if (wanted - buf->len <= more)
		wanted = SIZE_MAX; /* lets the allocator refuse it */
	buf->data = aeg_xrealloc(buf->data, wanted, 1);
	buf->cap = wanted;
}

static inline void reserve(struct aeg_buf *buf, size_t more)
{
	if (more >= buf->cap - buf->len)
		grow(buf, more);
}

void aeg_buf_add(struct aeg_buf *buf, const void *data, size_t len)
{
	reserve(buf, len);
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void aeg_buf_puts(struct aeg_buf *buf, const char *text)
{
	aeg_buf_add(buf, text, strlen(text));
}

void aeg_buf_putc(struct aeg_buf *buf, char c)
{
	reserve(buf, 1);
	buf->data[buf->len++] = c;
	buf->data[buf->len] = '\0';
}

void aeg_buf_padded(struct aeg_buf *buf, uint64_t value, unsigned int digits)
{
	char text[U64_DIGITS];
	size_t at = sizeof(text);

	while (value || sizeof(text) - at < digits) {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	}
	aeg_buf_add(buf, text + at, sizeof(text) - at);
}

void aeg_buf_u64(struct aeg_buf *buf, uint64_t value)
{
	aeg_buf_padded(buf, value, 1);
}

char *aeg_buf_room(struct aeg_buf *buf, size_t more)
{
	reserve(buf, more);
	return buf->data + buf->len;
}

void aeg_buf_wrote(struct aeg_buf *buf, size_t len)
{
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void aeg_buf_double(struct aeg_buf *buf, double value)
{
	char text[32];

	/* 17 digits always round-trip; fewer read better: 0.1, not 0.10000000000000001. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	aeg_buf_puts(buf, text);
}

void aeg_buf_vprintf(struct aeg_buf *buf, const char *format, va_list args)
{
	va_list again;
	int len;

	reserve(buf, 0);
	va_copy(again, args);
	len = vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, again);
	va_end(again);
	if (len < 0) { /* only an encoding error of %ls, which nobody uses */
		buf->data[buf->len] = '\0';
		return;
	}
	if ((size_t)len >= buf->cap - buf->len) {
		reserve(buf, (size_t)len);
		vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, args);
	}
	buf->len += (size_t)len;
}

void aeg_buf_printf(struct aeg_buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	aeg_buf_vprintf(buf, format, args);
	va_end(args);
}

void aeg_buf_reset(struct aeg_buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void aeg_buf_done(struct aeg_buf *buf)
{
	free(buf->data);
	*buf = (struct aeg_buf){0};
}

const char *aeg_buf_text(const struct aeg_buf *buf)
{
	return buf->data ? buf->data : "";
}

char *aeg_buf_take(struct aeg_buf *buf)
{
	char *text = buf->data ? buf->data : aeg_xstrdup("");

	*buf = (struct aeg_buf){0};
	return text;
}
