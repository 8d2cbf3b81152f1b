// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* What was added, changed and removed between two sets of documents. */
#include "policy/model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <assert.h>

#define ENDPOINT(name, host)                                                                       \
	"apiVersion: aegress.dev/v1alpha1\n"                                                       \
	"kind: AIEndpoint\n"                                                                       \
	"metadata: {name: " name "}\n"                                                             \
	"spec: {class: hub, hosts: [" host "]}\n"
#define NAMESPACE(name)                                                                            \
	"---\n"                                                                                    \
	"apiVersion: v1\n"                                                                         \
	"kind: Namespace\n"                                                                        \
	"metadata: {name: " name "}\n"

static struct aeg_model *load(const char *text)
{
	struct aeg_model *model = aeg_model_new();
	struct aeg_diags diags = {0};

	aeg_model_add_text(model, "test", text, strlen(text), &diags);
	assert_int_equal(aeg_model_check(model, 0, &diags), 0);
	aeg_diags_done(&diags);
	return model;
}

static void note(void *arg, const struct aeg_document *before, const struct aeg_document *after)
{
	const struct aeg_document *either = after ? after : before;

	assert(either);
	aeg_buf_printf(arg, "%c%s/%s ",
		       !before ? '+'
		       : after ? '~'
			       : '-',
		       either->kind, either->name);
}

static void assert_diff(const char *before, const char *after, const char *expected)
{
	struct aeg_model *old = load(before), *new = load(after);
	char old_digest[AEG_DIGEST_TEXT], new_digest[AEG_DIGEST_TEXT];
	struct aeg_buf changes = {0};

	aeg_documents_diff(&old->documents, &new->documents, note, &changes);
	assert_string_equal(aeg_buf_text(&changes), expected);
	aeg_documents_digest(&old->documents, old_digest);
	aeg_documents_digest(&new->documents, new_digest);
	assert_int_equal(aeg_streq(old_digest, new_digest), !*expected);
	aeg_buf_done(&changes);
	aeg_model_free(old);
	aeg_model_free(new);
}

static void test_changes(void **state)
{
	const char *one = ENDPOINT("a", "a.test") NAMESPACE("n");

	assert_diff(one, one, "");
	assert_diff(one, ENDPOINT("a", "b.test") NAMESPACE("n"), "~AIEndpoint/a ");
	assert_diff(one, ENDPOINT("a", "a.test"), "-Namespace/n ");
	assert_diff(ENDPOINT("a", "a.test"), one, "+Namespace/n ");
	assert_diff(one, ENDPOINT("b", "a.test") NAMESPACE("n"), "-AIEndpoint/a +AIEndpoint/b ");
	assert_diff("", one, "+AIEndpoint/a +Namespace/n ");
	assert_diff(one, "", "-AIEndpoint/a -Namespace/n ");
}

/* Only what a document says counts. */
static void test_no_changes(void **state)
{
	assert_diff(ENDPOINT("a", "a.test") "---\n" ENDPOINT("b", "b.test"),
		    "# a comment\n" ENDPOINT("b", "\"b.test\"") "---\n" ENDPOINT("a", "  a.test "),
		    "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_no_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
