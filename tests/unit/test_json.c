// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The JSON writer and its quoting. */
#include "base/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>

static void assert_quoted(const char *text, const char *expected)
{
	struct aeg_buf out = {0};

	aeg_json_quote(&out, text);
	assert_string_equal(out.data, expected);
	aeg_buf_done(&out);
}

static void test_quote(void **state)
{
	assert_quoted("", "\"\"");
	assert_quoted("plain ~", "\"plain ~\"");
	assert_quoted("a\"b\\c/", "\"a\\\"b\\\\c/\"");
	assert_quoted("\b\t\n\f\r\x01\x1f\x7f", "\"\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\"");
	assert_quoted("\u00e9\u20ac\U0001f600", "\"\u00e9\u20ac\U0001f600\"");
}

/* One U+FFFD for each byte that is no part of a character. */
static void test_quote_bad_utf8(void **state)
{
	assert_quoted("a\xff", "\"a\uFFFD\"");
	assert_quoted("\xc3", "\"\uFFFD\"");
	assert_quoted("\xe2\x82", "\"\uFFFD\uFFFD\"");
	assert_quoted("\xe2\x82"
		      "a",
		      "\"\uFFFD\uFFFD"
		      "a\"");
	assert_quoted("\xc0\x80", "\"\uFFFD\uFFFD\"");			   /* overlong NUL */
	assert_quoted("\xe0\x80\x80", "\"\uFFFD\uFFFD\uFFFD\"");	   /* overlong */
	assert_quoted("\xed\xa0\x80", "\"\uFFFD\uFFFD\uFFFD\"");	   /* surrogate */
	assert_quoted("\xf4\x90\x80\x80", "\"\uFFFD\uFFFD\uFFFD\uFFFD\""); /* beyond U+10FFFF */
	assert_quoted("\xf4\x8f\xbf\xbd", "\"\U0010fffd\"");
}

static void test_nesting(void **state)
{
	struct aeg_buf out = {0};
	struct aeg_json json;

	aeg_json_begin(&json, &out);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "left out", NULL);
	aeg_json_str(&json, "s", "x");
	aeg_json_array(&json, "a");
	aeg_json_u64(&json, NULL, UINT64_MAX);
	aeg_json_i64(&json, NULL, INT64_MIN);
	aeg_json_object(&json, NULL);
	aeg_json_object_end(&json);
	aeg_json_array(&json, NULL);
	aeg_json_array_end(&json);
	aeg_json_array_end(&json);
	aeg_json_object(&json, "o\n");
	aeg_json_bool(&json, "t", true);
	aeg_json_bool(&json, "f", false);
	aeg_json_object_end(&json);
	aeg_json_object_end(&json);
	assert_string_equal(out.data, "{\"s\":\"x\",\"a\":[18446744073709551615,"
				      "-9223372036854775808,{},[]],"
				      "\"o\\n\":{\"t\":true,\"f\":false}}");
	assert_int_equal(json.depth, 0);
	aeg_buf_done(&out);
}

static void assert_double(double value, const char *expected)
{
	struct aeg_buf out = {0};
	struct aeg_json json;

	aeg_json_begin(&json, &out);
	aeg_json_double(&json, NULL, value);
	assert_string_equal(out.data, expected);
	aeg_buf_done(&out);
}

static void test_double(void **state)
{
	assert_double(0.0, "0");
	assert_double(0.1, "0.1");
	assert_double(-1.5, "-1.5");
	assert_double(1.0 / 3, "0.3333333333333333");
	assert_double(0.1 + 0.2, "0.30000000000000004");
	assert_double(DBL_MAX, "1.7976931348623157e+308");
	assert_double(1e21, "1e+21");
	assert_double((double)NAN, "null");
	assert_double((double)INFINITY, "null");
}

static void assert_decimal(uint64_t value, unsigned int places, const char *expected)
{
	struct aeg_buf out = {0};
	struct aeg_json json;

	aeg_json_begin(&json, &out);
	aeg_json_decimal(&json, NULL, value, places);
	assert_string_equal(out.data, expected);
	aeg_buf_done(&out);
}

static void test_decimal(void **state)
{
	assert_decimal(0, 6, "0");
	assert_decimal(1, 6, "0.000001");
	assert_decimal(1500000, 6, "1.5");
	assert_decimal(1000000, 6, "1");
	assert_decimal(1050000, 6, "1.05");
	assert_decimal(UINT64_MAX, 6, "18446744073709.551615");
	assert_decimal(UINT64_MAX, 0, "18446744073709551615");
	assert_decimal(10, 1, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quote),	cmocka_unit_test(test_quote_bad_utf8),
		cmocka_unit_test(test_nesting), cmocka_unit_test(test_double),
		cmocka_unit_test(test_decimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
