// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Nobody's policy fills the tables for everybody: each limit blames one document, and the rest holds. */
#include "policy/limits.h"
#include "util_policy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

/* A class B each for up to 256 policies. */
static void put_policy(struct aeg_model *model, const char *ns, unsigned int number,
		       unsigned int cidrs, const char *more, struct aeg_diags *diags)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	char file[64];

	snprintf(file, sizeof(file), "%s/p%u", ns, number);
	aeg_buf_printf(&text,
		       API "kind: AIEgressPolicy\nmetadata: {name: p%u, namespace: %s}\n"
			   "spec:\n  workloads: {all: true}\n  allow:\n  - name: r\n    to:\n",
		       number, ns);
	for (unsigned int i = 0; i < cidrs; i++)
		aeg_buf_printf(&text, "    - {cidr: 10.%u.%u.%u/32}\n", number, i >> 8, i & 255);
	aeg_buf_puts(&text, more);
	aeg_model_add_text(model, file, aeg_buf_text(&text), text.len, diags);
}

static void assert_blames(struct aeg_model *model, struct aeg_diags *diags, const char *expected)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf found = {0};

	aeg_model_check(model, 0, diags);
	for (size_t i = 0; i < diags->list.n; i++) {
		const struct aeg_diag *diag = &diags->list.items[i];

		if (diag->severity == AEG_ERROR_LEVEL)
			aeg_buf_printf(&found, "%s:%u:%u: %s\n", diag->file, diag->line, diag->col,
				       diag->message);
	}
	assert_string_equal(aeg_buf_text(&found), expected);
	aeg_diags_done(diags);
	aeg_model_free(model);
}

static void test_one_policy(void **state)
{
	struct aeg_model *model = aeg_model_new();
	struct aeg_diags diags = {0};

	put_policy(model, "a", 1, 16384, "", &diags);
	put_policy(model, "b", 2, 16385, "", &diags);
	assert_blames(model, &diags,
		      "b/p2:3:18: policy 'p2' names 16385 host patterns and CIDRs; at most 16384 "
		      "are allowed\n");
}

/* Each port is a decision for each destination. */
static void test_ports(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf rule = {0};
	struct aeg_model *model = aeg_model_new();
	struct aeg_diags diags = {0};

	for (unsigned int i = 0; i < 17; i++)
		aeg_buf_printf(&rule, "    - {cidr: 192.0.2.0/24, ports: [%u]}\n", 1000 + i % 16);
	put_policy(model, "a", 1, 14000, aeg_buf_text(&rule), &diags);
	aeg_buf_printf(&rule, "    - {cidr: 192.0.2.0/24, ports: [1016, 1017, 1018]}\n");
	put_policy(model, "b", 2, 14000, aeg_buf_text(&rule), &diags);
	assert_blames(
		model, &diags,
		"b/p2:3:18: policy 'p2' names 14018 destinations and 20 different ports; their "
		"product may be at most 262144\n");
}

static void test_one_namespace(void **state)
{
	struct aeg_model *model = aeg_model_new();
	struct aeg_diags diags = {0};

	for (unsigned int i = 1; i <= 5; i++)
		put_policy(model, "a", i, 14000, "", &diags);
	put_policy(model, "a", 6, 100, "", &diags); /* fits where p5 does not */
	put_policy(model, "b", 7, 14000, "", &diags);
	assert_blames(
		model, &diags,
		"a/p5:3:18: with policy 'p5' namespace 'a' would name 70000 host patterns and "
		"CIDRs; at most 65536 are allowed\n");
}

/* 4096 names in one line: sixteen ids, regions and vendors. */
static void put_sixteen(struct aeg_buf *text, const char *key, unsigned int number)
{
	aeg_buf_printf(text, ", %s: [", key);
	for (unsigned int i = 0; i < 16; i++)
		aeg_buf_printf(text, "%sx%u-%u", i ? ", " : "", number, i);
	aeg_buf_puts(text, "]");
}

