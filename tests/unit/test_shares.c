// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* What counts against a share, from two counters and what the table was seen to hold. */
#include "daemon/shares.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void put(struct aeg_shares *shares, uint32_t workload, uint32_t side, uint64_t count)
{
	aeg_shares_add(shares, &(struct aeg_share_key){.workload = workload, .side = side}, count);
}

static void assert_share(const struct aeg_shares *shares, uint32_t workload, uint64_t taken,
			 uint64_t back)
{
	const struct aeg_share *share = aeg_shares_find(shares, workload);

	assert_non_null(share);
	assert_int_equal(share->taken, taken);
	assert_int_equal(share->back, back);
}

static void test_rows(void **state)
{
	AEG_CLEANUP(aeg_shares_done) struct aeg_shares shares = {0};

	aeg_shares_sort(&shares);
	assert_null(aeg_shares_find(&shares, 0));
	put(&shares, 7, AEG_SHARE_BACK, 2);
	put(&shares, UINT32_MAX, AEG_SHARE_TAKEN, 9);
	put(&shares, 0, AEG_SHARE_TAKEN, 4);
	put(&shares, 7, AEG_SHARE_TAKEN, 5);
	put(&shares, 8, AEG_SHARE_BACK, 3);
	aeg_shares_sort(&shares);
	assert_int_equal(shares.list.n, 4);
	assert_share(&shares, 0, 4, 0);
	assert_share(&shares, 7, 5, 2);
	assert_share(&shares, 8, 0, 3);
	assert_share(&shares, UINT32_MAX, 9, 0);
	assert_null(aeg_shares_find(&shares, 1));
}

static void test_used(void **state)
{
	assert_int_equal(aeg_share_used(&(struct aeg_share){.taken = 9, .back = 4}), 5);
	assert_int_equal(aeg_share_used(&(struct aeg_share){.taken = 4, .back = 4}), 0);
	assert_int_equal(aeg_share_used(&(struct aeg_share){.taken = 4, .back = 9}), 0);
	/* More addresses than were counted since the rows were made anew. */
	assert_int_equal(aeg_share_used(&(struct aeg_share){.taken = 1, .back = (uint64_t)-3}), 4);
}

/* What counts afterwards if so many were taken until the table was read. */
static uint64_t settled(struct aeg_share share, uint64_t later)
{
	share.back = aeg_share_settle(&share, later);
	share.taken = later;
	return aeg_share_used(&share);
}

static void test_settle(void **state)
{
	const struct aeg_share right = {.taken = 20, .back = 10, .alive = 7, .dead = 3};
	struct aeg_share wrong = right;

	assert_int_equal(settled(right, 20), 7);
	/* Two more came while it was read, which were seen (9 alive) or not. */
	assert_int_equal(settled(right, 22), 9);
	wrong.alive = 9;
	assert_int_equal(settled(wrong, 22), 9);
	/* A killed daemon did not count what it deleted, or the row was lost. */
	wrong = right;
	wrong.back = 4;
	assert_int_equal(settled(wrong, 20), 7);
	wrong.back = 19;
	assert_int_equal(settled(wrong, 20), 7);
	wrong.taken = wrong.back = 0;
	assert_int_equal(settled(wrong, 0), 7);
}

static void test_idle(void **state)
{
	const struct aeg_share none = {.taken = 20, .back = 20};
	struct aeg_share share = none;

	assert_true(aeg_share_idle(&share, 20));
	assert_false(aeg_share_idle(&share, 21));
	share.alive = 1;
	assert_false(aeg_share_idle(&share, 20));
	share = none;
	share.dead = 1; /* deleted in this sweep: whoever waits for an answer may renew it yet */
	assert_false(aeg_share_idle(&share, 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_used),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
