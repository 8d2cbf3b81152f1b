/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What lies between a ClientHello and the one after a HelloRetryRequest, and what is none. */
#include "tests/unit/util_hello.h"
#include "tests/property/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define CCS "\24\3\3\0\1\1"
#define WARNING "\25\3\3\0\2\1\132"
#define DATA "\27\3\3\0\3abc"
#define BYTES(text) text, sizeof(text) - 1

/* What is said of the bytes behind a first hello; the same in pieces of every size. */
static enum aeg_hello_result behind(const struct wire *from, __u8 second)
{
	struct aeg_hello_buf *buf = test_malloc(sizeof(*buf));
	enum aeg_hello_result result = AEG_HELLO_RESULT_MAX;

	for (size_t size = 1; size <= from->len; size += size < 20 ? 1 : 61) {
		enum aeg_hello_result cut;

		memset(buf, 0, sizeof(*buf));
		buf->second = second;
		cut = hello_feed(buf, from, size);
		if (result == AEG_HELLO_RESULT_MAX)
			result = cut;
		assert_int_equal(cut, result);
	}
	test_free(buf);
	return result;
}

/* Some bytes, then a hello for hf.co. */
static enum aeg_hello_result second_after(const char *bytes, size_t len, __u8 second)
{
	static struct wire both;

	both.len = 0;
	hello_named("hf.co", 5);
	wire_bytes(&both, bytes, len);
	wire_bytes(&both, wire.data, wire.len);
	return behind(&both, second);
}

static void test_between(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum aeg_hello_result plain, early;
	} cases[] = {
		{BYTES(""), AEG_HELLO_DONE, AEG_HELLO_DONE},
		{BYTES(CCS), AEG_HELLO_DONE, AEG_HELLO_DONE},
		{BYTES(CCS CCS CCS), AEG_HELLO_DONE, AEG_HELLO_DONE},
		{BYTES(WARNING), AEG_HELLO_DONE, AEG_HELLO_DONE},
		{BYTES(CCS WARNING CCS), AEG_HELLO_DONE, AEG_HELLO_DONE},
		{BYTES(DATA), AEG_HELLO_NOT_TLS, AEG_HELLO_DONE},
		{BYTES(CCS DATA DATA CCS WARNING), AEG_HELLO_NOT_TLS, AEG_HELLO_DONE},
		{BYTES("\24\3\3\0\2\1\1"), AEG_HELLO_MALFORMED, AEG_HELLO_MALFORMED},
		{BYTES("\24\3\3\0\0"), AEG_HELLO_MALFORMED, AEG_HELLO_MALFORMED},
		{BYTES("\24\2\3\0\1\1"), AEG_HELLO_MALFORMED, AEG_HELLO_MALFORMED},
		{BYTES("\25\3\3\0\0"), AEG_HELLO_MALFORMED, AEG_HELLO_MALFORMED},
		{BYTES("\26\3\3\0\0"), AEG_HELLO_MALFORMED, AEG_HELLO_MALFORMED},
		{BYTES("\26\2\3\0\1\1"), AEG_HELLO_MALFORMED, AEG_HELLO_MALFORMED},
		{BYTES("\30\3\3\0\1\1"), AEG_HELLO_MALFORMED, AEG_HELLO_MALFORMED},
		{BYTES("\23\3\3\0\1\1"), AEG_HELLO_MALFORMED, AEG_HELLO_MALFORMED},
		{BYTES("\27\3\3\110\1"), AEG_HELLO_NOT_TLS, AEG_HELLO_MALFORMED},
		{BYTES("\26\3\3\0\4\20\0\0\0"), AEG_HELLO_NOT_TLS, AEG_HELLO_NOT_TLS},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(second_after(cases[i].bytes, cases[i].len, AEG_SECOND_HELLO),
				 cases[i].plain);
		assert_int_equal(second_after(cases[i].bytes, cases[i].len,
					      AEG_SECOND_HELLO | AEG_SECOND_EARLY),
				 cases[i].early);
		if (cases[i].len &&
		    cases[i].bytes[0] != '\26') /* a first hello has nothing before it */
			assert_int_equal(second_after(cases[i].bytes, cases[i].len, 0),
					 AEG_HELLO_NOT_TLS);
	}
}

/* What may be an encrypted record of TLS 1.2 is none if a server could read it. */
static void test_sealed(void **state)
{
	static struct wire sealed;
	static const struct {
		const char *header;
		enum aeg_hello_result result;
	} cases[] = {
		{"\1\4\0\0", AEG_HELLO_NOT_TLS},      {"\1\377\377\377", AEG_HELLO_NOT_TLS},
		{"\1\3\377\377", AEG_HELLO_TOO_LONG}, {"\1\0\20\0", AEG_HELLO_TOO_LONG},
		{"\2\0\0\4", AEG_HELLO_NOT_TLS},      {"\1\0\0\4", AEG_HELLO_MALFORMED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int ccs = 0; ccs < 2; ccs++) {
			enum aeg_hello_result want = cases[i].result;

			sealed.len = 0;
			wire_bytes(&sealed, CCS, ccs ? 6 : 0);
			wire_bytes(&sealed, "\26\3\3\0\50", 5);
			wire_bytes(&sealed, cases[i].header, 4);
			wire_fill(&sealed, 0x55, 36);
			if (!ccs && cases[i].header[0] == 1 && want == AEG_HELLO_NOT_TLS)
				want = AEG_HELLO_TOO_LONG;
			assert_int_equal(behind(&sealed, AEG_SECOND_HELLO), want);
		}
	}
}

/* One feeding steps over so many records; the rest is fed again. */
static void test_many_between(void **state)
{
	static struct wire many;

	many.len = 0;
	for (int i = 0; i < 500; i++)
		wire_bytes(&many, BYTES(DATA));
	hello_named("hf.co", 5);
	wire_bytes(&many, wire.data, wire.len);
	assert_int_equal(behind(&many, AEG_SECOND_HELLO | AEG_SECOND_EARLY), AEG_HELLO_DONE);
	assert_string_equal(name.text, "hf.co");
}

/* A look at 12 bytes never says more than reading does. */
static void test_second_over(void **state)
{
	static const __u8 telling[] = {0, 1, 2, 3, 4, 16, 20, 21, 22, 23, 24, 64, 255};
	struct random random = {11};
	unsigned int over = 0;
	struct wire *head = test_calloc(1, sizeof(*head));

	head->len = AEG_SECOND_HEAD;
	for (int round = 0; round < 200000; round++) {
		__u8 second = random_percent(&random, 50) ? 3 : 1;

		memcpy(head->data, random_percent(&random, 50) ? CCS "\26\3\3\0\50" : CCS DATA, 11);
		if (random_percent(&random, 30))
			memcpy(head->data, "\26\3\3\0\50\20", 6);
		for (unsigned int n = random_below(&random, 4); n > 0; n--)
			head->data[random_below(&random, AEG_SECOND_HEAD)] =
				RANDOM_OF(&random, telling);
		if (!aeg_second_over(head->data, second))
			continue;
		over++;
		if (behind(head, second) != AEG_HELLO_NOT_TLS)
			fail_msg("round %d", round);
	}
	assert_true(over > 10000);
	test_free(head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_many_between),
		cmocka_unit_test(test_second_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
