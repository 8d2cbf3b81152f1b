/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the writer does when nothing is written: files get old, are synced, and what goes wrong beside the
 * writing is told once, of each kind by itself. */
#include "base/file.h"
#include "observe/audit_file.h"
#include "observe/audit_head.h"
#include "util_audit.h"
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define NS_PER_SEC UINT64_C(1000000000)
#define PATIENCE_MS 20000

/* Shared with the children that sync: in place of the C library's. */
static unsigned int *synced_closed;

int syncfs(int fd)
{
	(*synced_closed)++;
	return 0;
}

/* ---- waiting ---- */

struct wait {
	struct audit_fixture *fixture;
	bool (*holds)(const struct audit_fixture *fixture);
	bool late;
};

static void look(void *arg)
{
	struct wait *wait = arg;

	if (wait->late || wait->holds(wait->fixture))
		aeg_loop_stop(wait->fixture->loop);
}

static void on_late(void *arg)
{
	((struct wait *)arg)->late = true;
}

static void wait_until(struct audit_fixture *fixture, bool (*holds)(const struct audit_fixture *))
{
	struct wait wait = {.fixture = fixture, .holds = holds};
	struct aeg_watch *timer;

	assert_int_equal(aeg_loop_timer(fixture->loop, on_late, &wait, &timer), 0);
	aeg_timer_arm(timer, PATIENCE_MS);
	assert_int_equal(aeg_loop_run(fixture->loop, look, &wait), 0);
	aeg_watch_remove(timer);
	assert_false(wait.late);
}

static bool is_rotated(const struct audit_fixture *fixture)
{
	return audit_stats(fixture).rotations > 0;
}

static bool is_well(const struct audit_fixture *fixture)
{
	return !audit_stats(fixture).failing;
}

static bool head_is_there(const struct audit_fixture *fixture)
{
	struct aeg_audit_head head;

	return aeg_audit_head_read(fixture->head, &head) == 0 &&
	       head.link.n == audit_stats(fixture).head.n;
}

/* ---- age ---- */

/* Nothing comes after the record: the file is closed all the same, and synced at the end. */
static void test_age(void **state)
{
	struct audit_fixture *fixture = *state;

	fixture->settings.rotation.seconds = 1;
	audit_open_log(fixture);
	audit_deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	*synced_closed = 0;
	wait_until(fixture, is_rotated);
	assert_int_equal(access(fixture->current, F_OK), -1);
	audit_close_log(fixture); /* the last sync */
	assert_int_equal(*synced_closed, 1);
	audit_assert_seen(fixture, 1, "file opened ");
}

/* The sync that was planned for the records comes after the file was closed. */
static void test_sync_after_age(void **state)
{
	struct audit_fixture *fixture = *state;

	fixture->settings.rotation.seconds = 1;
	fixture->settings.sync_ms = 2500;
	audit_open_log(fixture);
	audit_deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	*synced_closed = 0;
	wait_until(fixture, head_is_there);
	assert_true(is_rotated(fixture));
	assert_int_equal(*synced_closed, 1);
	assert_int_equal(fixture->problems, 0);
}

