/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The compiler: covering, classes, profiles, and that deny has won in every cell. */
#include "util_policy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char wide_and_narrow[] = ENDPOINT_OF("wide", "acme", "hub",
						  "hosts: ['*.hub.test'], cidrs: [10.0.0.0/8]")
	ENDPOINT_OF("narrow", "acme", "upload", "hosts: [a.b.hub.test], cidrs: [10.1.2.0/24]");

static void test_empty_model(void **state)
{
	AUTO_SCENE scene;
	struct aeg_addr addr = {0};
	uint32_t flags;

	scene_make("", &scene);
	assert_int_equal(scene.tables->addrs.n, 0);
	assert_int_equal(scene.tables->names.n, 0);
	assert_null(aeg_tables_addr(scene.tables, &addr));
	assert_null(aeg_tables_name(scene.tables, "hub.test"));
	assert_int_equal(scene_profile(&scene, "web", &flags), 0);
	assert_int_equal(flags, 0);
	assert_int_equal(scene.tables->cells.n, 0);
}

static void test_unreferenced_is_class_0(void **state)
{
	AUTO_SCENE scene;
	const struct aeg_dest *dest;

	scene_make(wide_and_narrow, &scene);
	dest = scene_addr(&scene, "10.1.2.3");
	assert_int_equal(dest->class, 0);
	assert_int_equal(dest->flags, AEG_DEST_GOVERNED);
	assert_string_equal(aeg_numbers_text(&scene.numbers, dest->node), "10.1.2.0/24");
}

static bool declared(const struct scene *scene, const char *host, const char *addr)
{
	return scene_name(scene, host)->declarers & scene_addr(scene, addr)->declarers;
}

/* An address belongs to a name where one endpoint has both, itself or around them. */
static void test_declarers(void **state)
{
	AUTO_SCENE scene;
	AEG_AUTO_FREE char *text = aeg_xasprintf(
		"%s%s%s", wide_and_narrow,
		ENDPOINT_OF("hub", "acme", "hub", "hosts: [free.test, x.hub.test]"),
		ENDPOINT_OF("link", "acme", "hub", "hosts: [link.test], cidrs: [192.168.0.0/16]"));

	scene_make(text, &scene);
	assert_true(declared(&scene, "x.y.hub.test", "10.9.9.9"));
	assert_true(declared(&scene, "x.y.hub.test", "10.1.2.3")); /* wide covers narrow */
	assert_true(declared(&scene, "a.b.hub.test", "10.1.2.3"));
	assert_true(declared(&scene, "a.b.hub.test", "10.9.9.9"));
	assert_true(declared(&scene, "x.hub.test", "10.9.9.9")); /* *.hub.test has it, too */
	assert_true(declared(&scene, "link.test", "192.168.1.1"));
	assert_false(declared(&scene, "link.test", "10.1.2.3"));
	assert_false(declared(&scene, "free.test", "10.1.2.3"));
	assert_false(declared(&scene, "x.y.hub.test", "192.168.1.1"));
}

/* A deny of the wide endpoint reaches the narrow node, an allow of the narrow one does not help. */
static void test_deny_wide_beats_allow_narrow(void **state)
{
	AUTO_SCENE scene;
	AEG_AUTO_FREE char *text = aeg_xasprintf(
		"%s%s", wide_and_narrow,
		POLICY("p", ALL ", allow: [" RULE("open", "{endpoint: narrow}") "], deny: [" RULE(
				    "shut", "{endpoint: wide}") "]"));
	uint32_t profile;

	scene_make(text, &scene);
	profile = scene_profile(&scene, "web", NULL);
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.1.2.3"), "443/tcp"),
			    "denied ns/p/shut | denied ns/p/shut");
	assert_string_equal(scene_cell(&scene, profile, scene_name(&scene, "a.b.hub.test"),
				       "443/tcp"),
			    "denied ns/p/shut | denied ns/p/shut");
}

