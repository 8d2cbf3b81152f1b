// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* YAML: the trees, every refusal at its line and column, field tables. */
#include "base/file.h"
#include "base/yaml.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* A copy of exact size without NUL, so that ASan sees a byte too many. */
static struct aeg_yaml *parse_bytes(const char *bytes, size_t len, struct aeg_diags *diags)
{
	AEG_AUTO_FREE char *copy = aeg_xcalloc(len, 1);
	struct aeg_yaml *yaml = NULL;
	int err;

	memcpy(copy, bytes, len);
	err = aeg_yaml_parse("f.yaml", copy, len, diags, &yaml);
	assert_non_null(yaml);
	assert_int_equal(err, diags->nerrors ? -22 : 0);
	return yaml;
}

static struct aeg_yaml *parse_good(const char *text)
{
	struct aeg_diags diags = {0};
	struct aeg_yaml *yaml = parse_bytes(text, strlen(text), &diags);

	if (diags.nerrors)
		fail_msg("%u:%u: %s", diags.list.items[0].line, diags.list.items[0].col,
			 diags.list.items[0].message);
	aeg_diags_done(&diags);
	return yaml;
}

/* "LINE:COL: MESSAGE" of every error, a line each. */
static char *errors_of(const struct aeg_diags *diags)
{
	struct aeg_buf text = {0};

	for (size_t i = 0; i < diags->list.n; i++)
		aeg_buf_printf(&text, "%s%u:%u: %s", i ? "\n" : "", diags->list.items[i].line,
			       diags->list.items[i].col, diags->list.items[i].message);
	return aeg_buf_take(&text);
}

static void assert_refused_bytes(const char *bytes, size_t len, const char *errors)
{
	struct aeg_diags diags = {0};
	struct aeg_yaml *yaml = parse_bytes(bytes, len, &diags);
	AEG_AUTO_FREE char *found = errors_of(&diags);

	assert_string_equal(found, errors);
	assert_int_equal(yaml->documents.n, 0);
	aeg_yaml_free(yaml);
	aeg_diags_done(&diags);
}

static void assert_refused(const char *text, const char *errors)
{
	assert_refused_bytes(text, strlen(text), errors);
}

static void assert_pos(const struct aeg_node *node, unsigned int line, unsigned int col)
{
	assert_non_null(node);
	assert_string_equal(node->pos.file, "f.yaml");
	assert_int_equal(node->pos.line, line);
	assert_int_equal(node->pos.col, col);
}

/* ---- trees ---- */

static void test_tree(void **state)
{
	struct aeg_yaml *yaml = parse_good("# comment\n"
					   "kind: 'A'\n"
					   "spec:\n"
					   "  list: [x, {y: z}]\n"
					   "  é: \"ü\"\n");
	const struct aeg_node *root, *list, *spec;

	assert_int_equal(yaml->documents.n, 1);
	root = yaml->documents.items[0];
	assert_int_equal(root->type, AEG_NODE_MAP);
	assert_null(root->parent);
	assert_pos(root, 2, 1);
	assert_pos(aeg_node_get(root, "kind"), 2, 7);
	assert_true(aeg_node_get(root, "kind")->quoted);
	spec = aeg_node_get(root, "spec");
	assert_pos(spec, 4, 3);
	list = aeg_node_get(spec, "list");
	assert_int_equal(list->type, AEG_NODE_LIST);
	assert_int_equal(list->items.n, 2);
	assert_string_equal(list->items.items[0]->text, "x");
	assert_false(list->items.items[0]->quoted);
	assert_pos(list->items.items[1], 4, 13);
	assert_ptr_equal(list->items.items[1]->parent, list);
	assert_pos(aeg_node_get(spec, "é"), 5, 6); /* characters, not bytes */
	assert_null(aeg_node_get(spec, "kind"));
	assert_null(aeg_node_get(list, "x"));
	assert_null(aeg_node_get(NULL, "x"));
	aeg_yaml_free(yaml);
}

static void test_documents(void **state)
{
	struct aeg_yaml *yaml =
		parse_good("%YAML 1.1\n---\na: 1\n---\n# empty\n---\n~\n...\n---\nb\n");

	assert_int_equal(yaml->documents.n, 2);
	assert_pos(yaml->documents.items[0], 3, 1);
	assert_string_equal(yaml->documents.items[1]->text, "b");
	aeg_yaml_free(yaml);
}

