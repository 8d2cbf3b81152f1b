// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The watch over the wall clock: what is a jump, what is drift. */
#include "observe/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SEC INT64_C(1000000000)
#define WALL (1700000000 * SEC)

static void test_first_look(void **state)
{
	struct aeg_clock clock = {0};

	assert_int_equal(aeg_clock_look(&clock, 5 * SEC, WALL), 0);
	assert_int_equal(clock.offset, WALL - 5 * SEC);
	assert_int_equal(clock.jumps, 0);
}

static void test_jumps(void **state)
{
	struct aeg_clock clock = {0};

	aeg_clock_look(&clock, 5 * SEC, WALL);
	assert_int_equal(aeg_clock_look(&clock, 6 * SEC, WALL + SEC), 0);
	assert_int_equal(aeg_clock_look(&clock, 7 * SEC, WALL + 3602 * SEC), 3600 * SEC);
	assert_int_equal(clock.offset, WALL + 3595 * SEC);
	assert_int_equal(aeg_clock_look(&clock, 8 * SEC, WALL + 3603 * SEC), 0); /* told once */
	assert_int_equal(aeg_clock_look(&clock, 9 * SEC, WALL + 4 * SEC), -3600 * SEC);
	assert_int_equal(clock.jumps, 2);
}

/* Before 1970, too: a machine whose battery is empty. */
static void test_back_to_zero(void **state)
{
	struct aeg_clock clock = {0};

	aeg_clock_look(&clock, 5 * SEC, WALL);
	assert_int_equal(aeg_clock_look(&clock, 6 * SEC, 0), -(WALL + SEC));
}

/* NTP corrects by half a thousandth: after an hour without events that is 1.8 s, and no jump. */
static void test_drift(void **state)
{
	struct aeg_clock clock = {0};

	aeg_clock_look(&clock, SEC, WALL);
	assert_int_equal(aeg_clock_look(&clock, 3601 * SEC, WALL + 3600 * SEC + 18 * SEC / 10), 0);
	assert_int_equal(aeg_clock_look(&clock, 3602 * SEC, WALL + 3601 * SEC + 36 * SEC / 10),
			 18 * SEC / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_look),
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_back_to_zero),
		cmocka_unit_test(test_drift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
