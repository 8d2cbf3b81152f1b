// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Applied objects: exact texts, names that stay inside the directory, changes that can be undone. */
#include "daemon/applied.h"
#include "daemon/documents.h"
#include "util_model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- documents ---- */

/* The slices, each in brackets with its lines: "[1-2 text]". */
static void assert_slices(const char *text, const char *expected)
{
	struct aeg_slices slices;
	struct aeg_buf found = {0};

	aeg_slices_cut(text, strlen(text), &slices);
	for (size_t i = 0; i < slices.list.n; i++) {
		const struct aeg_slice *slice = &slices.list.items[i];

		aeg_buf_printf(&found, "[%u-%u ", slice->first_line, slice->last_line);
		aeg_buf_add(&found, slice->text, slice->len);
		aeg_buf_puts(&found, "]");
	}
	assert_string_equal(aeg_buf_text(&found), expected);
	aeg_buf_done(&found);
	aeg_slices_done(&slices);
}

static void test_slices(void **state)
{
	assert_slices("", "");
	assert_slices("a: 1", "[1-1 a: 1]");
	assert_slices("a: 1\n---\nb: 2\n", "[1-1 a: 1\n][2-3 ---\nb: 2\n]");
	assert_slices("---\na: 1\n--- # c\nb: 2\n", "[1-2 ---\na: 1\n][3-4 --- # c\nb: 2\n]");
	assert_slices("a: 1\n...\nb: 2\n", "[1-2 a: 1\n...\n][3-3 b: 2\n]");
	assert_slices("--- {a: 1}\r\n---\r\nb: 2", "[1-1 --- {a: 1}\r\n][2-3 ---\r\nb: 2]");
	/* no markers: not at the line's begin, or more than a marker */
	assert_slices("a: |\n  ---\n  x\n---b: 2\n", "[1-4 a: |\n  ---\n  x\n---b: 2\n]");
}

static void test_slice_of_a_line(void **state)
{
	static const char text[] = "a: 1\n---\nb: 2\nc: 3\n";
	struct aeg_slices slices;

	aeg_slices_cut(text, strlen(text), &slices);
	assert_ptr_equal(aeg_slices_at(&slices, 1)->text, text);
	assert_ptr_equal(aeg_slices_at(&slices, 4)->text, text + 5);
	assert_null(aeg_slices_at(&slices, 5));
	aeg_slices_done(&slices);
}

static void test_find_object(void **state)
{
	struct aeg_model *model =
		model_of(ENDPOINT("e", "cidrs: [10.0.0.0/8]")
				 POLICY("p", "workloads: {all: true}, allow: []")
					 CLUSTER_POLICY("p", "workloads: {all: true}, allow: []"));
	struct aeg_object object;

	assert_true(aeg_object_find(model, "aiendpoint", NULL, "e", &object));
	assert_string_equal(object.kind, "AIEndpoint");
	assert_true(aeg_object_find(model, "AIEgressPolicy", "ns", "p", &object));
	assert_int_equal(object.pos.line, 8);
	assert_true(aeg_object_find(model, "ClusterAIEgressPolicy", "", "p", &object));
	assert_null(object.ns);
	assert_false(aeg_object_find(model, "AIEgressPolicy", NULL, "p", &object));
	assert_false(aeg_object_find(model, "AIEgressPolicy", "other", "p", &object));
	assert_false(aeg_object_find(model, "Workload", "ns", "p", &object));
	aeg_model_free(model);
}

/* ---- paths ---- */

