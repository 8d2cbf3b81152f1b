// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Filters of flow records: every key with what passes, what does not, and what is refused. */
#include "observe/filter.h"
#include "observe/glob.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

static const char *const classes[] = {"hub", "upload", "other", NULL};

static const struct aeg_flow flow = {
	.time_ns = 1795176000000000000u,
	.ns = "ml-prod",
	.workload = "chat-1",
	.service_account = "chat-api",
	.policy = "ml-prod/chat",
	.endpoint = "hf-upload",
	.class = "upload",
	.name = "cdn-lfs.hf.co",
	.event = {.type = AEG_EVENT_DENY,
		  .daddr = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7},
		  .decision = {.verdict = AEG_VERDICT_DENIED, .reason = AEG_REASON_DENY_RULE}},
};

static bool passes(const struct aeg_flow *what, const char *key, const char *values)
{
	struct aeg_filter filter;
	struct aeg_buf error = {0};
	bool result;

	aeg_filter_init(&filter, classes);
	assert_int_equal(aeg_filter_add(&filter, key, values, &error), 0);
	result = aeg_filter_passes(&filter, what);
	aeg_filter_done(&filter);
	return result;
}

static void test_keys(void **state)
{
	static const struct {
		const char *key, *passes, *drops;
	} cases[] = {
		{"namespace", "ml-prod", "ml"},
		{"namespace", "x,ml-*", "x,y"},
		{"workload", "chat-1", "chat"},
		{"workload", "ml-prod/chat-1", "ml/chat-1"},
		{"workload", "*/chat-*", "*/batch-*"},
		{"serviceAccount", "chat-api", "chat"},
		{"endpoint", "hf-upload,hf-hub", "hf-hub"},
		{"class", "upload", "hub"},
		{"class", "hub,upload", "hub,other"},
		{"name", "*.hf.co", "hf.co"},
		{"name", "CDN-LFS.hf.co", "*.huggingface.co"},
		{"name", "10.0.0.7", "10.0.0.70"},
		{"verdict", "denied", "allowed"},
		{"verdict", "audited,denied", "audited,allowed"},
		{"reason", "deny-rule", "no-rule"},
		{"policy", "ml-prod/*", "chat"},
		{"event", "deny", "open,close,name"},
	};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(cases); i++) {
		assert_true(passes(&flow, cases[i].key, cases[i].passes));
		assert_false(passes(&flow, cases[i].key, cases[i].drops));
	}
}

/* What is not known matches no pattern, not even "*". */
static void test_unknown(void **state)
{
	const struct aeg_flow nobody = {.event = {.type = AEG_EVENT_OPEN}};

	assert_false(passes(&nobody, "namespace", "*"));
	assert_false(passes(&nobody, "workload", "*"));
	assert_false(passes(&nobody, "endpoint", "*"));
	assert_false(passes(&nobody, "policy", "*"));
	assert_false(passes(&nobody, "class", "hub,upload,other"));
	assert_true(passes(&nobody, "name", "::"));
}

static void test_name_is_the_pattern(void **state)
{
	struct aeg_flow by_pattern = flow;

	by_pattern.name = NULL;
	by_pattern.pattern = "*.endpoints.test";
	assert_true(passes(&by_pattern, "name", "*endpoints.test"));
	assert_true(passes(&by_pattern, "name", "10.0.*"));
}

static void test_all_keys_must_pass(void **state)
{
	struct aeg_filter filter;
	struct aeg_buf error = {0};

	aeg_filter_init(&filter, classes);
	assert_true(aeg_filter_passes(&filter, &flow));
	assert_int_equal(aeg_filter_add(&filter, "verdict", "denied", &error), 0);
	assert_int_equal(aeg_filter_add(&filter, "namespace", "ml-prod", &error), 0);
	assert_true(aeg_filter_passes(&filter, &flow));
	assert_int_equal(aeg_filter_add(&filter, "endpoint", "hf-hub", &error), 0);
	assert_false(aeg_filter_passes(&filter, &flow));
	assert_int_equal(aeg_filter_add(&filter, "endpoint", "hf-upload", &error), 0);
	assert_true(aeg_filter_passes(&filter, &flow));
	aeg_filter_done(&filter);
}

/* Among what was lost may be what is wanted. A learned name was not decided about. */
static void test_special_records(void **state)
{
	const struct aeg_flow lost = {.lost = 3};
	struct aeg_flow name = flow;

	assert_true(passes(&lost, "verdict", "denied"));
	assert_true(passes(&lost, "namespace", "x"));
	name.event.type = AEG_EVENT_NAME;
	assert_false(passes(&name, "verdict", "denied"));
	assert_false(passes(&name, "reason", "deny-rule"));
	assert_true(passes(&name, "name", "*.hf.co"));
	assert_true(passes(&name, "event", "name"));
	assert_true(passes(&name, "event", "deny,dns"));
	assert_false(passes(&name, "event", "refused"));
	name.event.type = AEG_EVENT_REFUSED;
	name.event.refusal = AEG_LEARNING_SPECIAL;
	assert_true(passes(&name, "event", "refused"));
	assert_true(passes(&name, "event", "dns"));
	assert_false(passes(&name, "event", "open,deny,close,name"));
	assert_false(passes(&name, "verdict", "allowed,audited,denied"));
	assert_false(passes(&flow, "event", "dns"));
}

