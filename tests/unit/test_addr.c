// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Addresses and CIDRs: what is accepted, how it is written back. */
#include "base/addr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

static void assert_addr(const char *text, const char *formatted)
{
	struct aeg_addr addr;
	char back[AEG_ADDR_TEXT];

	assert_int_equal(aeg_addr_parse(text, &addr), 0);
	aeg_addr_format(&addr, back);
	assert_string_equal(back, formatted);
}

static void test_addr(void **state)
{
	assert_addr("1.2.3.4", "1.2.3.4");
	assert_addr("0.0.0.0", "0.0.0.0");
	assert_addr("255.255.255.255", "255.255.255.255");
	assert_addr("::", "::");
	assert_addr("::1", "::1");
	assert_addr("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
	assert_addr("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8");
	assert_addr("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_addr("64:ff9b::1.2.3.4", "64:ff9b::102:304");
}

/* Java connects through mapped addresses: they are the same key. */
static void test_mapped(void **state)
{
	static const char *const same[] = {"1.2.3.4", "::ffff:1.2.3.4", "::ffff:102:304",
					   "::FFFF:102:0304", "0:0:0:0:0:ffff:1.2.3.4"};
	struct aeg_addr v4;

	assert_int_equal(aeg_addr_parse(same[0], &v4), 0);
	assert_true(aeg_addr_is_v4(&v4));
	assert_memory_equal(v4.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4", 16);
	for (size_t i = 1; i < sizeof(same) / sizeof(*same); i++) {
		struct aeg_addr addr;

		assert_int_equal(aeg_addr_parse(same[i], &addr), 0);
		assert_memory_equal(&addr, &v4, sizeof(v4));
		assert_addr(same[i], "1.2.3.4");
	}
}

static void test_not_mapped(void **state)
{
	static const char *const others[] = {"::1.2.3.4", "::fffe:1.2.3.4", "1::ffff:1.2.3.4"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct aeg_addr addr;

		assert_int_equal(aeg_addr_parse(others[i], &addr), 0);
		assert_false(aeg_addr_is_v4(&addr));
	}
}

static void test_bad_addr(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"1",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"1.2.3.04",
		"0x1.2.3.4",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.",
		"1..3.4",
		"-1.2.3.4",
		"+1.2.3.4",
		"127.1",
		":",
		":::",
		"1::2::3",
		"1:2:3:4:5:6:7",
		"12345::",
		"1:2:3:4:5:6:7:8:9",
		"fe80::1%eth0",
		"[::1]",
		"::g",
		"::1.2.3",
		"::1.2.3.256",
		"::01.2.3.4",
		"1.2.3.4::",
		"1:2:3:4:5:6:7:",
		"1.2.3.4/32",
		"localhost",
		":1:2:3:4:5:6:7:8",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct aeg_addr addr = {.bytes = {42}};

		if (aeg_addr_parse(bad[i], &addr) != -EINVAL)
			fail_msg("'%s' was accepted", bad[i]);
		assert_int_equal(addr.bytes[0], 42);
	}
}

static void assert_cidr(const char *text, int err, unsigned int bits, const char *formatted)
{
	struct aeg_cidr cidr;
	char back[AEG_ADDR_TEXT];

	assert_int_equal(aeg_cidr_parse(text, &cidr), err);
	assert_int_equal(cidr.bits, bits);
	aeg_cidr_format(&cidr, back);
	assert_string_equal(back, formatted);
}

static void test_cidr(void **state)
{
	assert_cidr("10.0.0.0/8", 0, 104, "10.0.0.0/8");
	assert_cidr("1.2.3.4/32", 0, 128, "1.2.3.4/32");
	assert_cidr("0.0.0.0/0", 0, 96, "0.0.0.0/0");
	assert_cidr("::ffff:0:0/96", 0, 96, "0.0.0.0/0");
	assert_cidr("::ffff:10.0.0.0/104", 0, 104, "10.0.0.0/8");
	assert_cidr("::ffff:0:0/95", -EEXIST, 95, "::fffe:0:0/95");
	assert_cidr("::/0", 0, 0, "::/0");
	assert_cidr("::1/128", 0, 128, "::1/128");
	assert_cidr("2001:db8::/33", 0, 33, "2001:db8::/33");
}

static void test_host_bits(void **state)
{
	assert_cidr("10.1.2.3/8", -EEXIST, 104, "10.0.0.0/8");
	assert_cidr("10.0.0.1/31", -EEXIST, 127, "10.0.0.0/31");
	assert_cidr("1.2.3.4/0", -EEXIST, 96, "0.0.0.0/0");
	assert_cidr("2001:db8:8000::/32", -EEXIST, 32, "2001:db8::/32");
	assert_cidr("2001:db8::1/127", -EEXIST, 127, "2001:db8::/127");
}

static void test_bad_cidr(void **state)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{"10.0.0.0", -EINVAL},
		{"10.0.0.0/", -EINVAL},
		{"/8", -EINVAL},
		{"10.0.0.0/08", -EINVAL},
		{"10.0.0.0/+8", -EINVAL},
		{"10.0.0.0/8 ", -EINVAL},
		{"10.0.0.0/8/8", -EINVAL},
		{"10.0.0.0/x", -EINVAL},
		{"10.0.0/8", -EINVAL},
		{"10.0.0.0/-1", -EINVAL},
		{"10.0.0.0/33", -ERANGE},
		{"::/129", -ERANGE},
		{"::/4294967296", -ERANGE},
		{"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8",
		 -EINVAL},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct aeg_cidr cidr = {.bits = 42};

		if (aeg_cidr_parse(bad[i].text, &cidr) != bad[i].err)
			fail_msg("'%s': not %d", bad[i].text, bad[i].err);
		assert_int_equal(cidr.bits, 42);
	}
}

