/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Documents become structs: every key, every default, every refusal at its place. */
#include "util_model.h"
#include "base/file.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void endpoint(void **state)
{
	struct aeg_model *model =
		model_of(API "kind: AIEndpoint\n"
			     "metadata:\n"
			     "  name: hf-endpoints\n"
			     "  labels: {provider: huggingface, team: ''}\n"
			     "  annotations: {note: 'anything at all!'}\n"
			     "spec:\n"
			     "  class: inference\n"
			     "  region: eu-west-1\n"
			     "  vendor: aws\n"
			     "  hosts: [API.Example.com., '*.endpoints.example.com']\n"
			     "  template: '{id}.{region}.{vendor}.Endpoints.example.com.'\n"
			     "  cidrs: [192.0.2.0/24, '2001:db8::/32', '::ffff:198.51.100.0/120']\n"
			     "  ports: [443, 22/tcp, 443/udp, any/udp]\n"
			     "  evidence: docs\n"
			     "  since: 2024-02-29\n"
			     "  retired: '2026-07-16'\n");
	const struct aeg_endpoint *e = aeg_model_endpoint(model, "hf-endpoints");
	char text[AEG_ADDR_TEXT];

	assert_non_null(e);
	assert_string_equal(e->pos.file, "f.yaml");
	assert_int_equal(e->pos.line, 4);
	assert_int_equal(e->pos.col, 9);
	assert_string_equal(aeg_endpoint_provider(e), "huggingface");
	assert_string_equal(aeg_labels_get(&e->labels, "team"), "");
	assert_int_equal(e->class, AEG_CLASS_INFERENCE);
	assert_string_equal(e->region, "eu-west-1");
	assert_string_equal(e->vendor, "aws");
	assert_int_equal(e->hosts.n, 2);
	assert_string_equal(e->hosts.items[0].pattern, "api.example.com");
	assert_string_equal(e->hosts.items[1].pattern, "*.endpoints.example.com");
	assert_string_equal(e->hosts.items[1].pos.file, "f.yaml");
	assert_int_equal(e->hosts.items[1].pos.col, 29);
	assert_string_equal(e->template, "{id}.{region}.{vendor}.endpoints.example.com");
	assert_int_equal(e->cidrs.n, 3);
	aeg_cidr_format(&e->cidrs.items[0].cidr, text);
	assert_string_equal(text, "192.0.2.0/24");
	assert_int_equal(e->cidrs.items[0].cidr.bits, AEG_V4_PREFIX + 24);
	assert_int_equal(e->cidrs.items[2].cidr.bits, 120);
	aeg_cidr_format(&e->cidrs.items[2].cidr, text);
	assert_string_equal(text, "198.51.100.0/24");
	assert_int_equal(e->ports.list.n, 4);
	assert_int_equal(e->ports.list.items[1].port, 22);
	assert_int_equal(e->ports.list.items[2].proto, AEG_PROTO_UDP);
	assert_int_equal(e->ports.list.items[3].port, AEG_PORT_ANY);
	assert_string_equal(e->evidence, "docs");
	assert_string_equal(e->since, "2024-02-29");
	assert_string_equal(e->retired, "2026-07-16");
	aeg_model_free(model);
}

static void endpoint_defaults(void **state)
{
	struct aeg_model *model = model_of(ENDPOINT("e", "hosts: [a.example]"));
	const struct aeg_endpoint *e = model->endpoints.items[0];

	assert_null(aeg_endpoint_provider(e));
	assert_null(e->region);
	assert_null(e->template);
	assert_null(e->retired);
	assert_int_equal(e->ports.list.n, 1);
	assert_int_equal(e->ports.list.items[0].port, 443);
	assert_int_equal(e->ports.list.items[0].proto, AEG_PROTO_TCP);
	aeg_model_free(model);
}