static void test_paths(void **state)
{
	const struct aeg_config config = {.state_dir = (char[]){"/s"}};
	static const char *const bad[] = {"", "a/b", "..%2f", "a_b", "a b", "\xc3\xa4"};
	AEG_AUTO_FREE char *path = aeg_applied_path(&config, "AIEgressPolicy", "ml", "chat");
	AEG_AUTO_FREE char *cluster = aeg_applied_path(&config, "AIEndpoint", NULL, "hf.hub");

	assert_string_equal(path, "/s/applied/aiegresspolicy_ml_chat.yaml");
	assert_string_equal(cluster, "/s/applied/aiendpoint__hf.hub.yaml");
	for (size_t i = 0; i < AEG_ARRAY_SIZE(bad); i++) {
		assert_null(aeg_applied_path(&config, "Workload", "ns", bad[i]));
		assert_null(aeg_applied_path(&config, bad[i], "ns", "x"));
	}
	for (size_t i = 1; i < AEG_ARRAY_SIZE(bad); i++)
		assert_null(aeg_applied_path(&config, "Workload", bad[i], "x"));
	assert_true(aeg_applied_owns(&config, "/s/applied/x.yaml"));
	assert_false(aeg_applied_owns(&config, "/s/appliedx/x.yaml"));
	assert_false(aeg_applied_owns(&config, "/etc/aegress/policies/x.yaml"));
}

/* ---- changes ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int setup(void **state)
{
	char *dir = aeg_xstrdup("/tmp/aegress-applied-XXXXXX");

	*state = dir;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

static void test_changes(void **state)
{
	AEG_AUTO_FREE char *a = aeg_xasprintf("%s/applied/a.yaml", (char *)*state);
	AEG_AUTO_FREE char *b = aeg_xasprintf("%s/applied/b.yaml", (char *)*state);
	struct aeg_applied_changes first = {0}, second = {0};
	struct stat st;

	assert_int_equal(aeg_applied_put(&first, a, "one", 3), 0);
	assert_true(aeg_applied_same(a, "one", 3));
	assert_false(aeg_applied_same(a, "on", 2));
	assert_int_equal(stat(a, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	aeg_applied_changes_done(&first);

	assert_int_equal(aeg_applied_put(&second, a, "two", 3), 0);
	assert_int_equal(aeg_applied_put(&second, b, "new", 3), 0);
	assert_int_equal(aeg_applied_put(&second, a, NULL, 0), 0);
	assert_int_equal(access(a, F_OK), -1);
	assert_int_equal(aeg_applied_revert(&second), 0);
	assert_true(aeg_applied_same(a, "one", 3));
	assert_int_equal(access(b, F_OK), -1);
	aeg_applied_changes_done(&second);
}

static void test_change_that_fails(void **state)
{
	AEG_AUTO_FREE char *dir = aeg_xasprintf("%s/a.yaml", (char *)*state);
	struct aeg_applied_changes changes = {0};

	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(aeg_applied_put(&changes, dir, "x", 1), -EISDIR);
	assert_int_equal(changes.list.n, 0);
	aeg_applied_changes_done(&changes);
}

/* Names as long as the language allows: each gets a file of its own that can be written. */
static void test_long_names(void **state)
{
	const struct aeg_config config = {.state_dir = *state};
	char name[254], ns[64];
	struct aeg_applied_changes changes = {0};
	AEG_AUTO_FREE char *a = NULL, *b = NULL;

	memset(name, 'n', sizeof(name) - 1);
	memset(ns, 's', sizeof(ns) - 1);
	name[253] = ns[63] = '\0';
	a = aeg_applied_path(&config, "ClusterAIEgressPolicy", ns, name);
	name[252] = 'm'; /* behind the cut */
	b = aeg_applied_path(&config, "ClusterAIEgressPolicy", ns, name);
	assert_string_not_equal(a, b);
	assert_int_equal(aeg_applied_put(&changes, a, "one", 3), 0);
	assert_int_equal(aeg_applied_put(&changes, b, "two", 3), 0);
	assert_true(aeg_applied_same(a, "one", 3));
	for (size_t len = 252; len > 200; len--) { /* past where a whole name just fits */
		AEG_AUTO_FREE char *path = NULL;

		name[len] = '\0';
		path = aeg_applied_path(&config, "AIEndpoint", NULL, name);
		assert_int_equal(aeg_applied_put(&changes, path, "x", 1), 0);
	}
	aeg_applied_changes_done(&changes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_slice_of_a_line),
		cmocka_unit_test(test_find_object),
		cmocka_unit_test(test_paths),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change_that_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