static void test_deny_narrow_leaves_wide(void **state)
{
	AUTO_SCENE scene;
	AEG_AUTO_FREE char *text = aeg_xasprintf(
		"%s%s", wide_and_narrow,
		POLICY("p", ALL ", allow: [" RULE("open", "{endpoint: wide}") "], deny: [" RULE(
				    "shut", "{endpoint: narrow}") "]"));
	uint32_t profile;

	scene_make(text, &scene);
	profile = scene_profile(&scene, "web", NULL);
	assert_string_equal(scene_cell(&scene, profile, scene_name(&scene, "a.b.hub.test"),
				       "443/tcp"),
			    "denied ns/p/shut | denied ns/p/shut");
	assert_string_equal(scene_cell(&scene, profile, scene_name(&scene, "c.b.hub.test"),
				       "443/tcp"),
			    "allowed ns/p/open | allowed ns/p/open");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.1.3.1"), "443/tcp"),
			    "allowed ns/p/open | allowed ns/p/open");
}

/* The endpoint allows 443; a deny of one port takes only that, a deny without ports everything. */
static void test_deny_ports(void **state)
{
	AUTO_SCENE scene;
	const struct aeg_dest *dest;
	uint32_t profile;

	scene_make(ENDPOINT_OF("e", "acme", "hub", "cidrs: [10.0.0.0/8], ports: [443, 22, any/udp]")
			   POLICY("p",
				  ALL ", allow: [" RULE("open", "{endpoint: e}") "], deny: [" RULE(
					  "ssh", "{endpoint: e, ports: [22, 53/udp]}") "]"),
		   &scene);
	profile = scene_profile(&scene, "web", NULL);
	dest = scene_addr(&scene, "10.0.0.1");
	assert_string_equal(scene_cell(&scene, profile, dest, "443/tcp"),
			    "allowed ns/p/open | allowed ns/p/open");
	assert_string_equal(scene_cell(&scene, profile, dest, "22/tcp"),
			    "denied ns/p/ssh | denied ns/p/ssh");
	assert_string_equal(scene_cell(&scene, profile, dest, "53/udp"),
			    "denied ns/p/ssh | denied ns/p/ssh");
	assert_string_equal(scene_cell(&scene, profile, dest, "54/udp"),
			    "allowed ns/p/open | allowed ns/p/open");
	assert_string_equal(scene_cell(&scene, profile, dest, "80/tcp"), "-");
}

static void test_deny_without_ports_is_everything(void **state)
{
	AUTO_SCENE scene;
	const struct aeg_dest *dest;
	uint32_t profile;
	static const char *const ports[] = {"443/tcp", "8443/tcp", "443/udp", "1/udp", "0/other"};

	scene_make(ENDPOINT_OF("e", "acme", "hub", "cidrs: [10.0.0.0/8]") POLICY(
			   "p", ALL ", allow: [" RULE("open", "{endpoint: e}") "], deny: [" RULE(
					"shut", "{class: hub}") "]"),
		   &scene);
	profile = scene_profile(&scene, "web", NULL);
	dest = scene_addr(&scene, "10.0.0.1");
	for (size_t i = 0; i < AEG_ARRAY_SIZE(ports); i++)
		assert_string_equal(scene_cell(&scene, profile, dest, ports[i]),
				    "denied ns/p/shut | denied ns/p/shut");
}

/* An exact cell shadows the one for all ports: it must have been told of it. */
static void test_exact_port_knows_any(void **state)
{
	AUTO_SCENE scene;
	uint32_t profile;

	scene_make(
		POLICY("p",
		       ALL ", allow: [" RULE("one", "{cidr: 10.0.0.0/8, ports: [80]}") ", " RULE(
			       "all",
			       "{cidr: 10.0.0.0/9}") "], deny: [" RULE("shut",
								       "{cidr: 10.0.0.0/10, ports: [any/tcp]}") "]"),
		&scene);
	profile = scene_profile(&scene, "web", NULL);
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.0.0.1"), "80/tcp"),
			    "denied ns/p/shut | denied ns/p/shut");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.0.0.1"), "81/tcp"),
			    "denied ns/p/shut | denied ns/p/shut");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.64.0.1"), "80/tcp"),
			    "allowed ns/p/one | allowed ns/p/one");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.64.0.1"), "81/tcp"),
			    "allowed ns/p/all | allowed ns/p/all");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.128.0.1"), "81/tcp"),
			    "-");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.64.0.1"), "81/udp"),
			    "-");
}