static void policy(void **state)
{
	struct aeg_model *model =
		model_of(API "kind: AIEgressPolicy\n"
			     "metadata: {name: chat, namespace: prod}\n"
			     "spec:\n"
			     "  mode: Audit\n"
			     "  containment: Governed\n"
			     "  workloads: {serviceAccounts: [chat]}\n"
			     "  deny:\n"
			     "  - {name: no-net, to: [{cidr: 192.0.2.0/24, ports: [any/tcp]}]}\n"
			     "  allow:\n"
			     "  - {name: host, to: [{host: '*.A.example'}, {host: b.example}]}\n"
			     "  - {name: cidr, to: [{cidr: '2001:db8::/32'}]}\n");
	const struct aeg_policy *p = model->policies.items[0];
	const struct aeg_to *to;
	AEG_AUTO_FREE char *label = aeg_rule_label(p, &p->rules.items[2]);

	assert_string_equal(p->ns, "prod");
	assert_string_equal(p->name, "chat");
	assert_int_equal(p->pos.col, 18);
	assert_int_equal(p->mode, AEG_MODE_AUDIT);
	assert_true(p->has_allow);
	assert_int_equal(p->rules.n, 3);
	/* allow rules first, each list in its order */
	assert_string_equal(p->rules.items[0].name, "host");
	assert_string_equal(p->rules.items[1].name, "cidr");
	assert_string_equal(p->rules.items[2].name, "no-net");
	assert_false(p->rules.items[1].deny);
	assert_true(p->rules.items[2].deny);
	assert_int_equal(p->rules.items[2].pos.line, 9);
	to = &p->rules.items[0].to.items[0];
	assert_int_equal(to->kind, AEG_TO_HOST);
	assert_string_equal(to->host, "*.a.example");
	assert_false(to->ports_given);
	assert_string_equal(to->pos.file, "f.yaml");
	assert_int_equal(to->pos.line, 11);
	to = &p->rules.items[2].to.items[0];
	assert_int_equal(to->kind, AEG_TO_CIDR);
	assert_true(to->ports_given);
	assert_string_equal(label, "prod/chat/no-net");
	aeg_model_free(model);
}

static void policy_defaults(void **state)
{
	struct aeg_model *model =
		model_of(CLUSTER_POLICY("p", "workloads: {all: true}, "
					     "deny: [{name: d, to: [{host: a.example}]}]")
				 POLICY("q", "workloads: {all: true}, allow: []"));
	const struct aeg_policy *cluster = model->policies.items[0];
	const struct aeg_policy *namespaced = model->policies.items[1];
	AEG_AUTO_FREE char *label = aeg_rule_label(cluster, &cluster->rules.items[0]);

	assert_null(cluster->ns);
	assert_int_equal(cluster->mode, AEG_MODE_ENFORCE);
	assert_false(cluster->has_allow);
	assert_string_equal(label, "/p/d");
	assert_string_equal(namespaced->ns, "ns");
	assert_true(namespaced->has_allow);
	assert_int_equal(namespaced->rules.n, 0);
	aeg_model_free(model);
}

static void workloads_and_namespaces(void **state)
{
	struct aeg_model *model = model_of(
		API
		"kind: Workload\nmetadata: {name: b, namespace: ns, labels: {a: b}}\n"
		"spec: {cgroup: 'kubepods-*.slice/pod[0-9]*'}\n---\n" API
		"kind: Workload\nmetadata: {name: a, namespace: ns}\n"
		"spec: {serviceAccount: chat, unit: 'chat@1.service'}\n---\n"
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: ns, labels: {tier: prod}}\n");
	const struct aeg_workload *a = model->workloads.items[0], *b = model->workloads.items[1];
	const struct aeg_labels *labels = aeg_model_namespace_labels(model, "ns");

	assert_string_equal(a->name, "a");
	assert_string_equal(a->service_account, "chat");
	assert_string_equal(a->unit, "chat@1.service");
	assert_null(a->cgroup);
	assert_null(a->uid);
	assert_string_equal(b->service_account, "default");
	assert_string_equal(b->cgroup, "kubepods-*.slice/pod[0-9]*");
	assert_string_equal(aeg_labels_get(&b->labels, "a"), "b");
	assert_non_null(labels);
	assert_string_equal(aeg_labels_get(labels, "tier"), "prod");
	assert_null(aeg_model_namespace_labels(model, "other"));
	aeg_model_free(model);
}

