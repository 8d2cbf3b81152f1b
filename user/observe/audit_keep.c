/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What happens to records once they are written: they are made durable, their files are closed by
 * size or age, compressed, and removed at last. All that may block is a job.
 */
#include "observe/audit_head.h"
#include "observe/audit_log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define NS_PER_SEC 1000000000
#define MS_PER_SEC 1000
#define AGAIN_MS 10000 /* after a failure to compress, to remove or to look through */

/* ---- durability ---- */

/* Files that were closed meanwhile are somewhere on the directory's file system. */
static int sync_closed(const struct aeg_audit *audit)
{
	AEG_AUTO_CLOSE int dir = open(audit->file.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 || syncfs(dir) < 0 ? -errno : 0;
}

static int sync_files(const struct aeg_audit *audit)
{
	if (audit->settings.sync == AEG_AUDIT_SYNC_NEVER)
		return 0;
	if (audit->rotated)
		return sync_closed(audit);
	return audit->file.fd >= 0 && fdatasync(audit->file.fd) < 0 ? -errno : 0;
}

/* The head last: it must never be ahead of the log. */
static int make_durable(const struct aeg_audit *audit, bool running)
{
	const struct aeg_audit_head head = {.link = audit->stats.head, .running = running};
	int err = sync_files(audit);

	return err ? err : aeg_audit_head_write(audit->settings.head, &head);
}

static int sync_in_child(void *arg)
{
	return make_durable(arg, true);
}

static void plan_sync(struct aeg_audit *audit)
{
	if (!audit->sync_job && audit->dirty)
		aeg_timer_arm(audit->sync, audit->settings.sync_ms);
}

static void on_synced(void *arg, int result)
{
	struct aeg_audit *audit = arg;

	audit->sync_job = NULL;
	aeg_audit_mishap(audit, AEG_AUDIT_SYNC, result);
	if (!result)
		audit->unsynced = false;
	audit->dirty |= result != 0;
	audit->rotated |= audit->unsynced;
	plan_sync(audit);
}

static void on_sync(void *arg)
{
	struct aeg_audit *audit = arg;
	int err;

	if (audit->sync_job || !audit->dirty)
		return;
	aeg_audit_head_place(audit);
	err = aeg_job_start(audit->loop, audit->file.fd, sync_in_child, on_synced, audit,
			    &audit->sync_job);
	audit->unsynced |= audit->rotated;
	audit->dirty = audit->rotated = false;
	if (err)
		on_synced(audit, err);
}

/* Before the next event is looked at; what fails is tried again in the background. */
static bool sync_now(struct aeg_audit *audit)
{
	int err;

	aeg_audit_head_place(audit);
	err = make_durable(audit, true);
	aeg_audit_mishap(audit, AEG_AUDIT_SYNC, err);
	if (!err)
		audit->rotated = audit->dirty = false;
	return !err;
}

void aeg_audit_written(struct aeg_audit *audit)
{
	bool planned = audit->dirty;

	if (audit->settings.sync == AEG_AUDIT_SYNC_ALWAYS && sync_now(audit))
		return;
	audit->dirty = true;
	if (!planned)
		plan_sync(audit);
}

void aeg_audit_sync_last(struct aeg_audit *audit)
{
	aeg_job_end(AEG_TAKE_PTR(audit->sync_job), false);
	if (!audit->begun)
		return;
	audit->rotated |= audit->unsynced;
	aeg_audit_head_place(audit);
	aeg_audit_mishap(audit, AEG_AUDIT_SYNC, make_durable(audit, false));
}

/* ---- age: of the file, by a clock that nobody sets ---- */

static void wait_for_age(struct aeg_audit *audit)
{
	uint64_t limit = audit->settings.rotation.seconds, age = aeg_audit_age(audit);

	if (limit)
		aeg_timer_arm(audit->age, age < limit ? MS_PER_SEC * (limit - age) : MS_PER_SEC);
}

void aeg_audit_watch_age(struct aeg_audit *audit)
{
	uint64_t now = aeg_realtime_ns(), born = audit->file.born_ns;

	audit->born_ns = (int64_t)aeg_now_ns() - (born && born < now ? (int64_t)(now - born) : 0);
	wait_for_age(audit);
}

uint64_t aeg_audit_age(const struct aeg_audit *audit)
{
	return (uint64_t)(((int64_t)aeg_now_ns() - audit->born_ns) / NS_PER_SEC);
}

/* A file that cannot be rotated now stays due: the timer goes off until it could. */
static void on_age(void *arg)
{
	struct aeg_audit *audit = arg;
	int err = 0;

	if (audit->file.fd < 0 || !audit->file.size)
		return;
	wait_for_age(audit);
	if (audit->stuck)
		return;
	if (aeg_rotation_due(&audit->settings.rotation, audit->file.size, 0, aeg_audit_age(audit)))
		err = aeg_audit_rotate(audit);
	aeg_audit_mishap(audit, AEG_AUDIT_ROTATE, err);
	aeg_audit_flush(audit);
}

/* ---- closed files ---- */

int aeg_audit_rotate(struct aeg_audit *audit)
{
	int err = aeg_audit_file_retire(&audit->file, aeg_realtime_ns());

	if (err)
		return err;
	aeg_timer_disarm(audit->age);
	audit->rotated = true;
	if (!audit->dirty) { /* synced as it was, but not under its new name */
		audit->dirty = true;
		plan_sync(audit);
	}
	audit->stats.rotations++;
	aeg_audit_tidy(audit);
	return 0;
}

struct expired {
	const char *name;
	uint64_t first, last;
};

static void fill_expired(void *arg, struct aeg_json *json)
{
	const struct expired *expired = arg;

	aeg_json_str(json, "file", expired->name);
	aeg_json_u64(json, "first", expired->first);
	aeg_json_u64(json, "last", expired->last);
}

/* A closed file ends before the one that follows it begins. */
static uint64_t last_of(const struct aeg_audit *audit, const struct aeg_segments *segments,
			size_t i)
{
	for (size_t next = i + 1; next < segments->list.n; next++) {
		if (segments->list.items[next].first > segments->list.items[i].first)
			return segments->list.items[next].first - 1;
	}
	return audit->file.first ? audit->file.first - 1 : audit->chain.last.n;
}

static void expire(struct aeg_audit *audit, const struct aeg_segments *segments, size_t n)
{
	int failed = 0;

	for (size_t i = 0; i < n; i++) {
		const struct aeg_segment *segment = &segments->list.items[i];
		struct expired expired = {segment->name, segment->first,
					  last_of(audit, segments, i)};
		AEG_AUTO_FREE char *path = aeg_xasprintf("%s/%s", audit->file.dir, segment->name);
		int err = unlink(path) < 0 && errno != ENOENT ? -errno : 0;

		if (err) {
			failed = err;
			continue;
		}
		audit->stats.expired++;
		aeg_audit_note(audit, "expired", fill_expired, &expired);
	}
	aeg_audit_mishap(audit, AEG_AUDIT_REMOVE, failed);
}

static int compress_in_child(void *arg)
{
	const struct aeg_audit *audit = arg;

	return aeg_segment_compress(audit->file.dir, audit->compressing, audit->file.mode);
}

static void tidy_again(void *arg)
{
	struct aeg_audit *audit = arg;

	aeg_audit_tidy(audit);
	aeg_audit_flush(audit);
}

static void on_compressed(void *arg, int result)
{
	struct aeg_audit *audit = arg;

	audit->tidy_job = NULL;
	aeg_audit_mishap(audit, AEG_AUDIT_COMPRESS, result);
	if (result)
		aeg_timer_arm(audit->again, AGAIN_MS);
	else
		tidy_again(audit);
}

static void compress(struct aeg_audit *audit, const struct aeg_segment *segment)
{
	int err;

	snprintf(audit->compressing, sizeof(audit->compressing), "%s", segment->name);
	err = aeg_job_start(audit->loop, -1, compress_in_child, on_compressed, audit,
			    &audit->tidy_job);
	if (err)
		on_compressed(audit, err);
}

void aeg_audit_tidy(struct aeg_audit *audit)
{
	struct aeg_segments segments = {0};
	int err = aeg_segments_read(audit->file.dir, &segments);
	size_t gone, i;

	aeg_audit_mishap(audit, AEG_AUDIT_LOOK, err);
	gone = aeg_segments_expired(&audit->settings.rotation, segments.list.items, segments.list.n,
				    audit->file.size);
	expire(audit, &segments, gone);
	for (i = gone; i < segments.list.n && segments.list.items[i].compressed; i++)
		;
	if (i < segments.list.n && audit->settings.compress && !audit->tidy_job)
		compress(audit, &segments.list.items[i]);
	if (err || audit->mishaps[AEG_AUDIT_REMOVE])
		aeg_timer_arm(audit->again, AGAIN_MS);
	AEG_VEC_DONE(segments.list);
}

/* ---- life ---- */

int aeg_audit_keep_open(struct aeg_audit *audit)
{
	int err = aeg_loop_timer(audit->loop, on_sync, audit, &audit->sync);

	if (!err)
		err = aeg_loop_timer(audit->loop, on_age, audit, &audit->age);
	return err ? err : aeg_loop_timer(audit->loop, tidy_again, audit, &audit->again);
}

void aeg_audit_keep_close(struct aeg_audit *audit)
{
	aeg_job_end(AEG_TAKE_PTR(audit->sync_job), false);
	aeg_job_end(AEG_TAKE_PTR(audit->tidy_job), true);
	aeg_watch_remove(audit->sync);
	aeg_watch_remove(audit->age);
	aeg_watch_remove(audit->again);
}
