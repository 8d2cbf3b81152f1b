/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where the chain goes on. The log's last record and the head that is kept apart should agree; after
 * a crash the log may be ahead. A head that is ahead of the log, or another one, means that the log
 * was cut or changed: the chain goes on from the head, so that the gap stays visible for ever.
 */
#include "base/file.h"
#include "observe/audit_head.h"
#include "observe/audit_log.h"
#include <errno.h>

struct findings {
	struct aeg_audit_head head;
	bool has_head;
	struct aeg_audit_scan scan; /* of the current file */
	struct aeg_link last;	    /* of all files */
	uint64_t cut;		    /* bytes behind the last record */
	bool aside;		    /* the current file held no record at all */
	bool rewritten;		    /* another record stands where the head was */
};

/* An empty result for a file that is not there. */
static int scan(const char *path, const struct aeg_link *known, struct aeg_audit_scan *ret)
{
	int err = aeg_audit_scan(path, known, ret);

	return err == -ENOENT ? 0 : err;
}

/* Without a current file the newest closed one has the last record. */
static int scan_newest(const struct aeg_audit *audit, const struct aeg_link *known,
		       struct aeg_audit_scan *ret)
{
	struct aeg_segments segments = {0};
	AEG_AUTO_FREE char *path = NULL;
	int err = aeg_segments_read(audit->file.dir, &segments);

	if (!err && segments.list.n) {
		path = aeg_xasprintf("%s/%s", audit->file.dir,
				     segments.list.items[segments.list.n - 1].name);
		err = scan(path, known, ret);
	}
	AEG_VEC_DONE(segments.list);
	return err;
}

static int look(const struct aeg_audit *audit, struct findings *ret)
{
	struct aeg_audit_scan newest = {0};
	int err = aeg_audit_head_read(audit->settings.head, &ret->head);

	ret->has_head = !err;
	err = scan(audit->file.path, &ret->head.link, &ret->scan);
	if (!err && !ret->scan.first)
		err = scan_newest(audit, &ret->head.link, &newest);
	ret->last = ret->scan.first ? ret->scan.last : newest.last;
	ret->cut = ret->scan.bytes - ret->scan.good;
	ret->aside = !ret->scan.first && ret->scan.bytes;
	ret->rewritten = ret->scan.differs || newest.differs;
	return err;
}

static void fill_opened(void *arg, struct aeg_json *json)
{
	const struct findings *found = arg;
	bool empty = !found->last.n;

	aeg_json_str(json, "previousRun",
		     !found->has_head	   ? empty ? "none" : "unknown"
		     : found->head.running ? "unclean"
					   : "clean");
	if (found->cut && !found->aside)
		aeg_json_u64(json, "tornBytes", found->cut);
	if (found->aside)
		aeg_json_u64(json, "unreadableBytes", found->scan.bytes);
	if (found->head.link.n > found->last.n) {
		aeg_json_object(json, "missing");
		aeg_json_u64(json, "from", found->last.n + 1);
		aeg_json_u64(json, "to", found->head.link.n);
		aeg_json_object_end(json);
	}
	if (found->rewritten)
		aeg_json_u64(json, "rewritten", found->head.link.n);
}

static void resume(struct aeg_audit *audit, const struct findings *found)
{
	bool from_head = found->head.link.n > found->last.n;

	if (from_head)
		audit->chain.last = found->head.link;
	else if (found->last.n)
		audit->chain.last = found->last;
	audit->stats.head = audit->chain.last;
	audit->stats.unclean = found->has_head ? found->head.running : found->last.n > 0;
	audit->begun = true;
	aeg_audit_note(audit, "opened", fill_opened, (void *)(uintptr_t)found);
}

static int open_scanned(struct aeg_audit *audit, const struct aeg_audit_scan *scanned)
{
	int err = aeg_audit_file_open(&audit->file, scanned->good, scanned->first);

	if (!err)
		aeg_audit_watch_age(audit);
	return err;
}

static int make_directory(const struct aeg_audit *audit)
{
	const struct aeg_audit_settings *settings = &audit->settings;

	return aeg_audit_dir_make(settings->directory, settings->group, settings->mode);
}

/* If it cannot be made, writing the head will tell. */
void aeg_audit_head_place(struct aeg_audit *audit)
{
	const char *head = audit->settings.head;
	AEG_AUTO_FREE char *dir = aeg_xstrndup(head, (size_t)(strrchr(head, '/') - head));
	int err = access(dir, F_OK) < 0 ? -errno : 0;

	if (!err)
		return;
	(void)aeg_mkdir_p(dir, 0700);
	if (audit->begun) /* else it is the first start */
		aeg_audit_vanished(audit, "has lost its state directory; that is made anew", err);
}

int aeg_audit_begin(struct aeg_audit *audit)
{
	struct findings found = {0};
	int err = make_directory(audit);

	if (!err)
		err = look(audit, &found);
	if (!err && found.aside)
		err = aeg_audit_file_set_aside(&audit->file, aeg_realtime_ns());
	if (!err)
		err = open_scanned(audit, &found.scan);
	if (err)
		return err;
	aeg_audit_head_place(audit);
	resume(audit, &found);
	aeg_audit_tidy(audit);
	return 0;
}

int aeg_audit_reopen(struct aeg_audit *audit)
{
	static const struct aeg_link nothing = {0};
	struct aeg_audit_scan found = {0};
	int err = make_directory(audit);

	/* Tried every second for as long as the disk is so: not by reading a whole file. */
	if (!err && access(audit->file.path, W_OK) < 0 && errno == EROFS)
		err = -EROFS;
	if (!err)
		err = scan(audit->file.path, &nothing, &found);
	if (!err && !found.first && found.bytes)
		err = aeg_audit_file_set_aside(&audit->file, aeg_realtime_ns());
	return err ? err : open_scanned(audit, &found);
}