static void test_default_ports(void **state)
{
	AUTO_SCENE scene;
	uint32_t profile;

	scene_make(POLICY("p", ALL ", allow: [" RULE("host", "{host: x.test}") ", " RULE(
				       "cidr", "{cidr: 10.0.0.0/8}") "]"),
		   &scene);
	profile = scene_profile(&scene, "web", NULL);
	assert_string_equal(scene_cell(&scene, profile, scene_name(&scene, "x.test"), "443/tcp"),
			    "allowed ns/p/host | allowed ns/p/host");
	assert_string_equal(scene_cell(&scene, profile, scene_name(&scene, "x.test"), "80/tcp"),
			    "-");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.0.0.1"), "80/tcp"),
			    "allowed ns/p/cidr | allowed ns/p/cidr");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.0.0.1"), "80/udp"),
			    "-");
}

/* What only a rule names is found, but nobody else is policed for it. */
static void test_bare_destinations_are_not_governed(void **state)
{
	AUTO_SCENE scene;

	scene_make(ENDPOINT_OF("e", "acme", "hub", "hosts: ['*.hub.test'], cidrs: [10.0.0.0/8]")
			   POLICY("p", ALL
				  ", deny: [" RULE("shut",
						   "{host: x.test}, {cidr: 192.0.2.0/24}, "
						   "{host: a.hub.test}, {cidr: 10.1.0.0/16}") "]"),
		   &scene);
	assert_int_equal(scene_name(&scene, "x.test")->flags, 0);
	assert_int_equal(scene_addr(&scene, "192.0.2.1")->flags, 0);
	assert_int_equal(scene_name(&scene, "a.hub.test")->flags, AEG_DEST_GOVERNED);
	assert_int_equal(scene_addr(&scene, "10.1.0.1")->flags, AEG_DEST_GOVERNED);
	assert_null(aeg_tables_name(scene.tables, "y.test"));
	assert_null(aeg_tables_name(scene.tables, "hub.test"));
}

/* A bare wide CIDR around an endpoint governs nothing by itself. */
static void test_wider_rule_does_not_govern(void **state)
{
	AUTO_SCENE scene;

	scene_make(ENDPOINT_OF("e", "acme", "hub", "cidrs: [10.1.0.0/16]")
			   POLICY("p", ALL ", deny: [" RULE("shut", "{cidr: 10.0.0.0/8}") "]"),
		   &scene);
	assert_int_equal(scene_addr(&scene, "10.2.0.1")->flags, 0);
	assert_int_equal(scene_addr(&scene, "10.1.0.1")->flags, AEG_DEST_GOVERNED);
}

static void test_same_references_share_a_class(void **state)
{
	AUTO_SCENE scene;

	scene_make(ENDPOINT_OF("a", "acme", "hub", "cidrs: [10.0.0.0/16, 10.1.0.0/16]")
			   ENDPOINT_OF("b", "acme", "hub", "cidrs: [10.2.0.0/16]") ENDPOINT_OF(
				   "c", "acme", "hub", "cidrs: [10.3.0.0/16], ports: [80]")
				   POLICY("p", ALL ", allow: [" RULE("open", "{class: hub}") "]"),
		   &scene);
	assert_int_equal(scene_addr(&scene, "10.0.0.1")->class,
			 scene_addr(&scene, "10.1.0.1")->class);
	assert_int_equal(scene_addr(&scene, "10.0.0.1")->class,
			 scene_addr(&scene, "10.2.0.1")->class);
	assert_int_not_equal(scene_addr(&scene, "10.0.0.1")->class,
			     scene_addr(&scene, "10.3.0.1")->class);
	assert_int_not_equal(scene_addr(&scene, "10.0.0.1")->node,
			     scene_addr(&scene, "10.2.0.1")->node);
}

