// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* What is taken from objects of the API server, and what is not: ended pods, odd types, large texts. */
#include "kube/objects.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void free_json(json_t **object)
{
	json_decref(*object);
}
#define AUTO_JSON AEG_CLEANUP(free_json) json_t

static json_t *parse(const char *text)
{
	json_t *object = json_loads(text, 0, NULL);

	assert_non_null(object);
	return object;
}

static void assert_no_pod(const char *text)
{
	AUTO_JSON *object = parse(text);

	assert_null(aeg_kube_pod(object));
}

#define METADATA "'name': 'chat-1', 'namespace': 'ml', 'uid': '0a-1'"

/* Single quotes in place of double ones. */
static json_t *quoted(const char *text)
{
	AEG_AUTO_FREE char *copy = aeg_xstrdup(text);

	for (char *at = copy; (at = strchr(at, '\''));)
		*at = '"';
	return parse(copy);
}

static struct aeg_workload *pod_of(const char *text)
{
	AUTO_JSON *object = quoted(text);

	return aeg_kube_pod(object);
}

static void test_pod(void **state)
{
	struct aeg_workload *pod = pod_of("{'metadata': {" METADATA ", 'labels': {'tier': 'a'}},"
					  " 'spec': {'serviceAccountName': 'chat'}}");

	assert_non_null(pod);
	assert_string_equal(pod->ns, "ml");
	assert_string_equal(pod->name, "chat-1");
	assert_string_equal(pod->uid, "0a-1");
	assert_string_equal(pod->pod, "0a-1");
	assert_string_equal(pod->service_account, "chat");
	assert_int_equal(pod->labels.list.n, 1);
	assert_null(pod->cgroup);
	aeg_workload_free(pod);
}

#define HASH "0123456789abcdef0123456789abcdef"

static void test_mirror_pod(void **state)
{
	struct aeg_workload *pod = pod_of("{'metadata': {" METADATA ", 'annotations': {"
					  "'kubernetes.io/config.mirror': 'abc',"
					  "'kubernetes.io/config.hash': '" HASH "'}}}");

	assert_string_equal(pod->uid, "0a-1");
	assert_string_equal(pod->pod, HASH);
	assert_string_equal(pod->service_account, "default");
	aeg_workload_free(pod);
	/* the annotation alone, which everybody may write, makes no other pod of it */
	pod = pod_of("{'metadata': {" METADATA
		     ", 'annotations': {'kubernetes.io/config.hash': '" HASH "'}}}");
	assert_string_equal(pod->pod, "0a-1");
	aeg_workload_free(pod);
}

/* Whoever may make pods may write both: another pod's UID he does not get with them. */
static void test_forged_mirror_pod(void **state)
{
	static const char *const hashes[] = {
		"7d3c1f0a-0000-4000-8000-0000000000a1",
		"7d3c1f0a",
		"",
		"0123456789ABCDEF0123456789abcdef",
		"0123456789abcdef0123456789abcdef0",
		"../0123456789abcdef0123456789abc",
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(hashes); i++) {
		AEG_AUTO_FREE char *text = aeg_xasprintf("{'metadata': {" METADATA
							 ", 'annotations': {"
							 "'kubernetes.io/config.mirror': 'abc',"
							 "'kubernetes.io/config.hash': '%s'}}}",
							 hashes[i]);
		struct aeg_workload *pod = pod_of(text);

		assert_string_equal(pod->pod, "0a-1");
		aeg_workload_free(pod);
	}
}

static void test_ended_pod(void **state)
{
	assert_null(pod_of("{'metadata': {" METADATA "}, 'status': {'phase': 'Succeeded'}}"));
	assert_null(pod_of("{'metadata': {" METADATA "}, 'status': {'phase': 'Failed'}}"));
}

static void test_no_pod(void **state)
{
	assert_no_pod("{}");
	assert_no_pod("[]");
	assert_no_pod("{\"metadata\": 7}");
	assert_no_pod("{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\"}}");
	assert_no_pod("{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\", \"uid\": []}}");
	assert_no_pod("{\"metadata\": {\"name\": \"../a\", \"namespace\": \"b\", \"uid\": \"c\"}}");
	assert_no_pod("{\"metadata\": {\"name\": \"a\", \"namespace\": \"b c\", \"uid\": \"c\"}}");
}

/* Fields of types that no API server sends: the rest is taken. */
static void test_odd_types(void **state)
{
	struct aeg_workload *pod = pod_of("{'metadata': {" METADATA
					  ", 'annotations': 'no', 'labels':"
					  " {'a': 1, 'b': null, 'c d': 'x', 'e': 'f g', 'ok': ''}},"
					  " 'spec': {'serviceAccountName': {}}, 'status': []}");

	assert_non_null(pod);
	assert_string_equal(pod->service_account, "default");
	assert_int_equal(pod->labels.list.n, 1);
	assert_string_equal(pod->labels.list.items[0].key, "ok");
	aeg_workload_free(pod);
}

static void test_namespace(void **state)
{
	AUTO_JSON *object = quoted("{'metadata': {'name': 'ml', 'labels': {'env': 'prod'}}}");
	AUTO_JSON *nameless = quoted("{'metadata': {'labels': {'env': 'prod'}}}");
	struct aeg_namespace *ns = aeg_kube_namespace(object);

	assert_string_equal(ns->name, "ml");
	assert_int_equal(ns->labels.list.n, 1);
	aeg_namespace_free(ns);
	assert_null(aeg_kube_namespace(nameless));
}

/* What the server adds is not kept, so a change of status is no change of the document. */
static void test_document(void **state)
{
	static const char head[] = "{'apiVersion': 'aegress.dev/v1alpha1', 'kind': 'AIEndpoint',"
				   "'metadata': {'name': 'a', 'uid': 'u', 'generation': 3";
	AEG_AUTO_FREE char *one = aeg_xasprintf("%s}, 'spec': {'class': 'hub'}}", head);
	AEG_AUTO_FREE char *two = aeg_xasprintf("%s, 'resourceVersion': '9', 'annotations':"
						" {'x': 'y'}}, 'spec': {'class': 'hub'},"
						" 'status': {'observedGeneration': 3}}",
						head);
	AUTO_JSON *first = quoted(one), *second = quoted(two),
		  *kindless = quoted("{'metadata': "
				     "{'name': 'a'}}");
	struct aeg_kube_document a, b;

	assert_true(aeg_kube_document(first, &a));
	assert_true(aeg_kube_document(second, &b));
	assert_string_equal(a.file, "AIEndpoint a");
	assert_null(a.ns);
	assert_int_equal(a.generation, 3);
	assert_string_equal(a.text, b.text);
	aeg_kube_document_done(&a);
	aeg_kube_document_done(&b);
	assert_false(aeg_kube_document(kindless, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pod),
		cmocka_unit_test(test_mirror_pod),
		cmocka_unit_test(test_forged_mirror_pod),
		cmocka_unit_test(test_ended_pod),
		cmocka_unit_test(test_no_pod),
		cmocka_unit_test(test_odd_types),
		cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
