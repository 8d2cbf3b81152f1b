/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Changes of the applied objects as a whole: checked with everything else, kept, put in force; or
 * none of it.
 */
#ifndef AEG_DAEMON_APPLY_H
#define AEG_DAEMON_APPLY_H

#include "daemon/reconciler.h"

struct aeg_apply_item {
	char *kind, *ns, *name; /* ns NULL: cluster-scoped */
	const char *action;	/* created, configured, unchanged */
	char *path;
	const char *text; /* borrowed from the body */
	size_t len;
};

enum aeg_apply_result {
	AEG_APPLY_OK,
	AEG_APPLY_INVALID,   /* diags (maybe) and error */
	AEG_APPLY_CONFLICT,  /* the object comes from a configured file */
	AEG_APPLY_NOT_FOUND, /* deleting only */
	AEG_APPLY_FAILED,    /* files or the kernel; everything is as before */
};

struct aeg_apply {
	struct aeg_cause cause; /* whose change it is */
	AEG_VEC(struct aeg_apply_item) items;
	struct aeg_diags diags;
	struct aeg_buf error; /* one sentence */
};

/* file names the body in messages. */
enum aeg_apply_result aeg_apply_body(struct aeg_reconciler *reconciler, const char *file,
				     const char *text, size_t len, bool dry_run,
				     struct aeg_apply *ret);
/* ns NULL or "": cluster-scoped. */
enum aeg_apply_result aeg_apply_delete(struct aeg_reconciler *reconciler, const char *kind,
				       const char *ns, const char *name, struct aeg_apply *ret);
void aeg_apply_done(struct aeg_apply *apply);

#endif
