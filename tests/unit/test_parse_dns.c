/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* DNS messages: what resolvers say, what forgers try, and both cut at every byte. */
#include "bpf/parse_dns.h"
#include "tests/lib/wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define HF "huggingface.co"
#define OPT "\0\0\51\20\0\0\0\0\0\0\0"

static const struct aeg_seed seed = {0x0123456789abcdefu, 0xfedcba9876543211u};
static struct wire wire;
static struct aeg_name name;
static struct aeg_question question;
static struct aeg_answers answers;

/* What lies behind the message must not matter, nor what the results held before. */
static __u8 *fresh(size_t len, int fill)
{
	static __u8 data[AEG_DATA_ROOM];

	memset(data, fill, sizeof(data));
	memcpy(data, wire.data, len);
	memset(&question, fill, sizeof(question));
	memset(&name, fill, sizeof(name));
	memset(&answers, fill, sizeof(answers));
	return data;
}

static enum aeg_dns_result query_at(size_t len)
{
	enum aeg_dns_result result =
		aeg_dns_query(fresh(len, 0xff), (__u32)len, &seed, &name, &question);

	assert_int_equal(aeg_dns_query(fresh(len, 0), (__u32)len, &seed, &name, &question), result);
	return result;
}

static enum aeg_dns_result response_filled(size_t len, int fill)
{
	__u8 *data = fresh(len, fill);
	enum aeg_dns_result result = aeg_dns_response(data, (__u32)len, &seed, &name, &question);

	if (result == AEG_DNS_OK)
		result = aeg_dns_answers(data, (__u32)len, &question, &answers);
	return result;
}

static enum aeg_dns_result response_at(size_t len)
{
	enum aeg_dns_result result = response_filled(len, 0xff);

	assert_int_equal(response_filled(len, 0), result);
	return result;
}

static enum aeg_dns_result query(void)
{
	return query_at(wire.len);
}

static enum aeg_dns_result response(void)
{
	return response_at(wire.len < AEG_DATA_MAX ? wire.len : AEG_DATA_MAX);
}

static void ask(const char *text, unsigned int type)
{
	wire.len = 0;
	wire_dns_header(&wire, 0xbeef, WIRE_DNS_QUERY, 0);
	wire_dns_question(&wire, text, type);
}

/* The header and question of an answer to huggingface.co A, which is at 12. */
static void begin(unsigned int records)
{
	wire.len = 0;
	wire_dns_header(&wire, 0xbeef, WIRE_DNS_RESPONSE, records);
	wire_dns_question(&wire, HF, WIRE_A);
}

static void record(size_t owner, unsigned int type, const void *rdata, size_t len)
{
	wire_dns_pointer(&wire, owner);
	wire_dns_record(&wire, type, 300, rdata, len);
}

static __u64 hash_of(const char *text, unsigned int type)
{
	ask(text, type);
	assert_int_equal(query(), AEG_DNS_OK);
	return question.hash;
}

/* ---- questions ---- */

static void test_query(void **state)
{
	ask("HuggingFace.CO", WIRE_AAAA);
	wire_bytes(&wire, OPT, 11);
	wire.data[11] = 1; /* one additional record */
	assert_int_equal(query(), AEG_DNS_OK);
	assert_string_equal(name.text, HF);
	assert_int_equal(question.id, 0xbeef);
	assert_int_equal(question.type, AEG_DNS_TYPE_AAAA);
	assert_int_equal(question.labels, 2);
	assert_int_equal(question.end, 32);
}

static void test_question_hash(void **state)
{
	__u64 a = hash_of(HF, WIRE_A);

	assert_true(hash_of("HUGGINGFACE.co", WIRE_A) == a);
	assert_true(hash_of(HF, WIRE_AAAA) != a);
	assert_true(hash_of("huggingface.cp", WIRE_A) != a);
	begin(0);
	assert_int_equal(response(), AEG_DNS_OK);
	assert_true(question.hash == a);
}

static void test_query_header(void **state)
{
	ask(HF, WIRE_A);
	wire.data[2] = 0x81;
	assert_int_equal(query(), AEG_DNS_NOT_QUERY);
	wire.data[2] = 0x28;
	assert_int_equal(query(), AEG_DNS_NOT_QUERY);
	ask(HF, WIRE_A);
	wire.data[5] = 0;
	assert_int_equal(query(), AEG_DNS_NOT_QUERY);
	wire.data[5] = 2;
	assert_int_equal(query(), AEG_DNS_NOT_QUERY);
	wire.data[4] = 1;
	wire.data[5] = 1;
	assert_int_equal(query(), AEG_DNS_NOT_QUERY);
}

