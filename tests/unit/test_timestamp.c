// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The calendar, held against the C library's. */
#include "base/timestamp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_SEC UINT64_C(1000000000)

static void assert_like_libc(uint64_t seconds, unsigned int ns)
{
	char got[AEG_TIME_TEXT], day[sizeof("2026-11-20T12:00:00")], want[64];
	time_t time = (time_t)seconds;
	struct tm tm;

	assert_non_null(gmtime_r(&time, &tm));
	assert_int_equal(strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm), sizeof(day) - 1);
	snprintf(want, sizeof(want), "%s.%09uZ", day, ns);
	aeg_time_format(seconds * NS_PER_SEC + ns, got);
	assert_string_equal(got, want);
}

/* Both ends of every day, until the nanoseconds run out in 2554. */
static void test_every_day(void **state)
{
	for (uint64_t day = 0; day < UINT64_MAX / NS_PER_SEC / 86400; day++) {
		assert_like_libc(day * 86400, 0);
		assert_like_libc(day * 86400 + 86399, 999999999);
	}
}

static void test_time_of_day(void **state)
{
	for (uint64_t second = 0; second < 86400; second += 7)
		assert_like_libc(1795132800 + second, (unsigned int)second);
}

static void test_ends(void **state)
{
	char text[AEG_TIME_TEXT];

	aeg_time_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000000Z");
	aeg_time_format(UINT64_MAX, text);
	assert_string_equal(text, "2554-07-21T23:34:33.709551615Z");
}

static void assert_parses(const char *text, uint64_t expected)
{
	uint64_t ns = 1;

	assert_int_equal(aeg_time_parse(text, &ns), 0);
	assert_int_equal(ns, expected);
}

static void test_parse(void **state)
{
	static const char *const bad[] = {"",
					  "2026-11-20",
					  "2026-11-20T12:00:00",
					  "2026-11-20T12:00:00+01:00",
					  "2026-11-20T12:00:00Z ",
					  "2026-13-20T12:00:00Z",
					  "1969-12-31T23:59:59Z",
					  "2600-01-01T00:00:00Z",
					  "2026-11-20T12:00:00.5x"};
	uint64_t ns = 1;

	assert_parses("1970-01-01T00:00:00Z", 0);
	assert_parses("2026-11-20T12:00:00Z", 1795176000 * NS_PER_SEC);
	assert_parses("2026-11-20T12:00:00.5Z", 1795176000 * NS_PER_SEC + 500000000);
	assert_parses("2026-11-20T12:00:00.1234567899Z", 1795176000 * NS_PER_SEC + 123456789);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_not_equal(aeg_time_parse(bad[i], &ns), 0);
	assert_int_equal(ns, 1);
}

/* Nanoseconds would not reach the years in which people write that something never ends. */
static void test_parse_seconds(void **state)
{
	uint64_t seconds = 1;

	assert_int_equal(aeg_time_parse_s("2026-11-20T12:00:00.5Z", &seconds), -EINVAL);
	assert_int_equal(aeg_time_parse_s("2026-11-20T12:00:00", &seconds), -EINVAL);
	assert_int_equal(aeg_time_parse_s("1969-12-31T23:59:59Z", &seconds), -EINVAL);
	assert_int_equal(aeg_time_parse_s("tomorrow", &seconds), -EINVAL);
	assert_int_equal(seconds, 1);
	assert_int_equal(aeg_time_parse_s("2026-11-20T12:00:00Z", &seconds), 0);
	assert_int_equal(seconds, 1795176000);
	assert_int_equal(aeg_time_parse_s("9999-12-31T23:59:59Z", &seconds), 0);
	assert_int_equal(seconds, 253402300799);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_day),     cmocka_unit_test(test_time_of_day),
		cmocka_unit_test(test_ends),	      cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
