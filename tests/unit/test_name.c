/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names: what is one, and which pattern it belongs to; against policy/pattern.h, the definition. */
#include "bpf/name.h"
#include "policy/pattern.h"
#include "tests/property/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define ROWS 1024
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LABEL_63 (A63 ".de")
#define LABEL_63_AND_MORE ("x" A63 ".de")
#define NAME_252 A63 "." A63 "." A63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME_253 (NAME_252 "a")
#define NAME_253_AND_MORE (NAME_252 "aa")

static const struct aeg_seed seed = {0x0123456789abcdefu, 0xfedcba9876543211u};

static int take_bytes(const char *text, size_t len, struct aeg_name *ret)
{
	static __u8 data[AEG_DATA_ROOM];

	memset(data, 'q', sizeof(data));
	memcpy(data + 100, text, len);
	memset(ret, 0xee, sizeof(*ret));
	return aeg_name_take(ret, data, 100, (__u32)len, &seed);
}

static int take(const char *text, struct aeg_name *ret)
{
	return take_bytes(text, strlen(text), ret);
}

/* ---- a table of rows, whose capacity is enough for every test ---- */

struct table {
	struct aeg_name_table table;
	struct aeg_name_row rows[ROWS];
};

static struct table *table_new(void)
{
	struct table *table = test_calloc(1, sizeof(*table));

	table->table = (struct aeg_name_table){.rows = table->rows, .size = ROWS};
	return table;
}

static struct aeg_name_row *table_put(struct table *table, const struct aeg_name_row *row)
{
	__u32 at = (__u32)(row->key >> 32);

	while (table->rows[at % ROWS].entry.len) {
		assert_true(table->rows[at % ROWS].key != row->key);
		at++;
	}
	table->rows[at % ROWS] = *row;
	return &table->rows[at % ROWS];
}

static void table_add(struct table *table, const char *pattern, __u32 class)
{
	const struct aeg_dest dest = {.class = class};
	struct aeg_name_row row;

	for (__u32 n = 0; aeg_name_row_make(pattern, n, &dest, &seed, &row); n++)
		table_put(table, &row);
}

/* The class of what is found; 0: nothing. */
static __u32 find(struct table *table, const char *name)
{
	static struct aeg_name taken;
	const struct aeg_dest *dest;

	assert_int_equal(take(name, &taken), 0);
	dest = aeg_name_find(&table->table, &taken);
	return dest ? dest->class : 0;
}

/* ---- what is a name ---- */

static void test_take(void **state)
{
	static struct aeg_name name, again;

	assert_int_equal(take("CDN-lfs_1.HF.co", &name), 0);
	assert_string_equal(name.text, "cdn-lfs_1.hf.co");
	assert_int_equal(name.len, 15);
	assert_int_equal(name.borders, 2);
	assert_int_equal(name.border[0].at, 12);
	assert_int_equal(name.border[1].at, 9);
	for (size_t i = name.len; i < name.len + AEG_NAME_PIECE; i++)
		assert_int_equal(name.text[i], 0);
	assert_int_equal(take("cdn-lfs_1.hf.co", &again), 0);
	assert_true(name.hash == again.hash);
	assert_int_equal(take("cdn-lfs_2.hf.co", &again), 0);
	assert_true(name.hash != again.hash);
	assert_true(name.border[0].hash == again.border[0].hash);
	assert_true(name.border[1].hash == again.border[1].hash);
}

static void test_limits(void **state)
{
	static const char *const good[] = {"a",	     "localhost", "x.1a",   "1.a",
					   "a.b.c",  "-",	  NAME_253, "xn--bcher-kva.example",
					   "1.0x7f", LABEL_63};
	static const char *const bad[] = {
		"",
		".",
		"a.",
		".a",
		"a..b",
		"a.b.",
		LABEL_63_AND_MORE,
		"1",
		"1.2.3.4",
		"a.12",
		"a b",
		"a/b",
		"a:443",
		"[::1]",
		"b\xc3\xbc.example",
		"*.hf.co",
		"a\x7f",
		"a\x01",
		"hf.co\n",
		"a,b",
		"a@b",
		NAME_253_AND_MORE,
		"\xff.co",
	};
	static struct aeg_name name;

	assert_int_equal(strlen(NAME_253), 253);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (take(good[i], &name))
			fail_msg("'%s' is a name", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (take(bad[i], &name) == 0)
			fail_msg("'%s' is no name", bad[i]);
	assert_int_equal(take_bytes("hf.co\0evil", 10, &name), -1);
	assert_int_equal(take_bytes("\0", 1, &name), -1);
	assert_int_equal(take_bytes("hf.co", 5, &name), 0);
}

/* All 256 bytes in the middle of a label. */
static void test_bytes(void **state)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	static struct aeg_name name;

	for (int byte = 0; byte < 256; byte++) {
		const char text[5] = {'a', (char)byte, 'b', '.', 'c'};
		int lower = byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
		int good = lower && strchr(allowed, lower) != NULL;

		assert_int_equal(take_bytes(text, 5, &name), good ? 0 : -1);
		if (good)
			assert_int_equal(name.text[1], lower);
	}
}

