// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Who may write status, what nodes say of themselves, what a status should say, which denials are told. */
#include "base/mem.h"
#include "kube/lease.h"
#include "kube/notices.h"
#include "kube/status.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#define SECOND 1000000000ull
#define NOW (1800000000ull * SECOND)

static void free_json(json_t **object)
{
	json_decref(*object);
}
#define AUTO_JSON AEG_CLEANUP(free_json) json_t

static json_t *at(json_t *object, const char *a, const char *b)
{
	return json_object_get(json_object_get(object, a), b);
}

static void assert_text(json_t *value, const char *expected)
{
	assert_true(json_is_string(value));
	assert_string_equal(json_string_value(value), expected);
}

/* ---- leases ---- */

static void test_new_lease(void **state)
{
	AUTO_JSON *lease = aeg_lease_object(NULL, "aegress", "aegress-status", "n1", 30, NOW);

	assert_text(at(lease, "metadata", "name"), "aegress-status");
	assert_text(at(lease, "spec", "holderIdentity"), "n1");
	assert_text(at(lease, "spec", "renewTime"), "2027-01-15T08:00:00.000000Z");
	assert_text(at(lease, "spec", "acquireTime"), "2027-01-15T08:00:00.000000Z");
	assert_int_equal(json_integer_value(at(lease, "spec", "leaseTransitions")), 0);
}

static void test_renew_and_take(void **state)
{
	AUTO_JSON *first = aeg_lease_object(NULL, "aegress", "l", "n1", 30, NOW);
	AUTO_JSON *renewed = aeg_lease_object(first, "aegress", "l", "n1", 30, NOW + SECOND);
	AUTO_JSON *taken = aeg_lease_object(renewed, "aegress", "l", "n2", 30, NOW + 2 * SECOND);

	assert_text(at(renewed, "spec", "acquireTime"), "2027-01-15T08:00:00.000000Z");
	assert_text(at(renewed, "spec", "renewTime"), "2027-01-15T08:00:01.000000Z");
	assert_text(at(taken, "spec", "acquireTime"), "2027-01-15T08:00:02.000000Z");
	assert_text(at(taken, "spec", "holderIdentity"), "n2");
	assert_int_equal(json_integer_value(at(taken, "spec", "leaseTransitions")), 1);
}

static json_t *held(const char *holder, const char *version)
{
	return json_pack("{s:{s:s}, s:{s:s}}", "metadata", "resourceVersion", version, "spec",
			 "holderIdentity", holder);
}

/* What the holder's clock says does not matter: only whether the object changed since it was looked at. */
static void test_mine(void **state)
{
	AUTO_JSON *old = held("n1", "1"), *fresh = held("n1", "2"), *nobody = held("", "3");
	struct aeg_lease_seen seen = {0};

	aeg_lease_look(&seen, old, 100 * SECOND);
	assert_true(aeg_lease_mine(&seen, old, "n1", 100 * SECOND));
	assert_false(aeg_lease_mine(&seen, old, "n2", 100 * SECOND));
	aeg_lease_look(&seen, old, 129 * SECOND);
	assert_false(aeg_lease_mine(&seen, old, "n2", 129 * SECOND));
	assert_true(aeg_lease_mine(&seen, old, "n2", 130 * SECOND));
	aeg_lease_look(&seen, fresh, 130 * SECOND);
	assert_false(aeg_lease_mine(&seen, fresh, "n2", 159 * SECOND));
	assert_true(aeg_lease_mine(&seen, nobody, "n2", 130 * SECOND));
	free(seen.version);
}

static void test_report(void **state)
{
	static const char *const odd[] = {"", "[]", "{", "{\"inForce\": 3, \"pods\": []}"};
	struct aeg_mark marks[] = {{"bbbbbbbb"}, {"aaaaaaaa"}};
	const struct aeg_mark absent = {"abababab"};
	struct aeg_report report = {.pods = json_object()}, read;
	AEG_AUTO_FREE char *text = NULL;

	aeg_report_set_marks(&report, marks, 2);
	assert_true(aeg_report_add_pods(&report, "P a/b", 3));
	text = aeg_report_text(&report);
	assert_string_equal(text, "{\"inForce\":\"aaaaaaaabbbbbbbb\",\"pods\":{\"P a/b\":3}}");
	aeg_report_read(text, &read);
	for (size_t i = 0; i < AEG_ARRAY_SIZE(marks); i++)
		assert_true(aeg_report_has(&read, &marks[i]));
	assert_false(aeg_report_has(&read, &absent));
	assert_true(json_equal(read.pods, report.pods));
	aeg_report_done(&read);
	aeg_report_done(&report);
	aeg_report_read(NULL, &read);
	assert_null(read.pods);
	for (size_t i = 0; i < AEG_ARRAY_SIZE(odd); i++) {
		aeg_report_read(odd[i], &read);
		assert_false(aeg_report_has(&read, &absent));
		assert_null(read.pods);
	}
}

