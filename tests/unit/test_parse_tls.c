/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ClientHellos: the captured ones whole and cut everywhere, and everything a hostile client can send. */
#include "bpf/parse_tls.h"
#include "tests/lib/wire.h"
#include "tests/property/random.h"
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define FIXTURES "tests/fixtures/clienthello/*.bin"
#define ENDPOINT "abcd1234.us-east-1.aws.endpoints.huggingface.cloud"

static const struct aeg_seed seed = {0x0123456789abcdefu, 0xfedcba9876543211u};
static struct wire wire;
static struct aeg_hello hello;
static struct aeg_name name;

/* One segment. What lies behind it in memory must not matter: it is parsed among two kinds of it. */
static enum aeg_hello_result parse(const __u8 *bytes, size_t len)
{
	static __u8 data[AEG_DATA_ROOM];
	enum aeg_hello_result result, again;

	memset(data, 0xff, sizeof(data));
	memcpy(data, bytes, len);
	memset(&hello, 0xee, sizeof(hello));
	again = aeg_hello_parse(data, (__u32)len, &hello);
	memset(data + len, 0, sizeof(data) - len);
	memset(&hello, 0x11, sizeof(hello));
	result = aeg_hello_parse(data, (__u32)len, &hello);
	assert_int_equal(result, again);
	if (result == AEG_HELLO_DONE)
		result = aeg_hello_name(data, &hello, &seed, &name);
	return result;
}

static enum aeg_hello_result parse_wire(void)
{
	return parse(wire.data, wire.len < AEG_DATA_MAX ? wire.len : AEG_DATA_MAX);
}

/* In segments of `size` bytes. */
static enum aeg_hello_result feed(struct aeg_hello_buf *buf, const struct wire *from, size_t size)
{
	enum aeg_hello_result result = AEG_HELLO_NEED_MORE;

	for (size_t at = 0; at < from->len && result == AEG_HELLO_NEED_MORE; at += buf->at) {
		size_t left = size - at % size; /* of the piece that a call has not taken wholly */
		size_t n = from->len - at < left ? from->len - at : left;
		struct aeg_bytes in = {
			.base = (void *)(from->data + at - 1), .start = 1, .len = (__u32)n};

		result = aeg_hello_feed(buf, &in);
		assert_true(result != AEG_HELLO_NEED_MORE || buf->at == n ||
			    (buf->second && buf->at > 0));
	}
	if (result != AEG_HELLO_DONE)
		return result;
	result = aeg_hello_parse_fed(buf, &hello);
	if (result == AEG_HELLO_DONE)
		result = aeg_hello_name(buf->data, &hello, &seed, &name);
	return result;
}

static enum aeg_hello_result feed_new(const struct wire *from, size_t size)
{
	struct aeg_hello_buf *buf = test_calloc(1, sizeof(*buf));
	enum aeg_hello_result result = feed(buf, from, size);

	test_free(buf);
	return result;
}

/* ---- what real clients send ---- */

static void load(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		abort();
	wire.len = fread(wire.data, 1, sizeof(wire.data), file);
	fclose(file);
	if (wire.len == 0)
		abort();
}

static void check_fixture(const char *path)
{
	const char *expected = strstr(path, "1642B") ? ENDPOINT : "huggingface.co";

	assert_int_equal(parse_wire(), AEG_HELLO_DONE);
	assert_string_equal(name.text, expected);
	assert_int_equal(hello.version, 0x0304);
	assert_int_equal(hello.flags, strstr(path, "grease") ? AEG_HELLO_ECH : 0);
	for (size_t len = 0; len < wire.len; len++)
		assert_int_equal(parse(wire.data, len), AEG_HELLO_NEED_MORE);
	wire_fill(&wire, 0x17, 3000); /* early data: one segment may hold more than the hello */
	assert_int_equal(parse_wire(), AEG_HELLO_DONE);
	assert_string_equal(name.text, expected);
	wire.len -= 3000;
	for (size_t size = 1; size < 1900; size += size < 8 ? 1 : 97) {
		memset(&name, 0, sizeof(name));
		assert_int_equal(feed_new(&wire, size), AEG_HELLO_DONE);
		assert_string_equal(name.text, expected);
	}
}