static void namespace_name_label(void **state)
{
#define LABELLED(name)                                                                             \
	"apiVersion: v1\nkind: Namespace\n"                                                        \
	"metadata: {name: ns, labels: {kubernetes.io/metadata.name: " name "}}\n"
	assert_diags(LABELLED("ns"), "");
	assert_diags(LABELLED("prod"), "3:60: 'prod': label kubernetes.io/metadata.name is always "
				       "the namespace's name, 'ns'");
}

static void documents(void **state)
{
	assert_diags("", "");
	assert_diags("---\n# nothing\n---\n", "");
	assert_diags("[]\n", "1:1: expected a mapping, found a list");
	assert_diags("kind: AIEndpoint\n", "1:1: missing key 'apiVersion'");
	assert_diags(API, "1:1: missing key 'kind'");
	assert_diags(API "kind: Pod\n", "2:7: 'Pod' is not one of AIEndpoint, AIEgressPolicy, "
					"ClusterAIEgressPolicy, Workload, Namespace");
	assert_diags(API "kind: [AIEndpoint]\n", "2:7: expected a string, found a list");
	assert_diags("apiVersion: v1\nkind: Workload\n",
		     "1:13: 'v1' is not one of aegress.dev/v1alpha1");
	assert_diags(API "kind: Namespace\n", "1:13: 'aegress.dev/v1alpha1' is not one of v1");
	assert_diags("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\nspec: {}\n",
		     "4:1: unknown key 'spec'");
}

/* What kubectl would read as a number or a boolean is no string here either. */
static void strings(void **state)
{
#define NAMED(text) "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns, labels: {a: " text "}}\n"
#define NOT_TEXT(found, hint) "3:34: expected a string, found " found " (write \"" hint "\")"
	assert_diags(NAMED("1"), NOT_TEXT("a number", "1"));
	assert_diags(NAMED("-1.5"), NOT_TEXT("a number", "-1.5"));
	assert_diags(NAMED("1e3"), NOT_TEXT("a number", "1e3"));
	assert_diags(NAMED("0x1F"), NOT_TEXT("a number", "0x1F"));
	assert_diags(NAMED("true"), NOT_TEXT("a boolean", "true"));
	assert_diags(NAMED("No"), NOT_TEXT("a boolean", "No"));
	assert_diags(NAMED("~"), "3:34: expected a string, found nothing");
	assert_diags(NAMED("{}"), "3:34: expected a string, found a mapping");
	assert_diags(NAMED("'1'"), "");
	assert_diags(NAMED("\"true\""), "");
	assert_diags(NAMED("1.2.3"), "");
	assert_diags(NAMED("infinity"), "");
	assert_diags(NAMED("2026-07-16"), "");
}

static void words(void **state)
{
#define NAME63 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"
	assert_diags("apiVersion: v1\nkind: Namespace\nmetadata: {name: " NAME63 "}\n", "");
	assert_diags("apiVersion: v1\nkind: Namespace\nmetadata: {name: " NAME63 "d}\n",
		     "3:18: '" NAME63 "d' is not a name: at most 63 lower-case letters, digits "
		     "and '-', with a letter or digit at both ends");
	assert_diags("apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}\n",
		     "3:18: 'a.b' is not a name: at most 63 lower-case letters, digits "
		     "and '-', with a letter or digit at both ends");
	assert_diags("apiVersion: v1\nkind: Namespace\n"
		     "metadata: {name: a, labels: {example.com/x_Y.z: '', x: A-b_c.d}}\n",
		     "");
#define BAD_KEY                                                                                    \
	" is not a label key: write [prefix/]name, the name at most 63 letters, digits, '-', '_' " \
	"and '.', with a letter or digit at both ends"
	assert_diags("apiVersion: v1\nkind: Namespace\n"
		     "metadata: {name: a, labels: {/x: a, Up.com/x: b, x/: c, x-: d}}\n",
		     "3:30: '/x'" BAD_KEY "\n3:37: 'Up.com/x'" BAD_KEY "\n3:50: 'x/'" BAD_KEY
		     "\n3:57: 'x-'" BAD_KEY);
	assert_diags("apiVersion: v1\nkind: Namespace\nmetadata: {name: ns, namespace: ns}\n",
		     "3:22: unknown key 'namespace': this kind belongs to no namespace");
	assert_diags(
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: ns, annotations: {a: []}}\n",
		"3:39: expected a string, found a list");
}

