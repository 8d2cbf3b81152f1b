// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Sums of the last minute: slots that pass, rows that are given away, rows that are merged. */
#include "base/mem.h"
#include "observe/top.h"
#include "observe/words.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#define SECOND UINT64_C(1000000000)
#define BEGIN (1000 * SECOND)

static void top_freep(struct aeg_top **top)
{
	aeg_top_free(*top);
}
#define AUTO_TOP AEG_CLEANUP(top_freep) struct aeg_top *

/* One event; its words are gone afterwards. */
static void add(struct aeg_top *top, const char *workload, const char *endpoint,
		struct aeg_event event)
{
	struct aeg_flow flow = {.ns = "ml", .workload = workload, .endpoint = endpoint};
	struct aeg_words *words = aeg_words_new(&flow);

	aeg_words_lend(words, &flow);
	flow.event = event;
	aeg_top_add(top, &flow);
	aeg_words_drop(words);
}

static struct aeg_event at(unsigned int second, enum aeg_event_type type)
{
	return (struct aeg_event){.time = BEGIN + second * SECOND, .type = (uint8_t)type};
}

struct list {
	struct aeg_top_row *rows;
	size_t n;
	uint64_t ms;
};

static void list_done(struct list *list)
{
	free(list->rows);
}
#define AUTO_LIST AEG_CLEANUP(list_done) struct list

static struct list list_at(const struct aeg_top *top, unsigned int second, unsigned int seconds,
			   enum aeg_top_by by)
{
	struct list list;

	list.rows = aeg_top_list(top, BEGIN + second * SECOND, seconds, by, &list.n, &list.ms);
	return list;
}

static void test_sums(void **state)
{
	AUTO_TOP top = aeg_top_new(8, BEGIN);
	struct aeg_event close = at(2, AEG_EVENT_CLOSE), audited = at(1, AEG_EVENT_OPEN);
	AUTO_LIST list = {0};

	close.sent = 10;
	close.received = 20;
	close.rtt_us = 300;
	close.retransmits = 4;
	audited.decision.verdict = AEG_VERDICT_AUDITED;
	add(top, "a", "hub", at(0, AEG_EVENT_OPEN));
	add(top, "a", "hub", audited);
	add(top, "a", "hub", at(1, AEG_EVENT_DENY));
	add(top, "a", "hub", close);
	close.rtt_us = 0; /* unknown: no part of the mean */
	add(top, "a", "hub", close);
	add(top, "a", "hub", at(2, AEG_EVENT_NAME));
	add(top, "b", "hub", at(2, AEG_EVENT_REFUSED));
	list = list_at(top, 2, 60, AEG_TOP_PAIR);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].workload, "a");
	assert_string_equal(list.rows[0].endpoint, "hub");
	assert_int_equal(list.rows[0].sums.opens, 2);
	assert_int_equal(list.rows[0].sums.audited, 1);
	assert_int_equal(list.rows[0].sums.denials, 1);
	assert_int_equal(list.rows[0].sums.closes, 2);
	assert_int_equal(list.rows[0].sums.sent, 20);
	assert_int_equal(list.rows[0].sums.received, 40);
	assert_int_equal(list.rows[0].sums.retransmits, 8);
	assert_int_equal(list.rows[0].sums.rtt_us, 300);
	assert_int_equal(list.rows[0].sums.rtts, 1);
	assert_int_equal(list.ms, 2000); /* it has not run for a minute yet */
}

/* One a second for two minutes: what is older than the window is not counted. */
static void test_window_moves(void **state)
{
	AUTO_TOP top = aeg_top_new(8, BEGIN);

	for (unsigned int second = 0; second < 120; second++) {
		AUTO_LIST ten = {0}, minute = {0};

		add(top, "a", "hub", at(second, AEG_EVENT_OPEN));
		ten = list_at(top, second, 10, AEG_TOP_PAIR);
		minute = list_at(top, second, 60, AEG_TOP_PAIR);
		assert_int_equal(ten.rows[0].sums.opens, ten.ms / 1000 + 1);
		assert_int_equal(minute.rows[0].sums.opens, minute.ms / 1000 + 1);
		if (second >= 60) {
			assert_in_range(ten.ms, 5000, 10000);
			assert_in_range(minute.ms, 55000, 60000);
		}
	}
}

