// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Folding of denials: the first at once, nothing lost, nothing folded that differs. */
#include "base/mem.h"
#include "observe/fold.h"
#include "observe/words.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define WINDOW 1000
#define REALTIME 5000000u /* CLOCK_REALTIME runs so far ahead of the events' clock */

struct seen {
	size_t n;
	uint64_t sum; /* of count */
	struct aeg_flow last;
	char name[64];
};

static void on_folded(void *arg, struct aeg_flow *flow)
{
	struct seen *seen = arg;

	assert_true(flow->count > 0);
	assert_true(flow->first_ns <= flow->last_ns);
	assert_int_equal(flow->time_ns, flow->last_ns);
	seen->n++;
	seen->sum += flow->count;
	seen->last = *flow;
	snprintf(seen->name, sizeof(seen->name), "%s", flow->name ? flow->name : "");
}

static void fold_freep(struct aeg_fold **fold)
{
	aeg_fold_free(*fold);
}
#define AUTO_FOLD AEG_CLEANUP(fold_freep) struct aeg_fold *

static struct aeg_flow denial(uint64_t time)
{
	return (struct aeg_flow){
		.time_ns = time + REALTIME,
		.event = {.type = AEG_EVENT_DENY,
			  .time = time,
			  .workload = 1,
			  .cgroup = 2,
			  .node = 3,
			  .generation = 4,
			  .dport = 443,
			  .proto = AEG_PROTO_TCP,
			  .pid = (uint32_t)time,
			  .cookie = time,
			  .comm = "curl",
			  .daddr = {[15] = 1},
			  .decision = {.verdict = AEG_VERDICT_DENIED, .rule = 5}},
	};
}

static bool add(struct aeg_fold *fold, struct aeg_flow flow)
{
	return aeg_fold_add(fold, &flow);
}

/* 14 tries in 23 s. */
static void test_retry_loop(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(4, WINDOW, on_folded, &seen);

	assert_int_equal(aeg_fold_due(fold), 0);
	assert_false(add(fold, denial(100)));
	assert_int_equal(aeg_fold_due(fold), 100 + WINDOW);
	for (uint64_t i = 1; i < 14; i++)
		assert_true(add(fold, denial(100 + i * 50)));
	assert_int_equal(aeg_fold_pending(fold), 13);
	aeg_fold_expire(fold, 100 + WINDOW - 1);
	assert_int_equal(seen.n, 0);
	aeg_fold_expire(fold, 100 + WINDOW);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last.count, 13);
	assert_int_equal(seen.last.first_ns, 150 + REALTIME);
	assert_int_equal(seen.last.last_ns, 750 + REALTIME);
	assert_int_equal(seen.last.event.pid, 750);
	assert_int_equal(aeg_fold_pending(fold), 0);
	/* Another window, in which nothing comes: then it is forgotten. */
	assert_int_equal(aeg_fold_due(fold), 100 + 2 * WINDOW);
	aeg_fold_expire(fold, 100 + 2 * WINDOW);
	assert_int_equal(aeg_fold_due(fold), 0);
	assert_int_equal(seen.n, 1);
	assert_false(add(fold, denial(5000)));
}

/* A loop without an end makes one record a window. */
static void test_goes_on(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(4, WINDOW, on_folded, &seen);

	assert_false(add(fold, denial(0)));
	for (uint64_t time = 1; time <= 10 * WINDOW; time++)
		assert_true(add(fold, denial(time)));
	assert_int_equal(seen.n, 10);
	assert_int_equal(seen.sum + aeg_fold_pending(fold), 10 * WINDOW);
}

/* Time goes by in events, too: what comes after the window is not counted into it. */
static void test_window_ends_by_events(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(4, WINDOW, on_folded, &seen);

	assert_false(add(fold, denial(0)));
	assert_false(add(fold, denial(WINDOW)));
	assert_int_equal(seen.n, 0);
}

static void test_nothing_that_differs(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(64, WINDOW, on_folded, &seen);
	struct aeg_flow one = denial(0), other;

#define DIFFERS(member, value)                                                                     \
	do {                                                                                       \
		other = one;                                                                       \
		other.member = (value);                                                            \
		assert_false(aeg_fold_add(fold, &other));                                          \
		assert_true(aeg_fold_add(fold, &other));                                           \
	} while (0)
	assert_false(aeg_fold_add(fold, &one));
	DIFFERS(event.workload, 9);
	DIFFERS(event.cgroup, 9);
	DIFFERS(event.node, 9);
	DIFFERS(event.generation, 9);
	DIFFERS(event.dport, 9);
	DIFFERS(event.proto, 9);
	DIFFERS(event.hook, AEG_HOOK_HELLO);
	DIFFERS(event.decision.rule, 9);
	DIFFERS(event.decision.reason, 9);
	DIFFERS(event.decision.mode, 9);
	DIFFERS(event.decision.other_verdict, 9);
	DIFFERS(event.decision.other_rule, 9);
	DIFFERS(event.comm[0], 'x');
	DIFFERS(event.daddr[0], 9);
	DIFFERS(name, "hub.test");
	DIFFERS(name, "hub2.test");
#undef DIFFERS
	assert_int_equal(aeg_fold_pending(fold), 16);
	assert_int_equal(seen.n, 0);
}