static void ports(void **state)
{
#define PORTS(list) ENDPOINT("e", "hosts: [a.example], ports: " list)
#define WRITE " is not a port: write 443, 443/tcp, 443/udp, any/tcp or any/udp"
	assert_diags(PORTS("[1, 65535/udp, '443', any/tcp, any/udp]"), "");
	assert_diags(PORTS("[443, 443/tcp]"), "4:55: duplicate port '443/tcp'");
	assert_diags(PORTS("[443/tcp, 443/udp]"), "");
	assert_diags(PORTS("[65536]"), "4:50: '65536' is not a port: ports are 1 to 65535");
	assert_diags(PORTS("[0]"), "4:50: '0' is not a port: ports are 1 to 65535");
	assert_diags(PORTS("[99999999999999999999/tcp]"),
		     "4:50: '99999999999999999999/tcp' is not a port: ports are 1 to 65535");
	assert_diags(PORTS("[any]"), "4:50: 'any'" WRITE);
	assert_diags(PORTS("[443/TCP]"), "4:50: '443/TCP'" WRITE);
	assert_diags(PORTS("[0443]"), "4:50: '0443'" WRITE);
	assert_diags(PORTS("['443 ']"), "4:50: '443 '" WRITE);
	assert_diags(PORTS("[+443]"), "4:50: '+443'" WRITE);
	assert_diags(PORTS("['']"), "4:50: ''" WRITE);
	assert_diags(PORTS("[443/tcp/udp]"), "4:50: '443/tcp/udp'" WRITE);
	assert_diags(PORTS("[{}]"), "4:50: expected a port, found a mapping");
	assert_diags(PORTS("[]"), "4:49: empty list");
}

static void cidrs(void **state)
{
#define CIDRS(text) ENDPOINT("e", "cidrs: [" text "]")
	assert_diags(CIDRS("0.0.0.0/0"), "");
	assert_diags(CIDRS("'::/0'"), "");
	assert_diags(CIDRS("192.0.2.1"), "4:30: '192.0.2.1' is not a CIDR: write 192.0.2.1/32");
	assert_diags(CIDRS("'2001:db8::1'"),
		     "4:30: '2001:db8::1' is not a CIDR: write 2001:db8::1/128");
	assert_diags(CIDRS("10.1.2.3/8"),
		     "4:30: '10.1.2.3/8': host bits are set: write 10.0.0.0/8");
	assert_diags(CIDRS("10.0.0.0/33"), "4:30: '10.0.0.0/33': prefix longer than 32");
	assert_diags(CIDRS("'2001:db8::/129'"), "4:30: '2001:db8::/129': prefix longer than 128");
	assert_diags(CIDRS("localhost/8"), "4:30: 'localhost/8' is not a CIDR");
}

static void dates(void **state)
{
#define SINCE(text) ENDPOINT("e", "hosts: [a.example], since: '" text "'")
#define NOT_A_DATE "' is not a date: write YYYY-MM-DD, a day that exists"
	assert_diags(SINCE("2000-02-29"), "");
	assert_diags(SINCE("1900-02-29"), "4:49: '1900-02-29" NOT_A_DATE);
	assert_diags(SINCE("2026-13-01"), "4:49: '2026-13-01" NOT_A_DATE);
	assert_diags(SINCE("2026-00-01"), "4:49: '2026-00-01" NOT_A_DATE);
	assert_diags(SINCE("2026-04-31"), "4:49: '2026-04-31" NOT_A_DATE);
	assert_diags(SINCE("2026-04-00"), "4:49: '2026-04-00" NOT_A_DATE);
	assert_diags(SINCE("2026-4-01"), "4:49: '2026-4-01" NOT_A_DATE);
	assert_diags(SINCE("2026-04-01 "), "4:49: '2026-04-01 " NOT_A_DATE);
	assert_diags(SINCE("2026-04-0"), "4:49: '2026-04-0" NOT_A_DATE);
	assert_diags(SINCE(""), "4:49: '" NOT_A_DATE);
	assert_diags(ENDPOINT("e", "hosts: [a.example], since: 2026-02-01, retired: 2026-01-31"),
		     "4:70: '2026-01-31' is before 'since', 2026-02-01");
}