static void test_silence_is_forgotten(void **state)
{
	AUTO_TOP top = aeg_top_new(8, BEGIN);
	AUTO_LIST before = {0}, after = {0}, later = {0};

	add(top, "a", "hub", at(0, AEG_EVENT_DENY));
	before = list_at(top, 54, 60, AEG_TOP_PAIR);
	after = list_at(top, 60, 60, AEG_TOP_PAIR);
	assert_int_equal(before.n, 1);
	assert_int_equal(after.n, 0);
	add(top, "a", "hub", at(1000, AEG_EVENT_DENY));
	later = list_at(top, 1000, 60, AEG_TOP_PAIR);
	assert_int_equal(later.rows[0].sums.denials, 1);
}

static void test_groups(void **state)
{
	AUTO_TOP top = aeg_top_new(8, BEGIN);
	AUTO_LIST pairs = {0}, workloads = {0}, endpoints = {0};

	add(top, "a", "hub", at(0, AEG_EVENT_OPEN));
	add(top, "a", "upload", at(0, AEG_EVENT_DENY));
	add(top, "b", "hub", at(0, AEG_EVENT_OPEN));
	add(top, "b", NULL, at(0, AEG_EVENT_OPEN));
	add(top, "b", NULL, at(1, AEG_EVENT_OPEN));
	pairs = list_at(top, 1, 60, AEG_TOP_PAIR);
	workloads = list_at(top, 1, 60, AEG_TOP_WORKLOAD);
	endpoints = list_at(top, 1, 60, AEG_TOP_ENDPOINT);
	assert_int_equal(pairs.n, 4);
	assert_null(pairs.rows[0].endpoint); /* the busiest first, then by name */
	assert_string_equal(pairs.rows[1].workload, "a");
	assert_string_equal(pairs.rows[1].endpoint, "hub");
	assert_int_equal(workloads.n, 2);
	assert_string_equal(workloads.rows[0].workload, "b");
	assert_int_equal(workloads.rows[0].sums.opens, 3);
	assert_int_equal(workloads.rows[1].sums.opens + workloads.rows[1].sums.denials, 2);
	assert_int_equal(endpoints.n, 3);
	assert_null(endpoints.rows[0].workload);
	assert_int_equal(endpoints.rows[1].sums.opens, 2);
	assert_string_equal(endpoints.rows[1].endpoint, "hub");
}

/* What finds no room is still counted; room comes back when somebody was silent for a minute. */
static void test_full(void **state)
{
	AUTO_TOP top = aeg_top_new(4, BEGIN);
	AUTO_LIST list = {0}, later = {0};
	uint64_t sum = 0;
	char name[16];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		add(top, name, "hub", at(0, AEG_EVENT_OPEN));
	}
	list = list_at(top, 0, 60, AEG_TOP_PAIR);
	assert_int_equal(list.n, 5);
	assert_true(list.rows[0].rest);
	assert_null(list.rows[0].workload);
	for (size_t i = 0; i < list.n; i++)
		sum += list.rows[i].sums.opens;
	assert_int_equal(sum, 10);
	add(top, "late", "hub", at(70, AEG_EVENT_OPEN));
	later = list_at(top, 70, 60, AEG_TOP_PAIR);
	assert_int_equal(later.n, 1);
	assert_string_equal(later.rows[0].workload, "late");
}

/* Two rings are read one after the other: an event may be older than the one before it. */
static void test_late_event(void **state)
{
	AUTO_TOP top = aeg_top_new(4, BEGIN);
	AUTO_LIST list = {0};

	add(top, "a", "hub", at(20, AEG_EVENT_DENY));
	add(top, "a", "hub", at(14, AEG_EVENT_OPEN));
	list = list_at(top, 20, 60, AEG_TOP_PAIR);
	assert_int_equal(list.rows[0].sums.opens, 1);
	assert_int_equal(list.rows[0].sums.denials, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_window_moves),
		cmocka_unit_test(test_silence_is_forgotten),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_late_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
