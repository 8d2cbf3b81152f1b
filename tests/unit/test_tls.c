/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* spec.tls: what is said adds up, the strictest holds, and only what a rule allows is concerned. */
#include "util_policy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char endpoint[] = ENDPOINT("hub", "hosts: [hub.test], ports: [443, 80, 443/udp]");

#define HUB RULE("r", "{endpoint: hub}")
#define ALLOW(name, more) POLICY(name, ALL ", allow: [" HUB "]" more)

/* Flags of the enforcing and of the whole layer for one port of hub.test. */
static void assert_tls(const char *policies, uint8_t proto, uint32_t enforce, uint32_t all)
{
	AEG_AUTO_FREE char *text = aeg_xasprintf("%s%s", endpoint, policies);
	const struct aeg_cell *cell;
	AUTO_SCENE scene;
	uint32_t profile;

	scene_make(text, &scene);
	profile = scene_profile(&scene, "web", NULL);
	cell = aeg_tables_cell(scene.tables, profile, scene_name(&scene, "hub.test")->class, proto,
			       443);
	assert_non_null(cell);
	assert_int_equal(cell->enforce.tls, enforce);
	assert_int_equal(cell->all.tls, all);
}

static void assert_both(const char *policies, uint32_t flags)
{
	assert_tls(policies, AEG_PROTO_TCP, flags, flags);
}

static void test_nothing_said(void **state)
{
	assert_both(ALLOW("a", ""), 0);
	assert_both(ALLOW("a", ", tls: {}"), 0);
	assert_both(ALLOW("a", ", tls: {required: false, ech: Deny}"), 0);
}

static void test_each_key(void **state)
{
	assert_both(ALLOW("a", ", tls: {required: true}"), AEG_TLS_DEMAND);
	assert_both(ALLOW("a", ", tls: {minVersion: '1.2'}"), AEG_TLS_MIN12);
	assert_both(ALLOW("a", ", tls: {minVersion: '1.3'}"), AEG_TLS_MIN13);
	assert_both(ALLOW("a", ", tls: {ech: Allow}"), AEG_TLS_ECH_ALLOW);
	assert_both(ALLOW("a", ", tls: {required: true, minVersion: '1.3', ech: Allow}"),
		    AEG_TLS_DEMAND | AEG_TLS_MIN13 | AEG_TLS_ECH_ALLOW);
}

static void test_strictest_of_two(void **state)
{
	assert_both(ALLOW("a", ", tls: {minVersion: '1.2'}")
			    ALLOW("b", ", tls: {minVersion: '1.3', required: true}"),
		    AEG_TLS_DEMAND | AEG_TLS_MIN13);
	assert_both(ALLOW("a", ", tls: {ech: Allow}") ALLOW("b", ", tls: {ech: Deny}"), 0);
	/* saying nothing is no objection */
	assert_both(ALLOW("a", ", tls: {ech: Allow}") ALLOW("b", ", tls: {required: true}"),
		    AEG_TLS_DEMAND | AEG_TLS_ECH_ALLOW);
}

static void test_only_what_its_own_rules_allow(void **state)
{
	assert_both(ALLOW("a", "") POLICY(
			    "b", ALL ", allow: [" RULE(
					 "s", "{host: other.test}") "], tls: {required: true}"),
		    0);
	assert_tls(ALLOW("a", ", tls: {required: true}"), AEG_PROTO_UDP, 0, 0);
	assert_both(ALLOW("a",
			  ", tls: {required: true}, deny: [" RULE("n", "{host: hub.test}") "]"),
		    0); /* denied: there is nothing to demand of */
}

static void test_auditing_policies_demand_nothing(void **state)
{
	assert_tls(ALLOW("a", ", tls: {minVersion: '1.2'}")
			   ALLOW("b", ", mode: Audit, tls: {minVersion: '1.3'}"),
		   AEG_PROTO_TCP, AEG_TLS_MIN12, AEG_TLS_MIN13);
}

/* ---- explain ---- */

