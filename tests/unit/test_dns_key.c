/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Keys of questions: an answer has its question's, whatever a resolver does to letter case; nothing else has. */
#include "bpf/dns_key.h"
#include "tests/lib/wire.h"
#include "tests/property/random.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define HF "huggingface.co"
#define NAME_AT AEG_DNS_HEADER
#define ID 0xbeef

static const struct aeg_seed seed = {0x0123456789abcdefu, 0xfedcba9876543211u};
static struct wire wire;

static __u64 key_filled(const struct wire *of, size_t len, int fill, const struct aeg_seed *with)
{
	static __u8 data[AEG_DATA_ROOM] __attribute__((aligned(4)));

	memset(data, fill, sizeof(data));
	memcpy(data, of->data, len);
	return aeg_key_message(data, (__u32)len, with);
}

/* What lies behind the message must not matter. */
static __u64 key_at(size_t len)
{
	__u64 key = key_filled(&wire, len, 0xff, &seed);

	assert_int_equal(key_filled(&wire, len, 0, &seed), key);
	return key;
}

static __u64 key(void)
{
	return key_at(wire.len);
}

static void ask(const char *name, unsigned int type, unsigned int id)
{
	wire.len = 0;
	wire_dns_header(&wire, id, WIRE_DNS_QUERY, 0);
	wire_dns_question(&wire, name, type);
}

static __u64 key_of(const char *name, unsigned int type, unsigned int id)
{
	ask(name, type, id);
	return key();
}

/* ---- four bytes at a time ---- */

/* The word as it lies in memory. */
static __u32 word_of(const __u8 bytes[4])
{
	__u32 word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Bytes up to the first zero, 0: there is none. */
static __u32 slow_bytes(const __u8 bytes[4])
{
	for (__u32 i = 0; i < 4; i++) {
		if (bytes[i] == 0)
			return i + 1;
	}
	return 0;
}

/* Zeros among bytes that look like one to arithmetic: 1 behind a zero borrows, 0x80 is the flag itself. */
static void test_end_of_a_word(void **state)
{
	static const __u8 odd[] = {0, 1, 2, 0x20, 0x7f, 0x80, 0x81, 0xfe, 0xff};
	const size_t n = sizeof(odd);
	__u8 bytes[4];

	for (size_t i = 0; i < n * n * n * n; i++) {
		__u32 end, want;

		bytes[0] = odd[i % n];
		bytes[1] = odd[i / n % n];
		bytes[2] = odd[i / n / n % n];
		bytes[3] = odd[i / n / n / n];
		want = slow_bytes(bytes);
		end = aeg_key_end(word_of(bytes));
		assert_int_equal(end, want ? 0x80u << (want - 1) * 8 : 0);
		if (want)
			assert_int_equal(aeg_key_bytes(end), want);
	}
}

/* Bytes behind the end are type and class: not of this word, and not in it twice. */
static void test_nothing_counts_behind_the_end(void **state)
{
	struct random random = {3};

	for (int round = 0; round < 100000; round++) {
		__u8 one[4], other[4];
		__u32 len = 1 + random_below(&random, 4), end;

		for (__u32 i = 0; i < 4; i++) {
			one[i] = (__u8)(1 + random_below(&random, 255));
			other[i] = i < len ? one[i] : (__u8)random_next(&random);
		}
		one[len - 1] = other[len - 1] = 0;
		end = aeg_key_end(word_of(one));
		assert_int_equal(aeg_key_end(word_of(other)), end);
		assert_int_equal(aeg_key_add(seed.basis, word_of(one), end, seed.factor),
				 aeg_key_add(seed.basis, word_of(other), end, seed.factor));
	}
}

/* ---- what is the same ---- */

static void test_answers_have_their_questions_key(void **state)
{
	static const unsigned int flags[] = {WIRE_DNS_RESPONSE, 0x8183, 0x8580, 0x8380, 0xffff, 0};
	const __u64 asked = key_of(HF, WIRE_A, ID);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		wire.len = 0;
		wire_dns_header(&wire, ID, flags[i], 3);
		wire_dns_question(&wire, HF, WIRE_A);
		assert_int_equal(key(), asked);
		for (int record = 0; record < 3; record++) {
			wire_dns_pointer(&wire, NAME_AT);
			wire_dns_record(&wire, WIRE_A, 300, "\313\0\161\12", 4);
			assert_int_equal(key(), asked);
		}
		wire_fill(&wire, 0xa5, AEG_DATA_MAX - wire.len);
		assert_int_equal(key(), asked);
	}
}

