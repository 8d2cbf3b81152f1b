/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Host patterns: what is accepted, in which form, what is refused and why; what covers what. */
#include "policy/pattern.h"
#include "base/mem.h"
#include "policy/suffix.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define LABEL63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
/* 3 * 64 + 61 = 253 */
#define NAME253                                                                                    \
	LABEL63 "." LABEL63 "." LABEL63 "."                                                        \
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffff.de"

static void accepts(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{"huggingface.co", "huggingface.co"},
		{"HuggingFace.CO", "huggingface.co"},
		{"huggingface.co.", "huggingface.co"},
		{"*.HF.co.", "*.hf.co"},
		{"_dns.hf.co", "_dns.hf.co"},
		{"a_b.hf.co", "a_b.hf.co"},
		{"localhost", "localhost"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"1.example", "1.example"},
		{"1e100.net", "1e100.net"},
		{"a.0xyz", "a.0xyz"},
		{"de.ad.be.ef", "de.ad.be.ef"},
		{LABEL63 ".co", LABEL63 ".co"},
		{NAME253 "", NAME253},
		{NAME253 ".", NAME253},
		{"*." NAME253 ".", "*." NAME253},
		/* wildcards that the catalogue needs */
		{"*.openai.azure.com", "*.openai.azure.com"},
		{"*.services.ai.azure.com", "*.services.ai.azure.com"},
		{"*.hf.space", "*.hf.space"},
		{"*.cdn.hf.co", "*.cdn.hf.co"},
		{"*.endpoints.huggingface.cloud", "*.endpoints.huggingface.cloud"},
		/* what stands below a public suffix is somebody's own */
		{"*.acme.co.uk", "*.acme.co.uk"},
		{"*.acme.github.io", "*.acme.github.io"},
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(cases); i++) {
		char pattern[AEG_PATTERN_TEXT];

		assert_int_equal(aeg_pattern_parse(cases[i].text, true, pattern), AEG_PATTERN_OK);
		assert_string_equal(pattern, cases[i].canonical);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		enum aeg_pattern_error error;
	} cases[] = {
		{"", AEG_PATTERN_EMPTY},
		{".", AEG_PATTERN_BAD_LABEL},
		{"..", AEG_PATTERN_BAD_LABEL},
		{".hf.co", AEG_PATTERN_BAD_LABEL},
		{"hf..co", AEG_PATTERN_BAD_LABEL},
		{"hf.co..", AEG_PATTERN_BAD_LABEL},
		{"*..co", AEG_PATTERN_BAD_LABEL},
		{"-hf.co", AEG_PATTERN_BAD_LABEL},
		{"hf-.co", AEG_PATTERN_BAD_LABEL},
		{LABEL63 "x.co", AEG_PATTERN_TOO_LONG},
		{"x" NAME253, AEG_PATTERN_TOO_LONG},
		{"*.x" NAME253, AEG_PATTERN_TOO_LONG},
		{NAME253 ".a", AEG_PATTERN_TOO_LONG},
		{"*." NAME253 "..", AEG_PATTERN_TOO_LONG},
		{NAME253 NAME253, AEG_PATTERN_TOO_LONG},
		{"hugging face.co", AEG_PATTERN_BAD_CHARACTER},
		{"https://hf.co", AEG_PATTERN_BAD_CHARACTER},
		{"hf.co:443", AEG_PATTERN_BAD_CHARACTER},
		{"hf.co/models", AEG_PATTERN_BAD_CHARACTER},
		{"hf.co\n", AEG_PATTERN_BAD_CHARACTER},
		{"b\xc3\xbc"
		 "cher.example",
		 AEG_PATTERN_NOT_ASCII},
		{"a.*.example.com", AEG_PATTERN_BAD_STAR},
		{"foo*.example.com", AEG_PATTERN_BAD_STAR},
		{"*foo.example.com", AEG_PATTERN_BAD_STAR},
		{"*.*.example.com", AEG_PATTERN_BAD_STAR},
		{"example.*", AEG_PATTERN_BAD_STAR},
		{"**", AEG_PATTERN_BAD_STAR},
		{"*", AEG_PATTERN_PUBLIC_SUFFIX},
		{"*.", AEG_PATTERN_PUBLIC_SUFFIX},
		{"*.com", AEG_PATTERN_PUBLIC_SUFFIX},
		{"*.COM.", AEG_PATTERN_PUBLIC_SUFFIX},
		{"*.internal", AEG_PATTERN_PUBLIC_SUFFIX},
		{"*.co.uk", AEG_PATTERN_PUBLIC_SUFFIX},
		{"*.github.io", AEG_PATTERN_PUBLIC_SUFFIX},
		{"*.amazonaws.com", AEG_PATTERN_PUBLIC_SUFFIX},
		{"*.s3.amazonaws.com", AEG_PATTERN_PUBLIC_SUFFIX},
		{"*.windows.net", AEG_PATTERN_PUBLIC_SUFFIX},
		{"*.azure.com", AEG_PATTERN_PUBLIC_SUFFIX}, /* holds cloudapp.azure.com */
		{"192.0.2.1", AEG_PATTERN_ADDRESS},
		{"192.0.2.1.", AEG_PATTERN_ADDRESS},
		{"*.192.0.2.1", AEG_PATTERN_ADDRESS},
		{"192.0.2.0/24", AEG_PATTERN_ADDRESS},
		{"127.1", AEG_PATTERN_ADDRESS},
		{"2130706433", AEG_PATTERN_ADDRESS},
		{"0x7f.1", AEG_PATTERN_ADDRESS},
		{"0x7f000001", AEG_PATTERN_ADDRESS},
		{"0X7F000001", AEG_PATTERN_ADDRESS},
		{"2001:db8::1", AEG_PATTERN_ADDRESS},
		{"[2001:db8::1]", AEG_PATTERN_ADDRESS},
		{"2001:db8::/32", AEG_PATTERN_ADDRESS},
		{"::ffff:192.0.2.1", AEG_PATTERN_ADDRESS},
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(cases); i++) {
		char pattern[AEG_PATTERN_TEXT] = "untouched";
		enum aeg_pattern_error error = aeg_pattern_parse(cases[i].text, true, pattern);

		if (error != cases[i].error)
			fail_msg("'%s': %s", cases[i].text, aeg_pattern_strerror(error));
		assert_string_equal(pattern, "untouched");
	}
}

