/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* workload/quarantine.c: who is held, for how long, and what survives a restart. */
#include "workload/quarantine.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void put(struct aeg_quarantines *all, const char *ns, const char *name, uint64_t until)
{
	const struct aeg_quarantine one = {
		.ns = (char *)ns,
		.name = (char *)name,
		.reason = (char *)"because \"so\"\n",
		.by = 7,
		.since = 100,
		.until = until,
	};

	assert_int_equal(aeg_quarantines_put(all, &one), 0);
}

static void names(void **state)
{
	assert_true(aeg_quarantine_is_valid("ml-prod", "chat-7f9c"));
	assert_true(aeg_quarantine_is_valid("ml", "*"));
	assert_true(aeg_quarantine_is_valid("ml", "chat-*-a.b"));
	assert_false(aeg_quarantine_is_valid("ml*", "x"));
	assert_false(aeg_quarantine_is_valid("", "x"));
	assert_false(aeg_quarantine_is_valid("ml", ""));
	assert_false(aeg_quarantine_is_valid("ml", "[a-z]"));
	assert_false(aeg_quarantine_is_valid("ml", "../x"));
	assert_false(aeg_quarantine_is_valid("ml", "X"));
}

static void finds_and_replaces(void **state)
{
	AEG_CLEANUP(aeg_quarantines_done) struct aeg_quarantines all = {0};

	put(&all, "ml", "chat-*", 0);
	put(&all, "ml", "chat-*", 500);
	assert_int_equal(all.list.n, 1);
	assert_int_equal(all.list.items[0].until, 500);
	assert_non_null(aeg_quarantines_find(&all, "ml", "chat-1"));
	assert_null(aeg_quarantines_find(&all, "ml", "chat"));
	assert_null(aeg_quarantines_find(&all, "lab", "chat-1"));
	put(&all, "lab", "*", 0);
	assert_non_null(aeg_quarantines_find(&all, "lab", "anybody"));
	assert_false(aeg_quarantines_remove(&all, "lab", "anybody"));
	assert_true(aeg_quarantines_remove(&all, "lab", "*"));
	assert_null(aeg_quarantines_find(&all, "lab", "anybody"));
}

static void expires_in_turn(void **state)
{
	AEG_CLEANUP(aeg_quarantines_done) struct aeg_quarantines all = {0};
	struct aeg_quarantine ended;

	put(&all, "a", "x", 0);
	put(&all, "b", "x", 300);
	put(&all, "c", "x", 200);
	assert_int_equal(aeg_quarantines_next(&all), 200);
	assert_false(aeg_quarantines_expire(&all, 199, &ended));
	assert_true(aeg_quarantines_expire(&all, 200, &ended));
	assert_string_equal(ended.ns, "c");
	aeg_quarantine_done(&ended);
	assert_int_equal(aeg_quarantines_next(&all), 300);
	assert_true(aeg_quarantines_expire(&all, 1000, &ended));
	aeg_quarantine_done(&ended);
	assert_int_equal(aeg_quarantines_next(&all), 0);
	assert_int_equal(all.list.n, 1);
}

static void is_bounded(void **state)
{
	AEG_CLEANUP(aeg_quarantines_done) struct aeg_quarantines all = {0};
	const struct aeg_quarantine one = {.ns = (char *)"ml", .name = (char *)"more"};
	char name[16];

	for (int i = 0; i < AEG_QUARANTINES_MAX; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		put(&all, "ml", name, 0);
	}
	assert_int_equal(aeg_quarantines_put(&all, &one), -E2BIG);
	put(&all, "ml", "w7", 9); /* no more than before */
	assert_int_equal(all.list.n, AEG_QUARANTINES_MAX);
}

static void survives_as_text(void **state)
{
	AEG_CLEANUP(aeg_quarantines_done) struct aeg_quarantines all = {0}, again = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	struct aeg_diags diags = {0};

	put(&all, "ml", "chat-*", 500);
	put(&all, "lab", "*", 0);
	aeg_quarantines_text(&all, &text);
	assert_int_equal(aeg_quarantines_parse("f", text.data, text.len, &diags, &again), 0);
	assert_int_equal(again.list.n, 2);
	assert_string_equal(again.list.items[0].reason, "because \"so\"\n");
	assert_int_equal(again.list.items[0].by, 7);
	assert_int_equal(again.list.items[0].since, 100);
	assert_int_equal(again.list.items[0].until, 500);
	assert_string_equal(again.list.items[1].name, "*");
	aeg_diags_done(&diags);
}

static void wrong_texts(void **state)
{
	static const char *const texts[] = {
		"",
		"{}",
		"{\"quarantines\": 7}",
		"{\"quarantines\": [7]}",
		"{\"quarantines\": [{\"namespace\": \"ml\"}]}",
		"{\"quarantines\": [{\"namespace\": \"ml\", \"workload\": \"../x\"}]}",
		"{\"quarantines\": [{\"namespace\": \"ml\", \"workload\": \"x\", \"until\": -1}]}",
		"{\"quarantines\": [{\"namespace\": \"ml\", \"workload\": \"x\", \"more\": 1}]}",
		"{\"quarantines\": [",
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(texts); i++) {
		AEG_CLEANUP(aeg_quarantines_done) struct aeg_quarantines all = {0};
		struct aeg_diags diags = {0};
		int err = aeg_quarantines_parse("f", texts[i], strlen(texts[i]), &diags, &all);

		if (err != -EINVAL)
			fail_msg("accepted: %s", texts[i]);
		aeg_diags_done(&diags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(finds_and_replaces),
		cmocka_unit_test(expires_in_turn),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(survives_as_text),
		cmocka_unit_test(wrong_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
