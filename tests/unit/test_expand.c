/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a destination stands for: names, CIDRs and the ports that an allow rule admits. */
#include "util_model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define HUB ENDPOINT_OF("hub", "hf", "hub", "hosts: [a.example, '*.b.example'], ports: [22/tcp]")
#define NETS ENDPOINT("nets", "cidrs: [192.0.2.0/24, '2001:db8::/32'], ports: [any/udp]")
#define TEMPLATED                                                                                  \
	ENDPOINT("t", "hosts: ['*.x.example'], cidrs: [192.0.2.0/24], "                            \
		      "template: '{id}.{region}.{vendor}.x.example'")

static void print_expansion(struct aeg_buf *ret, const struct aeg_expansion *expansion)
{
	char text[AEG_ADDR_TEXT];

	aeg_buf_printf(ret, "%s:", expansion->endpoint ? expansion->endpoint->name : "");
	for (size_t i = 0; i < expansion->hosts.list.n; i++)
		aeg_buf_printf(ret, " %s", expansion->hosts.list.items[i]);
	for (size_t i = 0; i < expansion->cidrs.n; i++) {
		aeg_cidr_format(&expansion->cidrs.items[i], text);
		aeg_buf_printf(ret, " %s", text);
	}
	for (size_t i = 0; i < expansion->ports->list.n; i++)
		aeg_buf_printf(ret, " %u/%s", expansion->ports->list.items[i].port,
			       expansion->ports->list.items[i].proto == AEG_PROTO_UDP ? "udp"
										      : "tcp");
}

/* "ENDPOINT: HOST… CIDR… PORT/PROTO…; …" of the first destination of the first rule. */
static void assert_expands(const char *endpoints, const char *to, const char *expected)
{
	AEG_AUTO_FREE char *text = aeg_xasprintf(
		"%s" POLICY("p", "workloads: {all: true}, allow: [{name: a, to: [%s]}]"), endpoints,
		to);
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf found = {0};
	struct aeg_model *model = model_of(text);
	const struct aeg_to *first = &model->policies.items[0]->rules.items[0].to.items[0];
	struct aeg_expansion expansion;
	size_t n;

	for (n = 0; aeg_to_expand(model, first, n, &expansion); n++) {
		aeg_buf_puts(&found, n ? "; " : "");
		print_expansion(&found, &expansion);
		aeg_expansion_done(&expansion);
	}
	assert_string_equal(aeg_buf_text(&found), expected);
	assert_false(aeg_to_expand(model, first, n + 1, &expansion));
	aeg_model_free(model);
}

static void bare(void **state)
{
	assert_expands("", "{host: '*.A.example.'}", ": *.a.example 443/tcp");
	assert_expands("", "{host: a.example, ports: [443/udp, 80]}", ": a.example 443/udp 80/tcp");
	assert_expands("", "{cidr: 192.0.2.0/24}", ": 192.0.2.0/24 0/tcp");
	assert_expands("", "{cidr: '2001:db8::/32', ports: [8443]}", ": 2001:db8::/32 8443/tcp");
}

static void endpoints(void **state)
{
	assert_expands(HUB, "{endpoint: hub}", "hub: a.example *.b.example 22/tcp");
	assert_expands(HUB, "{endpoint: hub, ports: [443]}", "hub: a.example *.b.example 443/tcp");
	assert_expands(NETS, "{endpoint: nets}", "nets: 192.0.2.0/24 2001:db8::/32 0/udp");
	assert_expands(ENDPOINT("e", "hosts: [a.example]"), "{endpoint: e}",
		       "e: a.example 443/tcp");
}

/* Sorted by provider, none first, then by name; each endpoint has its own ports. */
static void classes(void **state)
{
	static const char many[] = ENDPOINT_OF("d", "y", "hub", "hosts: [d.example], ports: [80]")
		ENDPOINT_OF("c", "x", "hub", "hosts: [c.example]")
			ENDPOINT_OF("b", "y", "hub", "hosts: [b.example]")
				ENDPOINT_OF("a", "z", "hub", "hosts: [a.example]")
					ENDPOINT_OF("u", "y", "upload", "hosts: [u.example]")
						ENDPOINT("o", "hosts: [o.example]") API
		"kind: AIEndpoint\nmetadata: {name: n}\nspec: {class: hub, hosts: [n.example]}\n---\n";

	assert_expands(many, "{class: hub}",
		       "n: n.example 443/tcp; c: c.example 443/tcp; b: b.example 443/tcp; "
		       "d: d.example 80/tcp; a: a.example 443/tcp");
	assert_expands(many, "{class: hub, provider: y}",
		       "b: b.example 443/tcp; d: d.example 80/tcp");
	assert_expands(many, "{class: hub, provider: x}", "c: c.example 443/tcp");
	assert_expands(many, "{class: hub, provider: z}", "a: a.example 443/tcp");
	assert_expands(many, "{class: upload}", "u: u.example 443/tcp");
	assert_expands(many, "{class: hub, provider: y, ports: [1]}",
		       "b: b.example 1/tcp; d: d.example 1/tcp");
}

static void templates(void **state)
{
	assert_expands(TEMPLATED, "{endpoint: t}", "t: *.x.example 192.0.2.0/24 443/tcp");
	assert_expands(TEMPLATED, "{endpoint: t, vendors: [aws]}", "t: *.aws.x.example 443/tcp");
	assert_expands(TEMPLATED, "{endpoint: t, vendors: [aws, gcp], regions: [EU]}",
		       "t: *.eu.aws.x.example *.eu.gcp.x.example 443/tcp");
	assert_expands(TEMPLATED, "{endpoint: t, ids: [a, b], regions: [eu, us], vendors: [aws]}",
		       "t: a.eu.aws.x.example b.eu.aws.x.example a.us.aws.x.example "
		       "b.us.aws.x.example 443/tcp");
	assert_expands(ENDPOINT("s", "hosts: ['*.hf.space'], template: '{id}.hf.space'"),
		       "{endpoint: s, ids: [acme-demo], ports: [443/udp]}",
		       "s: acme-demo.hf.space 443/udp");
	assert_expands(ENDPOINT("b", "hosts: ['*.x.example'], template: 'api.{region}.x.example'"),
		       "{endpoint: b, regions: [eu]}", "b: api.eu.x.example 443/tcp");
	/* no hole at the front may be left over as a dot */
	assert_expands(ENDPOINT("v", "hosts: ['*.x.example'], template: '{vendor}.{id}.x.example'"),
		       "{endpoint: v, ids: [q]}", "v: *.q.x.example 443/tcp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(classes),
		cmocka_unit_test(templates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
