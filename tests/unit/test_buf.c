// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The text buffer and the growing array. */
#include "base/buf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_empty(void **state)
{
	struct aeg_buf buf = {0};
	char *taken;

	assert_string_equal(aeg_buf_text(&buf), "");
	aeg_buf_add(&buf, NULL, 0);
	assert_string_equal(aeg_buf_text(&buf), "");
	taken = aeg_buf_take(&buf);
	assert_string_equal(taken, "");
	free(taken);
	assert_null(buf.data);
	aeg_buf_reset(&buf);
	taken = aeg_buf_take(&buf);
	assert_string_equal(taken, "");
	free(taken);
	aeg_buf_done(&buf);
}

static void test_grows(void **state)
{
	struct aeg_buf buf = {0};

	for (int i = 0; i < 10000; i++) {
		aeg_buf_putc(&buf, (char)('a' + i % 26));
		assert_int_equal(buf.data[buf.len], '\0');
	}
	assert_int_equal(buf.len, 10000);
	for (size_t i = 0; i < buf.len; i++)
		assert_int_equal(buf.data[i], 'a' + (int)(i % 26));
	aeg_buf_reset(&buf);
	assert_string_equal(aeg_buf_text(&buf), "");
	assert_true(buf.cap > 10000);
	aeg_buf_done(&buf);
	assert_int_equal(buf.cap, 0);
}

static void test_numbers(void **state)
{
	struct aeg_buf buf = {0};

	aeg_buf_u64(&buf, 0);
	aeg_buf_putc(&buf, ' ');
	aeg_buf_u64(&buf, UINT64_MAX);
	aeg_buf_putc(&buf, ' ');
	aeg_buf_padded(&buf, 7, 3);
	aeg_buf_padded(&buf, 1234, 3);
	aeg_buf_padded(&buf, 0, 2);
	assert_string_equal(aeg_buf_text(&buf), "0 18446744073709551615 007123400");
	aeg_buf_done(&buf);
}

static void test_room(void **state)
{
	struct aeg_buf buf = {0};

	for (size_t n = 0; n < 300; n++) {
		memset(aeg_buf_room(&buf, n), 'x', n);
		aeg_buf_wrote(&buf, n);
		assert_int_equal(strlen(buf.data), buf.len);
	}
	assert_int_equal(buf.len, 300 * 299 / 2);
	aeg_buf_done(&buf);
}

/* Every length around the capacity: ASan sees a byte too many. */
static void test_printf_fits(void **state)
{
	for (int width = 1; width < 300; width++) {
		struct aeg_buf buf = {0};

		aeg_buf_puts(&buf, "x");
		aeg_buf_printf(&buf, "%*d", width, 7);
		assert_int_equal(buf.len, width + 1);
		assert_int_equal(strlen(buf.data), buf.len);
		assert_int_equal(buf.data[buf.len - 1], '7');
		aeg_buf_done(&buf);
	}
}

static void test_add_keeps_nul_bytes(void **state)
{
	struct aeg_buf buf = {0};

	aeg_buf_add(&buf, "a\0b", 3);
	aeg_buf_puts(&buf, "c");
	assert_int_equal(buf.len, 4);
	assert_memory_equal(buf.data, "a\0bc", 5);
	aeg_buf_done(&buf);
}

struct pair {
	int a, b;
};

static void test_vec(void **state)
{
	AEG_VEC(struct pair) vec = {0};

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(AEG_VEC_PUSH(vec)->b, 0);
		vec.items[i].a = i;
		vec.items[i].b = -i;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(vec.items[i].a, i);
	vec.n = 1; /* what is pushed again is zeroed again */
	assert_int_equal(AEG_VEC_PUSH(vec)->b, 0);
	AEG_VEC_DONE(vec);
	assert_int_equal(vec.n, 0);
	assert_null(vec.items);
}

static void test_asprintf(void **state)
{
	AEG_AUTO_FREE char *text = aeg_xasprintf("%s-%d", "a", 1);
	AEG_AUTO_FREE char *head = aeg_xstrndup("abc", 2);

	assert_string_equal(text, "a-1");
	assert_string_equal(head, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	    cmocka_unit_test(test_grows),
		cmocka_unit_test(test_numbers),	    cmocka_unit_test(test_room),
		cmocka_unit_test(test_printf_fits), cmocka_unit_test(test_add_keeps_nul_bytes),
		cmocka_unit_test(test_vec),	    cmocka_unit_test(test_asprintf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
