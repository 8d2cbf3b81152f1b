/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ClientHellos: records and lengths that are wrong, and both cut anywhere. */
#include "tests/unit/util_hello.h"
#include "tests/property/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* ---- records ---- */

static void test_not_tls(void **state)
{
	static const char *const first[] = {"GET / HTTP/1.1\r\n", "SSH-2.0-x",
					    "\x17\3\3\0\1x",	  "\x15\3\1\0\2\2\50",
					    "\x14\3\3\0\1\1",	  "\x16\2\1\0\5\1",
					    "\x80\x2e\1\3\1"};

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		wire.len = 0;
		wire_bytes(&wire, first[i], 5);
		assert_int_equal(hello_parse_wire(), AEG_HELLO_NOT_TLS);
		assert_int_equal(hello_feed_new(&wire, 1), AEG_HELLO_NOT_TLS);
		assert_int_equal(hello_feed_new(&wire, 5), AEG_HELLO_NOT_TLS);
	}
	hello_named("hf.co", 5);
	wire.data[5] = 2;
	assert_int_equal(hello_parse_wire(), AEG_HELLO_NOT_TLS);
	assert_int_equal(hello_feed_new(&wire, 6), AEG_HELLO_NOT_TLS);
}

static void test_empty_and_huge_records(void **state)
{
	hello_named("hf.co", 5);
	wire.data[3] = wire.data[4] = 0;
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
	assert_int_equal(hello_feed_new(&wire, 1), AEG_HELLO_MALFORMED);
	wire.data[3] = 0x40;
	wire.data[4] = 1;
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
	assert_int_equal(hello_parse(wire.data, 5), AEG_HELLO_MALFORMED);
	assert_int_equal(hello_feed_new(&wire, 1), AEG_HELLO_MALFORMED);
}

/* What follows the hello in its own record would go unread. */
static void test_record_goes_on(void **state)
{
	hello_named("hf.co", 5);
	wire_u8(&wire, 0);
	wire_close(&wire, 5, 2);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
	assert_int_equal(hello_feed_new(&wire, 7), AEG_HELLO_MALFORMED);
}

/* Every length of the message, one too small and one too big. */
static void test_lengths(void **state)
{
	static const size_t at[] = {8, 43, 45, 48, 51, 55, 57, 60};

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		for (int by = -1; by <= 1; by += 2) {
			hello_named("hf.co", 5);
			assert_int_equal(hello_parse_wire(), AEG_HELLO_DONE);
			wire.data[at[i]] = (__u8)(wire.data[at[i]] + by);
			if (at[i] == 8 && by > 0) /* the next record may hold the rest */
				assert_int_equal(hello_parse_wire(), AEG_HELLO_NEED_MORE);
			else if (hello_parse_wire() != AEG_HELLO_MALFORMED)
				fail_msg("length at %zu by %d", at[i], by);
		}
	}
	hello_named("hf.co", 5);
	wire.data[43] = 33;
	assert_int_equal(hello_parse_wire(), AEG_HELLO_MALFORMED);
}

/* A hello right in every way but these three lengths, if they are not. */
static enum aeg_hello_result with_head(size_t session, size_t suites, size_t compressions)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	wire.len = 43;
	wire_u8(&wire, (unsigned int)session);
	wire_fill(&wire, 0, session);
	wire_u16(&wire, (unsigned int)suites);
	wire_fill(&wire, 0, suites);
	wire_u8(&wire, (unsigned int)compressions);
	wire_fill(&wire, 0, compressions);
	open.extensions = wire_open(&wire, 2);
	wire_server_name(&wire, "hf.co", 5);
	wire_hello_close(&wire, &open);
	return hello_parse_wire();
}

static void test_head(void **state)
{
	assert_int_equal(with_head(0, 2, 1), AEG_HELLO_DONE);
	assert_int_equal(with_head(32, 512, 255), AEG_HELLO_DONE);
	assert_int_equal(with_head(33, 2, 1), AEG_HELLO_MALFORMED);
	assert_int_equal(with_head(32, 0, 1), AEG_HELLO_MALFORMED);
	assert_int_equal(with_head(32, 3, 1), AEG_HELLO_MALFORMED);
	assert_int_equal(with_head(32, 2, 0), AEG_HELLO_MALFORMED);
}

/* One to three bytes behind the last extension are none. */
static void test_stray_bytes(void **state)
{
	for (size_t n = 0; n < 4; n++) {
		struct wire_hello open;

		wire.len = 0;
		wire_hello_open(&wire, &open);
		wire_server_name(&wire, "hf.co", 5);
		wire_fill(&wire, 0, n);
		wire_hello_close(&wire, &open);
		assert_int_equal(hello_parse_wire(), n ? AEG_HELLO_MALFORMED : AEG_HELLO_DONE);
	}
}

