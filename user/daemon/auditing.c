/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Between the daemon's parts, which know nothing of an audit log, and the log, which knows nothing of
 * them. */
#include "daemon/auditing.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/run.h"
#include "gen/version.h"
#include "observe/audit_head.h"
#include "observe/fold.h"
#include "policy/expiry.h"
#include "workload/quarantine.h"

#include <assert.h>
#include <errno.h>

#define COMPONENT "audit"
#define KEY_MIN 16
#define KEY_MAX 4096
#define FOLDS_MAX 1024	/* different denials of one round */
#define LISTED_MAX 1000 /* documents named in one record */
#define WHY_MAX 4096	/* bytes of a refusal's text */
#define MS_PER_SEC 1000

struct aeg_auditing {
	const struct aeg_config *config;
	struct aeg_audit *log;
	struct aeg_fold *fold; /* of what one round of reading finds; empty between rounds */
	struct aeg_datapath *datapath; /* to ask it for its generation */
	char *head, *key;
};

/* ---- start and stop ---- */

static void fill_start(void *arg, struct aeg_json *json)
{
	aeg_json_str(json, "version", AEG_VERSION);
	aeg_json_str(json, "revision", AEG_REVISION);
	aeg_json_str(json, "run", aeg_run());
	aeg_json_u64(json, "pid", (uint64_t)getpid());
	aeg_json_u64(json, "uid", geteuid());
}

static void fill_stop(void *arg, struct aeg_json *json)
{
	const int *signo = arg;

	aeg_json_u64(json, "pid", (uint64_t)getpid());
	aeg_json_str(json, "reason", *signo ? sigabbrev_np(*signo) : "failure");
}

/* ---- policy changes ---- */

static void put_cause(struct aeg_json *json, const struct aeg_cause *cause)
{
	aeg_json_object(json, "by");
	aeg_json_str(json, "source", cause->source);
	aeg_json_str(json, "request", cause->request);
	if (cause->pid) {
		aeg_json_u64(json, "pid", (uint64_t)cause->pid);
		aeg_json_u64(json, "uid", cause->uid);
		aeg_json_u64(json, "gid", cause->gid);
	}
	aeg_json_object_end(json);
}

struct change { /* one record being filled */
	const struct aeg_auditing *auditing;
	const struct aeg_cause *cause;
	const struct aeg_documents *before; /* NULL: unknown */
	const struct aeg_model *after;
	const char *why; /* of a refusal */
	struct aeg_json *json;
	size_t listed, left_out;
};

static void put_document(void *arg, const struct aeg_document *before,
			 const struct aeg_document *after)
{
	const struct aeg_document *either = after ? after : before;
	struct change *change = arg;

	assert(either);
	if (change->listed == LISTED_MAX) {
		change->left_out++;
		return;
	}
	change->listed++;
	aeg_json_object(change->json, NULL);
	aeg_json_str(change->json, "action", !before ? "added" : after ? "changed" : "removed");
	aeg_json_str(change->json, "kind", either->kind);
	aeg_json_str(change->json, "namespace", either->ns);
	aeg_json_str(change->json, "name", either->name);
	aeg_json_str(change->json, "before", before ? before->digest : NULL);
	aeg_json_str(change->json, "after", after ? after->digest : NULL);
	aeg_json_object_end(change->json);
}

static void put_label(void *arg, const char *label)
{
	aeg_json_str(arg, NULL, label);
}

static void put_expired(struct aeg_json *json, const struct aeg_model *model)
{
	size_t n = aeg_model_expired(model);

	if (!n)
		return;
	aeg_json_array(json, "expired");
	aeg_model_each_expired(model, LISTED_MAX, put_label, json);
	aeg_json_array_end(json);
	if (n > LISTED_MAX)
		aeg_json_u64(json, "moreExpired", n - LISTED_MAX);
}

