/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Records wait without seal and are sealed when they are written: a write that fails leaves the chain
 * where it was, and a new file can begin in front of any record.
 */
#include "observe/audit_log.h"
#include <errno.h>

#define GATHER_BYTES (1u << 20) /* written at once, at least */
#define RETRY_MS 1000
#define SEAL_BYTES 128 /* that a seal adds, and a bit */

/* ---- trouble ---- */

/* A disk that turned read-only cannot be taken away and repaired while a file on it is open. */
static void let_go(struct aeg_audit *audit)
{
	aeg_audit_file_close(&audit->file);
	audit->rotated = true; /* what it holds may not be on the disk */
}

static void fail(struct aeg_audit *audit, const char *what, int err)
{
	if (err == -EROFS && audit->file.fd >= 0)
		let_go(audit);
	audit->stats.errors++;
	if (!audit->stats.error)
		audit->settings.problem(audit->settings.problem_arg, what, err);
	audit->stats.error = err;
	audit->stuck = true;
	aeg_timer_arm(audit->retry, RETRY_MS);
}

static void recovered(struct aeg_audit *audit)
{
	if (audit->stats.error)
		audit->settings.problem(audit->settings.problem_arg, "is written again", 0);
	audit->stats.error = 0;
}

void aeg_audit_mishap(struct aeg_audit *audit, enum aeg_audit_work work, int err)
{
#define SENTENCES(symbol, wrong, well) {wrong, well},
	static const char *const sentences[][2] = {AEG_AUDIT_WORKS(SENTENCES)};
#undef SENTENCES
	bool before = audit->mishaps[work] != 0;

	audit->stats.errors += err != 0;
	audit->mishaps[work] = err;
	if (before != (err != 0))
		audit->settings.problem(audit->settings.problem_arg, sentences[work][!err], err);
}

void aeg_audit_vanished(struct aeg_audit *audit, const char *what, int err)
{
	audit->stats.vanished++;
	audit->settings.problem(audit->settings.problem_arg, what, err);
}

/* ---- records ---- */

/*
 * The record, which stands for `count`, stands behind `begin`, and in front of its newline, already; too
 * much: it goes again. The log's own notes have a reserve, so that no flood of denials keeps out what was
 * opened, changed or lost.
 */
static void gathered(struct aeg_audit *audit, size_t begin, size_t limit, uint64_t count)
{
	aeg_buf_putc(&audit->waiting, '\n');
	if (audit->waiting.len <= limit)
		return;
	audit->waiting.len = begin;
	audit->stats.lost += count;
	audit->unsaid += count;
}

static void begin_note(struct aeg_audit *audit, struct aeg_json *json, struct aeg_buf *out,
		       const char *event)
{
	char time[AEG_TIME_TEXT];

	aeg_time_format(aeg_realtime_ns(), time);
	aeg_json_begin(json, out);
	aeg_json_object(json, NULL);
	aeg_json_str(json, "schema", AEG_AUDIT_SCHEMA);
	aeg_json_str(json, "time", time);
	aeg_json_str(json, "node", audit->settings.node);
	aeg_json_str(json, "event", event);
}

void aeg_audit_note(struct aeg_audit *audit, const char *event, aeg_audit_fill_fn *fill, void *arg)
{
	size_t begin = audit->waiting.len;
	struct aeg_json json;

	begin_note(audit, &json, &audit->waiting, event);
	if (fill)
		fill(arg, &json);
	aeg_json_object_end(&json);
	gathered(audit, begin, AEG_AUDIT_PENDING_MAX + AEG_AUDIT_RESERVE, 1);
}

static bool belongs_here(const struct aeg_flow *flow)
{
	if (flow->lost)
		return true;
	if (flow->event.type == AEG_EVENT_CLOSE || !aeg_event_decides(flow->event.type))
		return false;
	return flow->event.decision.verdict == AEG_VERDICT_DENIED ||
	       flow->event.decision.verdict == AEG_VERDICT_AUDITED;
}