/* The server takes 256 KiB of annotations: more documents and policies than fit are not told. */
static void test_report_is_bounded(void **state)
{
	enum { DOCUMENTS = 20000, NAME = 300 };
	struct aeg_mark *marks = aeg_xcalloc(DOCUMENTS, sizeof(*marks));
	struct aeg_report report = {.pods = json_object()};
	char name[NAME + 1];
	unsigned int n = 0;

	for (unsigned int i = 0; i < DOCUMENTS; i++)
		snprintf(marks[i].text, sizeof(marks[i].text), "%08x", i * 2654435761u);
	aeg_report_set_marks(&report, marks, DOCUMENTS);
	do {
		snprintf(name, sizeof(name), "AIEgressPolicy %0280u", n);
	} while (aeg_report_add_pods(&report, name, 4000000000u) && ++n);
	AEG_AUTO_FREE char *text = aeg_report_text(&report);
	assert_in_range(n, 300, 340);
	assert_in_range(strlen(text), 200 << 10, 240 << 10);
	assert_true(aeg_report_has(&report, &marks[0])); /* sorted by the call */
	aeg_report_done(&report);
	free(marks);
}

/* A lease that is seen for the first time is as old as it says: nodes that died long ago do not count. */
static void test_first_look(void **state)
{
	AUTO_JSON *lease = aeg_lease_object(NULL, "aegress", "l", "n1", 60, NOW - 500 * SECOND);
	AUTO_JSON *future = aeg_lease_object(NULL, "aegress", "l", "n1", 60, NOW + 500 * SECOND);
	AUTO_JSON *again = json_pack("{s:{s:s}}", "metadata", "resourceVersion", "9");
	struct aeg_lease_seen seen = {0}, ahead = {0};

	aeg_lease_look_first(&seen, lease, 1000 * SECOND, NOW);
	assert_int_equal(seen.at_ns, 500 * SECOND);
	aeg_lease_look(&seen, again, 1001 * SECOND); /* it was renewed: it lives */
	assert_int_equal(seen.at_ns, 1001 * SECOND);
	aeg_lease_look_first(&ahead, future, 1000 * SECOND, NOW);
	assert_int_equal(ahead.at_ns, 1000 * SECOND);
	free(seen.version);
	free(ahead.version);
}

/* ---- status ---- */

static json_t *condition(json_t *patch, size_t i)
{
	return json_array_get(at(patch, "status", "conditions"), i);
}

static void test_status_of_policy(void **state)
{
	struct aeg_status status = {
		.generation = 3, .pods = 2, .nodes_enforced = 1, .nodes_total = 2};
	AUTO_JSON *pending = aeg_status_patch(&status, NULL, NOW), *whole, *again;

	assert_text(json_object_get(condition(pending, 0), "type"), "Accepted");
	assert_text(json_object_get(condition(pending, 0), "status"), "True");
	assert_text(json_object_get(condition(pending, 1), "type"), "Enforced");
	assert_text(json_object_get(condition(pending, 1), "status"), "False");
	assert_text(json_object_get(condition(pending, 1), "reason"), "Pending");
	assert_int_equal(json_integer_value(at(pending, "status", "selectedPods")), 2);
	/* nothing new: nothing to write, however late it is */
	again = aeg_status_patch(&status, json_object_get(pending, "status"), NOW + SECOND);
	assert_null(again);
	/* one condition turns; the other one keeps its time */
	status.nodes_enforced = 2;
	whole = aeg_status_patch(&status, json_object_get(pending, "status"), NOW + SECOND);
	assert_text(json_object_get(condition(whole, 0), "lastTransitionTime"),
		    "2027-01-15T08:00:00Z");
	assert_text(json_object_get(condition(whole, 1), "lastTransitionTime"),
		    "2027-01-15T08:00:01Z");
	assert_text(json_object_get(condition(whole, 1), "message"), "in force on 2 of 2 nodes");
}

static void test_status_refused(void **state)
{
	struct aeg_status status = {.generation = 1,
				    .refused = "unknown endpoint 'x'",
				    .nodes_enforced = 2,
				    .nodes_total = 2};
	AUTO_JSON *patch = aeg_status_patch(&status, NULL, NOW);

	assert_text(json_object_get(condition(patch, 0), "status"), "False");
	assert_text(json_object_get(condition(patch, 0), "message"), "unknown endpoint 'x'");
	assert_text(json_object_get(condition(patch, 1), "status"), "False");
	assert_int_equal(json_integer_value(at(patch, "status", "nodesEnforced")), 0);
}

/* It is not wrong, and not in force all the same: neither is claimed. */
static void test_status_failed(void **state)
{
	struct aeg_status status = {
		.generation = 2, .failed = "a.yaml:1:1: error", .nodes_total = 1};
	AUTO_JSON *patch = aeg_status_patch(&status, NULL, NOW);

	assert_text(json_object_get(condition(patch, 0), "status"), "Unknown");
	assert_text(json_object_get(condition(patch, 0), "reason"), "ReloadFailed");
	assert_text(json_object_get(condition(patch, 0), "message"), "a.yaml:1:1: error");
	assert_text(json_object_get(condition(patch, 1), "status"), "False");
}

