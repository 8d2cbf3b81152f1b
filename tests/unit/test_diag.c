// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Diagnostics: their exact look, the cap of a file, suggestions. */
#include "base/diag.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct aeg_pos at(const char *file, unsigned int line, unsigned int col)
{
	return (struct aeg_pos){.file = file, .line = line, .col = col};
}

static void assert_printed(const struct aeg_diags *diags, const char *expected)
{
	struct aeg_buf text = {0};

	aeg_diags_print(diags, &text, false);
	assert_string_equal(aeg_buf_text(&text), expected);
	aeg_buf_done(&text);
}

static void attach(struct aeg_diags *diags, const char *file, const char *text)
{
	aeg_diags_attach_source(diags, file, text, strlen(text));
}

static void test_look(void **state)
{
	static const char *const keys[] = {"metadata", "spec", "kind"};
	struct aeg_diags diags = {0};

	attach(&diags, "a.yaml", "kind: x\r\nspce: {}\r\n");
	aeg_error_at(&diags, at("a.yaml", 2, 1), "unknown key '%s'", "spce");
	aeg_diag_suggest(&diags, "spce", keys, 3);
	aeg_warning_at(&diags, at("a.yaml", 1, 7), "odd");
	assert_printed(&diags, "a.yaml:1:7: warning: odd\n"
			       "    1 | kind: x\n"
			       "      |       ^\n"
			       "a.yaml:2:1: error: unknown key 'spce'\n"
			       "    2 | spce: {}\n"
			       "      | ^\n"
			       "      = hint: did you mean 'spec'?\n");
	assert_int_equal(diags.nerrors, 1);
	assert_int_equal(diags.nwarnings, 1);
	aeg_diags_done(&diags);
}

static void test_without_source(void **state)
{
	struct aeg_diags diags = {0};

	aeg_error_at(&diags, at("b", 0, 0), "cannot read: %s", "gone");
	aeg_error_at(&diags, at(NULL, 0, 0), "nothing given");
	attach(&diags, "c", "one line");
	aeg_error_at(&diags, at("c", 7, 3), "beyond the end");
	assert_printed(&diags, "error: nothing given\n"
			       "b: error: cannot read: gone\n"
			       "c:7:3: error: beyond the end\n");
	aeg_diags_done(&diags);
}

/* The text comes after the error, and goes before it is printed. */
static void test_source_kept(void **state)
{
	struct aeg_diags diags = {0};
	char text[] = "abc\ndef";

	aeg_error_at(&diags, at("a", 2, 2), "e is bad");
	attach(&diags, "a", text);
	memset(text, 'x', sizeof(text) - 1);
	aeg_error_at(&diags, at("a", 1, 4), "needs more");
	aeg_diags_forget_sources(&diags);
	aeg_error_at(&diags, at("a", 1, 5), "forgotten");
	assert_printed(&diags, "a:1:4: error: needs more\n"
			       "    1 | abc\n"
			       "      |    ^\n"
			       "a:1:5: error: forgotten\n"
			       "a:2:2: error: e is bad\n"
			       "    2 | def\n"
			       "      |  ^\n");
	aeg_diags_done(&diags);
}

/* Columns count characters, the caret stands under what is shown. */
static void test_tabs_and_characters(void **state)
{
	struct aeg_diags diags = {0};

	attach(&diags, "a", "\tx: \u00e9\ty\n\x1b[2J\xff\xe2\x80\xaez\n");
	aeg_error_at(&diags, at("a", 1, 2), "behind a tab");
	aeg_error_at(&diags, at("a", 1, 7), "behind two\n\xc2\x9btabs");
	aeg_error_at(&diags, at("a", 2, 7), "behind an escape");
	assert_printed(&diags, "a:1:2: error: behind a tab\n"
			       "    1 |         x: \u00e9    y\n"
			       "      |         ^\n"
			       "a:1:7: error: behind two??tabs\n"
			       "    1 |         x: \u00e9    y\n"
			       "      |                 ^\n"
			       "a:2:7: error: behind an escape\n"
			       "    2 | ?[2J??z\n"
			       "      |       ^\n");
	aeg_diags_done(&diags);
}

/* The line of the printed text that begins with the prefix; borrowed from a static buffer. */
static const char *line_with(const char *text, const char *prefix)
{
	static char line[512];
	const char *found = strstr(text, prefix);
	size_t len;

	assert_non_null(found);
	len = strcspn(found, "\n");
	assert_true(len < sizeof(line));
	memcpy(line, found, len);
	line[len] = '\0';
	return line;
}

static void assert_excerpt(unsigned int col, bool cut_left, bool cut_right)
{
	struct aeg_diags diags = {0};
	struct aeg_buf text = {0};
	char source[1001] = {0};
	const char *line, *caret;

	memset(source, '.', sizeof(source) - 1);
	source[col - 1] = 'X';
	attach(&diags, "a", source);
	aeg_error_at(&diags, at("a", 1, col), "here");
	aeg_diags_print(&diags, &text, false);
	line = line_with(text.data, "    1 | ") + strlen("    1 | ");
	assert_int_equal(strncmp(line, "…", 3) == 0, cut_left);
	assert_int_equal(aeg_streq(line + strlen(line) - 3, "…"), cut_right);
	assert_in_range(strlen(line), 60, 126);
	assert_non_null(strchr(line, 'X'));
	/* "…" is three bytes and one column. */
	caret = strstr(text.data, "      | ") + strlen("      | ");
	assert_int_equal(strcspn(caret, "^") + (cut_left ? 2 : 0), strcspn(line, "X"));
	aeg_buf_done(&text);
	aeg_diags_done(&diags);
}

