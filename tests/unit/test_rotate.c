// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* When the audit log begins a new file, what the old ones are called and which of them go. */
#include "base/mem.h"
#include "observe/rotate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_due(void **state)
{
	const struct aeg_rotation rotation = {.bytes = 100, .seconds = 60};
	const struct aeg_rotation ageless = {.bytes = 100};

	assert_false(aeg_rotation_due(&rotation, 0, 500, 500)); /* an empty file is never closed */
	assert_false(aeg_rotation_due(&rotation, 50, 50, 59));
	assert_true(aeg_rotation_due(&rotation, 50, 51, 0));
	assert_true(aeg_rotation_due(&rotation, 1, 0, 60));
	assert_false(aeg_rotation_due(&ageless, 1, 0, UINT64_MAX));
}

static void test_names(void **state)
{
	char name[AEG_SEGMENT_TEXT];
	struct aeg_segment segment;

	aeg_segment_name(5001, UINT64_C(1795191758863488388), name);
	assert_string_equal(name, "audit-0000000000005001-20261120T162238Z.jsonl");
	assert_true(aeg_segment_parse(name, &segment));
	assert_int_equal(segment.first, 5001);
	assert_false(segment.compressed);
	assert_true(
		aeg_segment_parse("audit-0000000000005001-20261120T162238Z.jsonl.gz", &segment));
	assert_true(segment.compressed);
	aeg_segment_name(UINT64_C(12345678901234567), 0, name); /* longer than usual */
	assert_true(aeg_segment_parse(name, &segment));
	assert_int_equal(segment.first, UINT64_C(12345678901234567));
}

static void test_foreign_names(void **state)
{
	const char *const names[] = {
		"audit.jsonl",
		"audit-.jsonl",
		"audit-1-20261120T162238Z.jsonl",
		"audit-0000000000005001-20261120T162238Z.json",
		"audit-0000000000005001-20261120T162238Z.jsonl.gz.new",
		"audit-0000000000005001.jsonl",
		"xaudit-0000000000005001-20261120T162238Z.jsonl",
		"audit-0000000000005001-20261120T162238Z-and-much-more-text-than-fits-in.jsonl",
	};
	struct aeg_segment segment;

	for (size_t i = 0; i < AEG_ARRAY_SIZE(names); i++)
		assert_false(aeg_segment_parse(names[i], &segment));
}

static void test_expired(void **state)
{
	const struct aeg_segment segments[] = {
		{.first = 1, .bytes = 10}, {.first = 5, .bytes = 20}, {.first = 9, .bytes = 30}};
	struct aeg_rotation rotation = {.total = 60};

	assert_int_equal(aeg_segments_expired(&rotation, segments, 3, 0), 0);
	assert_int_equal(aeg_segments_expired(&rotation, segments, 3, 1), 1);
	assert_int_equal(aeg_segments_expired(&rotation, segments, 3, 11), 2);
	assert_int_equal(aeg_segments_expired(&rotation, segments, 3, 100), 3);
	assert_int_equal(aeg_segments_expired(&rotation, NULL, 0, 100), 0);
}

static void test_order(void **state)
{
	struct aeg_segment segments[] = {{.name = "b", .first = 10},
					 {.name = "a.gz", .first = 2},
					 {.name = "a", .first = 2}};

	qsort(segments, AEG_ARRAY_SIZE(segments), sizeof(*segments), aeg_segment_compare);
	assert_string_equal(segments[0].name, "a");
	assert_string_equal(segments[1].name, "a.gz");
	assert_string_equal(segments[2].name, "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due),	      cmocka_unit_test(test_names),
		cmocka_unit_test(test_foreign_names), cmocka_unit_test(test_expired),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
