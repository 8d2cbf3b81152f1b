// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The history of flow records: bounded in lines and bytes, honest about gaps. */
#include "base/buf.h"
#include "daemon/stream.h"
#include "observe/history.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

static void history_freep(struct aeg_history **history)
{
	aeg_history_free(*history);
}
#define AUTO_HISTORY AEG_CLEANUP(history_freep) struct aeg_history *
#define AUTO_STREAM AEG_CLEANUP(aeg_stream_done) struct aeg_stream

/* Adds "line N" for the next n numbers. */
static void add(struct aeg_history *history, int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t seq = aeg_history_next(history);
		char text[32];
		int len = snprintf(text, sizeof(text), "line %llu", (unsigned long long)seq);

		aeg_history_add(history, seq, text, (size_t)len);
	}
}

static void assert_line(const struct aeg_history *history, uint64_t asked, uint64_t got,
			uint64_t lost, const char *text)
{
	uint64_t seq = asked, ret_lost = 99;
	size_t len = 0;
	const char *line = aeg_history_get(history, &seq, &ret_lost, &len);

	assert_non_null(line);
	assert_int_equal(seq, got);
	assert_int_equal(ret_lost, lost);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(line, text, len);
}

static void test_empty(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, 1000);
	uint64_t seq = 1, lost = 7;
	size_t len = 7;

	assert_null(aeg_history_get(history, &seq, &lost, &len));
	assert_int_equal(seq, 1);
	assert_int_equal(aeg_history_first(history), 1);
	assert_int_equal(aeg_history_next(history), 1);
}

static void test_keeps_order(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, 1000);
	uint64_t seq = 4, lost;
	size_t len;

	add(history, 3);
	assert_line(history, 1, 1, 0, "line 1");
	assert_line(history, 3, 3, 0, "line 3");
	assert_null(aeg_history_get(history, &seq, &lost, &len));
}

static void test_drops_by_lines(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, 1000);

	add(history, 10);
	assert_int_equal(aeg_history_first(history), 7);
	assert_line(history, 1, 7, 6, "line 7");
	assert_line(history, 8, 8, 0, "line 8");
}

static void test_drops_by_bytes(void **state)
{
	AUTO_HISTORY history = aeg_history_new(100, 3 * strlen("line 1"));

	add(history, 5);
	assert_int_equal(aeg_history_first(history), 3);
	assert_line(history, 1, 3, 2, "line 3");
}

static void test_keeps_a_line_that_is_too_long(void **state)
{
	AUTO_HISTORY history = aeg_history_new(100, 10);

	add(history, 1);
	aeg_history_add(history, 2, "longer than ten bytes", 21);
	assert_int_equal(aeg_history_first(history), 2);
	assert_line(history, 2, 2, 0, "longer than ten bytes");
}

/* ---- streams over it ---- */

static void assert_reads(struct aeg_stream *stream, size_t step, const char *expected)
{
	struct aeg_buf all = {0};
	char block[64];
	size_t n;

	while ((n = aeg_stream_read(stream, block, step)) > 0)
		aeg_buf_add(&all, block, n);
	assert_string_equal(aeg_buf_text(&all), expected);
	aeg_buf_done(&all);
}

static void test_stream_ends(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, 1000);
	const struct aeg_stream_range range = {.limit = UINT64_MAX};
	AUTO_STREAM stream;

	add(history, 2);
	aeg_stream_init(&stream, history, &range);
	add(history, 1); /* came later: not part of the answer */
	assert_reads(&stream, 64, "line 1\nline 2\n");
	assert_true(aeg_stream_ended(&stream));
}

static void test_stream_in_small_pieces(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, 1000);
	const struct aeg_stream_range range = {.limit = UINT64_MAX};
	AUTO_STREAM stream;

	add(history, 3);
	aeg_stream_init(&stream, history, &range);
	assert_reads(&stream, 1, "line 1\nline 2\nline 3\n");
}

static void test_stream_limit_is_the_newest(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, 1000);
	const struct aeg_stream_range range = {.limit = 2}, none = {.limit = 0};
	AUTO_STREAM stream, empty;

	add(history, 3);
	aeg_stream_init(&stream, history, &range);
	assert_reads(&stream, 64, "line 2\nline 3\n");
	aeg_stream_init(&empty, history, &none);
	assert_true(aeg_stream_ended(&empty));
}

static void test_stream_follows(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, 1000);
	const struct aeg_stream_range range = {.limit = 0, .follow = true};
	AUTO_STREAM stream;

	add(history, 2);
	aeg_stream_init(&stream, history, &range);
	assert_reads(&stream, 64, "");
	assert_false(aeg_stream_ended(&stream));
	add(history, 1);
	assert_reads(&stream, 64, "line 3\n");
	assert_false(aeg_stream_ended(&stream));
}

/* Reads all, whose first line must tell of so many lost. */
static void assert_reads_after_loss(struct aeg_stream *stream, unsigned int lost,
				    const char *expected)
{
	struct aeg_buf all = {0};
	char block[64], loss[64];
	const char *rest;
	size_t n;

	while ((n = aeg_stream_read(stream, block, sizeof(block))) > 0)
		aeg_buf_add(&all, block, n);
	snprintf(loss, sizeof(loss), "\"event\":\"lost\",\"lost\":%u,\"where\":\"reader\"}\n",
		 lost);
	rest = strstr(aeg_buf_text(&all), loss);
	assert_non_null(rest);
	assert_ptr_equal(rest + strlen(loss) - 1, strchr(all.data, '\n'));
	assert_string_equal(rest + strlen(loss), expected);
	aeg_buf_done(&all);
}

static void test_stream_tells_of_gaps(void **state)
{
	AUTO_HISTORY history = aeg_history_new(2, 1000);
	const struct aeg_stream_range range = {.since = 1, .limit = UINT64_MAX, .follow = true};
	AUTO_STREAM stream;

	add(history, 1);
	aeg_stream_init(&stream, history, &range);
	assert_reads(&stream, 64, "line 1\n");
	add(history, 5);
	assert_reads_after_loss(&stream, 3, "line 5\nline 6\n");
}

static void test_stream_whose_range_is_lost(void **state)
{
	AUTO_HISTORY history = aeg_history_new(2, 1000);
	const struct aeg_stream_range range = {.limit = UINT64_MAX};
	AUTO_STREAM stream;

	add(history, 1);
	aeg_stream_init(&stream, history, &range);
	add(history, 5);
	assert_reads_after_loss(&stream, 1, "");
	assert_true(aeg_stream_ended(&stream));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_keeps_order),
		cmocka_unit_test(test_drops_by_lines),
		cmocka_unit_test(test_drops_by_bytes),
		cmocka_unit_test(test_keeps_a_line_that_is_too_long),
		cmocka_unit_test(test_stream_ends),
		cmocka_unit_test(test_stream_in_small_pieces),
		cmocka_unit_test(test_stream_limit_is_the_newest),
		cmocka_unit_test(test_stream_follows),
		cmocka_unit_test(test_stream_tells_of_gaps),
		cmocka_unit_test(test_stream_whose_range_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