static void test_many_dots(void **state)
{
	static struct aeg_name name;
	char text[254];

	for (size_t i = 0; i < 253; i++)
		text[i] = i % 2 ? '.' : 'a';
	assert_int_equal(take_bytes(text, 253, &name), 0);
	assert_int_equal(name.borders, 126);
	assert_int_equal(name.border[125].at, 1);
	memset(text, '.', 253);
	assert_int_equal(take_bytes(text, 253, &name), -1);
	text[0] = 'a';
	text[252] = 'a';
	assert_int_equal(take_bytes(text, 253, &name), -1);
}

/* ---- which pattern ---- */

static void test_most_specific(void **state)
{
	struct table *table = table_new();

	assert_int_equal(find(table, "hf.co"), 0);
	table_add(table, "hf.co", 1);
	table_add(table, "*.hf.co", 2);
	table_add(table, "cdn.hf.co", 3);
	table_add(table, "*.cdn.hf.co", 4);
	table_add(table, "*.co", 5);
	assert_int_equal(find(table, "hf.co"), 1);
	assert_int_equal(find(table, "HF.CO"), 1);
	assert_int_equal(find(table, "x.hf.co"), 2);
	assert_int_equal(find(table, "x.y.z.hf.co"), 2);
	assert_int_equal(find(table, "cdn.hf.co"), 3);
	assert_int_equal(find(table, "a.cdn.hf.co"), 4);
	assert_int_equal(find(table, "xhf.co"), 5);
	assert_int_equal(find(table, "co"), 0);
	assert_int_equal(find(table, "hf.com"), 0);
	assert_int_equal(find(table, "co.hf"), 0);
	test_free(table);
}

static void test_wildcard_is_not_the_apex(void **state)
{
	struct table *table = table_new();

	table_add(table, "*.hf.co", 1);
	assert_int_equal(find(table, "hf.co"), 0);
	assert_int_equal(find(table, "a.hf.co"), 1);
	test_free(table);
}

/* A hash that hits is not enough: the text stored under it must be the name's. */
static void test_collision(void **state)
{
	static struct aeg_name name;
	struct table *table = table_new();
	const struct aeg_dest dest = {.class = 9};
	struct aeg_name_row row;

	assert_int_equal(take("evil.hf.co", &name), 0);
	assert_int_equal(aeg_name_row_make("good.hf.co", 0, &dest, &seed, &row), 1);
	row.key = aeg_name_key(name.hash, 0);
	table_put(table, &row);
	table_add(table, "*.hf.co", 2);
	assert_int_equal(find(table, "evil.hf.co"), 2);
	test_free(table);
}

/* Text of n bytes in labels of at most 60. */
static void long_name(char *ret, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = i % 61 == 60 && i + 1 < n ? '.' : (char)('a' + i % 23);
	ret[n] = '\0';
}

static void test_long_patterns(void **state)
{
	static const size_t lengths[] = {63, 64, 65, 127, 128, 129, 192, 193, 250, 251};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct table *table = table_new();
		char pattern[256], name[256];

		pattern[0] = '*';
		pattern[1] = '.';
		long_name(pattern + 2, lengths[i]);
		table_add(table, pattern + 2, 1);
		table_add(table, pattern, 2);
		assert_int_equal(find(table, pattern + 2), 1);
		snprintf(name, sizeof(name), "z%s", pattern + 1);
		assert_int_equal(find(table, name), 2);
		test_free(table);
	}
}

/* Under a name's hash lies a longer pattern that begins with it. */
static void test_collision_with_longer(void **state)
{
	static struct aeg_name name;
	struct table *table = table_new();
	const struct aeg_dest dest = {.class = 9};
	struct aeg_name_row row;
	char text[256];

	long_name(text, 100);
	assert_int_equal(aeg_name_row_make(text, 0, &dest, &seed, &row), 1);
	text[64] = '\0';
	assert_int_equal(take(text, &name), 0);
	row.key = aeg_name_key(name.hash, 0);
	table_put(table, &row);
	assert_int_equal(find(table, text), 0);
	test_free(table);
}

/* Every piece is compared to its last byte, and the number of pieces, too. */
static void test_long_pattern_changed(void **state)
{
	const struct aeg_dest dest = {.class = 1};
	char pattern[256];

	long_name(pattern, 200);
	for (__u32 changed = 0; changed < 4; changed++) {
		struct table *table = table_new();
		struct aeg_name_row row = {0}, *put;

		table_add(table, pattern, 1);
		assert_int_equal(find(table, pattern), 1);
		assert_int_equal(aeg_name_row_make(pattern, changed, &dest, &seed, &row), 1);
		for (put = table->rows; put->key != row.key; put++)
			;
		put->entry.text[changed == 3 ? 7 : 63] ^= 1;
		assert_int_equal(find(table, pattern), 0);
		put->entry.text[changed == 3 ? 7 : 63] ^= 1;
		assert_int_equal(find(table, pattern), 1);
		put->entry.piece ^= 1;
		assert_int_equal(find(table, pattern), 0);
		test_free(table);
	}
}

