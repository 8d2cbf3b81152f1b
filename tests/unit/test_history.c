// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The history of flow records and the streams over it: bounded, honest about gaps, filtered. */
#include "base/buf.h"
#include "daemon/stream.h"
#include "observe/history.h"
#include "observe/words.h"
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

/* Adds the next n records; every third is a denial. Their names and words go away afterwards. */
static void add(struct aeg_history *history, int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t seq = aeg_history_next(history);
		char name[32];
		struct aeg_flow flow = {
			.time_ns = seq,
			.name = name,
			.workload = seq % 2 ? "odd" : "even",
			.event = {.type = seq % 3 ? AEG_EVENT_OPEN : AEG_EVENT_DENY,
				  .decision.verdict = seq % 3 ? AEG_VERDICT_ALLOWED
							      : AEG_VERDICT_DENIED},
		};
		struct aeg_words *words = aeg_words_new(&flow);

		snprintf(name, sizeof(name), "name-%llu", (unsigned long long)seq);
		aeg_words_lend(words, &flow);
		aeg_history_add(history, &flow);
		assert_int_equal(flow.seq, seq);
		memset(name, 'x', sizeof(name));
		aeg_words_drop(words);
	}
}

static void assert_record(const struct aeg_history *history, uint64_t asked, uint64_t got,
			  uint64_t lost)
{
	uint64_t seq = asked, ret_lost = 99;
	struct aeg_flow flow;
	char name[32];

	assert_true(aeg_history_get(history, &seq, &ret_lost, &flow));
	assert_int_equal(seq, got);
	assert_int_equal(ret_lost, lost);
	snprintf(name, sizeof(name), "name-%llu", (unsigned long long)got);
	assert_string_equal(flow.name, name);
	assert_string_equal(flow.workload, got % 2 ? "odd" : "even");
	assert_string_equal(flow.node, "n1");
	assert_int_equal(flow.seq, got);
	assert_int_equal(flow.time_ns, got);
}

static void test_empty(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, "n1");
	uint64_t seq = 1, lost = 7;
	struct aeg_flow flow;

	assert_false(aeg_history_get(history, &seq, &lost, &flow));
	assert_int_equal(seq, 1);
	assert_int_equal(aeg_history_first(history), 1);
	assert_int_equal(aeg_history_next(history), 1);
}

static void test_keeps_order(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, "n1");
	uint64_t seq = 4, lost;
	struct aeg_flow flow;

	add(history, 3);
	assert_record(history, 1, 1, 0);
	assert_record(history, 3, 3, 0);
	assert_false(aeg_history_get(history, &seq, &lost, &flow));
}

static void test_drops_the_oldest(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, "n1");

	add(history, 10);
	assert_int_equal(aeg_history_first(history), 7);
	assert_record(history, 1, 7, 6);
	assert_record(history, 8, 8, 0);
}

/* One copy of the words for all that say the same, until the last is gone. */
static void test_words_are_shared(void **state)
{
	AUTO_HISTORY history = aeg_history_new(2, "n1");
	struct aeg_flow flow = {.policy = "ml/chat", .endpoint = "hub"};
	struct aeg_words *words = aeg_words_new(&flow);

	aeg_words_lend(words, &flow);
	for (int i = 0; i < 5; i++)
		aeg_history_add(history, &flow);
	assert_int_equal(words->users, 3);
	add(history, 2);
	assert_int_equal(words->users, 1);
	assert_string_equal(words->policy, "ml/chat");
	assert_null(words->rule);
	aeg_words_drop(words);
}

/* ---- streams over it ---- */

/* Of a line: what stands behind "seq", or how many are lost, negative. */
static long long number_of(const char *line)
{
	const char *seq = strstr(line, "\"seq\":"), *lost = strstr(line, "\"lost\":");

	if (seq && seq < strchr(line, '\n'))
		return strtoll(seq + strlen("\"seq\":"), NULL, 10);
	assert_non_null(lost);
	assert_non_null(strstr(line, "\"where\":\"reader\"}\n"));
	return -strtoll(lost + strlen("\"lost\":"), NULL, 10);
}

/* Reads in pieces of a size; expected: the numbers of the lines, a loss negative. */
static void assert_reads(struct aeg_stream *stream, size_t step, const long long *expected,
			 size_t n)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf all = {0};
	char block[64] = {0};
	const char *line;
	size_t got;

	while ((got = aeg_stream_read(stream, block, step)) > 0)
		aeg_buf_add(&all, block, got);
	line = aeg_buf_text(&all);
	for (size_t i = 0; i < n; i++) {
		assert_true(*line != '\0');
		assert_int_equal(number_of(line), expected[i]);
		line = strchr(line, '\n') + 1;
	}
	assert_true(*line == '\0');
}
#define ASSERT_READS(stream, step, ...)                                                            \
	assert_reads(                                                                              \
		stream, step, (const long long[]){0 __VA_OPT__(, ) __VA_ARGS__} + 1,               \
		sizeof((const long long[]){0 __VA_OPT__(, ) __VA_ARGS__}) / sizeof(long long) - 1)

