/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What only the whole set can tell: duplicates, unknown names, rules that do nothing; the order. */
#include "util_model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Five lines each: the spec of what comes after one is at line 9. */
#define HUB ENDPOINT_OF("hub", "hf", "hub", "hosts: [a.example, '*.b.example']")
#define TEMPLATED                                                                                  \
	ENDPOINT("t", "hosts: ['*.x.example'], template: '{id}.{region}.{vendor}.x.example'")
#define RULES(rules) POLICY("p", "workloads: {all: true}, " rules)
#define ALLOW(to) RULES("allow: [{name: a, to: [" to "]}]")
#define DENY(to) RULES("deny: [{name: d, to: [" to "]}]")

static void duplicates(void **state)
{
	assert_diags(HUB HUB, "8:18: duplicate AIEndpoint 'hub': first at f.yaml:3");
	assert_diags(RULES("allow: []") RULES("allow: []"),
		     "8:18: duplicate AIEgressPolicy 'ns/p': first at f.yaml:3");
	assert_diags(CLUSTER_POLICY("p", "workloads: {all: true}, allow: []")
			     CLUSTER_POLICY("p", "workloads: {all: true}, allow: []"),
		     "8:18: duplicate ClusterAIEgressPolicy 'p': first at f.yaml:3");
	assert_diags(API "kind: Workload\nmetadata: {name: w, namespace: ns}\n"
			 "spec: {cgroup: a}\n---\n" API
			 "kind: Workload\nmetadata: {name: w, namespace: ns}\nspec: {cgroup: b}\n",
		     "8:18: duplicate Workload 'ns/w': first at f.yaml:3");
	assert_diags("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n"
		     "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
		     "7:18: duplicate Namespace 'a': first at f.yaml:3");
	/* one name for different things */
	assert_diags(
		ENDPOINT("p", "hosts: [a.example]") RULES("allow: []")
			CLUSTER_POLICY("p", "workloads: {all: true}, allow: []") API
		"kind: Workload\nmetadata: {name: p, namespace: ns}\nspec: {cgroup: a}\n---\n" API
		"kind: Workload\nmetadata: {name: p, namespace: ns2}\nspec: {cgroup: a}\n",
		"");
}

static void unknown_endpoints(void **state)
{
	assert_diags(HUB ALLOW("{endpoint: hub}"), "");
	assert_diags(HUB DENY("{endpoint: hbu}"),
		     "9:65: unknown endpoint 'hbu' (did you mean 'hub'?)");
	assert_diags(HUB ALLOW("{host: c.example}, {endpoint: something-else}"),
		     "9:85: unknown endpoint 'something-else'");
}

static void classes(void **state)
{
	assert_diags(HUB ALLOW("{class: hub}, {class: hub, provider: hf}"), "");
	assert_diags(HUB DENY("{class: hub}, {class: hub, provider: hf}"), "");
	assert_diags(HUB DENY("{class: jobs}"),
		     "9:62: no endpoint has class 'jobs': this can never match");
	assert_diags(HUB ALLOW("{class: jobs, provider: hf}"),
		     "9:63: no endpoint has class 'jobs' and provider 'hf': this can never match");
	assert_diags(ENDPOINT_OF("e", "huggingface", "hub", "hosts: [a.example]")
			     ALLOW("{class: hub, provider: hugginface}"),
		     "9:63: no endpoint has class 'hub' and provider 'hugginface': this can never "
		     "match (did you mean 'huggingface'?)");
	/* an endpoint without provider has none, not any */
	assert_diags(ENDPOINT("e", "hosts: [a.example]") ALLOW("{class: other, provider: hf}"),
		     "9:63: no endpoint has class 'other' and provider 'hf': this can never match");
}