/* Events that a record stands for. */
static uint64_t count_of(const struct aeg_flow *flow)
{
	if (flow->lost)
		return flow->lost;
	return flow->count ? flow->count : 1;
}

void aeg_audit_flow(struct aeg_audit *audit, const struct aeg_flow *flow)
{
	size_t begin = audit->waiting.len;
	size_t reserve = flow->lost ? AEG_AUDIT_RESERVE : 0;

	if (!belongs_here(flow))
		return;
	aeg_flow_json(flow, &audit->waiting);
	gathered(audit, begin, AEG_AUDIT_PENDING_MAX + reserve, count_of(flow));
	if (audit->waiting.len >= GATHER_BYTES)
		aeg_audit_flush(audit);
}

/* ---- writing ---- */

/* Every file begins with the record before its first, so that it can be verified alone. */
static void seal_previous(struct aeg_audit *audit)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf object = {0};
	struct aeg_json json;

	begin_note(audit, &json, &object, "file");
	aeg_json_object(&json, "previous");
	aeg_json_u64(&json, "n", audit->chain.last.n);
	aeg_json_str(&json, "hash", audit->chain.last.hash);
	aeg_json_object_end(&json);
	aeg_json_object_end(&json);
	aeg_chain_seal(&audit->chain, object.data, object.len, &audit->sealed);
}

static size_t line_length(const struct aeg_audit *audit, size_t at)
{
	const char *line = audit->waiting.data + at;

	return (size_t)((const char *)memchr(line, '\n', audit->waiting.len - at) - line);
}

/* Seals what waits from `at` on, as far as it fits into the file, one record at least. Returns where
 * it stopped. */
static size_t seal_waiting(struct aeg_audit *audit, size_t at)
{
	const struct aeg_rotation *rotation = &audit->settings.rotation;
	size_t before = at;

	while (at < audit->waiting.len) {
		size_t len = line_length(audit, at);

		if (at > before &&
		    audit->file.size + audit->sealed.len + len + SEAL_BYTES > rotation->bytes)
			break;
		aeg_chain_seal(&audit->chain, audit->waiting.data + at, len, &audit->sealed);
		at += len + 1;
	}
	return at;
}

/* Somebody moved, removed or replaced the file: a record says so, and the next file begins. */
static void leave_file(struct aeg_audit *audit)
{
	int err = access(audit->file.path, F_OK) < 0 ? -errno : -EEXIST;

	aeg_audit_file_close(&audit->file);
	aeg_audit_note(audit, "moved", NULL, NULL);
	aeg_audit_vanished(audit, "is not where it was; it goes on in a new file", err);
}

/* The file to write to: opened, in place, not too old, and with room for the next record. */
static int make_ready(struct aeg_audit *audit, size_t next)
{
	struct aeg_audit_file *file = &audit->file;
	const struct aeg_audit_settings *settings = &audit->settings;
	int err = audit->begun ? 0 : aeg_audit_begin(audit);

	if (err)
		return err;
	if (file->fd >= 0 && !aeg_audit_file_in_place(file))
		leave_file(audit);
	if (file->fd >= 0 && aeg_rotation_due(&settings->rotation, file->size, next + SEAL_BYTES,
					      aeg_audit_age(audit)))
		err = aeg_audit_rotate(audit);
	if (err || file->fd >= 0)
		return err;
	return aeg_audit_reopen(audit);
}

/* Writes a part of what waits; *at moves on with success. */
static int write_part(struct aeg_audit *audit, size_t *at)
{
	struct aeg_audit_file *file = &audit->file;
	struct aeg_link before = audit->chain.last;
	uint64_t first = before.n + 1;
	size_t next;
	int err;

	aeg_buf_reset(&audit->sealed);
	if (!file->size)
		seal_previous(audit);
	next = seal_waiting(audit, *at);
	err = aeg_audit_file_append(file, audit->sealed.data, audit->sealed.len);
	if (err) {
		audit->chain.last = before;
		return err;
	}
	file->first = file->first ? file->first : first;
	audit->stats.records += audit->chain.last.n - before.n;
	audit->stats.bytes += audit->sealed.len;
	audit->stats.head = audit->chain.last;
	*at = next;
	return 0;
}