static void test_query_types(void **state)
{
	static const unsigned int others[] = {2, 5, 12, 16, 33, 65, 255, 0x0101, 0x1c00};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		ask(HF, others[i]);
		assert_int_equal(query(), AEG_DNS_NOT_ADDRESS);
	}
	ask(HF, WIRE_A);
	wire.data[wire.len - 1] = 3; /* CHAOS */
	assert_int_equal(query(), AEG_DNS_NOT_ADDRESS);
}

static void test_query_cut(void **state)
{
	ask(HF, WIRE_A);
	for (size_t len = 0; len < wire.len; len++)
		assert_int_equal(query_at(len), AEG_DNS_SHORT);
}

/* A question from raw bytes of a name, as on the wire. */
static enum aeg_dns_result query_raw(const void *bytes, size_t len)
{
	wire.len = 0;
	wire_dns_header(&wire, 0xbeef, WIRE_DNS_QUERY, 0);
	wire_bytes(&wire, bytes, len);
	wire_u32(&wire, WIRE_A << 16 | WIRE_IN);
	return query();
}

static void test_query_names(void **state)
{
	assert_int_equal(query_raw("\2hf\2co", 7), AEG_DNS_OK);
	assert_string_equal(name.text, "hf.co");
	assert_int_equal(query_raw("", 1), AEG_DNS_BAD_NAME); /* the root */
	/* dots and NULs inside labels would forge borders */
	assert_int_equal(query_raw("\5hf.co", 7), AEG_DNS_BAD_NAME);
	assert_int_equal(query_raw("\4a.hf\2co", 9), AEG_DNS_BAD_NAME);
	assert_int_equal(query_raw("\3.hf\2co", 8), AEG_DNS_BAD_NAME);
	assert_int_equal(query_raw("\3hf.\2co", 8), AEG_DNS_BAD_NAME);
	assert_int_equal(query_raw("\3hf\0\2co", 8), AEG_DNS_BAD_NAME);
	assert_int_equal(query_raw("\3h f\2co", 8), AEG_DNS_BAD_NAME);
	assert_int_equal(query_raw("\3h\xff"
				   "f\2co",
				   8),
			 AEG_DNS_BAD_NAME);
	assert_int_equal(query_raw("\1"
				   "1\1"
				   "2",
				   5),
			 AEG_DNS_BAD_NAME);
	/* pointers and the reserved types of labels */
	assert_int_equal(query_raw("\2hf\300\14", 5), AEG_DNS_BAD_LABEL);
	assert_int_equal(query_raw("\300\14", 2), AEG_DNS_BAD_LABEL);
	assert_int_equal(query_raw("\100a", 2), AEG_DNS_BAD_LABEL);
	assert_int_equal(query_raw("\200a", 2), AEG_DNS_BAD_LABEL);
}

static void test_query_long_names(void **state)
{
	struct wire text = {0};

	for (int i = 0; i < 4; i++) { /* 3 * 64 + 62 = 254 with the zero: 253 characters at most */
		wire_u8(&text, i < 3 ? 63 : 61);
		wire_fill(&text, 'a', i < 3 ? 63 : 61);
	}
	wire_u8(&text, 0);
	assert_int_equal(query_raw(text.data, text.len), AEG_DNS_OK);
	assert_int_equal(name.len, 253);
	text.data[3 * 64] = 62;
	text.data[text.len - 1] = 'a';
	wire_u8(&text, 0);
	assert_int_equal(query_raw(text.data, text.len), AEG_DNS_BAD_NAME);
	text.len = 0;
	for (int i = 0; i < 130; i++)
		wire_bytes(&text, "\1a", 2);
	wire_u8(&text, 0);
	assert_int_equal(query_raw(text.data, text.len), AEG_DNS_BAD_LABEL);
}

static void test_query_many_labels(void **state)
{
	struct wire text = {0};

	for (int i = 0; i < 127; i++)
		wire_bytes(&text, "\1a", 2);
	wire_u8(&text, 0);
	assert_int_equal(query_raw(text.data, text.len), AEG_DNS_OK);
	assert_int_equal(question.labels, 127);
	assert_int_equal(name.borders, 126);
}

/* ---- answers ---- */

static void test_response(void **state)
{
	static const __u8 v4[16] = {[10] = 0xff, [11] = 0xff, 18, 154, 227, 7};
	static const __u8 v6[16] = {0x26, 0, 0x90, 0, [15] = 9};

	begin(4);
	record(12, WIRE_CNAME, "\3cdn\300\14", 6);
	record(46, WIRE_CNAME, "\1x\300\56", 4);
	record(46, WIRE_A, v4 + 12, 4);
	record(46, WIRE_AAAA, v6, 16);
	wire_bytes(&wire, OPT, 11);
	assert_int_equal(response(), AEG_DNS_OK);
	assert_string_equal(name.text, HF);
	assert_int_equal(answers.n, 2);
	assert_memory_equal(answers.records[0].addr, v4, 16);
	assert_memory_equal(answers.records[1].addr, v6, 16);
	assert_int_equal(answers.records[0].ttl, 300);
}