static void fill_change(void *arg, struct aeg_json *json)
{
	struct change *change = arg;
	char digest[AEG_DIGEST_TEXT];

	change->json = json;
	aeg_json_u64(json, "generation", aeg_datapath_generation(change->auditing->datapath));
	put_cause(json, change->cause);
	aeg_documents_digest(&change->after->documents, digest);
	aeg_json_u64(json, "documents", change->after->documents.list.n);
	aeg_json_str(json, "digest", digest);
	put_expired(json, change->after);
	if (!change->before)
		return;
	aeg_json_array(json, "changes");
	aeg_documents_diff(change->before, &change->after->documents, put_document, change);
	aeg_json_array_end(json);
	if (change->left_out)
		aeg_json_u64(json, "moreChanges", change->left_out);
}

static void on_changed(void *arg, const struct aeg_cause *cause, const struct aeg_model *before,
		       const struct aeg_model *after)
{
	const struct aeg_auditing *auditing = arg;
	struct change change = {
		.auditing = auditing,
		.cause = cause,
		.before = before ? &before->documents : NULL,
		.after = after,
	};

	aeg_audit_note(auditing->log, "policy", fill_change, &change);
	aeg_audit_flush(auditing->log);
}

static void fill_refused(void *arg, struct aeg_json *json)
{
	const struct change *change = arg;
	AEG_AUTO_FREE char *why = aeg_xstrndup(change->why, WHY_MAX);

	aeg_json_u64(json, "generation", aeg_datapath_generation(change->auditing->datapath));
	put_cause(json, change->cause);
	aeg_json_str(json, "error", why);
}

static void on_refused(void *arg, const struct aeg_cause *cause, const char *why)
{
	const struct aeg_auditing *auditing = arg;
	struct change change = {.auditing = auditing, .cause = cause, .why = why};

	aeg_audit_note(auditing->log, "policy-refused", fill_refused, &change);
	aeg_audit_flush(auditing->log);
}

struct stop { /* an emergency stop, or its end */
	const struct aeg_cause *cause;
	const struct aeg_quarantine *quarantine;
};

static void fill_stop_of(void *arg, struct aeg_json *json)
{
	const struct stop *stop = arg;

	put_cause(json, stop->cause);
	aeg_json_object(json, "workload");
	aeg_json_str(json, "namespace", stop->quarantine->ns);
	aeg_json_str(json, "name", stop->quarantine->name);
	aeg_json_object_end(json);
	aeg_json_str(json, "reason", *stop->quarantine->reason ? stop->quarantine->reason : NULL);
	if (stop->quarantine->until)
		aeg_json_u64(json, "until", stop->quarantine->until);
}

static void on_quarantined(void *arg, const char *event, const struct aeg_cause *cause,
			   const struct aeg_quarantine *quarantine)
{
	const struct aeg_auditing *auditing = arg;
	struct stop stop = {cause, quarantine};

	aeg_audit_note(auditing->log, event, fill_stop_of, &stop);
	aeg_audit_flush(auditing->log);
}

void aeg_auditing_watch(struct aeg_auditing *auditing, struct aeg_reconciler *reconciler)
{
	if (!auditing)
		return;
	auditing->datapath = reconciler->datapath;
	reconciler->watch = (struct aeg_change_watch){
		.changed = on_changed,
		.refused = on_refused,
		.quarantined = on_quarantined,
		.arg = auditing,
	};
}

/* ---- events ---- */

static void on_folded(void *arg, struct aeg_flow *flow)
{
	const struct aeg_auditing *auditing = arg;

	flow->node = auditing->config->node;
	aeg_audit_flow(auditing->log, flow);
}

/* A flood of denials must not push everything else out of the log; but nothing may wait in memory
 * longer than it must, or a crash would take it along. So repeats are folded within one round. */
static void on_event(void *arg, const struct aeg_flow *flow)
{
	const struct aeg_auditing *auditing = arg;

	if (!aeg_fold_add(auditing->fold, flow))
		aeg_audit_flow(auditing->log, flow);
}

/* Of the records, only losses were no event before. */
static void on_record(void *arg, const struct aeg_flow *flow)
{
	const struct aeg_auditing *auditing = arg;

	if (flow->lost)
		aeg_audit_flow(auditing->log, flow);
}

/* Before the ring forgets: a daemon that is killed between the two writes them again, and never too few. */
static void write_out(void *arg)
{
	const struct aeg_auditing *auditing = arg;

	aeg_fold_flush(auditing->fold);
	aeg_audit_flush(auditing->log);
}

