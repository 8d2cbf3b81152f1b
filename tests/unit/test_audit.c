/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The audit log's writer on real files: what it leaves behind. */
#include "base/file.h"
#include "observe/audit_file.h"
#include "observe/audit_head.h"
#include "util_audit.h"
#include <stdio.h>
#include <sys/stat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_what_is_recorded(void **state)
{
	struct audit_fixture *fixture = *state;
	struct aeg_flow flow = audit_denial(1);
	struct aeg_audit_head head;
	struct stat st;

	audit_open_log(fixture);
	audit_deny(fixture, 1);
	flow.event.type = AEG_EVENT_OPEN;
	flow.event.decision.verdict = AEG_VERDICT_AUDITED;
	aeg_audit_flow(fixture->audit, &flow);
	flow.event.decision.verdict = AEG_VERDICT_ALLOWED;
	aeg_audit_flow(fixture->audit, &flow); /* not here */
	flow.event.decision.verdict = AEG_VERDICT_AUDITED;
	flow.event.type = AEG_EVENT_CLOSE;
	aeg_audit_flow(fixture->audit, &flow); /* it was recorded when it was opened */
	aeg_audit_flow(fixture->audit, &(struct aeg_flow){.lost = 7});
	aeg_audit_note(fixture->audit, "start", NULL, NULL);
	aeg_audit_flush(fixture->audit);
	assert_int_equal(audit_stats(fixture).records, 6);
	audit_close_log(fixture);
	audit_assert_seen(fixture, 1, "file opened open lost start ");
	assert_int_equal(stat(fixture->current, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(aeg_audit_head_read(fixture->head, &head), 0);
	assert_int_equal(head.link.n, 6);
	assert_false(head.running);
}

static void test_goes_on_after_a_restart(void **state)
{
	struct audit_fixture *fixture = *state;

	audit_open_log(fixture);
	audit_deny(fixture, 1);
	audit_close_log(fixture);
	audit_open_log(fixture);
	assert_int_equal(audit_stats(fixture).unclean, 0);
	audit_deny(fixture, 2);
	audit_close_log(fixture);
	audit_assert_seen(fixture, 2, "file opened opened ");
	audit_assert_in_log(fixture, "\"previousRun\":\"clean\"");
}

/* As after kill -9 in the middle of a write. */
static void test_rotation(void **state)
{
	struct audit_fixture *fixture = *state;
	struct aeg_audit_stats now;
	struct aeg_segments segments = {0};

	fixture->settings.rotation.bytes = 4096;
	audit_open_log(fixture);
	for (uint32_t pid = 0; pid < 100; pid++)
		audit_deny(fixture, pid);
	aeg_audit_flush(fixture->audit);
	now = audit_stats(fixture);
	audit_close_log(fixture);
	assert_int_equal(aeg_segments_read(fixture->log, &segments), 0);
	assert_int_equal(segments.list.n, now.rotations);
	assert_true(now.rotations > 5);
	for (size_t i = 0; i < segments.list.n; i++)
		assert_in_range(segments.list.items[i].bytes, 2048, 4096);
	AEG_VEC_DONE(segments.list);
	audit_assert_seen(fixture, 100, NULL);
	audit_open_log(fixture); /* the current file is the last one of the chain */
	audit_deny(fixture, 0);
	audit_close_log(fixture);
	audit_assert_seen(fixture, 101, NULL);
}

/* A crash between closing a file and beginning the next one. */
static void test_no_current_file(void **state)
{
	struct audit_fixture *fixture = *state;
	AEG_AUTO_FREE char *segment = NULL;
	char name[AEG_SEGMENT_TEXT];

	audit_open_log(fixture);
	audit_deny(fixture, 1);
	audit_close_log(fixture);
	aeg_segment_name(1, aeg_realtime_ns(), name);
	segment = aeg_xasprintf("%s/%s", fixture->log, name);
	assert_int_equal(rename(fixture->current, segment), 0);
	assert_int_equal(unlink(fixture->head), 0);
	audit_open_log(fixture);
	audit_deny(fixture, 2);
	audit_close_log(fixture);
	audit_assert_seen(fixture, 2, "file opened file opened ");
	audit_assert_in_log(fixture, "\"previousRun\":\"unknown\"");
}

static void test_total(void **state)
{
	struct audit_fixture *fixture = *state;
	struct aeg_segments segments = {0};
	uint64_t total = 0;

	fixture->settings.rotation = (struct aeg_rotation){.bytes = 4096, .total = 16384};
	audit_open_log(fixture);
	for (uint32_t pid = 0; pid < 200; pid++) {
		audit_deny(fixture, pid);
		aeg_audit_flush(fixture->audit);
	}
	assert_true(audit_stats(fixture).expired > 5);
	audit_close_log(fixture);
	assert_int_equal(aeg_segments_read(fixture->log, &segments), 0);
	for (size_t i = 0; i < segments.list.n; i++)
		total += segments.list.items[i].bytes;
	assert_in_range(total, 8192, 16384);
	AEG_VEC_DONE(segments.list);
	audit_assert_in_log(fixture, "\"event\":\"expired\",\"file\":\"audit-");
}

static bool compressed(const struct audit_fixture *fixture)
{
	struct aeg_segments segments = {0};
	bool all = true;

	assert_int_equal(aeg_segments_read(fixture->log, &segments), 0);
	for (size_t i = 0; i < segments.list.n; i++)
		all &= segments.list.items[i].compressed;
	all &= segments.list.n > 0;
	AEG_VEC_DONE(segments.list);
	return all;
}

static void stop_when_compressed(void *arg)
{
	struct audit_fixture *fixture = arg;

	if (compressed(fixture))
		aeg_loop_stop(fixture->loop);
}

static void test_compression(void **state)
{
	struct audit_fixture *fixture = *state;

	fixture->settings.rotation.bytes = 4096;
	fixture->settings.compress = true;
	audit_open_log(fixture);
	for (uint32_t pid = 0; pid < 40; pid++)
		audit_deny(fixture, pid);
	aeg_audit_flush(fixture->audit);
	assert_int_equal(aeg_loop_run(fixture->loop, stop_when_compressed, fixture), 0);
	audit_close_log(fixture);
	assert_true(compressed(fixture));
	audit_assert_seen(fixture, 40, NULL);
}

static void test_key(void **state)
{
	struct audit_fixture *fixture = *state;

	fixture->settings.key = "0123456789abcdef";
	fixture->settings.key_len = 16;
	audit_open_log(fixture);
	audit_deny(fixture, 1);
	audit_close_log(fixture);
	audit_assert_seen(fixture, 1, "file opened ");
}

static void test_sync_always(void **state)
{
	struct audit_fixture *fixture = *state;
	struct aeg_audit_head head;

	fixture->settings.sync = AEG_AUDIT_SYNC_ALWAYS;
	audit_open_log(fixture);
	audit_deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	assert_int_equal(aeg_audit_head_read(fixture->head, &head), 0);
	assert_int_equal(head.link.n, audit_stats(fixture).head.n);
	assert_true(head.running);
}

static void stop_when_synced(void *arg)
{
	struct audit_fixture *fixture = arg;
	struct aeg_audit_head head;

	if (aeg_audit_head_read(fixture->head, &head) == 0 &&
	    head.link.n == audit_stats(fixture).head.n)
		aeg_loop_stop(fixture->loop);
}

static void test_sync_interval(void **state)
{
	struct audit_fixture *fixture = *state;

	fixture->settings.sync_ms = 1;
	audit_open_log(fixture);
	audit_deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	assert_int_equal(aeg_loop_run(fixture->loop, stop_when_synced, fixture), 0);
	assert_int_equal(fixture->problems, 0);
}

static void test_links(void **state)
{
	struct aeg_link link;
	char text[80];

	snprintf(text, sizeof(text), "7:%064d", 0);
	assert_true(aeg_link_from_text(text, &link));
	assert_int_equal(link.n, 7);
	text[10] = 'G';
	assert_false(aeg_link_from_text(text, &link));
	assert_false(aeg_link_from_text("7:00", &link));
	assert_false(aeg_link_from_text("", &link));
	assert_false(aeg_link_from_text(":", &link));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		AUDIT_CASE(what_is_recorded),
		AUDIT_CASE(goes_on_after_a_restart),
		AUDIT_CASE(rotation),
		AUDIT_CASE(no_current_file),
		AUDIT_CASE(total),
		AUDIT_CASE(compression),
		AUDIT_CASE(key),
		AUDIT_CASE(sync_always),
		AUDIT_CASE(sync_interval),
		cmocka_unit_test(test_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