static void expiries(void **state)
{
#define EXPIRES(text)                                                                              \
	POLICY("p", "workloads: {all: true}, allow: [{name: r, to: [{host: a.example}], "          \
		    "expires: " text "}]")
#define NOT_A_TIME " is not a time: write YYYY-MM-DDThh:mm:ssZ, which is UTC, a day that exists"
	assert_diags(EXPIRES("2026-11-20T12:00:01Z"), "");
	assert_diags(EXPIRES("'9999-12-31T23:59:59Z'"), "");
	assert_diags(EXPIRES(NOW), "4:84: warning: rule 'r' expired at " NOW ": it allows nothing");
	assert_diags(EXPIRES("1970-01-01T00:00:00Z"),
		     "4:84: warning: rule 'r' expired at 1970-01-01T00:00:00Z: it allows nothing");
	assert_diags(EXPIRES("2026-12-31"), "4:84: '2026-12-31'" NOT_A_TIME);
	assert_diags(EXPIRES("2026-12-31T18:00Z"), "4:84: '2026-12-31T18:00Z'" NOT_A_TIME);
	assert_diags(EXPIRES("2026-12-31T18:00:00"), "4:84: '2026-12-31T18:00:00'" NOT_A_TIME);
	assert_diags(EXPIRES("2026-12-31t18:00:00z"), "4:84: '2026-12-31t18:00:00z'" NOT_A_TIME);
	assert_diags(EXPIRES("2026-12-31T18:00:00+01:00"),
		     "4:84: '2026-12-31T18:00:00+01:00'" NOT_A_TIME);
	assert_diags(EXPIRES("2026-12-31T18:00:00.5Z"),
		     "4:84: '2026-12-31T18:00:00.5Z'" NOT_A_TIME);
	assert_diags(EXPIRES("2026-02-29T18:00:00Z"), "4:84: '2026-02-29T18:00:00Z'" NOT_A_TIME);
	assert_diags(EXPIRES("2026-12-31T24:00:00Z"), "4:84: '2026-12-31T24:00:00Z'" NOT_A_TIME);
	assert_diags(EXPIRES("2026-12-31T23:60:00Z"), "4:84: '2026-12-31T23:60:00Z'" NOT_A_TIME);
	assert_diags(EXPIRES("2026-12-31T23:59:60Z"), "4:84: '2026-12-31T23:59:60Z'" NOT_A_TIME);
	assert_diags(EXPIRES("2026-12-31T23:59:59Z0"), "4:84: '2026-12-31T23:59:59Z0'" NOT_A_TIME);
	assert_diags(EXPIRES("1969-12-31T23:59:59Z"), "4:84: '1969-12-31T23:59:59Z'" NOT_A_TIME);
	assert_diags(EXPIRES("soon"), "4:84: 'soon'" NOT_A_TIME);
	assert_diags(EXPIRES("1798000000"), "4:84: expected a string, found a number "
					    "(write \"1798000000\")");
	assert_diags(EXPIRES("[]"), "4:84: expected a string, found a list");
}

/* A ban that ends by itself would open something while nobody looks. */
static void deny_rules_do_not_expire(void **state)
{
	assert_diags(POLICY("p",
			    "workloads: {all: true}, deny: [{name: r, to: [{host: a.example}], "
			    "expires: 2026-12-31T18:00:00Z}]"),
		     "4:74: 'expires' goes with allow rules: a deny rule ends when somebody "
		     "removes it");
}

