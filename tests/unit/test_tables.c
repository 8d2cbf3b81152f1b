/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Look-ups in tables made by hand: longest prefix, most specific name, exact port first. */
#include "policy/tables.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void freep_tables(struct aeg_tables **tables)
{
	aeg_tables_free(*tables);
}
#define AUTO_TABLES AEG_CLEANUP(freep_tables) struct aeg_tables

static struct aeg_tables *tables_new(void)
{
	return aeg_xcalloc(1, sizeof(struct aeg_tables));
}

static void add_addr(struct aeg_tables *tables, const char *text, uint32_t node)
{
	struct aeg_addr_row *row = AEG_VEC_PUSH(tables->addrs);
	struct aeg_cidr cidr;

	assert_int_equal(aeg_cidr_parse(text, &cidr), 0);
	row->key.prefixlen = cidr.bits;
	memcpy(row->key.addr, cidr.addr.bytes, sizeof(row->key.addr));
	row->dest.node = node;
}

/* 0: no row */
static uint32_t node_of_addr(const struct aeg_tables *tables, const char *text)
{
	const struct aeg_dest *dest;
	struct aeg_addr addr;

	assert_int_equal(aeg_addr_parse(text, &addr), 0);
	dest = aeg_tables_addr(tables, &addr);
	return dest ? dest->node : 0;
}

/* Behind NAT64 the IPv4 address's row decides, unless somebody speaks of the address itself. */
static void test_nat64(void **state)
{
	AUTO_TABLES *tables = tables_new();

	add_addr(tables, "198.51.100.0/24", 1);
	add_addr(tables, "64:ff9b::203.0.113.0/120", 2);
	add_addr(tables, "203.0.113.0/24", 3);
	aeg_tables_index(tables);
	assert_int_equal(node_of_addr(tables, "64:ff9b::198.51.100.7"), 1);
	assert_int_equal(node_of_addr(tables, "64:ff9b::203.0.113.7"), 2);
	assert_int_equal(node_of_addr(tables, "64:ff9b::192.0.2.7"), 0);
	assert_int_equal(node_of_addr(tables, "64:ff9b:1::198.51.100.7"), 0);
	assert_int_equal(node_of_addr(tables, "64:ff9b::1:198.51.100.7"), 0);
}

static void test_longest_prefix(void **state)
{
	AUTO_TABLES *tables = tables_new();

	add_addr(tables, "10.1.2.0/24", 3);
	add_addr(tables, "10.0.0.0/8", 1);
	add_addr(tables, "10.1.2.128/32", 4);
	add_addr(tables, "10.1.0.0/16", 2);
	add_addr(tables, "10.1.9.0/24", 5);
	add_addr(tables, "2001:db8::/32", 6);
	add_addr(tables, "2001:db8::1/128", 7);
	aeg_tables_index(tables);
	assert_int_equal(node_of_addr(tables, "10.1.2.128"), 4);
	assert_int_equal(node_of_addr(tables, "10.1.2.129"), 3);
	assert_int_equal(node_of_addr(tables, "10.1.2.127"), 3);
	assert_int_equal(node_of_addr(tables, "10.1.3.0"), 2);
	assert_int_equal(node_of_addr(tables, "10.1.255.255"), 2);
	assert_int_equal(node_of_addr(tables, "10.2.0.0"), 1);
	assert_int_equal(node_of_addr(tables, "10.255.255.255"), 1);
	assert_int_equal(node_of_addr(tables, "11.0.0.0"), 0);
	assert_int_equal(node_of_addr(tables, "9.255.255.255"), 0);
	assert_int_equal(node_of_addr(tables, "::ffff:10.1.2.128"), 4);
	assert_int_equal(node_of_addr(tables, "2001:db8::1"), 7);
	assert_int_equal(node_of_addr(tables, "2001:db8::2"), 6);
	assert_int_equal(node_of_addr(tables, "2001:db9::"), 0);
	assert_int_equal(node_of_addr(tables, "::"), 0);
}

/* In the canonical form ::/0 holds IPv4 too; 0.0.0.0/0 is the more specific one. */
static void test_everything(void **state)
{
	AUTO_TABLES *tables = tables_new();

	add_addr(tables, "::/0", 1);
	add_addr(tables, "0.0.0.0/0", 2);
	aeg_tables_index(tables);
	assert_int_equal(node_of_addr(tables, "::"), 1);
	assert_int_equal(node_of_addr(tables, "ffff::1"), 1);
	assert_int_equal(node_of_addr(tables, "0.0.0.0"), 2);
	assert_int_equal(node_of_addr(tables, "255.255.255.255"), 2);
}