static void without_wildcards(void **state)
{
	char pattern[AEG_PATTERN_TEXT];

	assert_int_equal(aeg_pattern_parse("*.hf.co", false, pattern), AEG_PATTERN_BAD_STAR);
	assert_int_equal(aeg_pattern_parse("*", false, pattern), AEG_PATTERN_BAD_STAR);
	assert_int_equal(aeg_pattern_parse("x.hf.co", false, pattern), AEG_PATTERN_OK);
}

static void labels(void **state)
{
	char label[AEG_HOST_LABEL_MAX + 1];

	assert_int_equal(aeg_pattern_parse_label("EU-west-1", label), AEG_PATTERN_OK);
	assert_string_equal(label, "eu-west-1");
	assert_int_equal(aeg_pattern_parse_label("1234567890", label), AEG_PATTERN_OK);
	assert_int_equal(aeg_pattern_parse_label(LABEL63, label), AEG_PATTERN_OK);
	assert_string_equal(label, LABEL63);
	assert_int_equal(aeg_pattern_parse_label(LABEL63 "x", label), AEG_PATTERN_TOO_LONG);
	assert_int_equal(aeg_pattern_parse_label("", label), AEG_PATTERN_EMPTY);
	assert_int_equal(aeg_pattern_parse_label("eu.west", label), AEG_PATTERN_BAD_LABEL);
	assert_int_equal(aeg_pattern_parse_label("eu.", label), AEG_PATTERN_BAD_LABEL);
	assert_int_equal(aeg_pattern_parse_label("*", label), AEG_PATTERN_BAD_STAR);
	assert_int_equal(aeg_pattern_parse_label("a b", label), AEG_PATTERN_BAD_CHARACTER);
	assert_int_equal(aeg_pattern_parse_label("\xc3\xbc", label), AEG_PATTERN_NOT_ASCII);
}

static void covers(void **state)
{
	static const struct {
		const char *wide, *narrow;
		bool covers;
	} cases[] = {
		{"hf.co", "hf.co", true},
		{"hf.co", "www.hf.co", false},
		{"hf.co", "*.hf.co", false},
		{"*.hf.co", "www.hf.co", true},
		{"*.hf.co", "us.aws.cdn.hf.co", true},
		{"*.hf.co", "hf.co", false},
		{"*.hf.co", "xhf.co", false},
		{"*.hf.co", "evil-hf.co", false},
		{"*.hf.co", "*.hf.co", true},
		{"*.hf.co", "*.cdn.hf.co", true},
		{"*.cdn.hf.co", "*.hf.co", false},
		{"*.cdn.hf.co", "cdn.hf.co", false},
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(cases); i++)
		assert_int_equal(aeg_pattern_covers(cases[i].wide, cases[i].narrow),
				 cases[i].covers);
}

static void suffixes(void **state)
{
	assert_true(aeg_suffix_is_public("com"));
	assert_true(aeg_suffix_is_public("co.jp"));
	assert_true(aeg_suffix_is_public("windows.net"));
	assert_false(aeg_suffix_is_public("indows.net")); /* a tail, not a parent */
	assert_false(aeg_suffix_is_public("acme.co.jp"));
	assert_false(aeg_suffix_is_public("hf.space"));
}

static void every_error_has_a_sentence(void **state)
{
	for (int error = AEG_PATTERN_OK; error <= AEG_PATTERN_NOT_ASCII; error++)
		assert_string_not_equal(aeg_pattern_strerror((enum aeg_pattern_error)error),
					"unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(labels),
		cmocka_unit_test(without_wildcards),
		cmocka_unit_test(covers),
		cmocka_unit_test(suffixes),
		cmocka_unit_test(every_error_has_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
