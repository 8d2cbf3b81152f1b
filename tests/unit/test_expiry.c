/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules that end: marked by the time that is passed in, and compiled as if they were not written. */
#include "policy/expiry.h"
#include "util_policy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define HUB ENDPOINT_OF("hub", "acme", "hub", "hosts: [hub.test]")
#define UNTIL(name, to, time) "{name: " name ", to: [" to "], expires: " time "}"
#define BEFORE "2026-11-20T11:59:59Z"
#define SOON "2026-11-20T12:00:10Z"
#define LATER "2027-01-01T00:00:00Z"

/* What the web account may do at hub.test:443 with these rules. */
static const char *cell_of(const char *rules, struct scene *ret)
{
	AEG_AUTO_FREE char *text = aeg_xasprintf(HUB POLICY("p", ALL ", allow: [%s]"), rules);

	scene_make(text, ret);
	return scene_cell(ret, scene_profile(ret, "web", NULL), scene_name(ret, "hub.test"),
			  "443/tcp");
}

static void test_as_if_not_written(void **state)
{
	AUTO_SCENE scene;
	uint32_t flags;

	assert_string_equal(cell_of(UNTIL("r", "{endpoint: hub}", BEFORE), &scene), "-");
	scene_profile(&scene, "web", &flags);
	assert_true(flags & AEG_IDENT_ISOLATED); /* the list is still there */
}

static void test_not_yet(void **state)
{
	AUTO_SCENE scene;

	assert_string_equal(cell_of(UNTIL("r", "{endpoint: hub}", SOON), &scene),
			    "allowed ns/p/r | allowed ns/p/r");
}

/* From the very second on. */
static void test_the_moment(void **state)
{
	AUTO_SCENE scene;

	assert_string_equal(cell_of(UNTIL("r", "{endpoint: hub}", NOW), &scene), "-");
}

/* Another rule of the same destination goes on, and it is the one that is named. */
static void test_another_rule_holds(void **state)
{
	AUTO_SCENE scene;

	assert_string_equal(
		cell_of(UNTIL("r", "{endpoint: hub}", BEFORE) ", " RULE("s", "{endpoint: hub}"),
			&scene),
		"allowed ns/p/s | allowed ns/p/s");
}

/* Nor does its policy demand anything of what others allow. */
static void test_demands_end_too(void **state)
{
	AUTO_SCENE scene;
	const struct aeg_cell *cell;

	scene_make(HUB POLICY("p", ALL ", tls: {minVersion: '1.3'}, allow: [" UNTIL(
					   "r", "{endpoint: hub}", BEFORE) "]")
			   POLICY("q", ALL ", allow: [" RULE("s", "{endpoint: hub}") "]"),
		   &scene);
	cell = aeg_tables_cell(scene.tables, scene_profile(&scene, "web", NULL),
			       scene_name(&scene, "hub.test")->class, AEG_PROTO_TCP, 443);
	assert_non_null(cell);
	assert_int_equal(cell->enforce.tls, 0);
}

static void test_what_comes_next(void **state)
{
	struct aeg_model *model = model_of(
		POLICY("p", ALL ", allow: [" UNTIL("a", "{host: a.test}", LATER) ", " UNTIL(
				    "b", "{host: b.test}", SOON) "]")
			POLICY("q", ALL ", allow: [" UNTIL("c", "{host: c.test}", BEFORE) ", " RULE(
					    "d", "{host: d.test}") "]"));

	assert_int_equal(aeg_model_expired(model), 1);
	assert_int_equal(aeg_model_next_expiry(model), NOW_S + 10);
	aeg_model_expire(model, NOW_S + 9);
	assert_int_equal(aeg_model_expired(model), 1);
	aeg_model_expire(model, NOW_S + 10);
	assert_int_equal(aeg_model_expired(model), 2);
	assert_int_equal(aeg_model_next_expiry(model), 1798761600);
	aeg_model_expire(model, 0); /* a clock that is set back revives nothing */
	assert_int_equal(aeg_model_expired(model), 2);
	aeg_model_expire(model, UINT64_MAX - 1);
	assert_int_equal(aeg_model_expired(model), 3);
	assert_true(aeg_model_next_expiry(model) == AEG_EXPIRY_NEVER);
	aeg_model_free(model);
}

static void append(void *arg, const char *label)
{
	aeg_buf_printf(arg, "%s ", label);
}

static void test_names(void **state)
{
	struct aeg_model *model = model_of(
		CLUSTER_POLICY("c", ALL ", allow: [" UNTIL("z", "{host: a.test}", BEFORE) "]")
			POLICY("p", ALL ", allow: [" UNTIL("a", "{host: a.test}", SOON) ", " UNTIL(
					    "b", "{host: b.test}", NOW) "]"));
	struct aeg_buf text = {0};

	aeg_model_each_expired(model, 5, append, &text);
	assert_string_equal(aeg_buf_text(&text), "/c/z ns/p/b ");
	aeg_buf_reset(&text);
	aeg_model_each_expired(model, 1, append, &text);
	assert_string_equal(aeg_buf_text(&text), "/c/z ");
	aeg_buf_done(&text);
	aeg_model_free(model);
}

static void test_json(void **state)
{
	struct aeg_model *model = model_of(POLICY(
		"p", ALL ", allow: [" UNTIL("a", "{host: a.test}", BEFORE) ", " RULE(
			     "b", "{host: b.test}") "], deny: [" RULE("c", "{host: c.test}") "]"));
	struct aeg_json json;
	struct aeg_buf text = {0};

	aeg_json_begin(&json, &text);
	aeg_json_object(&json, NULL);
	aeg_policy_rules_json(model->policies.items[0], &json);
	aeg_json_object_end(&json);
	assert_string_equal(aeg_buf_text(&text),
			    "{\"allow\":2,\"deny\":1,\"expires\":[{\"rule\":\"a\",\"at\":"
			    "\"" BEFORE "\",\"expired\":true}]}");
	aeg_buf_done(&text);
	aeg_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_if_not_written),
		cmocka_unit_test(test_not_yet),
		cmocka_unit_test(test_the_moment),
		cmocka_unit_test(test_another_rule_holds),
		cmocka_unit_test(test_demands_end_too),
		cmocka_unit_test(test_what_comes_next),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
