// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The chain of the audit log: what it seals, and that it finds every change, gap and forgery. */
#include "observe/chain.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* printf '%s' "$(printf '0%.0s' {1..64})"'{"a":1,"audit":{"n":1' | sha256sum, and so on. */
#define FIRST                                                                                      \
	"{\"a\":1,\"audit\":{\"n\":1,\"hash\":\""                                                  \
	"86e0790c33c6490dfc48e39e6783bf185f7c280200a824c47dc31579a1a48e7b\"}}"
#define SECOND                                                                                     \
	"{\"b\":\"x\",\"audit\":{\"n\":2,\"hash\":\""                                              \
	"ebca372c5bf961ac28273547ec39cb04d050e70c388625ad4422eb469776f1c9\"}}"

static void seal(struct aeg_chain *chain, const char *object, struct aeg_buf *ret)
{
	aeg_buf_reset(ret);
	aeg_chain_seal(chain, object, strlen(object), ret);
	assert_int_equal(ret->data[ret->len - 1], '\n');
	ret->data[--ret->len] = '\0';
}

static enum aeg_chain_fault follow(struct aeg_chain *chain, const char *line)
{
	return aeg_chain_follow(chain, line, strlen(line));
}

/* As anybody can compute it with sha256sum. */
static void test_known_answer(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf line = {0};
	struct aeg_chain chain;

	aeg_chain_init(&chain, NULL, 0);
	seal(&chain, "{\"a\":1}", &line);
	assert_string_equal(line.data, FIRST);
	seal(&chain, "{\"b\":\"x\"}", &line);
	assert_string_equal(line.data, SECOND);
	assert_int_equal(chain.last.n, 2);
}

static void test_follow(void **state)
{
	struct aeg_chain chain;

	aeg_chain_init(&chain, NULL, 0);
	assert_int_equal(follow(&chain, FIRST), AEG_CHAIN_OK);
	assert_int_equal(follow(&chain, SECOND), AEG_CHAIN_OK);
	assert_int_equal(chain.last.n, 2);
	assert_int_equal(follow(&chain, SECOND), AEG_CHAIN_GAP);
}

/* Every byte matters, of the hash and the number too. */
static void test_every_flipped_bit(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf line = {0};
	struct aeg_chain chain;

	aeg_buf_puts(&line, FIRST);
	for (size_t bit = 0; bit < 8 * line.len; bit++) {
		line.data[bit / 8] ^= (char)(1 << bit % 8);
		aeg_chain_init(&chain, NULL, 0);
		assert_int_not_equal(aeg_chain_follow(&chain, line.data, line.len), AEG_CHAIN_OK);
		line.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	aeg_chain_init(&chain, NULL, 0);
	assert_int_equal(aeg_chain_follow(&chain, line.data, line.len), AEG_CHAIN_OK);
}

static void test_removed_and_renumbered(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf line = {0};
	struct aeg_chain chain;
	char *number;

	aeg_chain_init(&chain, NULL, 0);
	assert_int_equal(follow(&chain, SECOND), AEG_CHAIN_GAP);
	aeg_buf_puts(&line, SECOND);
	number = strstr(line.data, "\"n\":2");
	number[4] = '1';
	aeg_chain_init(&chain, NULL, 0);
	assert_int_equal(follow(&chain, line.data), AEG_CHAIN_CHANGED);
}

/* Without the key nobody can compute a line that it accepts. */
static void test_key(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf line = {0};
	struct aeg_chain sealing, checking;

	aeg_chain_init(&sealing, "key", 3);
	seal(&sealing, "{\"a\":1}", &line);
	assert_string_not_equal(line.data, FIRST);
	aeg_chain_init(&checking, "key", 3);
	assert_int_equal(follow(&checking, line.data), AEG_CHAIN_OK);
	aeg_chain_init(&checking, "kez", 3);
	assert_int_equal(follow(&checking, line.data), AEG_CHAIN_CHANGED);
	aeg_chain_init(&checking, "key", 3);
	assert_int_equal(follow(&checking, FIRST), AEG_CHAIN_CHANGED);
	/* The state goes on over several records. */
	seal(&sealing, "{\"b\":2}", &line);
	aeg_chain_init(&checking, "key", 3);
	checking.last = (struct aeg_link){.n = 1};
	assert_int_equal(follow(&checking, line.data), AEG_CHAIN_CHANGED);
}

/* A record's own text may look like a seal: only the end of the line is one. */
static void test_lookalikes(void **state)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf line = {0};
	struct aeg_chain chain;

	aeg_chain_init(&chain, NULL, 0);
	seal(&chain, "{\"a\":{\"audit\":{\"n\":9,\"hash\":\"x\"}}}", &line);
	aeg_chain_init(&chain, NULL, 0);
	assert_int_equal(follow(&chain, line.data), AEG_CHAIN_OK);
}

static void test_no_records(void **state)
{
	static const char hash[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	const char *const lines[] = {
		"",
		"{}",
		"\"}}",
		"{\"a\":1}",
		"{\"a\":1,\"audit\":{\"n\":,\"hash\":\"H\"}}",
		"{\"a\":1,\"audit\":{\"n\":0,\"hash\":\"H\"}}",
		"{\"a\":1,\"audit\":{\"n\":01,\"hash\":\"H\"}}",
		"{\"a\":1,\"audit\":{\"n\":-1,\"hash\":\"H\"}}",
		"{\"a\":1,\"audit\":{\"n\":99999999999999999999,\"hash\":\"H\"}}",
		"{\"a\":1,\"audit\":{\"m\":1,\"hash\":\"H\"}}",
		",\"audit\":{\"n\":1,\"hash\":\"H\"}}",
		"1,\"hash\":\"H\"}}",
	};
	struct aeg_link link;

	for (size_t i = 0; i < AEG_ARRAY_SIZE(lines); i++) {
		const char *mark = strchr(lines[i], 'H');
		AEG_AUTO_FREE char *line = mark ? aeg_xasprintf("%.*s%s%s", (int)(mark - lines[i]),
								lines[i], hash, mark + 1)
						: aeg_xstrdup(lines[i]);

		assert_false(aeg_link_parse(line, strlen(line), &link));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answer),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_every_flipped_bit),
		cmocka_unit_test(test_removed_and_renumbered),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_lookalikes),
		cmocka_unit_test(test_no_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