static void padded(size_t len)
{
	static const __u8 zeros[5000];
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	wire_server_name(&wire, "hf.co", 5);
	wire_extension(&wire, 21, zeros, len - wire.len - 4);
	wire_hello_close(&wire, &open);
	assert_int_equal(wire.len, len);
}

static void test_too_long(void **state)
{
	padded(AEG_DATA_MAX);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_DONE);
	assert_int_equal(hello_feed_new(&wire, 1), AEG_HELLO_DONE);
	assert_int_equal(hello_feed_new(&wire, 5000), AEG_HELLO_DONE);
	padded(AEG_DATA_MAX + 1);
	assert_int_equal(hello_parse_wire(), AEG_HELLO_TOO_LONG);
	assert_int_equal(hello_parse(wire.data, 9), AEG_HELLO_TOO_LONG);
	assert_int_equal(hello_feed_new(&wire, 1), AEG_HELLO_TOO_LONG);
	assert_int_equal(hello_feed_new(&wire, 5000), AEG_HELLO_TOO_LONG);
}

static void test_many_records(void **state)
{
	static struct wire records;

	padded(320 + 5);
	wire_records(&records, &wire, 10);
	assert_int_equal(hello_feed_new(&records, 1), AEG_HELLO_DONE);
	assert_int_equal(hello_feed_new(&records, 5000), AEG_HELLO_DONE);
	padded(321 + 5);
	records.len = 0;
	wire_records(&records, &wire, 10);
	assert_int_equal(hello_feed_new(&records, 1), AEG_HELLO_TOO_LONG);
	assert_int_equal(hello_feed_new(&records, 5000), AEG_HELLO_TOO_LONG);
}

/* Nothing but handshake records may lie between the parts. */
static void test_foreign_record_between(void **state)
{
	static struct wire records;

	hello_named("hf.co", 5);
	wire_bytes(&records, "\26\3\1\0\4", 5);
	wire_bytes(&records, wire.data + 5, 4);
	wire_bytes(&records, "\24\3\3\0\1\1", 6);
	wire_bytes(&records, "\26\3\1\0", 4);
	wire_u8(&records, (unsigned int)wire.len - 9);
	wire_bytes(&records, wire.data + 9, wire.len - 9);
	assert_int_equal(hello_feed_new(&records, 1), AEG_HELLO_MALFORMED);
	assert_int_equal(hello_feed_new(&records, 5000), AEG_HELLO_MALFORMED);
}

/* ---- cuts ---- */

/* Both ways of cutting a hello in two, at every byte. */
static void test_cut_anywhere(void **state)
{
	static struct wire part;
	struct aeg_hello_buf *buf = test_malloc(sizeof(*buf));

	hello_load("tests/fixtures/clienthello/ch_0517B_c43_sni177_x25519.bin");
	for (size_t cut = 1; cut < wire.len; cut++) {
		memset(buf, 0, sizeof(*buf));
		part.len = 0;
		wire_bytes(&part, wire.data, cut);
		assert_int_equal(hello_feed(buf, &part, cut), AEG_HELLO_NEED_MORE);
		part.len = 0;
		wire_bytes(&part, wire.data + cut, wire.len - cut);
		assert_int_equal(hello_feed(buf, &part, part.len), AEG_HELLO_DONE);
		assert_string_equal(name.text, "huggingface.co");
	}
	test_free(buf);
}

/* However a stream is cut, the same is said of it; and of one record as of the buffer. */
static void test_cuts_do_not_matter(void **state)
{
	struct random random = {7};

	for (int round = 0; round < 3000; round++) {
		enum aeg_hello_result whole, fed;

		hello_load("tests/fixtures/clienthello/ch_0256B_c10_sni205_x25519.bin");
		for (unsigned int n = 1 + random_below(&random, 4); n > 0; n--)
			wire.data[random_below(&random, (unsigned int)wire.len)] =
				(__u8)random_next(&random);
		whole = hello_feed_new(&wire, wire.len);
		fed = hello_feed_new(&wire, 1 + random_below(&random, 60));
		assert_int_equal(fed, whole);
		fed = hello_parse_wire();
		if (fed != AEG_HELLO_NEED_MORE)
			assert_int_equal(fed, whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_tls),
		cmocka_unit_test(test_empty_and_huge_records),
		cmocka_unit_test(test_record_goes_on),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_stray_bytes),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_many_records),
		cmocka_unit_test(test_foreign_record_between),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_cuts_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