static void selections(void **state)
{
	assert_diags(TEMPLATED ALLOW("{endpoint: t}, {endpoint: t, vendors: [aws]}, "
				     "{endpoint: t, vendors: [aws], regions: [eu, us]}, "
				     "{endpoint: t, ids: [q], regions: [eu], vendors: [aws]}"),
		     "");
	assert_diags(TEMPLATED ALLOW("{endpoint: t, ids: [q]}"),
		     "9:66: endpoint 't': add 'regions' and 'vendors', since only the first "
		     "placeholders of the template '{id}.{region}.{vendor}.x.example' can be left "
		     "open");
	assert_diags(TEMPLATED DENY("{endpoint: t, regions: [eu]}"),
		     "9:65: endpoint 't': add 'vendors', since only the first placeholders of the "
		     "template '{id}.{region}.{vendor}.x.example' can be left open");
	assert_diags(TEMPLATED ALLOW("{endpoint: t, ids: [q], vendors: [aws]}"),
		     "9:66: endpoint 't': add 'regions', since only the first placeholders of the "
		     "template '{id}.{region}.{vendor}.x.example' can be left open");
	assert_diags(HUB ALLOW("{endpoint: hub, ids: [q]}"),
		     "9:66: endpoint 'hub' has no template: ids, regions and vendors cannot "
		     "select in it");
	assert_diags(ENDPOINT("e", "hosts: ['*.hf.space'], template: '{id}.hf.space'")
			     ALLOW("{endpoint: e, ids: [q], regions: [eu]}"),
		     "9:66: endpoint 'e': 'regions' cannot select here: the template "
		     "'{id}.hf.space' has no {region}");
	/* the fixed label in front closes the template */
	assert_diags(ENDPOINT("e",
			      "hosts: ['*.x.example'], template: 'api.{region}.{id}.x.example'")
			     ALLOW("{endpoint: e, ids: [q]}"),
		     "9:66: endpoint 'e': add 'regions', since only the first placeholders of the "
		     "template 'api.{region}.{id}.x.example' can be left open");
}

static void selection_limits(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf ids = {0}, text = {0};

	for (int i = 0; i < 65; i++)
		aeg_buf_printf(&ids, "i%d, ", i);
	aeg_buf_printf(&text,
		       TEMPLATED ALLOW("{endpoint: t, ids: [%s], regions: [%s], "
				       "vendors: [aws]}"),
		       aeg_buf_text(&ids), aeg_buf_text(&ids));
	assert_diags(aeg_buf_text(&text), "9:66: endpoint 't': stands for more than 4096 names");
#define LABEL63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
	assert_diags(ENDPOINT("t",
			      "hosts: ['*.x.example'], template: '{id}.{region}.{vendor}." LABEL63
			      ".x.example'")
			     ALLOW("{endpoint: t, ids: [x, " LABEL63 "], regions: [" LABEL63
				   "], vendors: [" LABEL63 "]}"),
		     "9:66: endpoint 't': stands for names longer than 253 characters");
}

static void retired(void **state)
{
	assert_diags(ENDPOINT("e", "hosts: [a.example], retired: 2026-01-31")
			     ALLOW("{endpoint: e}"),
		     "9:66: warning: endpoint 'e' is retired, as of 2026-01-31");
	assert_diags(ENDPOINT("e", "hosts: [a.example], retired: 2026-01-31")
			     ALLOW("{class: other}"),
		     "");
}

#define SHADOWED                                                                                   \
	"9:47: warning: allow rule 'a' has no effect: deny rules of this policy cover all of it"

/* What the allow rule and the deny rule of one policy are about. */
static void assert_shadowed(const char *allow, const char *deny, bool shadowed)
{
	AEG_AUTO_FREE char *text = aeg_xasprintf(
		"%s" RULES("allow: [{name: a, to: [%s]}], deny: [{name: d, to: [%s]}]"), HUB, allow,
		deny);

	assert_diags(text, shadowed ? SHADOWED : "");
}

static void shadowed_rules(void **state)
{
	assert_shadowed("{endpoint: hub}", "{endpoint: hub}", true);
	assert_shadowed("{endpoint: hub}", "{class: hub}", true);
	assert_shadowed("{endpoint: hub}", "{class: hub, provider: hf}", true);
	assert_shadowed("{class: hub, provider: hf}", "{endpoint: hub}", true);
	assert_shadowed("{host: x.b.example}", "{endpoint: hub}", true);
	assert_shadowed("{host: b.example}", "{endpoint: hub}", false);
	assert_shadowed("{endpoint: hub}", "{host: a.example}, {host: '*.b.example'}", true);
	assert_shadowed("{endpoint: hub}", "{host: a.example}, {host: '*.c.b.example'}", false);
	assert_shadowed("{host: a.example}, {host: c.example}", "{endpoint: hub}", false);
	assert_shadowed("{cidr: 192.0.2.0/25}", "{cidr: 192.0.2.0/24}", true);
	assert_shadowed("{cidr: 192.0.2.0/24}", "{cidr: 192.0.2.0/25}", false);
	assert_shadowed("{cidr: 192.0.2.0/24}", "{host: '*.example.com'}", false);
	assert_shadowed("{host: a.example}", "{cidr: '::/0'}", false);
}