static void check_fixture_records(const char *path)
{
	static struct wire records;

	for (size_t size = wire.len / 32 + 1; size < wire.len - 5; size += 53) {
		records.len = 0;
		wire_records(&records, &wire, size);
		assert_int_equal(parse(records.data, records.len), AEG_HELLO_NEED_MORE);
		for (size_t segment = 1; segment < 3000; segment = segment * 3 + 1) {
			memset(&name, 0, sizeof(name));
			assert_int_equal(feed_new(&records, segment), AEG_HELLO_DONE);
			assert_string_equal(name.text,
					    strstr(path, "1642B") ? ENDPOINT : "huggingface.co");
		}
	}
}

static void test_fixtures(void **state)
{
	glob_t found = {0};

	assert_int_equal(glob(FIXTURES, 0, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, 21);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		load(found.gl_pathv[i]);
		check_fixture(found.gl_pathv[i]);
		check_fixture_records(found.gl_pathv[i]);
	}
	globfree(&found);
}

/* Both ways of cutting a hello in two, at every byte. */
static void test_cut_anywhere(void **state)
{
	static struct wire part;
	struct aeg_hello_buf *buf = test_malloc(sizeof(*buf));

	load("tests/fixtures/clienthello/ch_0517B_c43_sni177_x25519.bin");
	for (size_t cut = 1; cut < wire.len; cut++) {
		memset(buf, 0, sizeof(*buf));
		part.len = 0;
		wire_bytes(&part, wire.data, cut);
		assert_int_equal(feed(buf, &part, cut), AEG_HELLO_NEED_MORE);
		part.len = 0;
		wire_bytes(&part, wire.data + cut, wire.len - cut);
		assert_int_equal(feed(buf, &part, part.len), AEG_HELLO_DONE);
		assert_string_equal(name.text, "huggingface.co");
	}
	test_free(buf);
}

/* ---- what it is made of ---- */

static void hello_named(const void *text, size_t len)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	wire_server_name(&wire, text, len);
	wire_hello_close(&wire, &open);
}

static enum aeg_hello_result named(const char *text)
{
	hello_named(text, strlen(text));
	return parse_wire();
}

static void test_names(void **state)
{
	assert_int_equal(named("HuggingFace.CO"), AEG_HELLO_DONE);
	assert_string_equal(name.text, "huggingface.co");
	assert_int_equal(hello.version, 0x0303);
	assert_int_equal(named("huggingface.co."), AEG_HELLO_MALFORMED);
	assert_int_equal(named(".huggingface.co"), AEG_HELLO_MALFORMED);
	assert_int_equal(named("huggingface..co"), AEG_HELLO_MALFORMED);
	assert_int_equal(named("1.2.3.4"), AEG_HELLO_MALFORMED);
	assert_int_equal(named("::1"), AEG_HELLO_MALFORMED);
	assert_int_equal(named("b\xc3\xbc"
			       "cher.example"),
			 AEG_HELLO_MALFORMED);
	assert_int_equal(named(""), AEG_HELLO_MALFORMED);
	hello_named("huggingface.co\0.evil.test", 25);
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
	hello_named("evil.test\0", 10);
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
}

static void test_long_names(void **state)
{
	char text[256];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 50 == 49 ? '.' : 'a';
	hello_named(text, 253);
	assert_int_equal(parse_wire(), AEG_HELLO_DONE);
	assert_int_equal(name.len, 253);
	hello_named(text, 254);
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
	hello_named(text, 255);
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
}

/* A hello whose extensions are one payload of a type, behind a good name where `good`. */
static enum aeg_hello_result extended(int good, unsigned int type, const void *payload, size_t len)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	if (good)
		wire_server_name(&wire, "hf.co", 5);
	wire_extension(&wire, type, payload, len);
	wire_hello_close(&wire, &open);
	return parse_wire();
}

static void test_server_name_lists(void **state)
{
	assert_int_equal(extended(0, 0, "\0\5\0\0\2hf", 7), AEG_HELLO_DONE);
	assert_string_equal(name.text, "hf");
	assert_int_equal(extended(0, 0, "", 0), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\0", 2), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\3\0\0\0", 5), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\5\1\0\2hf", 7), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\5\0\0\3hf", 7), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\5\0\0\1hf", 7), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\6\0\0\2hf", 7), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(0, 0, "\0\5\0\0\2hfx", 8), AEG_HELLO_MALFORMED);
	/* two names in one list, two extensions */
	assert_int_equal(extended(0, 0, "\0\12\0\0\2hf\0\0\2co", 12), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 0, "\0\5\0\0\2hf", 7), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 1, "x", 1), AEG_HELLO_DONE);
	assert_int_equal(extended(0, 1, "x", 1), AEG_HELLO_NAME_MISSING);
	assert_int_equal(hello.version, 0x0303);
}

