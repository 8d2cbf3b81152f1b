/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ClientHellos: the captured ones whole and cut, and what a hostile client can say in one. */
#include "tests/unit/util_hello.h"
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define FIXTURES "tests/fixtures/clienthello/*.bin"
#define ENDPOINT "abcd1234.us-east-1.aws.endpoints.huggingface.cloud"

/* ---- what real clients send ---- */

static void check_fixture(const char *path)
{
	const char *expected = strstr(path, "1642B") ? ENDPOINT : "huggingface.co";

	assert_int_equal(hello_parse_wire(), AEG_HELLO_DONE);
	assert_string_equal(name.text, expected);
	assert_int_equal(hello.version, 0x0304);
	assert_int_equal(hello.flags, strstr(path, "grease") ? AEG_HELLO_ECH : 0);
	for (size_t len = 0; len < wire.len; len++)
		assert_int_equal(hello_parse(wire.data, len), AEG_HELLO_NEED_MORE);
	wire_fill(&wire, 0x17, 3000); /* early data: one segment may hold more than the hello */
	assert_int_equal(hello_parse_wire(), AEG_HELLO_DONE);
	assert_string_equal(name.text, expected);
	wire.len -= 3000;
	for (size_t size = 1; size < 1900; size += size < 8 ? 1 : 97) {
		memset(&name, 0, sizeof(name));
		assert_int_equal(hello_feed_new(&wire, size), AEG_HELLO_DONE);
		assert_string_equal(name.text, expected);
	}
}

static void check_fixture_records(const char *path)
{
	static struct wire records;

	for (size_t size = wire.len / 32 + 1; size < wire.len - 5; size += 53) {
		records.len = 0;
		wire_records(&records, &wire, size);
		assert_int_equal(hello_parse(records.data, records.len), AEG_HELLO_NEED_MORE);
		for (size_t segment = 1; segment < 3000; segment = segment * 3 + 1) {
			memset(&name, 0, sizeof(name));
			assert_int_equal(hello_feed_new(&records, segment), AEG_HELLO_DONE);
			assert_string_equal(name.text,
					    strstr(path, "1642B") ? ENDPOINT : "huggingface.co");
		}
	}
}

static void test_fixtures(void **state)
{
	glob_t found = {0};

	assert_int_equal(glob(FIXTURES, 0, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, 21);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		hello_load(found.gl_pathv[i]);
		check_fixture(found.gl_pathv[i]);
		check_fixture_records(found.gl_pathv[i]);
	}
	globfree(&found);
}

/* ---- what it is made of ---- */

static enum aeg_hello_result named(const char *text)
{
	hello_named(text, strlen(text));
	return hello_parse_wire();
}

static void test_names(void **state)
{
	assert_int_equal(named("HuggingFace.CO"), AEG_HELLO_DONE);
	assert_string_equal(name.text, "huggingface.co");
	assert_int_equal(hello.version, 0x0303);
	assert_int_equal(named("huggingface.co."), AEG_HELLO_MALFORMED);
	assert_int_equal(named(".huggingface.co"), AEG_HELLO_MALFORMED);
	assert_int_equal(named("huggingface..co"), AEG_HELLO_MALFORMED);
	assert_int_equal(named("1.2.3.4"), AEG_HELLO_MALFORMED);
	assert_int_equal(named("::1"), AEG_HELLO_MALFORMED);
	assert_int_equal(named("b\xc3\xbc"
			       "cher.example"),
			 AEG_HELLO_MALFORMED);
	assert_int_equal(named(""), AEG_HELLO_MALFORMED);
	hello_named("huggingface.co\0.evil.test", 25);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
	hello_named("evil.test\0", 10);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
}

static void test_long_names(void **state)
{
	char text[256];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 50 == 49 ? '.' : 'a';
	hello_named(text, 253);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_DONE);
	assert_int_equal(name.len, 253);
	hello_named(text, 254);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
	hello_named(text, 255);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
}

/* A hello whose extensions are one payload of a type, behind a good name where `good`. */
static enum aeg_hello_result extended(int good, unsigned int type, const void *payload, size_t len)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	if (good)
		wire_server_name(&wire, "hf.co", 5);
	wire_extension(&wire, type, payload, len);
	wire_hello_close(&wire, &open);
	return hello_parse_wire();
}