/* Flags and counts are no part of it; the id, the first two bytes, is. */
static void test_header(void **state)
{
	const __u64 asked = key_of(HF, WIRE_A, ID);

	for (size_t at = 0; at < NAME_AT; at++) {
		ask(HF, WIRE_A, ID);
		wire.data[at] ^= 0x11;
		assert_int_equal(key() == asked, at >= 2);
	}
}

static void test_letter_case(void **state)
{
	const __u64 asked = key_of("abcdefghijklm.nopqrstuvwxyz", WIRE_A, ID);
	struct random random = {5};

	assert_int_equal(key_of("ABCDEFGHIJKLM.NOPQRSTUVWXYZ", WIRE_A, ID), asked);
	for (int round = 0; round < 1000; round++) {
		ask("abcdefghijklm.nopqrstuvwxyz", WIRE_A, ID);
		for (size_t at = NAME_AT; at < wire.len - 4; at++) {
			if (isalpha(wire.data[at]) && random_percent(&random, 50))
				wire.data[at] ^= 0x20;
		}
		assert_int_equal(key(), asked);
	}
}

/* The price of that, as the header has it: bit 5 of what is no letter. No second one is a host name. */
static void test_bit_5_of_anything(void **state)
{
	static const char *const same[][2] = {
		{"a1b", "a\021b"}, {"a-b", "a\015b"}, {"a_b", "a\177b"}, {"a@b", "a`b"}};
	__u64 asked;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(key_of(same[i][0], WIRE_A, ID), key_of(same[i][1], WIRE_A, ID));
	asked = key_of("a.bc", WIRE_A, ID);
	wire.data[NAME_AT] |= 0x20;
	assert_int_equal(key(), asked);
}

/* ---- what is not ---- */

static void test_every_part_counts(void **state)
{
	const __u64 asked = key_of(HF, WIRE_A, ID);

	assert_int_not_equal(key_of(HF, WIRE_AAAA, ID), asked);
	assert_int_not_equal(key_of(HF, WIRE_A | 0x20, ID), asked); /* only names have letters */
	assert_int_not_equal(key_of(HF, WIRE_A, ID ^ 0x20), asked);
	assert_int_not_equal(key_of(HF, WIRE_A, 0xefbe), asked);
	for (size_t at = NAME_AT; at < NAME_AT + sizeof(HF) + 1 + 4; at++) {
		for (int bit = 0; bit < 8; bit++) {
			ask(HF, WIRE_A, ID);
			wire.data[at] ^= (__u8)(1 << bit);
			if (at < NAME_AT + sizeof(HF) && bit == 5)
				assert_int_equal(key(), asked);
			else
				assert_int_not_equal(key(), asked);
		}
	}
}

static __u64 kind(__u32 type_and_class, __u32 id)
{
	return aeg_key_kind(seed.basis, type_and_class, id, seed.factor);
}

/* The id stands above type and class: neither can make up for the other. */
static void test_kind(void **state)
{
	const __u32 a = WIRE_A << 16 | WIRE_IN;
	const __u64 key_a = kind(a, ID);

	for (int bit = 0; bit < 32; bit++) {
		assert_int_not_equal(kind(a ^ 1u << bit, ID), key_a);
		for (int other = 0; other < 16; other++) {
			assert_int_not_equal(kind(a, ID ^ 1u << other), key_a);
			assert_int_not_equal(kind(a ^ 1u << bit, ID ^ 1u << other), key_a);
		}
	}
}

static void test_seed(void **state)
{
	const __u64 asked = key_of(HF, WIRE_A, ID);

	for (int bit = 0; bit < 64; bit++) {
		const struct aeg_seed basis = {seed.basis ^ 1ull << bit, seed.factor};
		const struct aeg_seed factor = {seed.basis, seed.factor ^ 1ull << bit};

		assert_int_not_equal(key_filled(&wire, wire.len, 0, &basis), asked);
		if (bit > 0) /* odd */
			assert_int_not_equal(key_filled(&wire, wire.len, 0, &factor), asked);
	}
}

/* 0 means that there is none, so no question may have it. Its last bit is spent on that. */
static void test_resolver(void **state)
{
	const __u64 asked = key_of(HF, WIRE_A, ID);
	const __u64 keyed = aeg_key_resolver(asked, 0x2a, 0x35, seed.factor);
	struct random random = {9};

	assert_int_not_equal(aeg_key_resolver(asked, 0x2a, 0x36, seed.factor), keyed);
	assert_int_not_equal(aeg_key_resolver(asked, 0x2b, 0x35, seed.factor), keyed);
	assert_int_not_equal(aeg_key_resolver(asked, 0x35, 0x2a, seed.factor), keyed);
	assert_int_not_equal(aeg_key_resolver(key_of(HF, WIRE_AAAA, ID), 0x2a, 0x35, seed.factor),
			     keyed);
	assert_int_not_equal(aeg_key_resolver(0, 0, 0, seed.factor), 0);
	for (int round = 0; round < 100000; round++) {
		__u64 high = random_next(&random);

		/* the low half that would end in nothing */
		assert_int_not_equal(aeg_key_resolver(asked, high, (asked ^ high) * seed.factor,
						      seed.factor),
				     0);
	}
}

