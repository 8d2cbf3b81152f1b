/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Formatting for people, and lenient reading of the daemon's JSON. */
#include "cli/text.h"
#include "base/utf8.h"
#include <stdbool.h>
#include <time.h>

void aeg_text_clean(struct aeg_buf *out, const char *text)
{
	size_t left = strlen(text), n;

	for (; left; text += n, left -= n) {
		uint32_t c;

		n = aeg_utf8_decode(text, left, &c);
		if (n && !aeg_utf8_is_control(c))
			aeg_buf_add(out, text, n);
		else
			aeg_buf_putc(out, '?');
		if (!n)
			n = 1;
	}
}

size_t aeg_text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

void aeg_text_bytes(struct aeg_buf *out, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		aeg_buf_printf(out, "%lluB", (unsigned long long)bytes);
		return;
	}
	for (; value >= 1024 && unit + 1 < AEG_ARRAY_SIZE(units); unit++)
		value /= 1024;
	aeg_buf_printf(out, value < 10 ? "%.1f%s" : "%.0f%s", value, units[unit]);
}

void aeg_text_age(struct aeg_buf *out, int64_t seconds)
{
	long long s = seconds < 0 ? 0 : seconds;

	if (s < 60)
		aeg_buf_printf(out, "%llds", s);
	else if (s < 3600)
		aeg_buf_printf(out, "%lldm%llds", s / 60, s % 60);
	else if (s < 86400)
		aeg_buf_printf(out, "%lldh%lldm", s / 3600, s / 60 % 60);
	else
		aeg_buf_printf(out, "%lldd%lldh", s / 86400, s / 3600 % 24);
}

int64_t aeg_text_since(const char *time_text)
{
	struct tm tm = {0};
	const char *rest = strptime(time_text, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t then;

	if (!rest || (*rest != '.' && *rest != 'Z'))
		return -1;
	then = timegm(&tm);
	return time(NULL) > then ? (int64_t)(time(NULL) - then) : 0;
}

static void list_text(struct aeg_buf *out, const json_t *list, size_t max_items)
{
	size_t n = json_array_size(list);
	size_t shown = max_items && n > max_items ? max_items : n;

	for (size_t i = 0; i < shown; i++) {
		if (i)
			aeg_buf_putc(out, ',');
		aeg_value_text(out, json_array_get(list, i), 0);
	}
	if (shown < n)
		aeg_buf_printf(out, ",+%zu", n - shown);
}

static void object_text(struct aeg_buf *out, const json_t *object)
{
	bool first = true;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		if (!first)
			aeg_buf_putc(out, ',');
		first = false;
		aeg_text_clean(out, key);
		aeg_buf_putc(out, '=');
		aeg_value_text(out, value, 0);
	}
}

void aeg_value_text(struct aeg_buf *out, const json_t *value, size_t max_items)
{
	if (json_is_string(value))
		aeg_text_clean(out, json_string_value(value));
	else if (json_is_integer(value))
		aeg_buf_printf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		aeg_buf_printf(out, "%g", json_real_value(value));
	else if (json_is_boolean(value))
		aeg_buf_puts(out, json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		list_text(out, value, max_items);
	else if (json_is_object(value))
		object_text(out, value);
}

bool aeg_text_seconds(const char *text, uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	number = strtoull(text, &end, 10);
	for (size_t i = 0; i < AEG_ARRAY_SIZE(units); i++) {
		if (!aeg_streq(end, units[i].unit) || number > UINT32_MAX)
			continue;
		*ret = number * units[i].seconds;
		return true;
	}
	return false;
}