static void test_rows(void **state)
{
	const struct aeg_dest dest = {.class = 7, .node = 8};
	struct aeg_name_row row;

	assert_int_equal(aeg_name_row_make("*.hf.co", 0, &dest, &seed, &row), 1);
	assert_int_equal(row.entry.len, 6);
	assert_string_equal(row.entry.text, ".hf.co");
	assert_int_equal(row.entry.dest.node, 8);
	assert_int_equal(aeg_name_row_make("*.hf.co", 1, &dest, &seed, &row), 0);
	assert_int_equal(aeg_name_row_make(NAME_253, 3, &dest, &seed, &row), 1);
	assert_int_equal(row.entry.piece, 3);
	assert_int_equal(row.entry.len, 253);
	assert_int_equal(aeg_name_row_make(NAME_253, 4, &dest, &seed, &row), 0);
}

/* ---- pods' search suffixes ---- */

static __u32 left(struct table *table, const char *text)
{
	static struct aeg_name name;

	assert_int_equal(take(text, &name), 0);
	return aeg_name_search(&table->table, &name);
}

static void test_search(void **state)
{
	struct table *table = table_new();

	table_add(table, "*.svc.cluster.local", 1);
	table_add(table, "*.cluster.local", 0);
	table_add(table, "*.ml.internal", 0);
	table_add(table, "*.deep.internal", 3);
	assert_int_equal(left(table, "huggingface.co.ml-prod.svc.cluster.local"), 14);
	assert_int_equal(left(table, "huggingface.co.cluster.local"), 14);
	assert_int_equal(left(table, "huggingface.co.ml.internal"), 14);
	assert_int_equal(left(table, "a.b.c.ns.svc.cluster.local"), 5);
	assert_int_equal(left(table, "huggingface.co"), 0);
	assert_int_equal(left(table, "ns.svc.cluster.local"), 0);
	assert_int_equal(left(table, "svc.cluster.local"), 3);
	assert_int_equal(left(table, "cluster.local"), 0);
	assert_int_equal(left(table, "hf.co.a.b.c.deep.internal"), 5);
	assert_int_equal(left(table, "a.b.c.deep.internal"), 0);
	assert_int_equal(left(table, "b.c.deep.internal"), 0);
	assert_int_equal(left(table, "c.deep.internal"), 0);
	test_free(table);
}

/* ---- any patterns and names, against the definition ---- */

#define PATTERNS 60

static void random_name(struct random *random, char *ret, size_t size)
{
	static const char *const labels[] = {
		"a", "b", "co", "hf", "x-1", "a-label-that-makes-names-longer-than-a-piece-of-it"};
	unsigned int n = 1 + random_below(random, 5);

	size_t len = 0;

	for (unsigned int i = 0; i < n && len < 190; i++)
		len += (size_t)snprintf(ret + len, size - len, "%s%s", i ? "." : "",
					RANDOM_OF(random, labels));
}

/* Index + 1 of the pattern that the definition says; exact patterns are longer than any wildcard. */
static __u32 slow_find(char patterns[][256], const char *name)
{
	__u32 best = 0;

	for (__u32 i = 0; i < PATTERNS; i++) {
		if (!patterns[i][0] || !aeg_pattern_covers(patterns[i], name))
			continue;
		if (best && patterns[best - 1][0] != '*')
			continue;
		if (!best || patterns[i][0] != '*' ||
		    strlen(patterns[i]) > strlen(patterns[best - 1]))
			best = i + 1;
	}
	return best;
}

static void test_against_definition(void **state)
{
	static char patterns[PATTERNS][256];
	struct random random = {42};
	unsigned int hits = 0;

	for (int round = 0; round < 200; round++) {
		struct table *table = table_new();

		memset(patterns, 0, sizeof(patterns));
		for (__u32 i = 0; i < PATTERNS; i++) {
			char pattern[256] = "*.";
			int star = random_percent(&random, 50), known = 0;

			random_name(&random, pattern + (star ? 2 : 0), 250);
			for (__u32 j = 0; j < i; j++)
				known |= strcmp(patterns[j], pattern) == 0;
			if (known)
				continue;
			memcpy(patterns[i], pattern, sizeof(pattern));
			table_add(table, pattern, i + 1);
		}
		for (int i = 0; i < 200; i++) {
			char name[256];
			__u32 expected;

			random_name(&random, name, sizeof(name));
			expected = slow_find(patterns, name);
			hits += expected != 0;
			if (find(table, name) != expected)
				fail_msg("'%s': not pattern %u", name, expected);
		}
		test_free(table);
	}
	assert_in_range(hits, 2000, 38000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_many_dots),
		cmocka_unit_test(test_most_specific),
		cmocka_unit_test(test_wildcard_is_not_the_apex),
		cmocka_unit_test(test_collision),
		cmocka_unit_test(test_long_patterns),
		cmocka_unit_test(test_collision_with_longer),
		cmocka_unit_test(test_long_pattern_changed),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_against_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
