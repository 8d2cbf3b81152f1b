// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Since when nothing was counted for whom: look after look, of workloads that come, go and count on. */
#include "daemon/departed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* pairs: number and sum of each, ascending, 0 at the end. */
static void look(struct aeg_departures *departed, uint64_t now, const uint32_t *pairs)
{
	struct aeg_departures seen = {0};

	for (; *pairs; pairs += 2)
		*AEG_VEC_PUSH(seen.list) =
			(struct aeg_departure){.number = pairs[0], .sum = pairs[1]};
	aeg_departures_look(departed, &seen, now);
	AEG_VEC_DONE(departed->list);
	*departed = seen;
}
#define LOOK(departed, now, ...) look(departed, now, (const uint32_t[]){__VA_ARGS__, 0})

static void assert_since(const struct aeg_departures *departed, uint32_t number, uint64_t since)
{
	for (size_t i = 0; i < departed->list.n; i++) {
		if (departed->list.items[i].number == number) {
			assert_int_equal(departed->list.items[i].since, since);
			return;
		}
	}
	fail();
}

static void test_same_sum(void **state)
{
	struct aeg_departures departed = {0};

	LOOK(&departed, 100, 3, 10, 7, 20);
	assert_since(&departed, 3, 100);
	LOOK(&departed, 200, 3, 10, 7, 21); /* a socket of 7 ends late */
	assert_since(&departed, 3, 100);
	assert_since(&departed, 7, 200);
	LOOK(&departed, 300, 3, 10, 7, 21);
	assert_since(&departed, 3, 100);
	assert_since(&departed, 7, 200);
	AEG_VEC_DONE(departed.list);
}

static void test_come_and_go(void **state)
{
	struct aeg_departures departed = {0};

	LOOK(&departed, 100, 5, 1);
	LOOK(&departed, 200, 2, 1, 5, 1, 9, 1);
	assert_since(&departed, 2, 200);
	assert_since(&departed, 5, 100);
	assert_since(&departed, 9, 200);
	LOOK(&departed, 300, 9, 1);
	assert_since(&departed, 9, 200);
	assert_int_equal(departed.list.n, 1);
	LOOK(&departed, 400, 5, 1, 9, 1); /* 5 was back in between */
	assert_since(&departed, 5, 400);
	look(&departed, 500, (const uint32_t[]){0});
	assert_int_equal(departed.list.n, 0);
	LOOK(&departed, 600, 9, 1);
	assert_since(&departed, 9, 600);
	AEG_VEC_DONE(departed.list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_sum),
		cmocka_unit_test(test_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