static void test_nothing(void **state)
{
	static const char *const texts[] = {"",	     "\n",	     "# only a comment",
					    "---\n", "\xef\xbb\xbf", "---\n---\n...\n"};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(texts); i++) {
		struct aeg_yaml *yaml = parse_good(texts[i]);

		assert_int_equal(yaml->documents.n, 0);
		aeg_yaml_free(yaml);
	}
	aeg_yaml_free(NULL);
}

static void test_bom_and_crlf(void **state)
{
	struct aeg_yaml *yaml = parse_good("\xef\xbb\xbf"
					   "a: 1\r\nb: 2\r\n");

	assert_pos(yaml->documents.items[0], 1, 1);
	assert_pos(aeg_node_get(yaml->documents.items[0], "b"), 2, 4);
	assert_string_equal(aeg_node_get(yaml->documents.items[0], "b")->text, "2");
	aeg_yaml_free(yaml);
}

static void test_long_text(void **state)
{
	struct aeg_yaml *yaml = parse_good("a: |\n  one\n  two\nb: \"x\\ty\\nz\"\nc: >-\n  3\n");
	const struct aeg_node *root = yaml->documents.items[0];

	assert_string_equal(aeg_node_get(root, "a")->text, "one\ntwo\n");
	assert_string_equal(aeg_node_get(root, "b")->text, "x\ty\nz");
	assert_true(aeg_node_get(root, "c")->quoted);
	aeg_yaml_free(yaml);
}

/* ---- refusals ---- */

static void test_anchors_aliases_tags(void **state)
{
	assert_refused("a: &x 1\nb: *x\n", "1:4: anchors are not allowed\n"
					   "2:4: aliases are not allowed");
	assert_refused("a: &x [1]\n", "1:4: anchors are not allowed");
	assert_refused("a: &x {b: 1}\n", "1:4: anchors are not allowed");
	assert_refused("&k a: 1\n", "1:1: anchors are not allowed");
	assert_refused("*k : 1\n", "1:1: aliases are not allowed");
	assert_refused("a: !!str 1\n", "1:4: tags are not allowed");
	assert_refused("a: ! 1\n", "1:4: tags are not allowed");
	assert_refused("a: !x [1]\n", "1:4: tags are not allowed");
	assert_refused("!<tag:yaml.org,2002:map> {a: 1}\n", "1:1: tags are not allowed");
	assert_refused("%TAG ! tag:x,1:\n---\na: 1\n", "1:1: %TAG directives are not allowed");
}

static void test_duplicate_keys(void **state)
{
	assert_refused("a: 1\nb: 2\na: 3\n", "3:1: duplicate key 'a'");
	assert_refused("x: {a: 1, 'a': 2}\n", "1:11: duplicate key 'a'");
	assert_refused("a: 1\na: 1\na: 1\n", "2:1: duplicate key 'a'\n3:1: duplicate key 'a'");
}

/* Above LINEAR_KEYS the hash table takes over: the same key near each end and across. */
static void test_duplicate_among_many(void **state)
{
	for (int repeated = 0; repeated < 40; repeated++) {
		struct aeg_buf text = {0};
		char expected[64];

		for (int i = 0; i < 40; i++)
			aeg_buf_printf(&text, "key%d: x\n", i);
		aeg_buf_printf(&text, "key%d: x\n", repeated);
		snprintf(expected, sizeof(expected), "41:1: duplicate key 'key%d'", repeated);
		assert_refused(text.data, expected);
		aeg_buf_done(&text);
	}
}

static void test_same_key_elsewhere(void **state)
{
	aeg_yaml_free(parse_good("a: {a: {a: 1}}\nb: [{a: 1}, {a: 2}]\n---\na: 1\n"));
}

static void test_keys_are_text(void **state)
{
	assert_refused("? [a]\n: 1\n", "1:3: a key must be text, not a list or mapping");
	assert_refused("{{a: 1}: 2, {a: 1}: 2}\n",
		       "1:2: a key must be text, not a list or mapping\n"
		       "1:13: a key must be text, not a list or mapping");
}

/* n lists in each other. */
static char *nested(size_t n)
{
	char *text = aeg_xcalloc(2 * n + 1, 1);

	memset(text, '[', n);
	memset(text + n, ']', n);
	return text;
}

static void test_depth(void **state)
{
	AEG_AUTO_FREE char *deepest = nested(32);
	AEG_AUTO_FREE char *deeper = nested(33);
	AEG_AUTO_FREE char *abyss = nested(500000);

	aeg_yaml_free(parse_good(deepest));
	assert_refused(deeper, "1:33: nested deeper than 32 levels");
	assert_refused(abyss, "1:33: nested deeper than 32 levels");
}