/* Something is in the way of the name that the file gets: tried again, though nothing is written. */
static void test_age_again(void **state)
{
	struct audit_fixture *fixture = *state;
	uint64_t now = aeg_realtime_ns();

	fixture->settings.rotation.seconds = 1;
	audit_open_log(fixture);
	audit_deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	for (uint64_t second = 0; second < 4; second++) {
		char name[AEG_SEGMENT_TEXT];
		AEG_AUTO_FREE char *path = NULL;

		aeg_segment_name(1, now + second * NS_PER_SEC, name);
		path = aeg_xasprintf("%s/%s", fixture->log, name);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	wait_until(fixture, is_rotated);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(fixture->recoveries, 1);
	assert_true(is_well(fixture));
	assert_true(audit_stats(fixture).errors > 1);
}

static void test_sync_never(void **state)
{
	struct audit_fixture *fixture = *state;

	fixture->settings.rotation.bytes = 4096;
	fixture->settings.sync = AEG_AUDIT_SYNC_NEVER;
	fixture->settings.sync_ms = 1;
	audit_open_log(fixture);
	*synced_closed = 0;
	for (uint32_t pid = 0; pid < 40; pid++)
		audit_deny(fixture, pid);
	aeg_audit_flush(fixture->audit);
	wait_until(fixture, head_is_there);
	assert_true(is_rotated(fixture));
	audit_close_log(fixture);
	assert_int_equal(*synced_closed, 0);
	audit_assert_seen(fixture, 40, NULL);
}

/* ---- trouble ---- */

/* The head cannot be written: that files are rotated meanwhile is no recovery. */
static void test_kinds_of_trouble(void **state)
{
	struct audit_fixture *fixture = *state;
	AEG_AUTO_FREE char *place = aeg_xasprintf("%s/state", fixture->dir);

	fixture->settings.sync = AEG_AUDIT_SYNC_ALWAYS;
	fixture->settings.sync_ms = 1;
	fixture->settings.rotation.bytes = 4096;
	assert_int_equal(aeg_file_replace(place, "", 0, 0600), 0); /* a file is in the way */
	audit_open_log(fixture);
	for (uint32_t pid = 0; pid < 40; pid++)
		audit_deny(fixture, pid);
	aeg_audit_flush(fixture->audit);
	assert_true(is_rotated(fixture));
	assert_int_equal(audit_stats(fixture).error, 0);
	assert_int_equal(audit_stats(fixture).failing, 1);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(fixture->last_problem, -ENOTDIR);
	assert_int_equal(unlink(place), 0);
	wait_until(fixture, is_well); /* without another record */
	assert_int_equal(fixture->recoveries, 1);
	assert_true(head_is_there(fixture));
}

/* As by `rm -r` of the state directory: made anew, and told. */
static void test_state_vanishes(void **state)
{
	struct audit_fixture *fixture = *state;
	AEG_AUTO_FREE char *command = aeg_xasprintf("rm -r '%s/state'", fixture->dir);

	fixture->settings.sync_ms = 1;
	audit_open_log(fixture);
	audit_deny(fixture, 1);
	aeg_audit_flush(fixture->audit);
	wait_until(fixture, head_is_there);
	assert_int_equal(audit_stats(fixture).vanished, 0);
	assert_int_equal(system(command), 0);
	audit_deny(fixture, 2);
	aeg_audit_flush(fixture->audit);
	wait_until(fixture, head_is_there);
	assert_int_equal(audit_stats(fixture).vanished, 1);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(fixture->last_problem, -ENOENT);
	assert_true(is_well(fixture));
}

static bool is_compressed(const struct audit_fixture *fixture)
{
	struct aeg_segments segments = {0};
	bool all = true;

	assert_int_equal(aeg_segments_read(fixture->log, &segments), 0);
	for (size_t i = 0; i < segments.list.n; i++)
		all &= segments.list.items[i].compressed;
	AEG_VEC_DONE(segments.list);
	return all && is_rotated(fixture);
}

static bool has_failed(const struct audit_fixture *fixture)
{
	return audit_stats(fixture).failing > 0;
}

/* What gzip needs is in the way; later it is not, and nothing is written to bring that about. */
static void test_compression_again(void **state)
{
	struct audit_fixture *fixture = *state;
	AEG_AUTO_FREE char *temporary = aeg_xasprintf("%s/.audit.gz.new", fixture->log);

	fixture->settings.rotation.bytes = 4096;
	fixture->settings.compress = true;
	audit_open_log(fixture);
	assert_int_equal(mkdir(temporary, 0700), 0);
	for (uint32_t pid = 0; pid < 40; pid++)
		audit_deny(fixture, pid);
	aeg_audit_flush(fixture->audit);
	wait_until(fixture, has_failed);
	assert_int_equal(fixture->problems, 1);
	assert_int_equal(rmdir(temporary), 0);
	wait_until(fixture, is_compressed);
	assert_int_equal(fixture->recoveries, 1);
	audit_close_log(fixture);
	audit_assert_seen(fixture, 40, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		AUDIT_CASE(age),
		AUDIT_CASE(sync_after_age),
		AUDIT_CASE(age_again),
		AUDIT_CASE(sync_never),
		AUDIT_CASE(kinds_of_trouble),
		AUDIT_CASE(state_vanishes),
		AUDIT_CASE(compression_again),
	};

	synced_closed = mmap(NULL, sizeof(*synced_closed), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return synced_closed == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
