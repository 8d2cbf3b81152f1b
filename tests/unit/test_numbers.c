/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Numbers of labels: stable, never given twice, taken over after a restart. */
#include "policy/tables.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define AUTO_NUMBERS AEG_CLEANUP(aeg_numbers_done) struct aeg_numbers

static void test_count_up(void **state)
{
	AUTO_NUMBERS numbers = {0};

	assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_RULE, "ns/p/a"), 1);
	assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_RULE, "ns/p/b"), 2);
	assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_RULE, "ns/p/a"), 1);
	assert_string_equal(aeg_numbers_text(&numbers, 2), "ns/p/b");
	assert_null(aeg_numbers_text(&numbers, 0));
	assert_null(aeg_numbers_text(&numbers, 3));
	assert_int_equal(numbers.list.n, 2);
	assert_int_equal(numbers.stored, 0);
}

static void test_kinds_are_apart(void **state)
{
	AUTO_NUMBERS numbers = {0};

	assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_NODE, "x"), 1);
	assert_int_equal(aeg_numbers_find(&numbers, AEG_LABEL_WORKLOAD, "x"), 0);
	assert_int_equal(numbers.list.n, 1);
	assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_WORKLOAD, "x"), 2);
	assert_int_equal(aeg_numbers_find(&numbers, AEG_LABEL_WORKLOAD, "x"), 2);
	assert_int_equal(numbers.list.items[1].kind, AEG_LABEL_WORKLOAD);
}

static void test_adopt(void **state)
{
	AUTO_NUMBERS numbers = {0};

	assert_int_equal(aeg_numbers_adopt(&numbers, 40, AEG_LABEL_NODE, "b.test"), 0);
	assert_int_equal(aeg_numbers_adopt(&numbers, 7, AEG_LABEL_NODE, "a.test"), 0);
	assert_int_equal(numbers.stored, 2);
	assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_NODE, "a.test"), 7);
	assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_NODE, "b.test"), 40);
	assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_NODE, "c.test"), 41);
	assert_string_equal(aeg_numbers_text(&numbers, 7), "a.test");
	assert_int_equal(numbers.list.items[numbers.stored].number, 41);
}

static void test_adopt_refuses(void **state)
{
	AUTO_NUMBERS numbers = {0};

	assert_int_equal(aeg_numbers_adopt(&numbers, 5, AEG_LABEL_NODE, "a.test"), 0);
	assert_int_equal(aeg_numbers_adopt(&numbers, 5, AEG_LABEL_NODE, "b.test"), -EEXIST);
	assert_int_equal(aeg_numbers_adopt(&numbers, 6, AEG_LABEL_NODE, "a.test"), -EEXIST);
	assert_int_equal(aeg_numbers_adopt(&numbers, 6, AEG_LABEL_RULE, "a.test"), 0);
	assert_int_equal(aeg_numbers_adopt(&numbers, 0, AEG_LABEL_NODE, "c.test"), -EINVAL);
	assert_int_equal(aeg_numbers_adopt(&numbers, UINT32_MAX, AEG_LABEL_NODE, "c.test"),
			 -EINVAL);
	assert_int_equal(numbers.list.n, 2);
	aeg_numbers_get(&numbers, AEG_LABEL_NODE, "new.test");
	assert_int_equal(aeg_numbers_adopt(&numbers, 9, AEG_LABEL_NODE, "d.test"), -EBUSY);
}

static void test_long_text(void **state)
{
	AUTO_NUMBERS numbers = {0};
	char a[2000], b[2000];
	uint32_t first;

	memset(a, 'x', sizeof(a));
	memset(b, 'x', sizeof(b));
	a[sizeof(a) - 1] = b[sizeof(b) - 1] = '\0';
	b[sizeof(b) - 2] = 'y';
	first = aeg_numbers_get(&numbers, AEG_LABEL_RULE, a);
	assert_int_not_equal(aeg_numbers_get(&numbers, AEG_LABEL_RULE, b), first);
	assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_RULE, a), first);
	assert_int_equal(strlen(aeg_numbers_text(&numbers, first)), AEG_LABEL_TEXT - 1);
	a[AEG_LABEL_TEXT - 1] = '\0'; /* just fits: not cut */
	assert_string_equal(
		aeg_numbers_text(&numbers, aeg_numbers_get(&numbers, AEG_LABEL_RULE, a)), a);
}

static void test_many(void **state)
{
	AUTO_NUMBERS numbers = {0};

	for (uint32_t i = 3000; i > 0; i--) { /* a hash map gives them in any order */
		AEG_AUTO_FREE char *text = aeg_xasprintf("n%u", i);

		assert_int_equal(aeg_numbers_adopt(&numbers, i * 2, AEG_LABEL_NODE, text), 0);
	}
	for (uint32_t i = 1; i <= 3000; i++) {
		AEG_AUTO_FREE char *text = aeg_xasprintf("n%u", i);

		assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_NODE, text), i * 2);
		assert_string_equal(aeg_numbers_text(&numbers, i * 2), text);
		assert_null(aeg_numbers_text(&numbers, i * 2 - 1));
	}
	assert_int_equal(aeg_numbers_get(&numbers, AEG_LABEL_NODE, "new"), 6001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count_up),  cmocka_unit_test(test_kinds_are_apart),
		cmocka_unit_test(test_adopt),	  cmocka_unit_test(test_adopt_refuses),
		cmocka_unit_test(test_long_text), cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