/* The rule reported is the first in model order: cluster policies, then names, then the file. */
static void test_first_match_is_reported(void **state)
{
	AUTO_SCENE scene;
	uint32_t profile;

	scene_make(
		POLICY("b", ALL ", allow: [" RULE("x", "{cidr: 10.0.0.0/8}") "]") POLICY(
			"a",
			ALL ", allow: [" RULE("z", "{cidr: 10.0.0.0/8}") ", " RULE(
				"y",
				"{cidr: 10.0.0.0/8}") "], deny: [" RULE("udp",
									"{cidr: 10.0.0.0/8, ports: [53/udp]}") "]")
			CLUSTER_POLICY("z", ALL
				       ", deny: [" RULE("far",
							"{cidr: 10.0.0.0/8, ports: [53/udp]}") "]"),
		&scene);
	profile = scene_profile(&scene, "web", NULL);
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.0.0.1"), "80/tcp"),
			    "allowed ns/a/z | allowed ns/a/z");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.0.0.1"), "53/udp"),
			    "denied /z/far | denied /z/far");
}

static void test_layers(void **state)
{
	AUTO_SCENE scene;
	uint32_t profile;

	scene_make(
		POLICY("a-audit", "mode: Audit, " ALL
				  ", allow: [" RULE("open", "{cidr: 10.0.0.0/8}") "], deny: [" RULE(
					  "shut", "{cidr: 10.1.0.0/16}") "]")
			POLICY("enforce", ALL ", allow: [" RULE("open", "{cidr: 10.1.0.0/16}") "]"),
		&scene);
	profile = scene_profile(&scene, "web", NULL);
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.0.0.1"), "80/tcp"),
			    "- | allowed ns/a-audit/open");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.1.0.1"), "80/tcp"),
			    "allowed ns/enforce/open | denied ns/a-audit/shut");
}

static void test_flags(void **state)
{
	AUTO_SCENE scene;
	uint32_t flags;

	scene_make(POLICY("audits", "mode: Audit, workloads: {serviceAccounts: [audited, both]}, "
				    "allow: []")
			   POLICY("denies", "workloads: {serviceAccounts: [denied]}, deny: [" RULE(
						    "shut", "{cidr: 10.0.0.0/8}") "]")
				   POLICY("isolates",
					  "workloads: {serviceAccounts: [isolated, both]}, "
					  "allow: []"),
		   &scene);
	assert_int_equal(scene_profile(&scene, "nobody", &flags), 0);
	assert_int_equal(flags, 0);
	scene_profile(&scene, "denied", &flags);
	assert_int_equal(flags, AEG_IDENT_SELECTED);
	scene_profile(&scene, "audited", &flags);
	assert_int_equal(flags, AEG_IDENT_SELECTED | AEG_IDENT_ISOLATED_UNION);
	scene_profile(&scene, "isolated", &flags);
	assert_int_equal(flags, AEG_IDENT_SELECTED | AEG_IDENT_ISOLATED | AEG_IDENT_ISOLATED_UNION);
	scene_profile(&scene, "both", &flags);
	assert_int_equal(flags, AEG_IDENT_SELECTED | AEG_IDENT_ISOLATED | AEG_IDENT_ISOLATED_UNION);
}