static void test_stream_ends(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, "n1");
	struct aeg_stream_range range = {.limit = UINT64_MAX};
	AUTO_STREAM stream;

	add(history, 2);
	aeg_stream_init(&stream, history, &range);
	add(history, 1); /* came later: not part of the answer */
	ASSERT_READS(&stream, 64, 1, 2);
	assert_true(aeg_stream_ended(&stream));
}

static void test_stream_in_small_pieces(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, "n1");
	struct aeg_stream_range range = {.limit = UINT64_MAX};
	AUTO_STREAM stream;

	add(history, 3);
	aeg_stream_init(&stream, history, &range);
	ASSERT_READS(&stream, 1, 1, 2, 3);
}

static void test_stream_limit_is_the_newest(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, "n1");
	struct aeg_stream_range range = {.limit = 2}, none = {.limit = 0};
	AUTO_STREAM stream, empty;

	add(history, 3);
	aeg_stream_init(&stream, history, &range);
	ASSERT_READS(&stream, 64, 2, 3);
	aeg_stream_init(&empty, history, &none);
	assert_true(aeg_stream_ended(&empty));
}

static void test_stream_follows(void **state)
{
	AUTO_HISTORY history = aeg_history_new(4, "n1");
	struct aeg_stream_range range = {.limit = 0, .follow = true};
	AUTO_STREAM stream;

	add(history, 2);
	aeg_stream_init(&stream, history, &range);
	ASSERT_READS(&stream, 64);
	assert_false(aeg_stream_ended(&stream));
	add(history, 1);
	ASSERT_READS(&stream, 64, 3);
	assert_false(aeg_stream_ended(&stream));
}

static void test_stream_tells_of_gaps(void **state)
{
	AUTO_HISTORY history = aeg_history_new(2, "n1");
	struct aeg_stream_range range = {.since = 1, .limit = UINT64_MAX, .follow = true};
	AUTO_STREAM stream;

	add(history, 1);
	aeg_stream_init(&stream, history, &range);
	ASSERT_READS(&stream, 64, 1);
	add(history, 5);
	ASSERT_READS(&stream, 64, -3, 5, 6);
}

static void test_stream_whose_range_is_lost(void **state)
{
	AUTO_HISTORY history = aeg_history_new(2, "n1");
	struct aeg_stream_range range = {.limit = UINT64_MAX};
	AUTO_STREAM stream;

	add(history, 1);
	aeg_stream_init(&stream, history, &range);
	add(history, 5);
	ASSERT_READS(&stream, 64, -1);
	assert_true(aeg_stream_ended(&stream));
}

static void only_denied(struct aeg_stream_range *range)
{
	struct aeg_buf error = {0};

	aeg_filter_init(&range->filter, NULL);
	assert_int_equal(aeg_filter_add(&range->filter, "verdict", "denied", &error), 0);
}

static void test_stream_filters(void **state)
{
	AUTO_HISTORY history = aeg_history_new(20, "n1");
	struct aeg_stream_range range = {.limit = UINT64_MAX, .follow = true};
	AUTO_STREAM stream;

	only_denied(&range);
	add(history, 10);
	aeg_stream_init(&stream, history, &range);
	ASSERT_READS(&stream, 64, 3, 6, 9);
	add(history, 2);
	ASSERT_READS(&stream, 64, 12);
	assert_false(aeg_stream_ended(&stream));
}

/* The newest two that pass, not those of the newest two that do. */
static void test_stream_limit_counts_what_passes(void **state)
{
	AUTO_HISTORY history = aeg_history_new(20, "n1");
	struct aeg_stream_range range = {.limit = 2}, many = {.limit = 3, .since = 1};
	AUTO_STREAM stream, too_few;

	only_denied(&range);
	add(history, 10);
	aeg_stream_init(&stream, history, &range);
	ASSERT_READS(&stream, 64, 6, 9);
	assert_true(aeg_stream_ended(&stream));
	add(history, 15); /* 6..25 are left; of them 24, 21, 18, … are denials */
	only_denied(&many);
	many.limit = 8;
	aeg_stream_init(&too_few, history, &many);
	ASSERT_READS(&too_few, 64, -5, 6, 9, 12, 15, 18, 21, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_keeps_order),
		cmocka_unit_test(test_drops_the_oldest),
		cmocka_unit_test(test_words_are_shared),
		cmocka_unit_test(test_stream_ends),
		cmocka_unit_test(test_stream_in_small_pieces),
		cmocka_unit_test(test_stream_limit_is_the_newest),
		cmocka_unit_test(test_stream_follows),
		cmocka_unit_test(test_stream_tells_of_gaps),
		cmocka_unit_test(test_stream_whose_range_is_lost),
		cmocka_unit_test(test_stream_filters),
		cmocka_unit_test(test_stream_limit_counts_what_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