static void test_server_name_lists(void **state)
{
	assert_int_equal(extended(0, 0, "\0\5\0\0\2hf", 7), AEG_HELLO_DONE);
	assert_string_equal(name.text, "hf");
	assert_int_equal(extended(0, 0, "", 0), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\0", 2), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\3\0\0\0", 5), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\5\1\0\2hf", 7), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\5\0\0\3hf", 7), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\5\0\0\1hf", 7), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\6\0\0\2hf", 7), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\5\0\0\2hfx", 8), AEG_HELLO_MALFORMED);
	/* two names in one list, two extensions */
	assert_int_equal(extended(0, 0, "\0\12\0\0\2hf\0\0\2co", 12), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 0, "\0\5\0\0\2hf", 7), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 1, "x", 1), AEG_HELLO_DONE);
	assert_int_equal(extended(0, 1, "x", 1), AEG_HELLO_NAME_MISSING);
	assert_int_equal(hello.version, 0x0303);
}

static void test_versions(void **state)
{
	assert_int_equal(extended(1, 43, "\2\3\4", 3), AEG_HELLO_DONE);
	assert_int_equal(hello.version, 0x0304);
	assert_int_equal(extended(1, 43, "\6\x7a\x7a\3\3\3\2", 7), AEG_HELLO_DONE);
	assert_int_equal(hello.version, 0x0303);
	assert_int_equal(extended(1, 43, "\6\3\1\3\2\x7f\x1c", 7), AEG_HELLO_DONE);
	assert_int_equal(hello.version, 0x0302);
	assert_int_equal(extended(1, 43, "\2\x0a\x0a", 3), AEG_HELLO_DONE);
	assert_int_equal(hello.version, 0);
	assert_int_equal(extended(1, 43, "\2\3\5", 3), AEG_HELLO_DONE);
	assert_int_equal(hello.version, 0);
	assert_int_equal(extended(0, 43, "\4\3\4\3\3", 5), AEG_HELLO_NAME_MISSING);
	assert_int_equal(hello.version, 0x0304);
	assert_int_equal(extended(1, 43, "", 0), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 43, "\0", 1), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 43, "\3\3\4\3", 4), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 43, "\2\3\4\0", 4), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 43, "\4\3\4", 3), AEG_HELLO_MALFORMED);
}

static void test_twice_versions(void **state)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	wire_server_name(&wire, "hf.co", 5);
	wire_extension(&wire, 43, "\2\3\4", 3);
	wire_extension(&wire, 43, "\2\3\3", 3);
	wire_hello_close(&wire, &open);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
}

static void test_legacy_version(void **state)
{
	static const struct {
		__u8 minor;
		__u16 version;
	} cases[] = {{0, 0x0300}, {1, 0x0301}, {2, 0x0302}, {3, 0x0303}, {4, 0x0303}, {9, 0x0303}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hello_named("hf.co", 5);
		wire.data[10] = cases[i].minor;
		assert_int_equal(hello_parse_wire(), AEG_HELLO_DONE);
		assert_int_equal(hello.version, cases[i].version);
	}
	wire.data[9] = 2;
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
}

static void test_ech(void **state)
{
	assert_int_equal(extended(1, 0xfe0d, "xyz", 3), AEG_HELLO_DONE);
	assert_int_equal(hello.flags, AEG_HELLO_ECH);
	assert_int_equal(extended(0, 0xfe0d, "", 0), AEG_HELLO_NAME_MISSING);
	assert_int_equal(hello.flags, AEG_HELLO_ECH);
	assert_int_equal(extended(1, 42, "", 0), AEG_HELLO_DONE);
	assert_int_equal(hello.flags, AEG_HELLO_EARLY);
	assert_int_equal(extended(1, 0xfe0e, "", 0), AEG_HELLO_DONE);
	assert_int_equal(hello.flags, 0);
}

static enum aeg_hello_result with_extensions(unsigned int n)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	for (unsigned int i = 1; i < n; i++)
		wire_extension(&wire, 0x2a2a, "", 0);
	wire_server_name(&wire, "hf.co", 5);
	wire_hello_close(&wire, &open);
	return hello_parse_wire();
}

static void test_many_extensions(void **state)
{
	assert_int_equal(with_extensions(64), AEG_HELLO_DONE);
	assert_int_equal(with_extensions(65), AEG_HELLO_TOO_LONG);
	assert_int_equal(with_extensions(900), AEG_HELLO_TOO_LONG);
}

static void test_no_extensions(void **state)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	wire.len -= 2; /* not even their length: TLS 1.0 as it was */
	wire_close(&wire, open.message, 3);
	wire_close(&wire, open.record, 2);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_NAME_MISSING);
	wire_u8(&wire, 0);
	wire_close(&wire, open.message, 3);
	wire_close(&wire, open.record, 2);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixtures),	cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_names),	cmocka_unit_test(test_server_name_lists),
		cmocka_unit_test(test_versions),	cmocka_unit_test(test_twice_versions),
		cmocka_unit_test(test_legacy_version),	cmocka_unit_test(test_ech),
		cmocka_unit_test(test_many_extensions), cmocka_unit_test(test_no_extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
