/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Inside observe/ only: what the parts of the audit log share. */
#ifndef AEG_OBSERVE_AUDIT_LOG_H
#define AEG_OBSERVE_AUDIT_LOG_H

#include "base/job.h"
#include "observe/audit.h"
#include "observe/audit_file.h"

/* Work beside the writing. Each kind is in trouble, and well again, by itself: what to say of it. */
#define AEG_AUDIT_WORKS(X)                                                                         \
	X(SYNC, "cannot be made durable", "is made durable again")                                 \
	X(ROTATE, "cannot be rotated", "is rotated again")                                         \
	X(LOOK, "cannot be looked through", "can be looked through again")                         \
	X(REMOVE, "has files that cannot be removed", "has its old files removed again")           \
	X(COMPRESS, "cannot be compressed", "is compressed again")
#define AEG_AUDIT_WORK(symbol, wrong, well) AEG_AUDIT_##symbol,
enum aeg_audit_work { AEG_AUDIT_WORKS(AEG_AUDIT_WORK) AEG_AUDIT_WORKS_MAX };
#undef AEG_AUDIT_WORK

struct aeg_audit {
	struct aeg_audit_settings settings;
	struct aeg_loop *loop;
	struct aeg_chain chain;
	struct aeg_audit_file file;
	struct aeg_buf waiting; /* records without seal, a line each */
	struct aeg_buf sealed;	/* the lines of one write */
	bool begun;    /* what earlier runs left was read: the chain knows where to go on */
	bool dirty;    /* written since the last sync began */
	bool rotated;  /* a file was closed since then */
	bool unsynced; /* one was closed before that sync, which has not ended well (yet) */
	bool stuck;    /* the last write failed: the next one comes from the timer */
	int mishaps[AEG_AUDIT_WORKS_MAX]; /* of each kind, the last time; 0: well */
	uint64_t unsaid;		  /* records lost since the last record that says so */
	struct aeg_watch *retry, *sync, *age, *again;
	int64_t born_ns; /* of the current file, CLOCK_MONOTONIC; negative: before boot */
	struct aeg_job *sync_job, *tidy_job;
	char compressing[AEG_SEGMENT_TEXT];
	struct aeg_audit_stats stats;
};

/* ---- audit.c ---- */
/* How work beside the writing went; err 0: well. Told once, until it goes well. */
void aeg_audit_mishap(struct aeg_audit *audit, enum aeg_audit_work work, int err);
/* The file or the directory of the head is gone; told every time. */
void aeg_audit_vanished(struct aeg_audit *audit, const char *what, int err);

/* ---- audit_begin.c ---- */
/* Finds where an earlier run stopped, and says in a record what it found. */
int aeg_audit_begin(struct aeg_audit *audit);
/* Opens the current file, which somebody may have put there, to append to it. */
int aeg_audit_reopen(struct aeg_audit *audit);
/* The directory of the head; made when it is not there. */
void aeg_audit_head_place(struct aeg_audit *audit);

/* ---- audit_keep.c: after the write ---- */
int aeg_audit_keep_open(struct aeg_audit *audit);
void aeg_audit_keep_close(struct aeg_audit *audit);
/* After a write: sees to its durability. */
void aeg_audit_written(struct aeg_audit *audit);
/* Closes the current file and begins to compress it and to remove the oldest. */
int aeg_audit_rotate(struct aeg_audit *audit);
/* Removes the oldest closed files and compresses the others, one at a time. */
void aeg_audit_tidy(struct aeg_audit *audit);
/* The last of this run: durably, and in the head that it stopped by itself. */
void aeg_audit_sync_last(struct aeg_audit *audit);
/* A new file was opened: when does it get too old? */
void aeg_audit_watch_age(struct aeg_audit *audit);
uint64_t aeg_audit_age(const struct aeg_audit *audit); /* s */

#endif
