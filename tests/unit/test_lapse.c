/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* When what was learned lapses: who is asked when, and that nothing in use expires between two looks. */
#include "daemon/lapse.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW 1000000u
#define PERIOD 45u

static struct aeg_learned of(uint32_t now, int first, int second)
{
	return (struct aeg_learned){
		.members = {{.node = 1, .expires = now + (uint32_t)first},
			    {.expires = now + AEG_TTL_MAX}, /* nobody's */
			    {.node = 2, .expires = now + (uint32_t)second}},
	};
}

static struct aeg_lapse look(uint32_t now, int first, int second, bool over)
{
	struct aeg_lapse lapse = {.now = now, .period = PERIOD, .next = AEG_LAPSE_FAR};
	struct aeg_learned learned = of(now, first, second);

	assert_int_equal(aeg_lapse_look(&lapse, &learned), over);
	return lapse;
}

static void assert_next(int first, int second, uint32_t next)
{
	/* The clock may have gone round. */
	const uint32_t clocks[] = {NOW, 0, UINT32_MAX - 10};

	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		struct aeg_lapse lapse = look(clocks[i], first, second, false);

		assert_false(lapse.due);
		assert_int_equal(lapse.next, next);
	}
}

static void test_nothing_lapses(void **state)
{
	(void)state;
	assert_next(300, 4000, AEG_LAPSE_FAR);
	assert_next(4000, 300, AEG_LAPSE_FAR);
	assert_next(300, 100, 100 - PERIOD);
	assert_next(PERIOD + 2, 300, 2);
	/* an answer may give it a little, and nobody says so */
	assert_next(-50, 300, PERIOD);
	assert_next(-50, -59, PERIOD);
}

static void test_something_lapses(void **state)
{
	(void)state;
	assert_true(look(NOW, PERIOD + 1, 300, false).due);
	assert_true(look(NOW, 300, 0, false).due);
	assert_true(look(NOW, 300, -2, false).due); /* a timer was late */
	assert_true(look(NOW, -200, 1, false).due);
	assert_true(look(NOW, -61, -200, true).due);
}

static void test_over(void **state)
{
	struct aeg_learned learned = of(NOW, -60, -1000), none = {.addr = {1}};

	(void)state;
	assert_true(aeg_lapse_over(&learned, NOW, 60));
	assert_false(aeg_lapse_over(&learned, NOW, 61));
	assert_true(aeg_lapse_over(&learned, NOW + 1, 61));
	assert_false(aeg_lapse_over(&learned, NOW, AEG_LAPSE_UNCERTAIN));
	learned = of(NOW, -60, 1);
	assert_false(aeg_lapse_over(&learned, NOW, 0));
	assert_true(aeg_lapse_over(&none, NOW, AEG_LAPSE_UNCERTAIN));
}

static void test_left(void **state)
{
	struct aeg_learned learned = of(NOW, 7, -7);

	(void)state;
	assert_int_equal(aeg_member_left(&learned.members[0], NOW), 7);
	assert_int_equal(aeg_member_left(&learned.members[1], NOW), 0);
	assert_int_equal(aeg_member_left(&learned.members[2], NOW), 0);
}

/* Of any least time: an address in use, looked at as the janitor would, is good all the while. */
static void test_in_use_never_expires(void **state)
{
	(void)state;
	for (uint32_t ttl = 1; ttl <= 200; ttl++) {
		uint32_t period = aeg_lapse_period_ms(ttl);
		uint64_t ms = (uint64_t)NOW * 1000 + 999, end = ms + 10 * 1000 * (uint64_t)ttl;
		struct aeg_learned learned = of((uint32_t)(ms / 1000), (int)ttl, (int)ttl);
		uint64_t at = ms + period;

		assert_true(period <= AEG_LAPSE_FAR * 1000);
		for (; at < end; at += period) {
			struct aeg_lapse lapse = {.now = (uint32_t)(at / 1000),
						  .period = (period + 999) / 1000,
						  .next = AEG_LAPSE_FAR};

			assert_true(learned.members[0].expires >= lapse.now);
			aeg_lapse_look(&lapse, &learned);
			if (lapse.due)
				learned = of(lapse.now, (int)ttl, (int)ttl);
			else
				at += lapse.next * 1000 - period;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_lapses),
		cmocka_unit_test(test_something_lapses),
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_in_use_never_expires),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
