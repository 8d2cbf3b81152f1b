// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Where to listen, and who may call it what. */
#include "daemon/listen.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

static void assert_parsed(const char *text, const char *expected, bool local)
{
	struct aeg_listen listen;
	char got[AEG_LISTEN_TEXT];

	assert_int_equal(aeg_listen_parse(text, &listen), 0);
	aeg_listen_format(&listen, got);
	assert_string_equal(got, expected);
	assert_int_equal(aeg_listen_is_local(&listen), local);
}

static void test_parse(void **state)
{
	struct aeg_listen off = {.on = true};

	assert_parsed("127.0.0.1:9477", "127.0.0.1:9477", true);
	assert_parsed("127.9.9.9:1", "127.9.9.9:1", true);
	assert_parsed("0.0.0.0:0", "0.0.0.0:0", false);
	assert_parsed("[::1]:65535", "[::1]:65535", true);
	assert_parsed("[::]:9477", "[::]:9477", false);
	assert_parsed("[2001:db8::1]:80", "[2001:db8::1]:80", false);
	assert_int_equal(aeg_listen_parse("off", &off), 0);
	assert_false(off.on);
}

static void test_mistakes(void **state)
{
	static const char *const wrong[] = {
		"",
		"9477",
		":9477",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:x",
		"127.0.0.1:-1",
		"127.0.0.1:65536",
		"127.0.0.1:999999",
		"localhost:1",
		"::1:9477",
		"[::1]",
		"[127.0.0.1]:1",
		"[::1:1",
		"127.0.0.1:1 ",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct aeg_listen listen = {.port = 7};

		if (aeg_listen_parse(wrong[i], &listen) != -EINVAL)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(listen.port, 7);
	}
}

static void test_host(void **state)
{
	static const char *const ours[] = {"localhost",	    "LocalHost:9477", "127.0.0.1",
					   "10.0.0.1:9477", "[::1]",	      "[::1]:9477"};
	static const char *const foreign[] = {"evil.example",		"evil.example:9477",
					      "localhost.evil.example", "localhosts",
					      "127.0.0.1.evil.example", ""};

	assert_true(aeg_host_is_local(NULL));
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		assert_true(aeg_host_is_local(ours[i]));
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		assert_false(aeg_host_is_local(foreign[i]));
}

static void test_open(void **state)
{
	struct aeg_listen first, second;
	int fd = -1, other = -1;

	assert_int_equal(aeg_listen_parse("127.0.0.1:0", &first), 0);
	assert_int_equal(aeg_listen_open(&first, &fd), 0);
	assert_int_not_equal(first.port, 0);
	second = first;
	assert_int_equal(aeg_listen_open(&second, &other), -EADDRINUSE);
	assert_int_equal(other, -1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
