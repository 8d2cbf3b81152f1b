// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Who lives where: paths, globs and units, cgroups that come, go and are claimed twice. */
#include "util_model.h"
#include "workload/claims.h"
#include "workload/registry.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define WORKLOAD(name, spec)                                                                       \
	API "kind: Workload\nmetadata: {name: " name ", namespace: ns}\nspec: {" spec "}\n---\n"

struct scene {
	struct aeg_model *model;
	struct aeg_registry *registry;
};

static void scene_of(const char *text, struct scene *ret)
{
	ret->model = model_of(text);
	ret->registry = aeg_registry_new(ret->model);
}

static void end(struct scene *scene)
{
	aeg_registry_free(scene->registry);
	aeg_model_free(scene->model);
}
#define AUTO_SCENE AEG_CLEANUP(end) struct scene

/* A cgroup below the managed directory "kubepods.slice". */
static struct aeg_cgroup cgroup(uint64_t id, const char *path)
{
	return (struct aeg_cgroup){
		.id = id,
		.level = 3,
		.path = (char *)(uintptr_t)path,
		.below = sizeof("kubepods.slice/") - 1,
	};
}

static struct aeg_instance *come(struct scene *scene, uint64_t id, const char *path)
{
	struct aeg_cgroup came = cgroup(id, path);

	return aeg_registry_cgroup_added(scene->registry, &came);
}

static bool go(struct scene *scene, uint64_t id, const char *path)
{
	struct aeg_cgroup gone = cgroup(id, path);

	return aeg_registry_cgroup_removed(scene->registry, &gone);
}

static void assert_is(const struct aeg_instance *instance, const char *name)
{
	assert_non_null(instance);
	assert_string_equal(instance->workload->name, name);
}

static void test_path(void **state)
{
	AUTO_SCENE scene;

	scene_of(WORKLOAD("a", "cgroup: pod1.slice") WORKLOAD("b", "cgroup: kubepods.slice/pod2"),
		 &scene);
	assert_is(come(&scene, 1, "kubepods.slice/pod1.slice"), "a");
	assert_is(come(&scene, 2, "kubepods.slice/pod2"), "b");
	assert_null(come(&scene, 3, "kubepods.slice/pod3"));
	assert_null(come(&scene, 4, "kubepods.slice/pod2/pod1.slice"));
	assert_int_equal(aeg_registry_count(scene.registry), 2);
}

static void test_glob(void **state)
{
	AUTO_SCENE scene;

	scene_of(WORKLOAD("a", "cgroup: '*.slice/*-pod3f2a*.slice'"), &scene);
	assert_is(come(&scene, 1, "kubepods.slice/q.slice/q-pod3f2a_1.slice"), "a");
	/* '*' does not cross a '/' */
	assert_null(come(&scene, 2, "kubepods.slice/q.slice/x/q-pod3f2a_1.slice"));
	/* the glob also counts from the cgroup root */
	assert_is(come(&scene, 3, "kubepods.slice/q-pod3f2a_2.slice"), "a");
	assert_null(come(&scene, 4, "kubepods.slice/q.slice/q-pod3f2b.slice"));
}

static void test_unit(void **state)
{
	AUTO_SCENE scene;

	scene_of(WORKLOAD("a", "unit: chat.service"), &scene);
	assert_is(come(&scene, 1, "kubepods.slice/chat.service"), "a");
	assert_is(come(&scene, 2, "kubepods.slice/x.slice/x-y.slice/chat.service"), "a");
	/* made by somebody inside a service: not the unit */
	assert_null(come(&scene, 3, "kubepods.slice/evil.service/chat.service"));
	assert_null(come(&scene, 4, "kubepods.slice/.slice/chat.service"));
	assert_null(come(&scene, 5, "kubepods.slice/notchat.service"));
}

static void test_managed_directory_itself(void **state)
{
	const struct aeg_cgroup managed = {.id = 1, .path = (char[]){"web.service"}, .below = 11};
	AUTO_SCENE scene;

	scene_of(WORKLOAD("a", "unit: web.service") WORKLOAD("b", "cgroup: '*.scope'"), &scene);
	assert_is(aeg_registry_cgroup_added(scene.registry, &managed), "a");
}

static void test_contested(void **state)
{
	AUTO_SCENE scene;

	scene_of(WORKLOAD("a", "cgroup: pod1") WORKLOAD("b", "cgroup: 'pod*'"), &scene);
	assert_null(come(&scene, 1, "kubepods.slice/pod1"));
	assert_int_equal(aeg_registry_contested(scene.registry), 1);
	assert_string_equal(aeg_registry_contested_at(scene.registry, 0)->first->name, "a");
	assert_string_equal(aeg_registry_contested_at(scene.registry, 0)->second->name, "b");
	assert_is(come(&scene, 2, "kubepods.slice/pod2"), "b");
	assert_false(go(&scene, 1, "kubepods.slice/pod1"));
	assert_int_equal(aeg_registry_contested(scene.registry), 0);
}

static void test_contested_by_equal_texts(void **state)
{
	AUTO_SCENE scene;

	scene_of(WORKLOAD("a", "cgroup: pod1") WORKLOAD("b", "cgroup: pod1")
			 WORKLOAD("c", "cgroup: kubepods.slice/pod2") WORKLOAD("d", "cgroup: pod2"),
		 &scene);
	assert_null(come(&scene, 1, "kubepods.slice/pod1"));
	assert_null(come(&scene, 2, "kubepods.slice/pod2"));
	assert_null(come(&scene, 2, "kubepods.slice/pod2"));
	assert_int_equal(aeg_registry_contested(scene.registry), 2);
	assert_int_equal(aeg_registry_count(scene.registry), 0);
}