static void assert_explained(struct scene *scene, const char *to, const struct aeg_strings *learned,
			     const char *expected)
{
	AEG_CLEANUP(aeg_explanation_done) struct aeg_explanation explanation = {0};
	AEG_CLEANUP(aeg_target_done) struct aeg_target target = {0};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	const struct aeg_gen gen = {.unselected = AEG_VERDICT_DENIED,
				    .unknown = AEG_VERDICT_DENIED};
	const struct aeg_subject subject = {.ns = "ns", .service_account = "web"};
	const struct aeg_question question = {
		.model = scene->model,
		.tables = scene->tables,
		.numbers = &scene->numbers,
		.gen = &gen,
		.subject = &subject,
		.target = &target,
		.learned = learned,
	};

	assert_int_equal(aeg_target_parse(to, &target, &text), 0);
	assert_int_equal(aeg_explain(&question, &explanation, &text), 0);
	aeg_explanation_json(&question, &explanation, &text);
	if (!strstr(aeg_buf_text(&text), expected))
		fail_msg("%s: no %s in %s", to, expected, aeg_buf_text(&text));
}

static const char two_names[] = ENDPOINT("hub", "hosts: [hub.test]")
	ENDPOINT("rival", "hosts: ['*.rival.test']")
		ENDPOINT("net", "hosts: [net.test], cidrs: [192.0.2.0/24]")
			POLICY("p", ALL ", allow: [" HUB "], tls: {minVersion: '1.2'}");

static void test_explain_names(void **state)
{
	AUTO_SCENE scene;

	scene_make(two_names, &scene);
	assert_explained(&scene, "hub.test", NULL,
			 "\"tls\":{\"required\":true,\"minVersion\":\"1.2\",\"ech\":\"Deny\"}");
	assert_explained(&scene, "hub.test", NULL, "\"verdict\":\"allowed\",\"reason\":\"rule\"");
	assert_explained(&scene, "x.rival.test", NULL, "\"reason\":\"no-rule\"");
	assert_explained(&scene, "192.0.2.1", NULL, "\"note\":\"the address may stand for names");
}

/* As connect() does it: all denied is denied, one allowed goes on. */
static void test_explain_what_was_learned(void **state)
{
	char *patterns[] = {(char[]){"*.rival.test"}, (char[]){"hub.test"}};
	const struct aeg_strings none = {0}, rival = {.list = {.items = patterns, .n = 1}},
				 both = {.list = {.items = patterns, .n = 2}};
	AUTO_SCENE scene;

	scene_make(two_names, &scene);
	assert_explained(&scene, "198.51.100.1", &none,
			 "\"verdict\":\"allowed\",\"reason\":\"not-governed\"");
	assert_explained(&scene, "198.51.100.1", &rival,
			 "\"verdict\":\"denied\",\"reason\":\"no-rule\"");
	assert_explained(&scene, "198.51.100.1", &rival, "\"endpoint\":\"rival\"");
	assert_explained(&scene, "198.51.100.1", &both,
			 "\"verdict\":\"allowed\",\"reason\":\"rule\"");
	assert_explained(&scene, "198.51.100.1", &both, "\"pattern\":\"hub.test\"},\"learned\":");
	assert_explained(&scene, "198.51.100.1", &both, "\"required\":true");
	assert_explained(&scene, "192.0.2.1", &rival, "\"endpoint\":\"net\"");
	assert_explained(&scene, "192.0.2.1", &both, "\"endpoint\":\"hub\"");
}

/* What somebody else's rule names is no way out: it has no say for this workload. */
static void test_explain_ignores_foreign_rules(void **state)
{
	char *patterns[] = {(char[]){"*.rival.test"}, (char[]){"free.test"}};
	const struct aeg_strings both = {.list = {.items = patterns, .n = 2}};
	AEG_AUTO_FREE char *text = aeg_xasprintf(
		"%s%s", two_names,
		POLICY("x", "workloads: {serviceAccounts: [x]}, allow: [" RULE(
				    "r", "{cidr: 0.0.0.0/0}, {host: free.test}") "]"));
	AUTO_SCENE scene;

	scene_make(text, &scene);
	assert_explained(&scene, "198.51.100.1", &both,
			 "\"verdict\":\"denied\",\"reason\":\"no-rule\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_said),
		cmocka_unit_test(test_each_key),
		cmocka_unit_test(test_strictest_of_two),
		cmocka_unit_test(test_only_what_its_own_rules_allow),
		cmocka_unit_test(test_auditing_policies_demand_nothing),
		cmocka_unit_test(test_explain_names),
		cmocka_unit_test(test_explain_what_was_learned),
		cmocka_unit_test(test_explain_ignores_foreign_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