static void test_versions(void **state)
{
	assert_int_equal(extended(1, 43, "\2\3\4", 3), AEG_HELLO_DONE);
	assert_int_equal(hello.version, 0x0304);
	assert_int_equal(extended(1, 43, "\6\x7a\x7a\3\3\3\2", 7), AEG_HELLO_DONE);
	assert_int_equal(hello.version, 0x0303);
	assert_int_equal(extended(1, 43, "\6\3\1\3\2\x7f\x1c", 7), AEG_HELLO_DONE);
	assert_int_equal(hello.version, 0x0302);
	assert_int_equal(extended(1, 43, "\2\x0a\x0a", 3), AEG_HELLO_DONE);
	assert_int_equal(hello.version, 0);
	assert_int_equal(extended(1, 43, "\2\3\5", 3), AEG_HELLO_DONE);
	assert_int_equal(hello.version, 0);
	assert_int_equal(extended(0, 43, "\4\3\4\3\3", 5), AEG_HELLO_NAME_MISSING);
	assert_int_equal(hello.version, 0x0304);
	assert_int_equal(extended(1, 43, "", 0), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 43, "\0", 1), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 43, "\3\3\4\3", 4), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 43, "\2\3\4\0", 4), AEG_HELLO_MALFORMED);
	assert_int_equal(extended(1, 43, "\4\3\4", 3), AEG_HELLO_MALFORMED);
}

static void test_twice_versions(void **state)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	wire_server_name(&wire, "hf.co", 5);
	wire_extension(&wire, 43, "\2\3\4", 3);
	wire_extension(&wire, 43, "\2\3\3", 3);
	wire_hello_close(&wire, &open);
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
}

static void test_legacy_version(void **state)
{
	static const struct {
		__u8 minor;
		__u16 version;
	} cases[] = {{0, 0x0300}, {1, 0x0301}, {2, 0x0302}, {3, 0x0303}, {4, 0x0303}, {9, 0x0303}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hello_named("hf.co", 5);
		wire.data[10] = cases[i].minor;
		assert_int_equal(parse_wire(), AEG_HELLO_DONE);
		assert_int_equal(hello.version, cases[i].version);
	}
	wire.data[9] = 2;
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
}

static void test_ech(void **state)
{
	assert_int_equal(extended(1, 0xfe0d, "xyz", 3), AEG_HELLO_DONE);
	assert_int_equal(hello.flags, AEG_HELLO_ECH);
	assert_int_equal(extended(0, 0xfe0d, "", 0), AEG_HELLO_NAME_MISSING);
	assert_int_equal(hello.flags, AEG_HELLO_ECH);
	assert_int_equal(extended(1, 42, "", 0), AEG_HELLO_DONE);
	assert_int_equal(hello.flags, AEG_HELLO_EARLY);
	assert_int_equal(extended(1, 0xfe0e, "", 0), AEG_HELLO_DONE);
	assert_int_equal(hello.flags, 0);
}

static enum aeg_hello_result with_extensions(unsigned int n)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	for (unsigned int i = 1; i < n; i++)
		wire_extension(&wire, 0x2a2a, "", 0);
	wire_server_name(&wire, "hf.co", 5);
	wire_hello_close(&wire, &open);
	return parse_wire();
}

static void test_many_extensions(void **state)
{
	assert_int_equal(with_extensions(64), AEG_HELLO_DONE);
	assert_int_equal(with_extensions(65), AEG_HELLO_TOO_LONG);
	assert_int_equal(with_extensions(900), AEG_HELLO_TOO_LONG);
}

static void test_no_extensions(void **state)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	wire.len -= 2; /* not even their length: TLS 1.0 as it was */
	wire_close(&wire, open.message, 3);
	wire_close(&wire, open.record, 2);
	assert_int_equal(parse_wire(), AEG_HELLO_NAME_MISSING);
	wire_u8(&wire, 0);
	wire_close(&wire, open.message, 3);
	wire_close(&wire, open.record, 2);
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
}