/* Reasons quote what users wrote: too long, cut within a character, no UTF-8 at all. */
static void test_status_of_odd_texts(void **state)
{
	char text[2001];
	struct aeg_status status = {.refused = text};
	AUTO_JSON *cut, *bad;

	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		memcpy(text + i, "é", 2);
	memmove(text, "x", 1);
	text[1] = 'y';
	text[sizeof(text) - 1] = '\0';
	cut = aeg_status_patch(&status, NULL, NOW);
	assert_in_range(strlen(json_string_value(json_object_get(condition(cut, 0), "message"))),
			1000, 1024);
	memcpy(text, "\xff", 2);
	bad = aeg_status_patch(&status, NULL, NOW);
	assert_text(json_object_get(condition(bad, 0), "message"), "the reason is not UTF-8");
	/* an endpoint: neither counts nor Enforced */
	assert_null(condition(bad, 1));
	assert_null(at(bad, "status", "nodesTotal"));
}

/* Another controller's condition stays; what is no list is replaced. */
static void test_status_of_others(void **state)
{
	struct aeg_status status = {.generation = 1};
	AUTO_JSON *now =
		json_pack("{s:[{s:s, s:s}]}", "conditions", "type", "Reviewed", "status", "True");
	AUTO_JSON *odd = json_pack("{s:s}", "conditions", "none");
	AUTO_JSON *patch = aeg_status_patch(&status, now, NOW),
		  *replaced = aeg_status_patch(&status, odd, NOW);

	assert_text(json_object_get(condition(patch, 0), "type"), "Reviewed");
	assert_text(json_object_get(condition(patch, 1), "type"), "Accepted");
	assert_text(json_object_get(condition(replaced, 0), "type"), "Accepted");
}

/* ---- notices ---- */

static void test_one_in_ten_minutes(void **state)
{
	struct aeg_notices *notices = aeg_notices_new();
	struct aeg_notice *notice;

	assert_int_equal(aeg_notices_seen(notices, "u1", "hub", 1, SECOND, &notice),
			 AEG_NOTICE_CREATE);
	/* nobody told of it: it is due still */
	assert_int_equal(aeg_notices_seen(notices, "u1", "hub", 4, SECOND, &notice),
			 AEG_NOTICE_CREATE);
	notice->event = aeg_xstrdup("e1");
	aeg_notice_told(notice, SECOND);
	assert_int_equal(aeg_notices_seen(notices, "u1", "hub", 5, 600 * SECOND, &notice),
			 AEG_NOTICE_KEEP);
	assert_int_equal(aeg_notices_seen(notices, "u1", "upload", 1, 2 * SECOND, &notice),
			 AEG_NOTICE_CREATE);
	assert_int_equal(aeg_notices_seen(notices, "u2", "hub", 1, 2 * SECOND, &notice),
			 AEG_NOTICE_CREATE);
	assert_int_equal(aeg_notices_seen(notices, "u1", "hub", 1, 601 * SECOND, &notice),
			 AEG_NOTICE_REPEAT);
	assert_int_equal(notice->count, 11);
	assert_string_equal(notice->event, "e1");
	/* the Event is gone: a new one, at once */
	aeg_notices_forget(notices, "u1", "nothing");
	aeg_notices_forget(notices, "u1", "hub");
	assert_int_equal(aeg_notices_seen(notices, "u1", "hub", 1, 602 * SECOND, &notice),
			 AEG_NOTICE_CREATE);
	assert_int_equal(notice->count, 1);
	aeg_notices_free(notices);
}

/* A million pods do not fill the memory; of the newest ones it is still known that they were told of. */
static void test_too_many(void **state)
{
	struct aeg_notices *notices = aeg_notices_new();
	struct aeg_notice *notice;
	char uid[32];

	for (unsigned int i = 0; i < 20000; i++) {
		snprintf(uid, sizeof(uid), "u%u", i);
		assert_int_equal(aeg_notices_seen(notices, uid, "hub", 1, SECOND + i, &notice),
				 AEG_NOTICE_CREATE);
		aeg_notice_told(notice, SECOND + i);
		assert_int_equal(aeg_notices_seen(notices, uid, "hub", 1, SECOND + i, &notice),
				 AEG_NOTICE_KEEP);
	}
	aeg_notices_free(notices);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_lease),
		cmocka_unit_test(test_renew_and_take),
		cmocka_unit_test(test_mine),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_report_is_bounded),
		cmocka_unit_test(test_first_look),
		cmocka_unit_test(test_status_failed),
		cmocka_unit_test(test_status_of_policy),
		cmocka_unit_test(test_status_refused),
		cmocka_unit_test(test_status_of_odd_texts),
		cmocka_unit_test(test_status_of_others),
		cmocka_unit_test(test_one_in_ten_minutes),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
