/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Host patterns: from what people write to the one form that everything else compares. No look-ups,
 * no memory: text in, text out.
 */
#include "policy/pattern.h"
#include "base/addr.h"
#include "base/mem.h"
#include "policy/suffix.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

static bool has_non_ascii(const char *text)
{
	for (; *text; text++)
		if (*text & 0x80)
			return true;
	return false;
}

/*
 * Colons and brackets are IPv6 wherever they parse. A last label of digits (or 0x...) is IPv4 in any
 * of inet_aton()'s spellings: no top-level domain looks like that, and getaddrinfo() would connect.
 */
static bool is_address(const char *text)
{
	char inner[AEG_ADDR_TEXT];
	struct aeg_addr addr;
	struct aeg_cidr cidr;
	const char *last;
	size_t len = strlen(text);

	if (text[0] == '[' && len > 2 && len < sizeof(inner) && text[len - 1] == ']') {
		memcpy(inner, text + 1, len - 2);
		inner[len - 2] = '\0';
		text = inner;
	}
	if (aeg_addr_parse(text, &addr) == 0 || aeg_cidr_parse(text, &cidr) == 0)
		return true;
	last = strrchr(text, '.');
	last = last ? last + 1 : text;
	if (last[0] == '0' && last[1] == 'x')
		return last[2 + strspn(last + 2, "0123456789abcdef")] == '\0';
	return is_digit(*last) && last[strspn(last, "0123456789")] == '\0';
}

static enum aeg_pattern_error check_label(const char *label, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(label[i]))
			return label[i] == '*' ? AEG_PATTERN_BAD_STAR : AEG_PATTERN_BAD_CHARACTER;
	if (len == 0 || label[0] == '-' || label[len - 1] == '-')
		return AEG_PATTERN_BAD_LABEL;
	return len > AEG_HOST_LABEL_MAX ? AEG_PATTERN_TOO_LONG : AEG_PATTERN_OK;
}

static enum aeg_pattern_error check_name(const char *name)
{
	enum aeg_pattern_error error;
	size_t len;

	if (strlen(name) > AEG_HOST_MAX)
		return AEG_PATTERN_TOO_LONG;
	if (is_address(name))
		return AEG_PATTERN_ADDRESS;
	for (;; name += len + 1) {
		len = strcspn(name, ".");
		error = check_label(name, len);
		if (error || name[len] == '\0')
			return error;
	}
}

/* Lower-cases and drops one trailing dot; longer text is cut, but stays too long. */
static void fold(const char *text, char *ret, size_t size)
{
	size_t len = 0;

	for (; len < size - 1 && text[len]; len++)
		ret[len] =
			(char)(text[len] >= 'A' && text[len] <= 'Z' ? text[len] | 0x20 : text[len]);
	if (len > 1 && ret[len - 1] == '.' && text[len] == '\0')
		len--;
	ret[len] = '\0';
}

enum aeg_pattern_error aeg_pattern_parse(const char *text, bool wildcards,
					 char ret[AEG_PATTERN_TEXT])
{
	char folded[AEG_PATTERN_TEXT + 2]; /* room for a dot to drop and for a byte too many */
	enum aeg_pattern_error error;
	const char *name = folded;
	bool star;

	if (!*text)
		return AEG_PATTERN_EMPTY;
	if (has_non_ascii(text))
		return AEG_PATTERN_NOT_ASCII;
	fold(text, folded, sizeof(folded));
	if (wildcards && aeg_streq(folded, "*"))
		return AEG_PATTERN_PUBLIC_SUFFIX;
	star = wildcards && folded[0] == '*' && folded[1] == '.';
	if (star)
		name += 2;
	error = check_name(name);
	if (error)
		return error;
	if (star && aeg_suffix_is_public(name))
		return AEG_PATTERN_PUBLIC_SUFFIX;
	memcpy(ret, folded, strlen(folded) + 1);
	return AEG_PATTERN_OK;
}

enum aeg_pattern_error aeg_pattern_parse_label(const char *text, char ret[AEG_HOST_LABEL_MAX + 1])
{
	char folded[AEG_HOST_LABEL_MAX + 2]; /* room for a byte too many */
	enum aeg_pattern_error error;

	if (!*text)
		return AEG_PATTERN_EMPTY;
	if (has_non_ascii(text))
		return AEG_PATTERN_NOT_ASCII;
	fold(text, folded, sizeof(folded));
	error = strchr(text, '.') ? AEG_PATTERN_BAD_LABEL : check_label(folded, strlen(folded));
	if (error)
		return error;
	memcpy(ret, folded, strlen(folded) + 1);
	return AEG_PATTERN_OK;
}

const char *aeg_pattern_strerror(enum aeg_pattern_error error)
{
	switch (error) {
	case AEG_PATTERN_OK:
		return "no error";
	case AEG_PATTERN_EMPTY:
		return "a host name cannot be empty";
	case AEG_PATTERN_TOO_LONG:
		return "a host name has at most 253 characters and each of its labels at most 63";
	case AEG_PATTERN_BAD_LABEL:
		return "a label cannot be empty, nor begin or end with '-'";
	case AEG_PATTERN_BAD_CHARACTER:
		return "a host name has only letters, digits, '-', '_' and '.'; no scheme, port or path";
	case AEG_PATTERN_BAD_STAR:
		return "'*' may only lead, as in *.example.com";
	case AEG_PATTERN_PUBLIC_SUFFIX:
		return "'*' over a public suffix, where anybody can get a name";
	case AEG_PATTERN_ADDRESS:
		return "this is an address: write it as a cidr";
	case AEG_PATTERN_NOT_ASCII:
		return "write the A-label form (xn--...)";
	}
	return "unknown error";
}

bool aeg_pattern_covers(const char *wide, const char *narrow)
{
	size_t suffix_len, len;

	if (wide[0] != '*')
		return aeg_streq(wide, narrow);
	wide++; /* ".suffix" is what a covered name ends in, with something in front of it */
	suffix_len = strlen(wide);
	len = strlen(narrow);
	return len > suffix_len && aeg_streq(narrow + len - suffix_len, wide);
}