/* ---- records and lengths ---- */

static void test_not_tls(void **state)
{
	static const char *const first[] = {"GET / HTTP/1.1\r\n", "SSH-2.0-x",
					    "\x17\3\3\0\1x",	  "\x15\3\1\0\2\2\50",
					    "\x14\3\3\0\1\1",	  "\x16\2\1\0\5\1",
					    "\x80\x2e\1\3\1"};

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		wire.len = 0;
		wire_bytes(&wire, first[i], 5);
		assert_int_equal(parse_wire(), AEG_HELLO_NOT_TLS);
		assert_int_equal(feed_new(&wire, 1), AEG_HELLO_NOT_TLS);
		assert_int_equal(feed_new(&wire, 5), AEG_HELLO_NOT_TLS);
	}
	hello_named("hf.co", 5);
	wire.data[5] = 2;
	assert_int_equal(parse_wire(), AEG_HELLO_NOT_TLS);
	assert_int_equal(feed_new(&wire, 6), AEG_HELLO_NOT_TLS);
}

static void test_empty_and_huge_records(void **state)
{
	hello_named("hf.co", 5);
	wire.data[3] = wire.data[4] = 0;
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
	assert_int_equal(feed_new(&wire, 1), AEG_HELLO_MALFORMED);
	wire.data[3] = 0x40;
	wire.data[4] = 1;
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
	assert_int_equal(parse(wire.data, 5), AEG_HELLO_MALFORMED);
	assert_int_equal(feed_new(&wire, 1), AEG_HELLO_MALFORMED);
}

/* What follows the hello in its own record would go unread. */
static void test_record_goes_on(void **state)
{
	hello_named("hf.co", 5);
	wire_u8(&wire, 0);
	wire_close(&wire, 5, 2);
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
	assert_int_equal(feed_new(&wire, 7), AEG_HELLO_MALFORMED);
}

/* Every length of the message, one too small and one too big. */
static void test_lengths(void **state)
{
	static const size_t at[] = {8, 43, 45, 48, 51, 55, 57, 60};

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		for (int by = -1; by <= 1; by += 2) {
			hello_named("hf.co", 5);
			assert_int_equal(parse_wire(), AEG_HELLO_DONE);
			wire.data[at[i]] = (__u8)(wire.data[at[i]] + by);
			if (at[i] == 8 && by > 0) /* the next record may hold the rest */
				assert_int_equal(parse_wire(), AEG_HELLO_NEED_MORE);
			else if (parse_wire() != AEG_HELLO_MALFORMED)
				fail_msg("length at %zu by %d", at[i], by);
		}
	}
	hello_named("hf.co", 5);
	wire.data[43] = 33;
	assert_int_equal(parse_wire(), AEG_HELLO_MALFORMED);
}

/* A hello right in every way but these three lengths, if they are not. */
static enum aeg_hello_result with_head(size_t session, size_t suites, size_t compressions)
{
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	wire.len = 43;
	wire_u8(&wire, (unsigned int)session);
	wire_fill(&wire, 0, session);
	wire_u16(&wire, (unsigned int)suites);
	wire_fill(&wire, 0, suites);
	wire_u8(&wire, (unsigned int)compressions);
	wire_fill(&wire, 0, compressions);
	open.extensions = wire_open(&wire, 2);
	wire_server_name(&wire, "hf.co", 5);
	wire_hello_close(&wire, &open);
	return parse_wire();
}

static void test_head(void **state)
{
	assert_int_equal(with_head(0, 2, 1), AEG_HELLO_DONE);
	assert_int_equal(with_head(32, 512, 255), AEG_HELLO_DONE);
	assert_int_equal(with_head(33, 2, 1), AEG_HELLO_MALFORMED);
	assert_int_equal(with_head(32, 0, 1), AEG_HELLO_MALFORMED);
	assert_int_equal(with_head(32, 3, 1), AEG_HELLO_MALFORMED);
	assert_int_equal(with_head(32, 2, 0), AEG_HELLO_MALFORMED);
}

