// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Lines out of pieces of any size, and how long failures wait. */
#include "kube/backoff.h"
#include "kube/splitter.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#define MAX 8

struct heard {
	struct aeg_buf text; /* the lines, each with '|' behind it */
	unsigned int lines, stop_at;
};

static int hear(void *arg, const char *line, size_t len)
{
	struct heard *heard = arg;

	aeg_buf_add(&heard->text, line, len);
	aeg_buf_putc(&heard->text, '|');
	return ++heard->lines == heard->stop_at ? -ECANCELED : 0;
}

/* In exactly the room that it needs, so that a sanitizer sees a read behind it. */
static int feed(struct aeg_splitter *splitter, const char *text, size_t len, struct heard *heard)
{
	char *piece = aeg_xcalloc(1, len + !len);
	int err;

	memcpy(piece, text, len);
	err = aeg_splitter_feed(splitter, piece, len, hear, heard);
	free(piece);
	return err;
}

static void test_every_cut(void **state)
{
	static const char text[] = "one\n\n12345678\nlast\nrest";
	const size_t len = sizeof(text) - 1;

	for (size_t a = 0; a <= len; a++) {
		for (size_t b = a; b <= len; b++) {
			struct aeg_splitter splitter = {.max = MAX};
			struct heard heard = {0};

			assert_int_equal(feed(&splitter, text, a, &heard), 0);
			assert_int_equal(feed(&splitter, text + a, b - a, &heard), 0);
			assert_int_equal(feed(&splitter, text + b, len - b, &heard), 0);
			assert_string_equal(aeg_buf_text(&heard.text), "one||12345678|last|");
			aeg_buf_done(&heard.text);
			aeg_splitter_done(&splitter);
		}
	}
}

static void test_too_long(void **state)
{
	static const char *const texts[] = {"123456789\n", "123456789", "ok\n123456789\n"};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(texts); i++) {
		for (size_t cut = 0; cut <= strlen(texts[i]); cut++) {
			struct aeg_splitter splitter = {.max = MAX};
			struct heard heard = {0};
			int err = feed(&splitter, texts[i], cut, &heard);

			if (!err)
				err = feed(&splitter, texts[i] + cut, strlen(texts[i]) - cut,
					   &heard);
			assert_int_equal(err, -EMSGSIZE);
			aeg_buf_done(&heard.text);
			aeg_splitter_done(&splitter);
		}
	}
}

static void test_stopped(void **state)
{
	struct aeg_splitter splitter = {.max = MAX};
	struct heard heard = {.stop_at = 2};

	assert_int_equal(feed(&splitter, "a\nb\nc\n", 6, &heard), -ECANCELED);
	assert_string_equal(aeg_buf_text(&heard.text), "a|b|");
	aeg_buf_done(&heard.text);
	aeg_splitter_done(&splitter);
}

static void test_backoff(void **state)
{
	struct aeg_backoff backoff = {0};
	uint64_t step = AEG_BACKOFF_FIRST_MS;

	for (unsigned int i = 0; i < 100; i++) {
		struct aeg_backoff same = backoff;
		uint64_t shortest = aeg_backoff_next(&same, 0);
		uint64_t wait = aeg_backoff_next(&backoff, UINT64_MAX - i);

		assert_int_equal(shortest, step / 2);
		assert_in_range(wait, step / 2, step);
		step = step * 2 < AEG_BACKOFF_LAST_MS ? step * 2 : AEG_BACKOFF_LAST_MS;
	}
	aeg_backoff_reset(&backoff);
	assert_int_equal(aeg_backoff_next(&backoff, 0), AEG_BACKOFF_FIRST_MS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