static void templates(void **state)
{
#define TEMPLATE(hosts, text) ENDPOINT("e", "hosts: [" hosts "], template: '" text "'")
	assert_diags(TEMPLATE("'*.x.example'", "{id}.{vendor}.{region}.x.example"), "");
	assert_diags(TEMPLATE("'*.example.com'", "api.{region}.x.example.com"), "");
	assert_diags(TEMPLATE("'*.x.example'", "{id}.{id}.x.example"),
		     "4:56: template has {id} twice");
	assert_diags(TEMPLATE("'*.x.example'", "a-{id}.x.example"),
		     "4:56: 'a-{id}' is not a placeholder of templates: write {id}, {region} or "
		     "{vendor}, each a whole label");
	assert_diags(TEMPLATE("'*.x.example'", "*.x.example"),
		     "4:56: a template has placeholders, not '*'");
	assert_diags(TEMPLATE("'*.x.example'", "x.example"),
		     "4:56: template without {id}, {region} or {vendor}");
	assert_diags(TEMPLATE("'*.x.example'", "x.{id}"),
		     "4:56: a template ends in a fixed domain, not in {id}");
	assert_diags(TEMPLATE("'*.x.example'", "{id}..x.example"),
		     "4:56: template: a label cannot be empty, nor begin or end with '-'");
	assert_diags(TEMPLATE("'*.x.example'", ""),
		     "4:56: template without {id}, {region} or {vendor}");
	assert_diags(TEMPLATE("x.example, '*.y.example'", "{id}.x.example"),
		     "4:67: no host of the endpoint covers the template's names: add "
		     "'*.x.example' to hosts");
	assert_diags(ENDPOINT("e", "cidrs: [192.0.2.0/24], template: '{id}.x.example'"),
		     "4:55: no host of the endpoint covers the template's names: add "
		     "'*.x.example' to hosts");
}

static void rules(void **state)
{
#define ALLOW(to) POLICY("p", "workloads: {all: true}, allow: [{name: a, to: [" to "]}]")
	assert_diags(ALLOW("{}"), "4:55: missing key 'endpoint': a destination is an endpoint, a "
				  "class, a host or a cidr");
	assert_diags(ALLOW("a.example"), "4:55: expected a mapping, found a scalar");
	assert_diags(ALLOW("{cidr: 192.0.2.0/24, host: a.example}"),
		     "4:76: 'cidr' and 'host' in one destination: write two list items");
	assert_diags(ALLOW("{host: a.example, vendors: [aws], provider: x}"),
		     "4:73: 'vendors' goes with 'endpoint', not with 'host'\n"
		     "4:89: 'provider' goes with 'class', not with 'host'");
	assert_diags(POLICY("p", "workloads: {all: true}"),
		     "4:7: missing key 'allow': a policy has 'allow' or 'deny'");
	assert_diags(POLICY("p", "workloads: {all: true}, deny: []"), "4:38: empty list");
	assert_diags(POLICY("p", "workloads: {all: true}, allow: ~"),
		     "4:39: expected a list, found nothing");
	assert_diags(POLICY("p", "workloads: {all: true}, allow: [{to: [{host: a.example}]}]"),
		     "4:40: missing key 'name'");
	assert_diags(POLICY("p", "workloads: {all: true}, "
				 "deny: [{name: a, to: [{host: a.example}]}], "
				 "allow: [{name: a, to: [{host: b.example}]}]"),
		     "4:91: duplicate rule 'a': first at line 4");
	assert_diags(POLICY("p", "workloads: {all: true}, allow: [], tls: {}"), "");
	assert_diags(POLICY("p", "workloads: {all: true}, allow: [], tls: {required: 'true'}"),
		     "4:59: expected true or false");
	assert_diags(POLICY("p", "workloads: {all: true}, tls: {ech: Deny}, "
				 "deny: [{name: a, to: [{host: a.example}]}]"),
		     "4:32: 'tls' goes with 'allow': it is about what the policy allows");
	assert_diags(POLICY("p", "workloads: {all: true}, containment: Strict, allow: []"), "");
	assert_diags(
		POLICY("p", "workloads: {all: true}, containment: Strict, "
			    "deny: [{name: a, to: [{host: a.example}]}]"),
		"4:32: 'containment: Strict' goes with 'allow': write 'allow: []' if nothing may "
		"leave");
}