static void shadows_have_ports(void **state)
{
	assert_shadowed("{endpoint: hub}", "{endpoint: hub, ports: [443]}", true);
	assert_shadowed("{endpoint: hub}", "{endpoint: hub, ports: [any/tcp]}", true);
	assert_shadowed("{endpoint: hub}", "{endpoint: hub, ports: [443/udp]}", false);
	assert_shadowed("{endpoint: hub, ports: [80, 443]}", "{endpoint: hub, ports: [443]}",
			false);
	assert_shadowed("{cidr: 192.0.2.0/24}", "{cidr: 192.0.2.0/24, ports: [443]}", false);
	assert_shadowed("{cidr: 192.0.2.0/24, ports: [any/udp]}", "{cidr: 192.0.2.0/24}", true);
}

static void a_rule_of_many_names_is_compared_within_a_budget(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf names = {0}, text = {0};

	/* Each allowed host is the last one denied: 4,000 * 4,000 comparisons, were they all made. */
	for (int i = 0; i < 4000; i++)
		aeg_buf_printf(&names, "{host: h%d.example}, ", i);
	aeg_buf_printf(&text, RULES("deny: [{name: d, to: [%s]}], allow: [{name: a, to: ["),
		       aeg_buf_text(&names));
	text.data[text.len -= strlen("}\n---\n")] = '\0';
	for (int i = 3999; i >= 0; i--)
		aeg_buf_printf(&text, "{host: h%d.example}, ", i);
	aeg_buf_puts(&text, "]}]}\n");
	assert_diags(aeg_buf_text(&text), "");
}

/* Cluster policies first, then by namespace and name: numbers and output follow this order. */
static void order(void **state)
{
	struct aeg_model *model = model_of(
		POLICY("b", "workloads: {all: true}, allow: []")
			POLICY("a", "workloads: {all: true}, allow: []")
				CLUSTER_POLICY("z", "workloads: {all: true}, allow: []")
					CLUSTER_POLICY("c", "workloads: {all: true}, allow: []")
						ENDPOINT("y", "hosts: [a.example]")
							ENDPOINT("x", "hosts: [a.example]"));

	assert_string_equal(model->policies.items[0]->name, "c");
	assert_string_equal(model->policies.items[1]->name, "z");
	assert_string_equal(model->policies.items[2]->name, "a");
	assert_string_equal(model->policies.items[3]->name, "b");
	assert_string_equal(model->endpoints.items[0]->name, "x");
	assert_string_equal(model->endpoints.items[1]->name, "y");
	assert_ptr_equal(aeg_model_endpoint(model, "y"), model->endpoints.items[1]);
	assert_null(aeg_model_endpoint(model, "w"));
	assert_null(aeg_model_endpoint(model, "z"));
	aeg_model_free(model);
}

/* Errors of reading count, even where nothing is left to check. */
static void reading_errors_fail_the_check(void **state)
{
	struct aeg_model *model = aeg_model_new();
	struct aeg_diags diags = {0};

	assert_int_equal(aeg_model_check(model, NOW_S, &diags), 0);
	aeg_model_add_text(model, "f.yaml", "a: [", 4, &diags);
	assert_true(diags.nerrors > 0);
	assert_int_equal(aeg_model_check(model, NOW_S, &diags), -22);
	aeg_diags_done(&diags);
	aeg_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duplicates),
		cmocka_unit_test(unknown_endpoints),
		cmocka_unit_test(classes),
		cmocka_unit_test(selections),
		cmocka_unit_test(selection_limits),
		cmocka_unit_test(retired),
		cmocka_unit_test(shadowed_rules),
		cmocka_unit_test(shadows_have_ports),
		cmocka_unit_test(a_rule_of_many_names_is_compared_within_a_budget),
		cmocka_unit_test(order),
		cmocka_unit_test(reading_errors_fail_the_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