static void assert_refused(const char *key, const char *values, const char *sentence)
{
	struct aeg_filter filter;
	struct aeg_buf error = {0};

	aeg_filter_init(&filter, classes);
	assert_int_equal(aeg_filter_add(&filter, key, values, &error), -EINVAL);
	if (!strstr(aeg_buf_text(&error), sentence))
		assert_string_equal(aeg_buf_text(&error), sentence);
	aeg_buf_done(&error);
	aeg_filter_done(&filter);
}

/* Holes between the numbers are no words. */
static void assert_refused_exactly(const char *key, const char *values, const char *sentence)
{
	struct aeg_filter filter;
	struct aeg_buf error = {0};

	aeg_filter_init(&filter, classes);
	assert_int_equal(aeg_filter_add(&filter, key, values, &error), -EINVAL);
	assert_string_equal(aeg_buf_text(&error), sentence);
	aeg_buf_done(&error);
	aeg_filter_done(&filter);
}

static void test_refused(void **state)
{
	assert_refused("verdict", "denyed",
		       "verdict: 'denyed' is not one of allowed, audited, denied; did you mean "
		       "'denied'?");
	assert_refused("verdict", "denied,", "verdict: a value is empty");
	assert_refused("namespace", "", "namespace: a value is empty");
	assert_refused("class", "hubs",
		       "class: 'hubs' is not one of hub, upload, other; did you "
		       "mean 'hub'?");
	assert_refused("reason", "norule", "did you mean 'no-rule'?");
	assert_refused("event", "lost",
		       "event: 'lost' is not one of dns, open, deny, close, name, refused");
	assert_refused_exactly("verdict", "?",
			       "verdict: '?' is not one of allowed, audited, denied");
	assert_refused("colour", "red",
		       "there is no filter 'colour'; filters are namespace, workload,");
}

#define NOW 1795176000000000000u /* 2026-11-20T12:00:00Z */

static uint64_t since(const char *text)
{
	struct aeg_filter filter;
	struct aeg_buf error = {0};

	aeg_filter_init(&filter, classes);
	if (aeg_filter_since(&filter, text, NOW, &error)) {
		assert_non_null(strstr(aeg_buf_text(&error), "since: '"));
		filter.since_ns = UINT64_MAX;
	}
	aeg_buf_done(&error);
	return filter.since_ns;
}

static void test_since(void **state)
{
	static const char *const bad[] = {"",
					  "m",
					  "10",
					  "10x",
					  "10mm",
					  "-5m",
					  "1.5h",
					  "now",
					  "10 m",
					  "99999999999s",
					  "2026-11-20",
					  "2026-11-20T12:00:00",
					  "2026-11-20T12:00:00Zx"};
	struct aeg_filter filter;
	struct aeg_buf error = {0};

	assert_int_equal(since("90s"), NOW - 90 * UINT64_C(1000000000));
	assert_int_equal(since("10m"), NOW - 600 * UINT64_C(1000000000));
	assert_int_equal(since("36h"), NOW - 129600 * UINT64_C(1000000000));
	assert_int_equal(since("7d"), NOW - 604800 * UINT64_C(1000000000));
	assert_int_equal(since("40000d"), 0);
	assert_int_equal(since("2026-11-20T11:59:59.5Z"), NOW - 500000000);
	for (size_t i = 0; i < AEG_ARRAY_SIZE(bad); i++)
		assert_int_equal(since(bad[i]), UINT64_MAX);
	aeg_filter_init(&filter, classes);
	assert_int_equal(aeg_filter_since(&filter, "1s", NOW, &error), 0);
	assert_true(aeg_filter_passes(&filter, &flow));
	assert_int_equal(aeg_filter_since(&filter, "2026-11-20T12:00:01Z", NOW, &error), 0);
	assert_false(aeg_filter_passes(&filter, &flow));
}

static void test_glob(void **state)
{
	assert_true(aeg_glob_matches("", ""));
	assert_false(aeg_glob_matches("", "a"));
	assert_false(aeg_glob_matches("a", ""));
	assert_true(aeg_glob_matches("*", ""));
	assert_true(aeg_glob_matches("**", "abc"));
	assert_true(aeg_glob_matches("a*c", "abc"));
	assert_true(aeg_glob_matches("a*bc", "abbbc"));
	assert_true(aeg_glob_matches("*a*b*", "xxaxxbxx"));
	assert_false(aeg_glob_matches("*a*b*", "xxbxxaxx"));
	assert_false(aeg_glob_matches("a*b", "abc"));
	assert_true(aeg_glob_matches("*.HF.co", "a.b.hf.co"));
	assert_false(aeg_glob_matches("a?c", "abc"));
	/* 2^32 ways to match it, one of which is tried. */
	assert_false(aeg_glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
				      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_name_is_the_pattern),
		cmocka_unit_test(test_all_keys_must_pass),
		cmocka_unit_test(test_special_records),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_glob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