static void put_many(struct aeg_model *model, unsigned int ns, unsigned int number,
		     struct aeg_diags *diags)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf rule = {0};
	char name[16];

	for (unsigned int i = 0; i < 4; i++) {
		aeg_buf_puts(&rule, "    - {endpoint: t");
		put_sixteen(&rule, "ids", number * 4 + i);
		put_sixteen(&rule, "regions", 0);
		put_sixteen(&rule, "vendors", 0);
		aeg_buf_puts(&rule, "}\n");
	}
	snprintf(name, sizeof(name), "n%02u", ns);
	put_policy(model, name, number, 0, aeg_buf_text(&rule), diags);
}

/* 64 policies of 16384 names fill the tables; what they name together counts once. */
static void test_all(void **state)
{
	static const char endpoint[] = ENDPOINT(
		"t", "hosts: ['*.x.example'], template: '{id}.{region}.{vendor}.x.example'");
	struct aeg_model *model = aeg_model_new();
	struct aeg_diags diags = {0};

	aeg_model_add_text(model, "t", endpoint, sizeof(endpoint) - 1, &diags);
	for (unsigned int i = 0; i < 64; i++)
		put_many(model, i / 4, i, &diags);
	put_many(model, 16, 3, &diags); /* the same again */
	put_policy(model, "z", 200, 10, "", &diags);
	assert_blames(
		model, &diags,
		"n15/p63:3:18: with policy 'p63' there would be 1048577 different host patterns "
		"and CIDRs; at most 1048576 fit\n");
}

/* ---- profiles ---- */

static void put_wide(struct aeg_model *model, unsigned int number, struct aeg_diags *diags)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf rules = {0};

	for (unsigned int i = 0; i < 3900; i++)
		aeg_buf_printf(&rules,
			       "  - {name: r%u, to: [{cidr: 10.%u.%u.%u/32, ports: [1]}]}\n", i,
			       number, i >> 8, i & 255);
	for (unsigned int i = 0; i < 4; i++) {
		aeg_buf_printf(&rules, "  - {name: w%u, to: [{cidr: 0.0.0.0/0, ports: [", i);
		for (unsigned int port = 0; port < 16; port++)
			aeg_buf_printf(&rules, "%s%u", port ? ", " : "", 100 + i * 16 + port);
		aeg_buf_puts(&rules, "]}]}\n");
	}
	put_policy(model, "big", number, 1, aeg_buf_text(&rules), diags);
}

static uint32_t flags_of(struct aeg_tables *tables, const char *ns, uint32_t *ret_profile)
{
	const struct aeg_subject subject = {.ns = ns, .service_account = "any"};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	uint32_t flags;

	assert_int_equal(aeg_compile_profile(tables, &subject, ret_profile, &flags, &error), 0);
	return flags;
}

/* More decisions than there is room for: who wants them is isolated, and others are decided as before. */
static void test_profile_that_does_not_fit(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct aeg_model *model = aeg_model_new();
	struct aeg_numbers numbers = {0};
	struct aeg_diags diags = {0};
	struct aeg_tables *tables;
	uint32_t profile, flags;

	for (unsigned int i = 1; i <= 9; i++)
		put_wide(model, i, &diags);
	put_policy(model, "small", 100, 3, "", &diags);
	assert_int_equal(aeg_model_check(model, 0, &diags), 0);
	assert_int_equal(aeg_compile(model, &numbers, &tables, &error), 0);
	flags = flags_of(tables, "big", &profile);
	assert_true(tables->profiles.items[profile].overflowed);
	assert_int_equal(tables->cells.n, 0);
	assert_int_equal(flags & (AEG_IDENT_ISOLATED | AEG_IDENT_ISOLATED_UNION),
			 AEG_IDENT_ISOLATED | AEG_IDENT_ISOLATED_UNION);
	flags_of(tables, "small", &profile);
	assert_false(tables->profiles.items[profile].overflowed);
	assert_int_not_equal(tables->cells.n, 0);
	aeg_tables_free(tables);
	aeg_numbers_done(&numbers);
	aeg_diags_done(&diags);
	aeg_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_policy),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_one_namespace),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_profile_that_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