static void test_size(void **state)
{
	AEG_AUTO_FREE char *text = malloc(AEG_YAML_MAX_BYTES + 2);

	memset(text, '#', AEG_YAML_MAX_BYTES + 1);
	text[AEG_YAML_MAX_BYTES + 1] = '\0';
	assert_refused(text, "0:0: more than 1 MiB");
	text[AEG_YAML_MAX_BYTES] = '\0';
	aeg_yaml_free(parse_good(text));
}

static void test_not_utf8(void **state)
{
	assert_refused("a: b\nc: é\xff\n", "2:5: not valid UTF-8");
	assert_refused("\xff\xfe"
		       "a",
		       "1:1: not valid UTF-8"); /* UTF-16 */
	assert_refused("a: \xc3", "1:4: not valid UTF-8");
	assert_refused("a: \xc0\xaf", "1:4: not valid UTF-8");
	assert_refused("a: \xed\xa0\x80", "1:4: not valid UTF-8");
	assert_refused("# \xf5\x80\x80\x80", "1:3: not valid UTF-8");
}

static void test_control_characters(void **state)
{
	assert_refused_bytes("a: b\0c", 6, "1:5: control characters are not allowed (U+0000)");
	assert_refused("a: \x1b[2J", "1:4: control characters are not allowed (U+001B)");
	assert_refused("a: b\rc: d", "1:5: control characters are not allowed (U+000D)");
	assert_refused("a: \x7f", "1:4: control characters are not allowed (U+007F)");
	assert_refused("# \xc2\x85", "1:3: control characters are not allowed (U+0085)");
	assert_refused("a: x\u2028y", "1:5: control characters are not allowed (U+2028)");
	assert_refused("# \xe2\x80\xae\n", "1:3: control characters are not allowed (U+202E)");
	assert_refused("a: \ufeff", "1:4: control characters are not allowed (U+FEFF)");
}

static void test_escaped_control_characters(void **state)
{
	assert_refused("a: \"b\\0\"", "1:4: control characters are not allowed (U+0000)");
	assert_refused("\"a\\x1b\": 1", "1:1: control characters are not allowed (U+001B)");
	assert_refused("a: \"\\r\"", "1:4: control characters are not allowed (U+000D)");
	assert_refused("a: \"\\u202e\"", "1:4: control characters are not allowed (U+202E)");
	assert_refused("a: \"\\L\"", "1:4: control characters are not allowed (U+2028)");
}

static void test_syntax(void **state)
{
	assert_refused("a:\n\tb: 1\n", "2:1: cannot parse YAML: found character that cannot start "
				       "any token");
	assert_refused("a: [1, 2\nb: 3\n",
		       "2:2: cannot parse YAML: did not find expected ',' or ']'");
	assert_refused("a: b: c\n",
		       "1:5: cannot parse YAML: mapping values are not allowed in this "
		       "context");
	assert_refused("a: \"\\ud800\"\n",
		       "1:7: cannot parse YAML: found invalid Unicode character escape code");
	assert_refused("%YAML 3.0\n---\na\n",
		       "1:1: cannot parse YAML: found incompatible YAML document");
}

static void assert_hint(const char *text, const char *message, const char *hint)
{
	struct aeg_diags diags = {0};
	struct aeg_yaml *yaml = parse_bytes(text, strlen(text), &diags);

	assert_int_equal(diags.list.n, 1);
	assert_string_equal(diags.list.items[0].message, message);
	if (hint)
		assert_string_equal(diags.list.items[0].hint, hint);
	else
		assert_null(diags.list.items[0].hint);
	aeg_yaml_free(yaml);
	aeg_diags_done(&diags);
}

static void test_syntax_hints(void **state)
{
	assert_hint("a: 1\nb: \"x\nc: 2\n", "cannot parse YAML: found unexpected end of stream",
		    "while scanning a quoted scalar that begins at line 2, column 4");
	assert_hint("a:\n \tb: 1\n\tc: 2",
		    "cannot parse YAML: found character that cannot start any token",
		    "indent with spaces: YAML does not allow tabs here");
	assert_hint("a: @", "cannot parse YAML: found character that cannot start any token", NULL);
}