/* Clients go through a name's addresses; the record has the last one. */
static void test_name_over_addresses(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(4, WINDOW, on_folded, &seen);
	char name[] = "hub.test";
	struct aeg_flow flow = denial(1);

	flow.name = name;
	assert_false(aeg_fold_add(fold, &flow));
	flow.event.daddr[15] = 77;
	assert_true(aeg_fold_add(fold, &flow));
	memset(name, 'x', strlen(name)); /* it was borrowed */
	aeg_fold_flush(fold);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last.event.daddr[15], 77);
	assert_string_equal(seen.name, "hub.test");
}

/* More kinds than there is room for: every one is reported, as a first one or counted. */
static void test_full_table_loses_nothing(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(8, WINDOW, on_folded, &seen);
	uint64_t first = 0, total = 0;

	for (uint64_t time = 0; time < 500; time++) {
		for (int twice = 0; twice < 2; twice++, total++) {
			struct aeg_flow flow = denial(time);

			flow.event.dport = (uint16_t)(time % 13);
			first += !aeg_fold_add(fold, &flow);
		}
	}
	assert_true(seen.n > 0);
	assert_int_equal(first + seen.sum + aeg_fold_pending(fold), total);
	aeg_fold_flush(fold);
	assert_int_equal(first + seen.sum, total);
	assert_int_equal(aeg_fold_due(fold), 0);
}

static void test_only_denials(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(4, WINDOW, on_folded, &seen);
	struct aeg_flow flow = denial(0);

	flow.event.type = AEG_EVENT_OPEN;
	assert_false(aeg_fold_add(fold, &flow));
	assert_false(aeg_fold_add(fold, &flow));
}

/* A forger repeats himself, and a name of which nobody may learn is asked for again and again. */
static void test_refusals(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(4, WINDOW, on_folded, &seen);
	struct aeg_flow flow = denial(0);

	flow.event.type = AEG_EVENT_REFUSED;
	flow.event.refusal = AEG_LEARNING_UNASKED;
	assert_false(aeg_fold_add(fold, &flow));
	assert_true(aeg_fold_add(fold, &flow));
	flow.event.refusal = AEG_LEARNING_SPECIAL;
	assert_false(aeg_fold_add(fold, &flow));
	aeg_fold_flush(fold);
	assert_int_equal(seen.sum, 1);
	assert_int_equal(seen.last.event.refusal, AEG_LEARNING_UNASKED);
}

/* The audit log keeps no connections: a loop of would-be denials is one record there, too. */
static void test_audited(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(4, WINDOW, on_folded, &seen);
	struct aeg_flow flow = denial(0), other = denial(0);

	aeg_fold_audited(fold);
	flow.event.type = AEG_EVENT_OPEN;
	flow.event.decision.verdict = AEG_VERDICT_ALLOWED;
	assert_false(aeg_fold_add(fold, &flow));
	assert_false(aeg_fold_add(fold, &flow));
	flow.event.decision.verdict = AEG_VERDICT_AUDITED;
	assert_false(aeg_fold_add(fold, &flow));
	assert_true(aeg_fold_add(fold, &flow));
	other.event.decision.verdict = AEG_VERDICT_AUDITED;
	assert_false(aeg_fold_add(fold, &other)); /* another type of event */
	flow.event.type = AEG_EVENT_CLOSE;
	assert_false(aeg_fold_add(fold, &flow));
	assert_false(aeg_fold_add(fold, &flow));
	aeg_fold_flush(fold);
	assert_int_equal(seen.sum, 1);
	assert_int_equal(seen.last.event.type, AEG_EVENT_OPEN);
}

/* Between the first and the last the wall clock was set back by an hour. */
static void test_wall_clock_is_set(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(4, WINDOW, on_folded, &seen);
	struct aeg_flow last = denial(500);

	last.time_ns -= 3600;
	assert_false(add(fold, denial(0)));
	assert_true(add(fold, denial(100)));
	assert_true(aeg_fold_add(fold, &last));
	aeg_fold_flush(fold);
	assert_int_equal(seen.last.last_ns, last.time_ns);
	assert_int_equal(seen.last.first_ns, last.time_ns - 400);
}

static void test_off(void **state)
{
	struct seen seen = {0};
	AUTO_FOLD fold = aeg_fold_new(4, 0, on_folded, &seen);

	assert_false(add(fold, denial(0)));
	assert_false(add(fold, denial(0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_loop),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_window_ends_by_events),
		cmocka_unit_test(test_nothing_that_differs),
		cmocka_unit_test(test_name_over_addresses),
		cmocka_unit_test(test_full_table_loses_nothing),
		cmocka_unit_test(test_only_denials),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_audited),
		cmocka_unit_test(test_wall_clock_is_set),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