/* What was written need not be kept. */
static void forget(struct aeg_audit *audit, size_t written)
{
	struct aeg_buf *waiting = &audit->waiting;

	memmove(waiting->data, waiting->data + written, waiting->len - written);
	waiting->len -= written;
}

static void fill_lost(void *arg, struct aeg_json *json)
{
	const uint64_t *lost = arg;

	aeg_json_u64(json, "lost", *lost);
	aeg_json_str(json, "where", "audit");
}

/* Needs room: called when some was made. */
static void tell_loss(struct aeg_audit *audit)
{
	uint64_t lost = audit->unsaid;

	if (!lost)
		return;
	audit->unsaid = 0;
	aeg_audit_note(audit, "lost", fill_lost, &lost);
}

static int write_waiting(struct aeg_audit *audit)
{
	size_t at = 0;
	int err = 0;

	while (at < audit->waiting.len && !err) {
		err = make_ready(audit, line_length(audit, at));
		if (!err)
			err = write_part(audit, &at);
	}
	if (at)
		forget(audit, at);
	return err;
}

/* A retry seals all that waits anew: now and then, not with every round of events. */
void aeg_audit_flush(struct aeg_audit *audit)
{
	uint64_t before = audit->stats.records;
	int err;

	if (audit->stuck || !audit->waiting.len)
		return;
	err = write_waiting(audit);
	if (!err && audit->unsaid) {
		tell_loss(audit);
		err = write_waiting(audit);
	}
	if (err)
		fail(audit, "cannot be written", err);
	else
		recovered(audit);
	if (audit->stats.records > before)
		aeg_audit_written(audit);
}

static void retry(void *arg)
{
	struct aeg_audit *audit = arg;

	audit->stuck = false;
	aeg_audit_flush(audit);
}

void aeg_audit_stats(const struct aeg_audit *audit, struct aeg_audit_stats *ret)
{
	*ret = audit->stats;
	ret->waiting = audit->waiting.len;
	for (size_t i = 0; i < AEG_AUDIT_WORKS_MAX; i++)
		ret->failing += audit->mishaps[i] != 0;
}

/* ---- life ---- */

static void release(struct aeg_audit *audit)
{
	aeg_watch_remove(audit->retry);
	aeg_audit_file_close(&audit->file);
	free(audit->file.dir);
	free(audit->file.path);
	aeg_buf_done(&audit->waiting);
	aeg_buf_done(&audit->sealed);
	free(audit);
}

int aeg_audit_open(const struct aeg_audit_settings *settings, struct aeg_loop *loop,
		   struct aeg_audit **ret)
{
	struct aeg_audit *audit = aeg_xcalloc(1, sizeof(*audit));
	int err;

	audit->settings = *settings;
	audit->loop = loop;
	audit->file = (struct aeg_audit_file){
		.dir = aeg_xstrdup(settings->directory),
		.path = aeg_xasprintf("%s/" AEG_AUDIT_CURRENT, settings->directory),
		.mode = settings->mode,
		.fd = -1,
	};
	aeg_chain_init(&audit->chain, settings->key, settings->key_len);
	audit->stats.head = audit->chain.last;
	err = aeg_loop_timer(loop, retry, audit, &audit->retry);
	if (!err)
		err = aeg_audit_keep_open(audit);
	if (err) {
		aeg_audit_keep_close(audit);
		release(audit);
		return err;
	}
	err = aeg_audit_begin(audit);
	if (err)
		fail(audit, "cannot be opened", err);
	*ret = audit;
	return 0;
}

void aeg_audit_close(struct aeg_audit *audit)
{
	if (!audit)
		return;
	retry(audit);
	aeg_audit_sync_last(audit);
	aeg_audit_keep_close(audit);
	release(audit);
}
