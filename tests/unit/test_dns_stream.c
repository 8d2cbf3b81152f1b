/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* DNS messages in a stream: found wherever it is cut, however long they are. */
#include "bpf/dns_stream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define STREAM_MAX (3 * (2 + 65535))

static struct aeg_dns_talk talk;
static __u8 bytes[STREAM_MAX];
static size_t len;

/* Everything behind the stream's state is garbage at first, as in memory that was used before. */
static void begin(void)
{
	memset(&talk, 0xa5, sizeof(talk));
	memset(&talk.answers, 0, sizeof(talk.answers));
	memset(&talk.asks, 0, sizeof(talk.asks));
	len = 0;
}

static void put(size_t size, __u8 fill)
{
	bytes[len++] = (__u8)(size >> 8);
	bytes[len++] = (__u8)size;
	memset(bytes + len, fill, size);
	len += size;
}

/* Segments of n bytes; what is found, by the fill of each message, and how long it is kept. */
static size_t feed(size_t n, __u8 *ret_fills, __u32 *ret_kept)
{
	size_t found = 0;

	for (size_t at = 0; at < len; at += n) {
		struct aeg_bytes in = {.base = bytes + at};

		in.len = (__u32)(len - at < n ? len - at : n);
		talk.answers.at = 0;
		while (aeg_dns_stream_next(&talk.answers, talk.answer, AEG_DNS_ANSWER_KEPT,
					   AEG_DNS_ANSWER_CHUNK, &in)) {
			__u32 kept = talk.answers.kept;

			for (__u32 i = 0; i < kept; i++)
				assert_int_equal(talk.answer[i], talk.answer[0]);
			ret_fills[found] = kept ? talk.answer[0] : 0;
			ret_kept[found++] = kept;
		}
		assert_int_equal(talk.answers.at, in.len);
	}
	return found;
}

static void test_cut_at_every_length(void **state)
{
	for (size_t n = 1; n < 1200; n++) {
		__u8 fills[4];
		__u32 kept[4];

		begin();
		put(17, 1);
		put(0, 0);
		put(1024, 2);
		put(300, 3);
		assert_int_equal(feed(n, fills, kept), 4);
		assert_memory_equal(fills, "\1\0\2\3", 4);
		assert_int_equal(kept[0], 17);
		assert_int_equal(kept[1], 0);
		assert_int_equal(kept[2], 1024);
		assert_int_equal(kept[3], 300);
	}
}

static void test_the_longest(void **state)
{
	static const size_t cuts[] = {1, 1000, 4096, 4097, 4098, 65535, STREAM_MAX};

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		__u8 fills[3];
		__u32 kept[3];

		begin();
		put(65535, 1);
		put(AEG_DNS_ANSWER_KEPT + 1, 2);
		put(5, 3);
		assert_int_equal(feed(cuts[i], fills, kept), 3);
		assert_memory_equal(fills, "\1\2\3", 3);
		assert_int_equal(kept[0], AEG_DNS_ANSWER_KEPT);
		assert_int_equal(kept[1], AEG_DNS_ANSWER_KEPT);
		assert_int_equal(kept[2], 5);
	}
}

static void test_incomplete(void **state)
{
	for (size_t missing = 1; missing <= 12; missing++) {
		__u8 fills[1];
		__u32 kept[1];

		begin();
		put(10, 1);
		len -= missing;
		assert_int_equal(feed(3, fills, kept), 0);
	}
}

static void test_directions_are_apart(void **state)
{
	struct aeg_bytes in = {.base = bytes};

	begin();
	put(700, 9);
	in.len = (__u32)len;
	talk.asks.at = 0;
	assert_true(aeg_dns_stream_next(&talk.asks, talk.ask, AEG_DNS_ASK_KEPT, AEG_DNS_ASK_CHUNK,
					&in));
	assert_int_equal(talk.asks.kept, AEG_DNS_ASK_KEPT);
	assert_int_equal(talk.asks.at, len);
	assert_int_equal(talk.answers.kept, 0);
	assert_int_equal(talk.answer[0], 0xa5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_at_every_length),
		cmocka_unit_test(test_the_longest),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_directions_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