static void test_come_and_go(void **state)
{
	AUTO_SCENE scene;

	scene_of(WORKLOAD("a", "cgroup: 'pod*'"), &scene);
	assert_is(come(&scene, 1, "kubepods.slice/pod1"), "a");
	assert_null(come(&scene, 1, "kubepods.slice/pod1")); /* told twice */
	assert_is(aeg_registry_by_cgroup(scene.registry, 1), "a");
	assert_false(go(&scene, 2, "kubepods.slice/pod2"));
	assert_true(go(&scene, 1, "kubepods.slice/pod1"));
	assert_false(go(&scene, 1, "kubepods.slice/pod1"));
	assert_null(aeg_registry_by_cgroup(scene.registry, 1));
	assert_is(come(&scene, 3, "kubepods.slice/pod1"), "a");
	assert_int_equal(aeg_registry_count(scene.registry), 1);
}

static void test_order(void **state)
{
	AUTO_SCENE scene;

	scene_of(WORKLOAD("b", "cgroup: 'b*'") WORKLOAD("a", "cgroup: a"), &scene);
	come(&scene, 1, "kubepods.slice/b2");
	come(&scene, 2, "kubepods.slice/b1");
	come(&scene, 3, "kubepods.slice/a");
	assert_int_equal(aeg_registry_at(scene.registry, 0)->cgroup.id, 3);
	assert_int_equal(aeg_registry_at(scene.registry, 1)->cgroup.id, 2);
	assert_int_equal(aeg_registry_at(scene.registry, 2)->cgroup.id, 1);
	go(&scene, 3, "kubepods.slice/a");
	assert_int_equal(aeg_registry_at(scene.registry, 0)->cgroup.id, 2);
}

/* The quick way of claims.c finds exactly what asking every workload finds. */
static void test_claims_agree(void **state)
{
	static const char *const paths[] = {
		"kubepods.slice/a",   "kubepods.slice/ab",
		"kubepods.slice/a/b", "kubepods.slice/a.slice",
		"kubepods.slice/[a]", "kubepods.slice/a.slice/u.service",
		"kubepods.slice/b",   "kubepods.slice/u.service",
		"kubepods.slice/a*",
	};
	AUTO_SCENE scene;

	scene_of(WORKLOAD("w1", "cgroup: a") WORKLOAD("w2", "cgroup: 'a*'")
			 WORKLOAD("w3", "cgroup: '*/b'") WORKLOAD("w4", "cgroup: '?'")
				 WORKLOAD("w5", "cgroup: '[ab]'") WORKLOAD("w6", "unit: u.service")
					 WORKLOAD("w7", "cgroup: 'kubepods*/*/*'"),
		 &scene);
	for (size_t i = 0; i < AEG_ARRAY_SIZE(paths); i++) {
		const struct aeg_cgroup at = cgroup(i + 1, paths[i]);
		const struct aeg_workload *second = NULL, *first;
		struct aeg_claims claims;
		size_t n = 0;

		for (size_t j = 0; j < scene.model->workloads.n; j++)
			n += aeg_workload_claims(scene.model->workloads.items[j], &at);
		aeg_claims_init(&claims, scene.model);
		first = aeg_claims_find(&claims, &at, &second);
		aeg_claims_done(&claims);
		assert_int_equal(first != NULL, n > 0);
		assert_int_equal(second != NULL, n > 1);
		assert_true(!first || aeg_workload_claims(first, &at));
		assert_true(!second || (second != first && aeg_workload_claims(second, &at)));
	}
}

/* Pods are claimed by the UID in their cgroup's name, whatever the layout, and by nothing below it. */
static void test_pods(void **state)
{
	struct aeg_model *model = aeg_model_new();
	struct aeg_claims claims;
	struct aeg_workload *pod = aeg_xcalloc(1, sizeof(*pod));
	const struct aeg_workload *second;
	struct aeg_cgroup slice = cgroup(1, "kubepods.slice/kubepods-burstable.slice/"
					    "kubepods-burstable-pod0a_1.slice");
	struct aeg_cgroup plain = cgroup(2, "kubepods.slice/burstable/pod0a-1");
	struct aeg_cgroup inside = cgroup(3, "kubepods.slice/burstable/pod0a-1/c");
	struct aeg_cgroup other = cgroup(4, "kubepods.slice/burstable/pod0a-12");

	pod->ns = aeg_xstrdup("ml");
	pod->name = aeg_xstrdup("chat");
	pod->pod = aeg_xstrdup("0a-1");
	aeg_claims_init(&claims, model);
	assert_null(aeg_claims_find(&claims, &slice, &second));
	aeg_claims_add(&claims, pod);
	assert_ptr_equal(aeg_claims_find(&claims, &slice, &second), pod);
	assert_ptr_equal(aeg_claims_find(&claims, &plain, &second), pod);
	assert_null(second);
	assert_null(aeg_claims_find(&claims, &inside, &second));
	assert_null(aeg_claims_find(&claims, &other, &second));
	aeg_claims_remove_pod(&claims, pod);
	assert_null(aeg_claims_find(&claims, &plain, &second));
	aeg_claims_done(&claims);
	aeg_workload_free(pod);
	aeg_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_unit),
		cmocka_unit_test(test_managed_directory_itself),
		cmocka_unit_test(test_contested),
		cmocka_unit_test(test_contested_by_equal_texts),
		cmocka_unit_test(test_come_and_go),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_claims_agree),
		cmocka_unit_test(test_pods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