/* Short names of few letters, so that many are alike: the same key for the same name, and only then. */
static void random_name(struct random *random, char *ret)
{
	unsigned int len = 1 + random_below(random, 9);

	for (unsigned int i = 0; i < len; i++) {
		int dot = i > 0 && i + 1 < len && ret[-1] != '.' && random_percent(random, 25);

		*ret++ = dot ? '.' : "abAB1-"[random_below(random, 6)];
	}
	*ret = 0;
}

static void test_same_name_same_key(void **state)
{
	struct random random = {7};
	unsigned int same = 0;

	for (int round = 0; round < 300000; round++) {
		char one[16], other[16];
		int equal;

		random_name(&random, one);
		random_name(&random, other);
		equal = strcasecmp(one, other) == 0;
		same += (unsigned int)equal;
		if ((key_of(one, WIRE_A, ID) == key_of(other, WIRE_A, ID)) != equal)
			fail_msg("'%s' and '%s'", one, other);
	}
	assert_true(same > 1000);
}

/* Where the dots are is where the lengths are. */
static void test_labels(void **state)
{
	static const char *const names[] = {"",	    "a",    "aa",    "a.a",  "aaa",
					    "a.aa", "aa.a", "a.a.a", "aaaa", "aa.aa"};
	const size_t n = sizeof(names) / sizeof(names[0]);

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			assert_int_equal(key_of(names[i], WIRE_A, ID) ==
						 key_of(names[j], WIRE_A, ID),
					 i == j);
	}
}

/* ---- what is no question ---- */

static void test_cut_anywhere(void **state)
{
	static const char *const names[] = {"", "a", "ab", "abc", "abcd", "abcde", HF};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ask(names[i], WIRE_A, ID);
		for (size_t len = 0; len < wire.len; len++)
			assert_int_equal(key_at(len), 0);
		assert_int_not_equal(key(), 0);
	}
}

/* A name of so many bytes on the wire, with its zero. */
static __u64 key_long(size_t len)
{
	wire.len = 0;
	wire_dns_header(&wire, ID, WIRE_DNS_QUERY, 0);
	for (size_t left = len - 1; left > 0;) {
		size_t label = left > 64 ? 63 : left - 1;

		wire_u8(&wire, (unsigned int)label);
		wire_fill(&wire, 'a', label);
		left -= label + 1;
	}
	wire_u8(&wire, 0);
	wire_u16(&wire, WIRE_A);
	wire_u16(&wire, WIRE_IN);
	assert_int_equal(wire.len, NAME_AT + len + 4);
	return key();
}

/* The longest name has a key at any place of its end in a word, and every byte of it counts. */
static void test_long_names(void **state)
{
	__u64 longest;

	for (size_t len = 250; len <= AEG_NAME_MAX + 2; len++) {
		assert_int_not_equal(key_long(len), 0);
		for (size_t cut = 1; cut < wire.len; cut++)
			assert_int_equal(key_at(cut), 0);
	}
	longest = key();
	for (size_t at = NAME_AT; at < wire.len; at++) {
		wire.data[at] ^= 1;
		assert_int_not_equal(key(), longest);
		wire.data[at] ^= 1;
	}
	assert_int_equal(key(), longest);
	assert_int_equal(key_long(AEG_NAME_MAX + 2 + 2), 0);
}

/* Never read behind the room, never a key for what does not end. */
static void test_no_end(void **state)
{
	static const size_t lens[] = {NAME_AT, NAME_AT + 4, 512, AEG_DATA_MAX};

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		wire.len = 0;
		wire_dns_header(&wire, ID, WIRE_DNS_QUERY, 0);
		wire_fill(&wire, 'x', lens[i] - wire.len);
		assert_int_equal(key(), 0);
	}
	wire.len = 0;
	assert_int_equal(key(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end_of_a_word),
		cmocka_unit_test(test_nothing_counts_behind_the_end),
		cmocka_unit_test(test_answers_have_their_questions_key),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_letter_case),
		cmocka_unit_test(test_bit_5_of_anything),
		cmocka_unit_test(test_every_part_counts),
		cmocka_unit_test(test_kind),
		cmocka_unit_test(test_seed),
		cmocka_unit_test(test_resolver),
		cmocka_unit_test(test_same_name_same_key),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