static void add_name(struct aeg_tables *tables, const char *pattern, uint32_t node)
{
	*AEG_VEC_PUSH(tables->names) = (struct aeg_pattern_row){
		.pattern = aeg_xstrdup(pattern),
		.dest.node = node,
	};
}

static uint32_t node_of_name(const struct aeg_tables *tables, const char *host)
{
	const struct aeg_dest *dest = aeg_tables_name(tables, host);

	return dest ? dest->node : 0;
}

static void test_most_specific_name(void **state)
{
	AUTO_TABLES *tables = tables_new();
	char longest[300];

	add_name(tables, "*.hub.test", 1);
	add_name(tables, "a.b.hub.test", 3);
	add_name(tables, "*.b.hub.test", 2);
	aeg_tables_index(tables);
	assert_int_equal(node_of_name(tables, "a.b.hub.test"), 3);
	assert_int_equal(node_of_name(tables, "c.b.hub.test"), 2);
	assert_int_equal(node_of_name(tables, "d.c.b.hub.test"), 2);
	assert_int_equal(node_of_name(tables, "b.hub.test"), 1); /* *.b does not cover its apex */
	assert_int_equal(node_of_name(tables, "x.hub.test"), 1);
	assert_int_equal(node_of_name(tables, "hub.test"), 0);
	assert_int_equal(node_of_name(tables, "ab.hubxtest"), 0);
	assert_int_equal(node_of_name(tables, "xhub.test"), 0);
	assert_int_equal(node_of_name(tables, "test"), 0);
	assert_int_equal(node_of_name(tables, ""), 0);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + 280, ".hub.test", sizeof(".hub.test"));
	assert_int_equal(node_of_name(tables, longest), 0); /* no name is as long */
	assert_int_equal(node_of_name(tables, longest + 40), 1);
}

static void test_widen(void **state)
{
	char name[] = "a.bb.c";

	assert_true(aeg_name_widen(name));
	assert_string_equal(name, "*.bb.c");
	assert_true(aeg_name_widen(name));
	assert_string_equal(name, "*.c");
	assert_false(aeg_name_widen(name));
	assert_string_equal(name, "*.c");
}

static void add_cell(struct aeg_tables *tables, uint32_t class, uint8_t proto, uint16_t port,
		     uint32_t rule)
{
	struct aeg_cell_row row = {
		.key = {.profile = 7, .class = class, .port = port, .proto = proto},
		.cell = {.enforce = {.verdict = AEG_VERDICT_ALLOWED, .rule = rule}},
	};

	aeg_tables_add_cell(tables, &row);
}

static uint32_t rule_of_cell(const struct aeg_tables *tables, uint32_t class, uint8_t proto,
			     uint16_t port)
{
	const struct aeg_cell *cell = aeg_tables_cell(tables, 7, class, proto, port);

	return cell ? cell->enforce.rule : 0;
}

static void test_cells(void **state)
{
	AUTO_TABLES *tables = tables_new();

	assert_int_equal(rule_of_cell(tables, 1, AEG_PROTO_TCP, 443), 0);
	add_cell(tables, 1, AEG_PROTO_TCP, 443, 10);
	add_cell(tables, 1, AEG_PROTO_TCP, AEG_PORT_ANY, 11);
	add_cell(tables, 1, AEG_PROTO_UDP, AEG_PORT_ANY, 12);
	assert_int_equal(rule_of_cell(tables, 1, AEG_PROTO_TCP, 443), 10);
	assert_int_equal(rule_of_cell(tables, 1, AEG_PROTO_TCP, 80), 11);
	assert_int_equal(rule_of_cell(tables, 1, AEG_PROTO_UDP, 443), 12);
	assert_int_equal(rule_of_cell(tables, 1, 132, 443), 0);
	assert_int_equal(rule_of_cell(tables, 2, AEG_PROTO_TCP, 443), 0);
	assert_null(aeg_tables_cell(tables, 8, 1, AEG_PROTO_TCP, 443));
}

static void test_many_cells(void **state)
{
	AUTO_TABLES *tables = tables_new();

	for (uint32_t i = 1; i < 5000; i++)
		add_cell(tables, i, AEG_PROTO_TCP, (uint16_t)i, i);
	for (uint32_t i = 1; i < 5000; i++) {
		assert_int_equal(rule_of_cell(tables, i, AEG_PROTO_TCP, (uint16_t)i), i);
		assert_int_equal(rule_of_cell(tables, i, AEG_PROTO_UDP, (uint16_t)i), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest_prefix), cmocka_unit_test(test_nat64),
		cmocka_unit_test(test_everything),     cmocka_unit_test(test_most_specific_name),
		cmocka_unit_test(test_widen),	       cmocka_unit_test(test_cells),
		cmocka_unit_test(test_many_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
