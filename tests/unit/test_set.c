// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* What a new list did not mention goes, with its value; the rest stays as it is. */
#include "base/buf.h"
#include "kube/set.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static unsigned int freed;

static void free_value(void *value)
{
	freed++;
	free(value);
}

static void collect(void *arg, void *value)
{
	aeg_buf_printf(arg, "%s,", (const char *)value);
}

static void assert_holds(const struct aeg_set *set, const char *expected)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	aeg_set_each(set, collect, &text);
	assert_string_equal(aeg_buf_text(&text), expected);
}

static void put(struct aeg_set *set, const char *key)
{
	aeg_set_put(set, key, aeg_xstrdup(key));
}

static void test_put_and_remove(void **state)
{
	struct aeg_set set = {.free = free_value};

	freed = 0;
	assert_null(aeg_set_get(&set, "a"));
	put(&set, "b");
	put(&set, "a");
	put(&set, "b");
	assert_int_equal(freed, 1);
	assert_int_equal(set.n, 2);
	assert_holds(&set, "a,b,");
	assert_string_equal(aeg_set_get(&set, "a"), "a");
	aeg_set_remove(&set, "nobody");
	aeg_set_remove(&set, "a");
	assert_int_equal(set.n, 1);
	assert_holds(&set, "b,");
	aeg_set_done(&set);
	assert_int_equal(freed, 3);
	assert_holds(&set, "");
}

static void test_mark_and_sweep(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf swept = {0};
	struct aeg_set set = {.free = free_value};

	freed = 0;
	put(&set, "gone");
	put(&set, "mentioned");
	put(&set, "replaced");
	aeg_set_begin(&set);
	aeg_set_mention(&set, "mentioned");
	aeg_set_mention(&set, "nobody");
	put(&set, "replaced");
	put(&set, "new");
	aeg_set_sweep(&set, collect, &swept);
	assert_string_equal(aeg_buf_text(&swept), "gone,");
	assert_holds(&set, "mentioned,new,replaced,");
	/* an empty list takes all */
	aeg_set_begin(&set);
	aeg_set_sweep(&set, collect, &swept);
	assert_int_equal(set.n, 0);
	assert_int_equal(freed, 5);
	aeg_set_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_remove),
		cmocka_unit_test(test_mark_and_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
