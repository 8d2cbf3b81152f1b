/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whom we believe: the section `dns` of the configuration, and resolv.conf. */
#include "daemon/resolvers.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void assert_addrs(const struct aeg_addrs *addrs, const char *expected)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	for (size_t i = 0; i < addrs->list.n; i++) {
		char addr[AEG_ADDR_TEXT];

		aeg_addr_format(&addrs->list.items[i], addr);
		aeg_buf_printf(&text, "%s%s", i ? " " : "", addr);
	}
	assert_string_equal(aeg_buf_text(&text), expected);
}

static void assert_resolv_conf(const char *text, const char *expected)
{
	struct aeg_addrs addrs = {0};

	aeg_resolvers_parse(text, &addrs);
	assert_addrs(&addrs, expected);
	AEG_VEC_DONE(addrs.list);
}

static void test_resolv_conf(void **state)
{
	assert_resolv_conf("", "");
	assert_resolv_conf("nameserver 10.0.0.10\nsearch x.org\noptions ndots:5\n", "10.0.0.10");
	assert_resolv_conf("# nameserver 1.1.1.1\n;nameserver 1.0.0.1\nnameserver\t2001:db8::1 # x",
			   "2001:db8::1");
	assert_resolv_conf("nameserver 10.0.0.1\r\nnameserver 10.0.0.1\nnameserver 10.0.0.2",
			   "10.0.0.1 10.0.0.2");
	/* a scope, a name, nothing, and words that only begin alike */
	assert_resolv_conf(
		"nameserver fe80::1%eth0\nnameserver dns.example\nnameserver \nnameserver\n"
		"nameservers 10.0.0.3\nnameserver10.0.0.4\n",
		"");
}

/* ---- configuration ---- */

static struct aeg_diags read_text(const char *text, struct aeg_dns_config *ret)
{
	struct aeg_diags diags = {0};
	struct aeg_yaml *yaml;

	aeg_dns_config_init(ret);
	aeg_yaml_parse("t", text, strlen(text), &diags, &yaml);
	assert_int_equal(yaml->documents.n, 1);
	aeg_dns_config_read(ret, yaml->documents.items[0], &diags);
	aeg_diags_forget_sources(&diags);
	aeg_yaml_free(yaml);
	return diags;
}

static void assert_error(const char *text, const char *message)
{
	struct aeg_dns_config dns;
	struct aeg_diags diags = read_text(text, &dns);

	assert_int_equal(diags.nerrors, 1);
	assert_string_equal(diags.list.items[0].message, message);
	aeg_diags_done(&diags);
	aeg_dns_config_done(&dns);
}

static void test_defaults(void **state)
{
	struct aeg_dns_config dns;

	aeg_dns_config_init(&dns);
	assert_int_equal(dns.ttl_min, 60);
	assert_int_equal(dns.share, 2048);
	assert_false(dns.resolvers_given);
	assert_int_equal(dns.suffixes.list.n, 2);
	assert_string_equal(dns.suffixes.list.items[0], "svc.cluster.local");
	aeg_dns_config_done(&dns);
}

static void test_all_keys(void **state)
{
	struct aeg_dns_config dns;
	struct aeg_diags diags = read_text("{resolvers: [10.0.0.10, '2001:db8::1'], minTtl: 5m, "
					   "addressesPerWorkload: 65536, "
					   "searchSuffixes: [Svc.K8s.Example.]}",
					   &dns);

	assert_int_equal(diags.nerrors, 0);
	assert_addrs(&dns.resolvers, "10.0.0.10 2001:db8::1");
	assert_int_equal(dns.ttl_min, 300);
	assert_int_equal(dns.share, 65536);
	assert_int_equal(dns.suffixes.list.n, 1);
	assert_string_equal(dns.suffixes.list.items[0], "svc.k8s.example");
	aeg_diags_done(&diags);
	aeg_dns_config_done(&dns);
}

/* Nobody is believed: a statement, not a slip. */
static void test_no_resolvers(void **state)
{
	struct aeg_dns_config dns;
	struct aeg_diags diags = read_text("{resolvers: []}", &dns);
	struct aeg_addrs addrs = {0};

	assert_int_equal(diags.nerrors, 0);
	aeg_resolvers_get(&dns, &addrs);
	assert_addrs(&addrs, "");
	AEG_VEC_DONE(addrs.list);
	aeg_diags_done(&diags);
	aeg_dns_config_done(&dns);
}

static void test_mistakes(void **state)
{
	assert_error("{resolvers: [dns.example]}", "'dns.example' is not an IP address");
	assert_error("{resolvers: [10.0.0.0/8]}", "'10.0.0.0/8' is not an IP address");
	assert_error("{minTtl: 60}", "'60' is not a duration: write 60s, 5m or 1h");
	assert_error("{minTtl: -1s}", "'-1s' is not a duration: write 60s, 5m or 1h");
	assert_error("{minTtl: 0s}", "'0s': from 1s to 24h");
	assert_error("{minTtl: 25h}", "'25h': from 1s to 24h");
	assert_error("{minTtl: 99999999999999999999h}", "'99999999999999999999h': from 1s to 24h");
	assert_error("{addressesPerWorkload: 15}", "expected a number from 16 to 65536");
	assert_error("{addressesPerWorkload: 65537}", "expected a number from 16 to 65536");
	assert_error("{addressesPerWorkload: many}", "expected a number from 16 to 65536");
	assert_error("{searchSuffixes: ['*.x.org']}",
		     "'*.x.org': '*' may only lead, as in *.example.com");
	assert_error("{resolver: []}", "unknown key 'resolver'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolv_conf), cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_keys),    cmocka_unit_test(test_no_resolvers),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