/* One to three bytes behind the last extension are none. */
static void test_stray_bytes(void **state)
{
	for (size_t n = 0; n < 4; n++) {
		struct wire_hello open;

		wire.len = 0;
		wire_hello_open(&wire, &open);
		wire_server_name(&wire, "hf.co", 5);
		wire_fill(&wire, 0, n);
		wire_hello_close(&wire, &open);
		assert_int_equal(parse_wire(), n ? AEG_HELLO_MALFORMED : AEG_HELLO_DONE);
	}
}

static void padded(size_t len)
{
	static const __u8 zeros[5000];
	struct wire_hello open;

	wire.len = 0;
	wire_hello_open(&wire, &open);
	wire_server_name(&wire, "hf.co", 5);
	wire_extension(&wire, 21, zeros, len - wire.len - 4);
	wire_hello_close(&wire, &open);
	assert_int_equal(wire.len, len);
}

static void test_too_long(void **state)
{
	padded(AEG_DATA_MAX);
	assert_int_equal(parse_wire(), AEG_HELLO_DONE);
	assert_int_equal(feed_new(&wire, 1), AEG_HELLO_DONE);
	assert_int_equal(feed_new(&wire, 5000), AEG_HELLO_DONE);
	padded(AEG_DATA_MAX + 1);
	assert_int_equal(parse_wire(), AEG_HELLO_TOO_LONG);
	assert_int_equal(parse(wire.data, 9), AEG_HELLO_TOO_LONG);
	assert_int_equal(feed_new(&wire, 1), AEG_HELLO_TOO_LONG);
	assert_int_equal(feed_new(&wire, 5000), AEG_HELLO_TOO_LONG);
}

static void test_many_records(void **state)
{
	static struct wire records;

	padded(320 + 5);
	wire_records(&records, &wire, 10);
	assert_int_equal(feed_new(&records, 1), AEG_HELLO_DONE);
	assert_int_equal(feed_new(&records, 5000), AEG_HELLO_DONE);
	padded(321 + 5);
	records.len = 0;
	wire_records(&records, &wire, 10);
	assert_int_equal(feed_new(&records, 1), AEG_HELLO_TOO_LONG);
	assert_int_equal(feed_new(&records, 5000), AEG_HELLO_TOO_LONG);
}

/* Nothing but handshake records may lie between the parts. */
static void test_foreign_record_between(void **state)
{
	static struct wire records;

	hello_named("hf.co", 5);
	wire_bytes(&records, "\26\3\1\0\4", 5);
	wire_bytes(&records, wire.data + 5, 4);
	wire_bytes(&records, "\24\3\3\0\1\1", 6);
	wire_bytes(&records, "\26\3\1\0", 4);
	wire_u8(&records, (unsigned int)wire.len - 9);
	wire_bytes(&records, wire.data + 9, wire.len - 9);
	assert_int_equal(feed_new(&records, 1), AEG_HELLO_MALFORMED);
	assert_int_equal(feed_new(&records, 5000), AEG_HELLO_MALFORMED);
}

/* ---- the second hello ---- */

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
		cut = feed(buf, from, size);
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

/* However a stream is cut, the same is said of it; and of one record as of the buffer. */
static void test_cuts_do_not_matter(void **state)
{
	struct random random = {7};

	for (int round = 0; round < 3000; round++) {
		enum aeg_hello_result whole, fed;

		load("tests/fixtures/clienthello/ch_0256B_c10_sni205_x25519.bin");
		for (unsigned int n = 1 + random_below(&random, 4); n > 0; n--)
			wire.data[random_below(&random, (unsigned int)wire.len)] =
				(__u8)random_next(&random);
		whole = feed_new(&wire, wire.len);
		fed = feed_new(&wire, 1 + random_below(&random, 60));
		assert_int_equal(fed, whole);
		fed = parse_wire();
		if (fed != AEG_HELLO_NEED_MORE)
			assert_int_equal(fed, whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixtures),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_server_name_lists),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_twice_versions),
		cmocka_unit_test(test_legacy_version),
		cmocka_unit_test(test_ech),
		cmocka_unit_test(test_many_extensions),
		cmocka_unit_test(test_no_extensions),
		cmocka_unit_test(test_not_tls),
		cmocka_unit_test(test_empty_and_huge_records),
		cmocka_unit_test(test_record_goes_on),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_stray_bytes),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_many_records),
		cmocka_unit_test(test_foreign_record_between),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_many_between),
		cmocka_unit_test(test_second_over),
		cmocka_unit_test(test_cuts_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