/* The documents before a syntax error, and those around one with a refusal, are there. */
static void test_good_documents_survive(void **state)
{
	static const char text[] = "a: 1\n---\nb: *x\n---\nc: 3\n---\n: :\n- [\n---\nd: 4\n";
	struct aeg_diags diags = {0};
	struct aeg_yaml *yaml = parse_bytes(text, strlen(text), &diags);

	assert_int_equal(diags.nerrors, 2);
	assert_int_equal(yaml->documents.n, 2);
	assert_pos(yaml->documents.items[0], 1, 1);
	assert_pos(yaml->documents.items[1], 5, 1);
	aeg_yaml_free(yaml);
	aeg_diags_done(&diags);
}

static void test_source_lines(void **state)
{
	static const char text[] = "a: 1\na: 2\n";
	struct aeg_diags diags = {0};
	struct aeg_yaml *yaml = parse_bytes(text, strlen(text), &diags);

	assert_string_equal(diags.list.items[0].source, "a: 2");
	aeg_error_at(&diags, (struct aeg_pos){.file = yaml->file, .line = 1, .col = 1}, "later");
	aeg_yaml_free(yaml);
	assert_string_equal(diags.list.items[1].source, "a: 1");
	aeg_diags_done(&diags);
}

/* ---- files ---- */

static void assert_load_fails(const char *path, const char *message)
{
	struct aeg_diags diags = {0};
	struct aeg_yaml *yaml = NULL;

	assert_int_equal(aeg_yaml_load(path, &diags, &yaml), -22);
	assert_int_equal(diags.list.n, 1);
	assert_string_equal(diags.list.items[0].file, path);
	assert_int_equal(diags.list.items[0].line, 0);
	assert_string_equal(diags.list.items[0].message, message);
	assert_int_equal(yaml->documents.n, 0);
	aeg_yaml_free(yaml);
	aeg_diags_done(&diags);
}

static void test_load(void **state)
{
	char path[] = "/tmp/aegress-test-yaml-XXXXXX";
	int fd = mkstemp(path);
	struct aeg_diags diags = {0};
	struct aeg_yaml *yaml = NULL;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: b\n", 5), 5);
	assert_int_equal(aeg_yaml_load(path, &diags, &yaml), 0);
	assert_string_equal(aeg_node_get(yaml->documents.items[0], "a")->text, "b");
	assert_string_equal(yaml->file, path);
	aeg_yaml_free(yaml);
	assert_int_equal(ftruncate(fd, AEG_YAML_MAX_BYTES + 1), 0);
	assert_load_fails(path, "more than 1 MiB");
	unlink(path);
	close(fd);
	assert_load_fails(path, "cannot read: No such file or directory");
	assert_load_fails("/tmp", "cannot read: Is a directory");
	assert_load_fails("/dev/null", "not a regular file");
	aeg_diags_done(&diags);
}

/* ---- values ---- */

static const struct aeg_node *value_of(struct aeg_yaml **yaml, const char *text)
{
	AEG_AUTO_FREE char *document = aeg_xasprintf("v: %s\n", text);

	*yaml = parse_good(document);
	return aeg_node_get((*yaml)->documents.items[0], "v");
}

static void assert_u64(const char *text, bool valid, uint64_t expected)
{
	struct aeg_yaml *yaml;
	uint64_t value = 42;

	assert_int_equal(aeg_node_u64(value_of(&yaml, text), &value), valid);
	assert_int_equal(value, valid ? expected : 42);
	aeg_yaml_free(yaml);
}

static void test_u64(void **state)
{
	assert_u64("0", true, 0);
	assert_u64("443", true, 443);
	assert_u64("18446744073709551615", true, UINT64_MAX);
	assert_u64("18446744073709551616", false, 0);
	assert_u64("99999999999999999999", false, 0);
	assert_u64("'1'", false, 0);
	assert_u64("01", false, 0);
	assert_u64("0x1", false, 0);
	assert_u64("-1", false, 0);
	assert_u64("+1", false, 0);
	assert_u64("1_0", false, 0);
	assert_u64("1.0", false, 0);
	assert_u64("", false, 0);
	assert_u64("[1]", false, 0);
}

static void assert_bool(const char *text, bool valid, bool expected)
{
	struct aeg_yaml *yaml;
	bool value = !expected;

	assert_int_equal(aeg_node_bool(value_of(&yaml, text), &value), valid);
	assert_int_equal(value, valid ? expected : !expected);
	aeg_yaml_free(yaml);
}

