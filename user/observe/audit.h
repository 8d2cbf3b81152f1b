/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The audit log: denials and what was done to the policy, as chained JSON lines (see chain.h) in
 * DIR/audit.jsonl and the closed files beside it. Records are gathered and written together; what
 * cannot be written waits, up to a bound, and is counted beyond. Nothing here stops the daemon: while
 * the disk is full or gone it enforces as before.
 */
#ifndef AEG_OBSERVE_AUDIT_H
#define AEG_OBSERVE_AUDIT_H

#include "base/json.h"
#include "base/loop.h"
#include "observe/chain.h"
#include "observe/flow.h"
#include "observe/rotate.h"
#include <sys/types.h>

#define AEG_AUDIT_SCHEMA "aegress.audit/v1"
#define AEG_AUDIT_PENDING_MAX (8u << 20) /* bytes that wait for a disk */
#define AEG_AUDIT_RESERVE (256u << 10)	 /* and for notes of what is not a flow */

enum aeg_audit_sync {
	AEG_AUDIT_SYNC_ALWAYS,	 /* before the next event is looked at */
	AEG_AUDIT_SYNC_INTERVAL, /* in the background */
	AEG_AUDIT_SYNC_NEVER,	 /* whenever the kernel likes */
};

struct aeg_audit_settings { /* all borrowed, for as long as the log is open */
	const char *directory;
	const char *head;  /* path of the file that keeps the chain's head */
	const char *group; /* of a new directory and its files; NULL: the daemon's */
	const char *node;
	const void *key; /* NULL: the chain has none */
	size_t key_len;
	mode_t mode; /* of the files */
	struct aeg_rotation rotation;
	bool compress;
	enum aeg_audit_sync sync;
	uint32_t sync_ms;
	/* what: a sentence's beginning, such as "cannot be written"; err 0: works again. Told once, and
	 * for each kind of work by itself. */
	void (*problem)(void *arg, const char *what, int err);
	void *problem_arg;
};

struct aeg_audit_stats {	 /* since the log was opened */
	uint64_t records, bytes; /* written */
	uint64_t lost;	 /* what found no room while nothing could be written; repeats each */
	uint64_t errors; /* of writing, syncing, rotating, compressing, removing */
	uint64_t rotations, expired;
	uint64_t vanished; /* times that the file or the state directory was not where it was */
	uint64_t waiting;  /* bytes, now */
	uint64_t unclean;  /* 1: the run before this one did not stop by itself */
	uint64_t failing;  /* kinds of work beside the writing that go wrong now */
	int error;	   /* of writing, negative errno; 0: all is well */
	struct aeg_link head;
};

struct aeg_audit;

/* Opens the log, or goes on trying: a log that cannot be opened is a problem that is told. -errno only
 * when the loop has no room. */
int aeg_audit_open(const struct aeg_audit_settings *settings, struct aeg_loop *loop,
		   struct aeg_audit **ret);
/* Writes what waits, durably, and marks the run as ended by itself. NULL is fine. */
void aeg_audit_close(struct aeg_audit *audit);
/* Gathers the flow's record if it belongs here: denied, audited, lost. */
void aeg_audit_flow(struct aeg_audit *audit, const struct aeg_flow *flow);
/* Gathers a record of aegress.audit/v1; fill adds what the event has beside time and node. */
typedef void aeg_audit_fill_fn(void *arg, struct aeg_json *json);
void aeg_audit_note(struct aeg_audit *audit, const char *event, aeg_audit_fill_fn *fill, void *arg);
/* Writes what was gathered. */
void aeg_audit_flush(struct aeg_audit *audit);
void aeg_audit_stats(const struct aeg_audit *audit, struct aeg_audit_stats *ret);

#endif
