/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Questions to resolvers: the order of refusals, the bucket, and what several policies make together. */
#include "bpf/ask.h"
#include "util_policy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define ASKS AEG_IDENT_ASKS | AEG_IDENT_ASKS_UNION
#define NAMES AEG_IDENT_NAMES | AEG_IDENT_NAMES_UNION
#define AUDITED AEG_IDENT_ASKS_UNION | AEG_IDENT_NAMES_UNION

enum cell { NONE, ALLOWS, DENIES, ALLOWS_AUDITED };

static const struct {
	const char *what;
	uint32_t flags;
	enum cell cell;
	struct aeg_dns_caps caps; /* of both layers */
	uint32_t name_len;
	uint8_t unreadable, late, verdict, reason;
	uint32_t rule;
} cases[] = {
	{"nobody judges", 0, NONE, {0}, 9, 1, 3, AEG_VERDICT_ALLOWED, AEG_REASON_DNS, 0},
	{"allowed", ASKS | NAMES, ALLOWS, {0}, 9, 0, 0, AEG_VERDICT_ALLOWED, AEG_REASON_RULE, 1},
	{"no rule", ASKS | NAMES, NONE, {0}, 9, 0, 0, AEG_VERDICT_DENIED, AEG_REASON_DNS_NAME, 0},
	{"deny rule",
	 ASKS | NAMES,
	 DENIES,
	 {0},
	 9,
	 0,
	 0,
	 AEG_VERDICT_DENIED,
	 AEG_REASON_DNS_NAME,
	 2},
	{"unreadable",
	 ASKS | NAMES,
	 ALLOWS,
	 {0},
	 9,
	 1,
	 0,
	 AEG_VERDICT_DENIED,
	 AEG_REASON_DNS_NAME,
	 0},
	{"any name", ASKS, NONE, {0}, 9, 0, 0, AEG_VERDICT_ALLOWED, AEG_REASON_DNS, 0},
	{"any name, unreadable",
	 ASKS,
	 NONE,
	 {0},
	 9,
	 1,
	 0,
	 AEG_VERDICT_DENIED,
	 AEG_REASON_DNS_NAME,
	 0},
	{"just short",
	 ASKS,
	 NONE,
	 {.name_len = 9},
	 9,
	 0,
	 0,
	 AEG_VERDICT_ALLOWED,
	 AEG_REASON_DNS,
	 0},
	{"too long",
	 ASKS,
	 NONE,
	 {.name_len = 8},
	 9,
	 0,
	 0,
	 AEG_VERDICT_DENIED,
	 AEG_REASON_DNS_SIZE,
	 0},
	{"the name first",
	 ASKS | NAMES,
	 NONE,
	 {.name_len = 8},
	 9,
	 0,
	 3,
	 AEG_VERDICT_DENIED,
	 AEG_REASON_DNS_NAME,
	 0},
	{"too many",
	 ASKS | NAMES,
	 ALLOWS,
	 {0},
	 9,
	 0,
	 3,
	 AEG_VERDICT_DENIED,
	 AEG_REASON_DNS_RATE,
	 0},
	{"too many for audits",
	 ASKS,
	 NONE,
	 {0},
	 9,
	 0,
	 2,
	 AEG_VERDICT_AUDITED,
	 AEG_REASON_DNS_RATE,
	 0},
	{"audited", AUDITED, NONE, {0}, 9, 0, 0, AEG_VERDICT_AUDITED, AEG_REASON_DNS_NAME, 0},
	{"an auditing rule is none",
	 ASKS | NAMES,
	 ALLOWS_AUDITED,
	 {0},
	 9,
	 0,
	 0,
	 AEG_VERDICT_DENIED,
	 AEG_REASON_DNS_NAME,
	 0},
};

static struct aeg_cell cell_of(enum cell cell)
{
	const struct aeg_answer allows = {
		.verdict = AEG_VERDICT_ALLOWED, .reason = AEG_REASON_RULE, .rule = 1};
	const struct aeg_answer denies = {
		.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_DNS_NAME, .rule = 2};

	if (cell == DENIES)
		return (struct aeg_cell){.enforce = denies, .all = denies};
	return (struct aeg_cell){.enforce = cell == ALLOWS ? allows : (struct aeg_answer){0},
				 .all = allows};
}

static void test_decisions(void **state)
{
	for (size_t i = 0; i < AEG_ARRAY_SIZE(cases); i++) {
		const struct aeg_ident ident = {.flags = cases[i].flags,
						.caps = {cases[i].caps, cases[i].caps}};
		const struct aeg_cell cell = cell_of(cases[i].cell);
		const struct aeg_ask ask = {.ident = &ident,
					    .cell = cases[i].cell == NONE ? NULL : &cell,
					    .name_len = cases[i].name_len,
					    .unreadable = cases[i].unreadable,
					    .late = cases[i].late};
		struct aeg_decision decision;

		aeg_decide_ask(&ask, &decision);
		if (decision.verdict != cases[i].verdict || decision.reason != cases[i].reason ||
		    decision.rule != cases[i].rule)
			fail_msg("%s: %u %u %u", cases[i].what, decision.verdict, decision.reason,
				 decision.rule);
	}
}