static void test_response_header(void **state)
{
	static const struct {
		unsigned int flags;
		enum aeg_dns_result result;
	} cases[] = {{0x8180, AEG_DNS_OK},	   {0x8580, AEG_DNS_OK},
		     {0x81b0, AEG_DNS_OK},	   {0x0100, AEG_DNS_NOT_ANSWER},
		     {0xa800, AEG_DNS_NOT_ANSWER}, {0x8380, AEG_DNS_TRUNCATED},
		     {0x8183, AEG_DNS_FAILED},	   {0x8182, AEG_DNS_FAILED},
		     {0x8185, AEG_DNS_FAILED}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(1);
		record(12, WIRE_A, "\1\2\3\4", 4);
		wire.data[2] = (uint8_t)(cases[i].flags >> 8);
		wire.data[3] = (uint8_t)cases[i].flags;
		assert_int_equal(response(), cases[i].result);
	}
	begin(0);
	wire.data[5] = 2;
	assert_int_equal(response(), AEG_DNS_NOT_ANSWER);
	wire.data[5] = 0;
	assert_int_equal(response(), AEG_DNS_NOT_ANSWER);
}

/* The name of a truncated answer is known; where it cannot be read, that is what counts. */
static void test_truncated(void **state)
{
	begin(0);
	wire.data[2] |= AEG_DNS_FLAG_TRUNCATED >> 8;
	assert_int_equal(response(), AEG_DNS_TRUNCATED);
	assert_string_equal(name.text, HF);
	wire.data[AEG_DNS_HEADER] = 0x80;
	assert_int_equal(response(), AEG_DNS_BAD_LABEL);
	assert_int_equal(response_at(AEG_DNS_HEADER), AEG_DNS_SHORT);
}

/* All or nothing: no prefix of an answer teaches. */
static void test_response_cut(void **state)
{
	begin(3);
	record(12, WIRE_A, "\1\2\3\4", 4);
	wire_dns_name(&wire, "a.b");
	wire_dns_record(&wire, WIRE_A, 60, "\1\2\3\4", 4);
	record(12, WIRE_AAAA, "1234567890123456", 16);
	for (size_t len = 0; len < wire.len; len++)
		assert_int_equal(response_at(len), AEG_DNS_SHORT);
	assert_int_equal(response(), AEG_DNS_OK);
	assert_int_equal(answers.n, 3);
}

static void test_ttl(void **state)
{
	static const __u32 ttls[][2] = {
		{0, 0}, {1, 1}, {0x7fffffff, 0x7fffffff}, {0x80000000u, 0}, {0xffffffffu, 0}};

	for (size_t i = 0; i < sizeof(ttls) / sizeof(ttls[0]); i++) {
		begin(1);
		wire_dns_pointer(&wire, 12);
		wire_dns_record(&wire, WIRE_A, ttls[i][0], "\1\2\3\4", 4);
		assert_int_equal(response(), AEG_DNS_OK);
		assert_int_equal(answers.records[0].ttl, ttls[i][1]);
	}
}

static void test_record_lengths(void **state)
{
	for (unsigned int type = WIRE_A; type <= WIRE_AAAA; type += WIRE_AAAA - WIRE_A) {
		for (size_t len = 0; len <= 20; len++) {
			begin(1);
			record(12, type, "12345678901234567890", len);
			assert_int_equal(response(), len == (type == WIRE_A ? 4 : 16)
							     ? AEG_DNS_OK
							     : AEG_DNS_BAD_RECORD);
		}
	}
}

/* Other classes and types are passed over, whatever their length. */
static void test_other_records(void **state)
{
	begin(3);
	record(12, 16, "\4text", 5);
	record(12, WIRE_A, "\1\2\3\4", 4);
	wire.data[wire.len - 4 - 7] = 3; /* class CHAOS */
	record(12, 46, "", 0);
	assert_int_equal(response(), AEG_DNS_OK);
	assert_int_equal(answers.n, 0);
}

static enum aeg_dns_result owned_by(const void *bytes, size_t len)
{
	begin(1);
	wire_bytes(&wire, bytes, len);
	wire_dns_record(&wire, WIRE_A, 60, "\1\2\3\4", 4);
	return response();
}

