// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The JSON writer. Misuse (a key in an array, an end too many) is a bug and stops the program. */
#include "base/json.h"
#include "base/utf8.h"
#include <assert.h>
#include <math.h>

#define DEEPEST 63 /* bits of `objects`, less the root's */

static void quote_char(struct aeg_buf *out, char c)
{
	static const char *const named[0x20] = {
		['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
	unsigned char byte = (unsigned char)c;

	if (c == '"' || c == '\\')
		aeg_buf_putc(out, '\\');
	if (byte >= 0x20)
		aeg_buf_putc(out, c);
	else if (named[byte])
		aeg_buf_puts(out, named[byte]);
	else
		aeg_buf_printf(out, "\\u%04x", byte);
}

/* Bytes in front that stand for themselves: nearly always all of them. */
static size_t plain_length(const char *text)
{
	static const bool plain[256] = {
		[' ' ... '!'] = true,
		['#' ... '['] = true,
		[']' ... 0x7f] = true,
	};
	size_t n = 0;

	while (plain[(unsigned char)text[n]])
		n++;
	return n;
}

/* One character that may not be plain; returns its bytes. */
static size_t quote_next(struct aeg_buf *out, const char *text, size_t len)
{
	uint32_t c;
	size_t n = aeg_utf8_decode(text, len, &c);

	if (n == 1)
		quote_char(out, *text);
	else if (n)
		aeg_buf_add(out, text, n);
	else
		aeg_buf_puts(out, "\xef\xbf\xbd"); /* U+FFFD, one for each bad byte */
	return n ? n : 1;
}

static void quote_rest(struct aeg_buf *out, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		size_t n = quote_next(out, text, len);

		text += n;
		len -= n;
	}
}

void aeg_json_quote(struct aeg_buf *out, const char *text)
{
	size_t n = plain_length(text);
	char *at = aeg_buf_room(out, n + 2);

	*at = '"';
	memcpy(at + 1, text, n);
	aeg_buf_wrote(out, n + 1);
	if (text[n])
		quote_rest(out, text + n);
	aeg_buf_putc(out, '"');
}

/* What stands in front of a value: a comma, its key. */
static void lead(struct aeg_json *json, const char *key)
{
	bool in_object = json->objects >> json->depth & 1;

	assert(in_object == (key != NULL));
	if (json->comma)
		aeg_buf_putc(json->out, ',');
	json->comma = true;
	if (key) {
		aeg_json_quote(json->out, key);
		aeg_buf_putc(json->out, ':');
	}
}

static void open_level(struct aeg_json *json, const char *key, bool object)
{
	lead(json, key);
	assert(json->depth < DEEPEST);
	json->depth++;
	json->objects &= ~(UINT64_C(1) << json->depth);
	json->objects |= (uint64_t)object << json->depth;
	json->comma = false;
	aeg_buf_putc(json->out, object ? '{' : '[');
}

static void close_level(struct aeg_json *json, bool object)
{
	assert(json->depth > 0);
	assert((json->objects >> json->depth & 1) == object);
	json->depth--;
	json->comma = true;
	aeg_buf_putc(json->out, object ? '}' : ']');
}

void aeg_json_begin(struct aeg_json *json, struct aeg_buf *out)
{
	*json = (struct aeg_json){.out = out};
}

void aeg_json_object(struct aeg_json *json, const char *key)
{
	open_level(json, key, true);
}

void aeg_json_object_end(struct aeg_json *json)
{
	close_level(json, true);
}

void aeg_json_array(struct aeg_json *json, const char *key)
{
	open_level(json, key, false);
}

void aeg_json_array_end(struct aeg_json *json)
{
	close_level(json, false);
}

void aeg_json_str(struct aeg_json *json, const char *key, const char *value)
{
	if (!value)
		return;
	lead(json, key);
	aeg_json_quote(json->out, value);
}

void aeg_json_u64(struct aeg_json *json, const char *key, uint64_t value)
{
	lead(json, key);
	aeg_buf_u64(json->out, value);
}

void aeg_json_i64(struct aeg_json *json, const char *key, int64_t value)
{
	lead(json, key);
	if (value < 0)
		aeg_buf_putc(json->out, '-');
	aeg_buf_u64(json->out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void aeg_json_double(struct aeg_json *json, const char *key, double value)
{
	lead(json, key);
	if (isfinite(value))
		aeg_buf_double(json->out, value);
	else
		aeg_buf_puts(json->out, "null"); /* JSON has no NaN and no infinity */
}

void aeg_json_decimal(struct aeg_json *json, const char *key, uint64_t value, unsigned int places)
{
	uint64_t scale = 1, rest;

	for (unsigned int i = 0; i < places; i++)
		scale *= 10;
	lead(json, key);
	aeg_buf_u64(json->out, value / scale);
	rest = value % scale;
	if (!rest)
		return;
	for (; rest % 10 == 0; places--)
		rest /= 10;
	aeg_buf_putc(json->out, '.');
	aeg_buf_padded(json->out, rest, places);
}

void aeg_json_bool(struct aeg_json *json, const char *key, bool value)
{
	lead(json, key);
	aeg_buf_puts(json->out, value ? "true" : "false");
}

void aeg_json_raw(struct aeg_json *json, const char *key, const char *text)
{
	lead(json, key);
	aeg_buf_puts(json->out, text);
}