static bool contains(const char *cidr_text, const char *addr_text)
{
	struct aeg_cidr cidr;
	struct aeg_addr addr;

	assert_int_equal(aeg_cidr_parse(cidr_text, &cidr), 0);
	assert_int_equal(aeg_addr_parse(addr_text, &addr), 0);
	return aeg_cidr_contains(&cidr, &addr);
}

static void test_contains(void **state)
{
	assert_true(contains("10.0.0.0/8", "10.255.255.255"));
	assert_true(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
	assert_false(contains("10.0.0.0/8", "11.0.0.0"));
	assert_false(contains("10.0.0.0/8", "::10.0.0.1"));
	assert_true(contains("10.0.0.2/31", "10.0.0.3"));
	assert_false(contains("10.0.0.2/31", "10.0.0.4"));
	assert_true(contains("1.2.3.4/32", "1.2.3.4"));
	assert_false(contains("1.2.3.4/32", "1.2.3.5"));
	assert_true(contains("0.0.0.0/0", "9.9.9.9"));
	assert_false(contains("0.0.0.0/0", "2001:db8::1"));
	assert_true(contains("::/0", "2001:db8::1"));
	assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));
}

static bool covers(const char *wide_text, const char *narrow_text)
{
	struct aeg_cidr wide, narrow;

	assert_int_equal(aeg_cidr_parse(wide_text, &wide), 0);
	assert_int_equal(aeg_cidr_parse(narrow_text, &narrow), 0);
	return aeg_cidr_covers(&wide, &narrow);
}

static void test_covers(void **state)
{
	assert_true(covers("10.0.0.0/8", "10.0.0.0/8"));
	assert_true(covers("10.0.0.0/8", "10.1.0.0/16"));
	assert_false(covers("10.1.0.0/16", "10.0.0.0/8"));
	assert_false(covers("10.0.0.0/16", "10.0.0.0/8"));
	assert_false(covers("10.0.0.0/8", "11.0.0.0/8"));
	assert_true(covers("::/0", "10.0.0.0/8"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr),	   cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_not_mapped), cmocka_unit_test(test_bad_addr),
		cmocka_unit_test(test_cidr),	   cmocka_unit_test(test_host_bits),
		cmocka_unit_test(test_bad_cidr),   cmocka_unit_test(test_contains),
		cmocka_unit_test(test_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
