/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Syntax of single words, as Kubernetes and systemd have it. Pure; says yes or no. */
#include "policy/words.h"
#include "base/mem.h"
#include <stdio.h>

#define NAME_MAX_LEN 253
#define LABEL_MAX_LEN 63
#define CGROUP_MAX_LEN 4096
#define UNIT_MAX_LEN 255

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool is_short_name(const char *text, size_t len)
{
	if (len == 0 || !is_lower_alnum(text[0]) || !is_lower_alnum(text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_lower_alnum(text[i]) && text[i] != '-')
			return false;
	return true;
}

/* Kubernetes bounds a subdomain as a whole, not its labels. */
static bool is_name(const char *text, size_t len)
{
	const char *end = text + len;

	if (len > NAME_MAX_LEN)
		return false;
	for (;;) {
		const char *dot = memchr(text, '.', (size_t)(end - text));
		const char *stop = dot ? dot : end;

		if (!is_short_name(text, (size_t)(stop - text)))
			return false;
		if (!dot)
			return true;
		text = dot + 1;
	}
}

static bool is_label_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > LABEL_MAX_LEN || !is_alnum(text[0]) || !is_alnum(text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(text[i]) && !strchr("-_.", text[i]))
			return false;
	return true;
}

static bool is_label_key(const char *text)
{
	const char *slash = strchr(text, '/');

	if (!slash)
		return is_label_name(text);
	return is_name(text, (size_t)(slash - text)) && is_label_name(slash + 1);
}

static unsigned int days_in_month(unsigned int year, unsigned int month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* A day that exists; what follows it is not looked at. */
static bool begins_with_date(const char *text)
{
	unsigned int number[3] = {0}, part = 0;

	for (size_t i = 0; i < 10; i++) {
		if (i == 4 || i == 7) {
			if (text[i] != '-')
				return false;
			part++;
		} else if (text[i] < '0' || text[i] > '9') {
			return false;
		} else {
			number[part] = number[part] * 10 + (unsigned int)(text[i] - '0');
		}
	}
	return number[1] >= 1 && number[1] <= 12 && number[2] >= 1 &&
	       number[2] <= days_in_month(number[0], number[1]);
}

static bool is_date(const char *text)
{
	return begins_with_date(text) && text[10] == '\0';
}

/* Two digits, less than the limit. */
static bool is_two_digits(const char *text, int limit)
{
	return text[0] >= '0' && text[0] <= '9' && text[1] >= '0' && text[1] <= '9' &&
	       (text[0] - '0') * 10 + text[1] - '0' < limit;
}

/* Whole seconds of UTC and nothing else: every time has one form, and all tools show that. */
static bool is_time(const char *text)
{
	return begins_with_date(text) && strncmp(text, "1970", 4) >= 0 && text[10] == 'T' &&
	       is_two_digits(text + 11, 24) && text[13] == ':' && is_two_digits(text + 14, 60) &&
	       text[16] == ':' && is_two_digits(text + 17, 60) && text[19] == 'Z' &&
	       text[20] == '\0';
}

/* Nothing may lead out of the managed root that the path is relative to. */
static bool is_cgroup(const char *text)
{
	size_t len;

	if (strlen(text) > CGROUP_MAX_LEN)
		return false;
	for (;; text += len + 1) {
		len = strcspn(text, "/");
		if (len == 0 || (len == 1 && text[0] == '.') ||
		    (len == 2 && text[0] == '.' && text[1] == '.'))
			return false;
		if (text[len] == '\0')
			return true;
	}
}

static bool is_unit(const char *text)
{
	static const char *const suffixes[] = {".service", ".scope", ".slice"};
	size_t len = strlen(text);

	if (len > UNIT_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(text[i]) && !strchr(":-_.\\@", text[i]))
			return false;
	for (size_t i = 0; i < AEG_ARRAY_SIZE(suffixes); i++) {
		size_t suffix_len = strlen(suffixes[i]);

		if (len > suffix_len && aeg_streq(text + len - suffix_len, suffixes[i]))
			return true;
	}
	return false;
}

bool aeg_word_is_valid(enum aeg_word_kind kind, const char *text)
{
	switch (kind) {
	case AEG_WORD_NAME:
		return is_name(text, strlen(text));
	case AEG_WORD_SHORT_NAME:
		return strlen(text) <= LABEL_MAX_LEN && is_short_name(text, strlen(text));
	case AEG_WORD_LABEL_KEY:
		return is_label_key(text);
	case AEG_WORD_LABEL_VALUE:
		return *text == '\0' || is_label_name(text);
	case AEG_WORD_PROVIDER:
		return is_label_name(text);
	case AEG_WORD_DATE:
		return is_date(text);
	case AEG_WORD_TIME:
		return is_time(text);
	case AEG_WORD_CGROUP:
		return is_cgroup(text);
	case AEG_WORD_UNIT:
		return is_unit(text);
	case AEG_WORD_TEXT:
		return *text != '\0';
	}
	return false;
}

const char *aeg_word_wanted(enum aeg_word_kind kind)
{
	switch (kind) {
	case AEG_WORD_NAME:
		return "is not a name: at most 253 lower-case letters, digits, '-' and '.', "
		       "with a letter or digit at both ends";
	case AEG_WORD_SHORT_NAME:
		return "is not a name: at most 63 lower-case letters, digits and '-', "
		       "with a letter or digit at both ends";
	case AEG_WORD_LABEL_KEY:
		return "is not a label key: write [prefix/]name, the name at most 63 letters, digits, "
		       "'-', '_' and '.', with a letter or digit at both ends";
	case AEG_WORD_LABEL_VALUE:
	case AEG_WORD_PROVIDER:
		return "is not a label value: at most 63 letters, digits, '-', '_' and '.', "
		       "with a letter or digit at both ends";
	case AEG_WORD_DATE:
		return "is not a date: write YYYY-MM-DD, a day that exists";
	case AEG_WORD_TIME:
		return "is not a time: write YYYY-MM-DDThh:mm:ssZ, which is UTC, a day that exists";
	case AEG_WORD_CGROUP:
		return "is not a path below a managed root: no leading '/', no '.', '..' or empty "
		       "component, at most 4096 bytes";
	case AEG_WORD_UNIT:
		return "is not a unit: the bare name of a .service, .scope or .slice";
	case AEG_WORD_TEXT:
		return "is empty";
	}
	return "is wrong";
}