static void limits(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	aeg_buf_puts(&text, API "kind: AIEgressPolicy\nmetadata: {name: p, namespace: ns}\nspec: "
				"{allow: [], workloads: {podSelector: {matchLabels: {");
	for (int i = 0; i < 65; i++)
		aeg_buf_printf(&text, "l%d: x, ", i);
	aeg_buf_puts(&text, "}}}}\n");
	assert_diags(aeg_buf_text(&text), "4:44: too many conditions: at most 64");
	aeg_buf_reset(&text);
	aeg_buf_puts(&text, API "kind: AIEndpoint\nmetadata: {name: e}\nspec: {class: hub, "
				"hosts: [a.example], ports: [");
	for (int i = 1; i <= 65; i++)
		aeg_buf_printf(&text, "%d, ", i);
	aeg_buf_puts(&text, "]}\n");
	assert_diags(aeg_buf_text(&text), "4:47: too many ports: at most 64");
}

/* A mistake costs its document, not those beside it, and its endpoint is not unknown. */
static void documents_with_mistakes_are_left_out(void **state)
{
	struct aeg_model *model = aeg_model_new();
	struct aeg_diags diags = {0};
	const char *text = ENDPOINT("good", "hosts: [a.example]") ENDPOINT("bad", "hosts: ['*']")
		POLICY("p", "workloads: {all: true}, "
			    "allow: [{name: a, to: [{endpoint: good}, {endpoint: bad}, "
			    "{class: hub}]}]");

	aeg_model_add_text(model, "f.yaml", text, strlen(text), &diags);
	assert_int_equal(aeg_model_check(model, NOW_S, &diags), -22);
	assert_int_equal(diags.nerrors, 1);
	assert_int_equal(diags.list.items[0].line, 9);
	assert_int_equal(model->endpoints.n, 1);
	assert_non_null(aeg_model_endpoint(model, "good"));
	assert_null(aeg_model_endpoint(model, "bad"));
	assert_int_equal(model->policies.n, 1);
	aeg_diags_done(&diags);
	aeg_model_free(model);
}

static void write_file(const char *directory, const char *name, const char *text)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s", directory, name);

	assert_int_equal(aeg_file_replace(path, text, strlen(text), 0600), 0);
}

static void remove_file(const char *directory, const char *name)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s", directory, name);

	assert_int_equal(unlink(path), 0);
}

static void directories(void **state)
{
	char directory[] = "/tmp/aegress-test-model-XXXXXX";
	struct aeg_model *model = aeg_model_new();
	struct aeg_diags diags = {0};

	assert_non_null(mkdtemp(directory));
	write_file(directory, "b.yaml", ENDPOINT("b", "hosts: [b.example]"));
	write_file(directory, "a.yml",
		   POLICY("p", "workloads: {all: true}, allow: [{name: a, to: [{endpoint: b}]}]"));
	write_file(directory, "notes.txt", "not: [for, us");
	aeg_model_load(model, directory, &diags);
	assert_int_equal(aeg_model_check(model, NOW_S, &diags), 0);
	assert_int_equal(model->endpoints.n, 1);
	assert_int_equal(model->policies.n, 1);
	assert_non_null(strstr(model->policies.items[0]->pos.file, "/a.yml"));
	aeg_model_load(model, "/nowhere/at/all.yaml", &diags);
	assert_int_equal(diags.nerrors, 1);
	assert_string_equal(diags.list.items[0].file, "/nowhere/at/all.yaml");
	remove_file(directory, "a.yml");
	remove_file(directory, "b.yaml");
	remove_file(directory, "notes.txt");
	assert_int_equal(rmdir(directory), 0);
	aeg_diags_done(&diags);
	aeg_model_free(model);
}

static void null_is_fine(void **state)
{
	aeg_model_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoint),
		cmocka_unit_test(endpoint_defaults),
		cmocka_unit_test(policy),
		cmocka_unit_test(policy_defaults),
		cmocka_unit_test(workloads_and_namespaces),
		cmocka_unit_test(namespace_name_label),
		cmocka_unit_test(documents),
		cmocka_unit_test(strings),
		cmocka_unit_test(words),
		cmocka_unit_test(ports),
		cmocka_unit_test(cidrs),
		cmocka_unit_test(dates),
		cmocka_unit_test(expiries),
		cmocka_unit_test(deny_rules_do_not_expire),
		cmocka_unit_test(templates),
		cmocka_unit_test(rules),
		cmocka_unit_test(limits),
		cmocka_unit_test(documents_with_mistakes_are_left_out),
		cmocka_unit_test(directories),
		cmocka_unit_test(null_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