void aeg_auditing_observe(struct aeg_auditing *auditing, struct aeg_events *events)
{
	if (auditing)
		aeg_events_observe(events, &(struct aeg_observer){.event = on_event,
								  .record = on_record,
								  .settle = write_out,
								  .drained = write_out,
								  .arg = auditing});
}

/* ---- life ---- */

static void log_problem(void *arg, const char *what, int err)
{
	static struct aeg_log_limit limit = {.burst = 4, .seconds = 60};
	const struct aeg_auditing *auditing = arg;

	if (!aeg_log_allowed(&limit, aeg_now_ns()))
		return;
	aeg_log(err ? AEG_LOG_ERROR : AEG_LOG_INFO, COMPONENT, "audit log in '%s' %s%s%s",
		auditing->config->audit.directory, what, err ? ": " : "",
		err ? strerror(-err) : "");
}

static int read_key(struct aeg_auditing *auditing, size_t *ret_len, struct aeg_buf *error)
{
	const char *path = auditing->config->audit.key_file;
	int err = path ? aeg_file_read(path, KEY_MAX, &auditing->key, ret_len) : 0;

	if (err)
		aeg_buf_printf(error, "audit.keyFile '%s': cannot be read: %s", path,
			       strerror(-err));
	else if (path && *ret_len < KEY_MIN) {
		aeg_buf_printf(error, "audit.keyFile '%s': shorter than %d bytes", path, KEY_MIN);
		err = -EINVAL;
	}
	return err;
}

static int open_log(struct aeg_auditing *auditing, size_t key_len, struct aeg_loop *loop)
{
	const struct aeg_audit_config *config = &auditing->config->audit;
	const struct aeg_audit_settings settings = {
		.directory = config->directory,
		.head = auditing->head,
		.group = config->group ? config->group : auditing->config->socket_group,
		.node = auditing->config->node,
		.key = auditing->key,
		.key_len = key_len,
		.mode = config->mode,
		.rotation = config->rotation,
		.compress = config->compress,
		.sync = (enum aeg_audit_sync)config->sync,
		.sync_ms = (uint32_t)config->sync_interval * MS_PER_SEC,
		.problem = log_problem,
		.problem_arg = auditing,
	};

	return aeg_audit_open(&settings, loop, &auditing->log);
}

static void free_auditing(struct aeg_auditing *auditing)
{
	aeg_fold_free(auditing->fold);
	free(auditing->head);
	free(auditing->key);
	free(auditing);
}

int aeg_auditing_open(const struct aeg_config *config, struct aeg_loop *loop, struct aeg_buf *error,
		      struct aeg_auditing **ret)
{
	struct aeg_auditing *auditing;
	size_t key_len = 0;
	int err;

	if (!config->audit.enabled)
		return 0;
	auditing = aeg_xcalloc(1, sizeof(*auditing));
	auditing->config = config;
	auditing->fold = aeg_fold_new(FOLDS_MAX, UINT64_MAX / 2, on_folded, auditing);
	aeg_fold_audited(auditing->fold);
	auditing->head = aeg_xasprintf("%s/" AEG_AUDIT_HEAD_FILE, config->state_dir);
	err = read_key(auditing, &key_len, error);
	if (!err) {
		err = open_log(auditing, key_len, loop);
		if (err)
			aeg_buf_printf(error, "event loop: %s", strerror(-err));
	}
	if (err) {
		free_auditing(auditing);
		return err;
	}
	aeg_audit_note(auditing->log, "start", fill_start, NULL);
	aeg_audit_flush(auditing->log);
	*ret = auditing;
	return 0;
}

void aeg_auditing_close(struct aeg_auditing *auditing, int signo)
{
	if (!auditing)
		return;
	aeg_audit_note(auditing->log, "stop", fill_stop, &signo);
	aeg_audit_close(auditing->log);
	free_auditing(auditing);
}

bool aeg_auditing_stats(const struct aeg_auditing *auditing, struct aeg_audit_stats *ret)
{
	if (auditing)
		aeg_audit_stats(auditing->log, ret);
	return auditing != NULL;
}
