// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The UTF-8 decoder that the YAML reader, the JSON writer and the diagnostics share. */
#include "base/utf8.h"

/* Bytes of a sequence by its first byte, and the bits that this byte gives. */
static size_t sequence_length(uint8_t first, uint32_t *ret_bits)
{
	if (first < 0x80) {
		*ret_bits = first;
		return 1;
	}
	if (first >= 0xc2 && first <= 0xdf) {
		*ret_bits = first & 0x1fU;
		return 2;
	}
	if ((first & 0xf0) == 0xe0) {
		*ret_bits = first & 0x0fU;
		return 3;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		*ret_bits = first & 0x07U;
		return 4;
	}
	return 0;
}

size_t aeg_utf8_decode(const char *text, size_t len, uint32_t *ret)
{
	static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *bytes = (const uint8_t *)text;
	uint32_t c = 0;
	size_t n;

	if (!len)
		return 0;
	n = sequence_length(bytes[0], &c);
	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (bytes[i] & 0x3fU);
	}
	if (c < smallest[n] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return 0;
	*ret = c;
	return n;
}

bool aeg_utf8_is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == AEG_UTF8_BOM ||
	       (c & 0xfffe) == 0xfffe;
}