/* How many of n questions, one each `step` ns, are paid for. */
static unsigned int paid(const struct aeg_dns_caps *caps, uint64_t *now, __u64 *due, unsigned int n,
			 uint64_t step)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < n; i++, *now += step)
		sum += aeg_asker_pay(caps, *now, due) != 0;
	return sum;
}

static void test_bucket(void **state)
{
	const struct aeg_dns_caps ten = {.questions = 10, .seconds = 1};
	uint64_t now = 5 * AEG_NS;
	__u64 due = 0;

	assert_int_equal(paid(&ten, &now, &due, 100, 0), 10);
	/* 10 s, but for the last 10 ms: the rate and no more */
	assert_int_equal(paid(&ten, &now, &due, 1000, AEG_NS / 100), 99);
	now += 3600 * AEG_NS; /* nothing is saved up */
	assert_int_equal(paid(&ten, &now, &due, 100, 0), 10);
}

static void test_bucket_of_another_cap(void **state)
{
	const struct aeg_dns_caps slow = {.questions = 2, .seconds = 60};
	const struct aeg_dns_caps fast = {.questions = 10, .seconds = 1}, none = {0};
	uint64_t now = AEG_NS;
	__u64 due = 0;

	assert_int_equal(paid(&slow, &now, &due, 10, 0), 2);
	assert_int_equal(paid(&fast, &now, &due, 1, 0), 0);
	now += AEG_NS / 10; /* the price of one */
	assert_int_equal(paid(&fast, &now, &due, 2, 0), 1);
	assert_int_equal(paid(&none, &now, &due, 1000, 0), 1000);
}

/* ---- several policies ---- */

#define SEALED(name, who, more)                                                                    \
	POLICY(name, "workloads: {serviceAccounts: [" who "]}, containment: Strict, " more)

static struct aeg_profile *profile_of(struct scene *scene, const char *who)
{
	uint32_t profile = scene_profile(scene, who, NULL); /* first: it may move them */

	return &scene->tables->profiles.items[profile];
}

static void assert_caps(const struct aeg_dns_caps *caps, unsigned int questions,
			unsigned int seconds, unsigned int name_len)
{
	assert_int_equal(caps->questions, questions);
	assert_int_equal(caps->seconds, seconds);
	assert_int_equal(caps->name_len, name_len);
}

static void test_strictest(void **state)
{
	AUTO_SCENE scene;
	const struct aeg_profile *profile;

	scene_make(
		SEALED("a", "one, two", "dnsLimits: {questions: 10/s, nameLength: 60}, allow: []")
			SEALED("b", "two, three", "dnsLimits: {questions: 500/min}, allow: []")
				SEALED("c", "two, four",
				       "mode: Audit, dns: AllowedNames, "
				       "dnsLimits: {questions: 3/min, nameLength: 50}, allow: []")
					SEALED("d", "five", "dns: Any, allow: []"),
		&scene);
	profile = profile_of(&scene, "one");
	assert_caps(&profile->caps[0], 10, 1, 60);
	assert_caps(&profile->caps[1], 10, 1, 60);
	profile = profile_of(&scene, "two");
	assert_caps(&profile->caps[0], 500, 60, 60);
	assert_caps(&profile->caps[1], 3, 60, 50);
	assert_int_equal(profile->flags & (ASKS | NAMES), ASKS | AEG_IDENT_NAMES_UNION);
	profile = profile_of(&scene, "four");
	assert_caps(&profile->caps[0], 0, 0, 0);
	assert_int_equal(profile->flags & (ASKS | NAMES), AUDITED);
	assert_int_equal(profile_of(&scene, "five")->flags & (ASKS | NAMES), 0);
}

static const char *named(struct scene *scene, const char *who, const char *host)
{
	uint32_t profile = scene_profile(scene, who, NULL);
	const struct aeg_dest *dest = scene_name(scene, host);
	const struct aeg_cell *cell = aeg_tables_named(scene->tables, profile, dest->class);

	return cell ? aeg_verdict_word(cell->enforce.verdict) : "-";
}

/* It leads somewhere if one port is left of it. */
static void test_named(void **state)
{
	AUTO_SCENE scene;

	scene_make(
		SEALED("a", "web",
		       "dns: AllowedNames, allow: [" RULE(
			       "x",
			       "{host: a.example, ports: [22, 443]}, {host: b.example, ports: [443]}, "
			       "{host: c.example, ports: [any/tcp]}, {host: '*.d.example'}") "], "
											     "deny: [" RULE(
												     "y",
												     "{host: a.example, ports: [443]}, "
												     "{host: b.example, ports: [443]}, "
												     "{host: c.example, ports: [443]}, {host: e.d.example}") "]")
			SEALED("b", "other", "allow: [" RULE("z", "{host: a.example}") "]"),
		&scene);
	assert_string_equal(named(&scene, "web", "a.example"), "allowed");
	assert_string_equal(named(&scene, "web", "b.example"), "denied");
	assert_string_equal(named(&scene, "web", "c.example"), "allowed");
	assert_string_equal(named(&scene, "web", "f.d.example"), "allowed");
	assert_string_equal(named(&scene, "web", "e.d.example"), "denied");
	assert_string_equal(named(&scene, "other", "a.example"), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_bucket_of_another_cap),
		cmocka_unit_test(test_strictest),
		cmocka_unit_test(test_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