/* A profile is a set of policies: who shares it adds no cells, who does not adds only their own. */
static void test_profiles_are_lazy_and_shared(void **state)
{
	AUTO_SCENE scene;
	uint32_t first, second;
	size_t cells;

	scene_make(POLICY("one", "workloads: {serviceAccounts: [a, b]}, allow: [" RULE(
					 "open", "{cidr: 10.0.0.0/8}") "]")
			   POLICY("two", "workloads: {serviceAccounts: [c]}, allow: [" RULE(
						 "open", "{cidr: 10.0.0.0/8}") "]"),
		   &scene);
	assert_int_equal(scene.tables->cells.n, 0);
	first = scene_profile(&scene, "a", NULL);
	cells = scene.tables->cells.n;
	assert_int_not_equal(cells, 0);
	assert_int_equal(scene_profile(&scene, "b", NULL), first);
	assert_int_equal(scene.tables->cells.n, cells);
	second = scene_profile(&scene, "c", NULL);
	assert_int_not_equal(second, first);
	for (size_t i = cells; i < scene.tables->cells.n; i++)
		assert_int_equal(scene.tables->cells.items[i].key.profile, second);
	assert_string_equal(scene_cell(&scene, first, scene_addr(&scene, "10.0.0.1"), "1/tcp"),
			    "allowed ns/one/open | allowed ns/one/open");
	assert_string_equal(scene_cell(&scene, second, scene_addr(&scene, "10.0.0.1"), "1/tcp"),
			    "allowed ns/two/open | allowed ns/two/open");
}

/* Numbers are the same after another compilation, whatever else came or went. */
static void test_numbers_are_stable(void **state)
{
	AUTO_SCENE scene;
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct aeg_tables *again;
	struct aeg_addr addr;
	uint32_t node, last;

	scene_make(wide_and_narrow, &scene);
	node = scene_addr(&scene, "10.1.2.3")->node;
	last = scene.numbers.last;
	assert_int_equal(aeg_compile(scene.model, &scene.numbers, &again, &error), 0);
	assert_int_equal(aeg_addr_parse("10.1.2.3", &addr), 0);
	assert_int_equal(aeg_tables_addr(again, &addr)->node, node);
	assert_int_equal(scene.numbers.last, last);
	aeg_tables_free(again);
}

static void test_template_selection(void **state)
{
	AUTO_SCENE scene;
	uint32_t profile;

	scene_make(ENDPOINT_OF("e", "acme", "inference",
			       "hosts: ['*.run.test'], cidrs: [10.0.0.0/8], "
			       "template: '{id}.{region}.{vendor}.run.test'")
			   POLICY("p", ALL ", allow: [" RULE("eu", "{endpoint: e, regions: [eu], "
								   "vendors: [aws]}") "]"),
		   &scene);
	profile = scene_profile(&scene, "web", NULL);
	assert_string_equal(scene_cell(&scene, profile, scene_name(&scene, "x.eu.aws.run.test"),
				       "443/tcp"),
			    "allowed ns/p/eu | allowed ns/p/eu");
	assert_string_equal(scene_cell(&scene, profile, scene_name(&scene, "x.us.aws.run.test"),
				       "443/tcp"),
			    "-");
	assert_string_equal(scene_cell(&scene, profile, scene_addr(&scene, "10.0.0.1"), "443/tcp"),
			    "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_model),
		cmocka_unit_test(test_unreferenced_is_class_0),
		cmocka_unit_test(test_declarers),
		cmocka_unit_test(test_deny_wide_beats_allow_narrow),
		cmocka_unit_test(test_deny_narrow_leaves_wide),
		cmocka_unit_test(test_deny_ports),
		cmocka_unit_test(test_deny_without_ports_is_everything),
		cmocka_unit_test(test_exact_port_knows_any),
		cmocka_unit_test(test_default_ports),
		cmocka_unit_test(test_bare_destinations_are_not_governed),
		cmocka_unit_test(test_wider_rule_does_not_govern),
		cmocka_unit_test(test_same_references_share_a_class),
		cmocka_unit_test(test_first_match_is_reported),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_profiles_are_lazy_and_shared),
		cmocka_unit_test(test_numbers_are_stable),
		cmocka_unit_test(test_template_selection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
