// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The text map. */
#include "base/strmap.h"
#include "base/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_empty(void **state)
{
	struct aeg_strmap map = {0};
	uintptr_t value = 42;

	assert_false(aeg_strmap_get(&map, "a", &value));
	assert_int_equal(value, 42);
	aeg_strmap_done(&map);
}

static void test_put_replaces(void **state)
{
	struct aeg_strmap map = {0};
	char key[] = "key";
	uintptr_t value;

	assert_false(aeg_strmap_put(&map, key, 1));
	key[0] = 'K'; /* the map has its own copy */
	assert_true(aeg_strmap_get(&map, "key", &value));
	assert_int_equal(value, 1);
	assert_false(aeg_strmap_get(&map, "Key", NULL));
	assert_true(aeg_strmap_put(&map, "key", 2));
	assert_true(aeg_strmap_get(&map, "key", &value));
	assert_int_equal(value, 2);
	assert_int_equal(map.n, 1);
	aeg_strmap_done(&map);
}

static void test_many(void **state)
{
	struct aeg_strmap map = {0};

	for (uintptr_t i = 0; i < 20000; i++) {
		AEG_AUTO_FREE char *key = aeg_xasprintf("key-%ju", (uintmax_t)i);

		assert_false(aeg_strmap_put(&map, key, i));
	}
	assert_int_equal(map.n, 20000);
	for (uintptr_t i = 0; i < 40000; i++) {
		AEG_AUTO_FREE char *key = aeg_xasprintf("key-%ju", (uintmax_t)i);
		uintptr_t value = UINTPTR_MAX;

		assert_int_equal(aeg_strmap_get(&map, key, &value), i < 20000);
		assert_int_equal(value, i < 20000 ? i : UINTPTR_MAX);
	}
	aeg_strmap_done(&map);
	assert_int_equal(map.cap, 0);
}

/* The hash reads eight bytes at a time: ASan sees one too many. */
static void test_lengths(void **state)
{
	struct aeg_strmap map = {0};

	for (size_t len = 0; len < 40; len++) {
		AEG_AUTO_FREE char *key = aeg_xcalloc(len + 1, 1);

		memset(key, 'a', len);
		assert_false(aeg_strmap_put(&map, key, len));
	}
	for (size_t len = 0; len < 40; len++) {
		AEG_AUTO_FREE char *key = aeg_xcalloc(len + 1, 1);
		uintptr_t value;

		memset(key, 'a', len);
		assert_true(aeg_strmap_get(&map, key, &value));
		assert_int_equal(value, len);
	}
	aeg_strmap_done(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_put_replaces),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
