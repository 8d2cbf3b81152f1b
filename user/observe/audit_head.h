/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The head of the audit log's chain, kept apart from the log: a log that ends before it was cut.
 * Also how the next daemon knows whether the last one stopped by itself.
 */
#ifndef AEG_OBSERVE_AUDIT_HEAD_H
#define AEG_OBSERVE_AUDIT_HEAD_H

#include "observe/chain.h"

#define AEG_AUDIT_HEAD_FILE "audit.head"

struct aeg_audit_head {
	struct aeg_link link;
	bool running; /* whoever wrote it had not stopped yet */
};

/* 0, -ENOENT, -EBADMSG, … */
int aeg_audit_head_read(const char *path, struct aeg_audit_head *ret);
/* Replaces the file, durably. */
int aeg_audit_head_write(const char *path, const struct aeg_audit_head *head);
/* "7:64 hex digits", as people copy it. */
bool aeg_link_from_text(const char *text, struct aeg_link *ret);

#endif
