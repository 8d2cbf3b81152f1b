/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Follows the configured files and directories and says, once things have been quiet for a moment,
 * that something changed. What changed is not its business: a reload reads everything.
 */
#ifndef AEG_DAEMON_WATCHER_H
#define AEG_DAEMON_WATCHER_H

#include "base/loop.h"
#include "policy/model.h"

struct aeg_watcher;

typedef void aeg_changed_fn(void *arg);

int aeg_watcher_new(struct aeg_loop *loop, aeg_changed_fn *fn, void *arg, struct aeg_watcher **ret);
void aeg_watcher_free(struct aeg_watcher *watcher);
/* Looks anew at what is there: call it before reading, so that no change falls in between. Paths
 * that do not exist are waited for in the nearest directory that does. */
void aeg_watcher_rearm(struct aeg_watcher *watcher, const struct aeg_strings *const *paths,
		       size_t n);

#endif