static void test_bool(void **state)
{
	assert_bool("true", true, true);
	assert_bool("false", true, false);
	assert_bool("yes", false, true);
	assert_bool("True", false, true);
	assert_bool("'true'", false, true);
	assert_bool("", false, true);
	assert_bool("{}", false, true);
}

static void assert_null_value(const char *text, bool expected)
{
	struct aeg_yaml *yaml;

	assert_int_equal(aeg_node_is_null(value_of(&yaml, text)), expected);
	aeg_yaml_free(yaml);
}

static void test_null(void **state)
{
	assert_null_value("", true);
	assert_null_value("~", true);
	assert_null_value("null", true);
	assert_null_value("''", false);
	assert_null_value("'null'", false);
	assert_null_value("[]", false);
	assert_null_value("0", false);
	assert_true(aeg_node_is_null(NULL));
}

/* ---- fields ---- */

struct target {
	unsigned int nread;
	const struct aeg_node *name;
};

static void read_name(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	((struct target *)target)->nread++;
	((struct target *)target)->name = value;
}

static const struct aeg_field fields[] = {
	{.key = "name", .read = read_name, .required = true},
	{.key = "labels", .read = read_name, .required = true},
	{.key = "limits", .unsupported = true},
	{0},
};

/* Reads the field `spec` of the document; the errors are the caller's to free. */
static char *field_errors(const char *text, struct target *target)
{
	struct aeg_yaml *yaml = parse_good(text);
	struct aeg_diags diags = {0};
	char *errors;

	aeg_fields_read(fields, aeg_node_get(yaml->documents.items[0], "spec"), target, &diags);
	for (size_t i = 0; i < diags.list.n; i++) {
		char **message = &diags.list.items[i].message;

		if (diags.list.items[i].hint) {
			char *both = aeg_xasprintf("%s; %s", *message, diags.list.items[i].hint);

			free(*message);
			*message = both;
		}
	}
	errors = errors_of(&diags);
	aeg_yaml_free(yaml);
	aeg_diags_done(&diags);
	return errors;
}

static void assert_field_errors(const char *text, unsigned int nread, const char *expected)
{
	struct target target = {0};
	AEG_AUTO_FREE char *errors = field_errors(text, &target);

	assert_string_equal(errors, expected);
	assert_int_equal(target.nread, nread);
}

static void test_fields(void **state)
{
	assert_field_errors("spec: {name: x, labels: y}\n", 2, "");
	assert_field_errors("spec:\n  nmae: x\n  labels: y\n", 1,
			    "2:3: unknown key 'nmae'; did you mean 'name'?\n"
			    "2:3: missing key 'name'");
	assert_field_errors("spec:\n  name: x\n  <<: {}\n", 1,
			    "3:3: unknown key '<<'\n"
			    "2:3: missing key 'labels'");
	assert_field_errors("spec: {name: x, labels: , limits: 1}\n", 2,
			    "1:27: 'limits' is not supported yet");
	assert_field_errors("spec: [a]\n", 0, "1:7: expected a mapping, found a list");
	assert_field_errors("spec: a\n", 0, "1:7: expected a mapping, found a scalar");
	assert_field_errors("spec:\n", 0, "1:6: expected a mapping, found nothing");
	assert_field_errors("other: 1\n", 0, "");
}

static void test_expect(void **state)
{
	struct aeg_yaml *yaml = parse_good("{}");
	struct aeg_diags diags = {0};

	assert_true(aeg_node_expect(yaml->documents.items[0], AEG_NODE_MAP, NULL, &diags));
	assert_false(aeg_node_expect(NULL, AEG_NODE_MAP, NULL, &diags));
	assert_int_equal(diags.nerrors, 0);
	assert_false(aeg_node_expect(yaml->documents.items[0], AEG_NODE_LIST, "a list of hosts",
				     &diags));
	assert_string_equal(diags.list.items[0].message,
			    "expected a list of hosts, found a mapping");
	aeg_yaml_free(yaml);
	aeg_diags_done(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_bom_and_crlf),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_anchors_aliases_tags),
		cmocka_unit_test(test_duplicate_keys),
		cmocka_unit_test(test_duplicate_among_many),
		cmocka_unit_test(test_same_key_elsewhere),
		cmocka_unit_test(test_keys_are_text),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_escaped_control_characters),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_syntax_hints),
		cmocka_unit_test(test_good_documents_survive),
		cmocka_unit_test(test_source_lines),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_expect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