static void test_long_lines(void **state)
{
	assert_excerpt(1, false, true);
	assert_excerpt(61, false, true);
	assert_excerpt(62, true, true);
	assert_excerpt(500, true, true);
	assert_excerpt(1000, true, false);
}

static void test_cap(void **state)
{
	struct aeg_diags diags = {0};
	struct aeg_buf text = {0};

	for (unsigned int i = 1; i <= AEG_DIAGS_PER_FILE + 5; i++) {
		aeg_error_at(&diags, at("a", i, 1), "error %u", i);
		aeg_diag_hint(&diags, "hint %u", i);
	}
	aeg_error_at(&diags, at("b", 1, 1), "other");
	assert_int_equal(diags.nerrors, AEG_DIAGS_PER_FILE + 6);
	assert_int_equal(diags.list.n, AEG_DIAGS_PER_FILE + 1);
	/* The hint of an error that was dropped does not end up at another one. */
	assert_string_equal(diags.list.items[AEG_DIAGS_PER_FILE - 1].hint, "hint 20");
	aeg_diags_print(&diags, &text, false);
	assert_non_null(strstr(text.data, "      = hint: hint 20\n"
					  "a: error: too many errors (5 more not shown)\n"
					  "b:1:1: error: other\n"));
	aeg_buf_done(&text);
	aeg_diags_done(&diags);
}

static void test_no_cap_line_at_the_limit(void **state)
{
	struct aeg_diags diags = {0};
	struct aeg_buf text = {0};

	for (unsigned int i = 1; i <= AEG_DIAGS_PER_FILE; i++)
		aeg_error_at(&diags, at("a", i, 1), "error");
	aeg_diags_print(&diags, &text, false);
	assert_null(strstr(text.data, "too many"));
	aeg_buf_done(&text);
	aeg_diags_done(&diags);
}

static void test_colour(void **state)
{
	struct aeg_diags diags = {0};
	struct aeg_buf text = {0};

	aeg_error_at(&diags, at("a", 1, 2), "red");
	aeg_diags_print(&diags, &text, true);
	assert_string_equal(text.data, "\033[1ma:1:2:\033[0m \033[1;31merror:\033[0m red\n");
	aeg_buf_done(&text);
	aeg_diags_done(&diags);
}

static void test_json(void **state)
{
	struct aeg_diags diags = {0};
	struct aeg_buf text = {0};

	aeg_diags_json(&diags, &text);
	assert_string_equal(text.data, "[]");
	aeg_buf_reset(&text);
	aeg_error_at(&diags, at("b", 0, 0), "all of it");
	aeg_warning_at(&diags, at("a", 1, 2), "a \"quote\"");
	aeg_diag_hint(&diags, "none");
	aeg_diags_json(&diags, &text);
	assert_string_equal(text.data,
			    "[{\"severity\":\"warning\",\"file\":\"a\",\"line\":1,\"column\":2,"
			    "\"message\":\"a \\\"quote\\\"\",\"hint\":\"none\"},"
			    "{\"severity\":\"error\",\"file\":\"b\",\"message\":\"all of it\"}]");
	aeg_buf_done(&text);
	aeg_diags_done(&diags);
}

static void assert_closest(const char *word, const char *expected)
{
	static const char *const keys[] = {"spec", "metadata", "podSelector", "to", "tls", "ports"};
	const char *closest = aeg_closest(word, keys, AEG_ARRAY_SIZE(keys));

	if (expected)
		assert_string_equal(closest, expected);
	else
		assert_null(closest);
}

static void test_closest(void **state)
{
	char longest[200];

	assert_closest("spce", "spec");		      /* two letters swapped: one mistake */
	assert_closest("sp", NULL);		      /* two missing */
	assert_closest("metdata", "metadata");	      /* one missing */
	assert_closest("metaadaata", "metadata");     /* two too many */
	assert_closest("mmetaadaata", NULL);	      /* three */
	assert_closest("podselector", "podSelector"); /* case */
	assert_closest("PODSELECTOR", "podSelector");
	assert_closest("port", "ports");
	assert_closest("tsl", "tls");
	assert_closest("x", NULL); /* not "to" */
	assert_closest("", NULL);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_closest(longest, NULL);
	longest[63] = '\0';
	assert_closest(longest, NULL);
}

static void test_nearest_wins(void **state)
{
	static const char *const keys[] = {"abcdef12", "abcdef1", "abcdefg"};

	assert_string_equal(aeg_closest("abcdef", keys, 3), "abcdef1");
	assert_null(aeg_closest("abcdef", keys, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_without_source),
		cmocka_unit_test(test_source_kept),
		cmocka_unit_test(test_tabs_and_characters),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_no_cap_line_at_the_limit),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_closest),
		cmocka_unit_test(test_nearest_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