/* The question ends at 32: an owner there may point to 12 .. 31 only. */
static void test_pointers(void **state)
{
	assert_int_equal(owned_by("\300\14", 2), AEG_DNS_OK);
	assert_int_equal(owned_by("\300\37", 2), AEG_DNS_OK);
	assert_int_equal(owned_by("\3www\300\14", 6), AEG_DNS_OK);
	assert_int_equal(owned_by("\300\40", 2), AEG_DNS_BAD_LABEL); /* to itself */
	assert_int_equal(owned_by("\1a\300\40", 4), AEG_DNS_BAD_LABEL);
	assert_int_equal(owned_by("\1a\300\41", 4), AEG_DNS_BAD_LABEL);
	assert_int_equal(owned_by("\300\60", 2), AEG_DNS_BAD_LABEL); /* forwards */
	assert_int_equal(owned_by("\377\377", 2), AEG_DNS_BAD_LABEL);
	assert_int_equal(owned_by("\300\13", 2), AEG_DNS_BAD_LABEL); /* into the header */
	assert_int_equal(owned_by("\300\0", 2), AEG_DNS_BAD_LABEL);
	assert_int_equal(owned_by("\100", 1), AEG_DNS_BAD_LABEL);
	assert_int_equal(owned_by("\277\14", 2), AEG_DNS_BAD_LABEL);
	assert_int_equal(owned_by("\200\14", 2), AEG_DNS_BAD_LABEL);
	assert_int_equal(owned_by("\0", 1), AEG_DNS_OK);
}

static void test_long_owners(void **state)
{
	struct wire text = {0};

	for (int i = 0; i < 3; i++) {
		wire_u8(&text, 63);
		wire_fill(&text, 'a', 63);
	}
	wire_u8(&text, 61);
	wire_fill(&text, 'a', 61);
	wire_u8(&text, 0);
	assert_int_equal(text.len, 255);
	assert_int_equal(owned_by(text.data, text.len), AEG_DNS_OK);
	text.data[192] = 62;
	wire_u8(&text, 0);
	text.data[254] = 'a';
	assert_int_equal(owned_by(text.data, text.len), AEG_DNS_BAD_LABEL);
}

static enum aeg_dns_result with_records(unsigned int n)
{
	begin(n);
	while (n-- && wire.len < 8192)
		record(12, WIRE_A, "\1\2\3\4", 4);
	return response();
}

static void test_many_records(void **state)
{
	assert_int_equal(with_records(0), AEG_DNS_OK);
	assert_int_equal(answers.n, 0);
	assert_int_equal(with_records(32), AEG_DNS_OK);
	assert_int_equal(answers.n, 32);
	assert_int_equal(with_records(64), AEG_DNS_OK);
	assert_int_equal(answers.n, 64);
	assert_int_equal(with_records(65), AEG_DNS_TOO_MANY);
	assert_int_equal(with_records(0xffff), AEG_DNS_TOO_MANY);
}

/* Owners spelled out: labels count, too. */
static void test_many_labels(void **state)
{
	for (unsigned int n = 63; n <= 64; n++) {
		begin(n);
		for (unsigned int i = 0; i < n; i++) {
			wire_dns_name(&wire, i == 63 ? "a.b.c.d" : "a.b.c");
			wire_dns_record(&wire, WIRE_A, 60, "\1\2\3\4", 4);
		}
		assert_int_equal(response(), n == 63 ? AEG_DNS_OK : AEG_DNS_TOO_MANY);
	}
	begin(64);
	for (int i = 0; i < 64; i++) {
		wire_dns_name(&wire, "a.b.c");
		wire_dns_record(&wire, WIRE_A, 60, "\1\2\3\4", 4);
	}
	assert_int_equal(response(), AEG_DNS_OK);
	assert_int_equal(answers.n, 64);
}

/* Over TCP a message may have 64 KB: what ends within the first 4 KB is learned, the rest is not. */
static void test_long_messages(void **state)
{
	begin(1);
	record(12, WIRE_A, "\1\2\3\4", 4);
	wire_fill(&wire, 0xff, 60000);
	assert_int_equal(response(), AEG_DNS_OK);
	assert_int_equal(answers.n, 1);
	begin(2);
	record(12, WIRE_A, "\1\2\3\4", 4);
	wire_dns_pointer(&wire, 12);
	wire_u32(&wire, 16 << 16 | WIRE_IN);
	wire_u32(&wire, 60);
	wire_u16(&wire, 60000);
	wire_fill(&wire, 0, 60000);
	assert_int_equal(response(), AEG_DNS_SHORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_question_hash),
		cmocka_unit_test(test_query_header),
		cmocka_unit_test(test_query_types),
		cmocka_unit_test(test_query_cut),
		cmocka_unit_test(test_query_names),
		cmocka_unit_test(test_query_long_names),
		cmocka_unit_test(test_query_many_labels),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_response_header),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_response_cut),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_record_lengths),
		cmocka_unit_test(test_other_records),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_long_owners),
		cmocka_unit_test(test_many_records),
		cmocka_unit_test(test_many_labels),
		cmocka_unit_test(test_long_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
