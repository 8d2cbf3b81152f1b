/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Objects that came through the API: one file an object below STATE/applied, holding the text as it
 * was sent. They are documents like any other; this only keeps and finds them.
 */
#ifndef AEG_DAEMON_APPLIED_H
#define AEG_DAEMON_APPLIED_H

#include "daemon/config.h"

/* STATE/applied; the caller frees. */
char *aeg_applied_dir(const struct aeg_config *config);
/* STATE/applied/kind_namespace_name.yaml, cut and with a hash where that is too long for a file: '_' is
 * in no name, so no two objects share a file. ns NULL or "": cluster-scoped. The caller frees; NULL when a part holds anything but [A-Za-z0-9.-]. */
char *aeg_applied_path(const struct aeg_config *config, const char *kind, const char *ns,
		       const char *name);
bool aeg_applied_owns(const struct aeg_config *config, const char *file);

/* A change of files that can be taken back until it is forgotten. */
struct aeg_applied_change {
	char *path;
	char *old; /* NULL: there was no file */
	size_t old_len;
};
struct aeg_applied_changes {
	AEG_VEC(struct aeg_applied_change) list;
};
/* Whether the file holds exactly this text already. */
bool aeg_applied_same(const char *path, const char *text, size_t len);
/* text NULL: removes the file. */
int aeg_applied_put(struct aeg_applied_changes *changes, const char *path, const char *text,
		    size_t len);
/* Puts the files back, the last one first; the first error wins. */
int aeg_applied_revert(struct aeg_applied_changes *changes);
void aeg_applied_changes_done(struct aeg_applied_changes *changes);

#endif
