/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A set of files as the daemon would take it: read, checked, compiled with the daemon's own
 * functions, so that what is said here is what the daemon will say. No daemon is asked.
 */
#ifndef AEG_CLI_OFFLINE_H
#define AEG_CLI_OFFLINE_H

#include "base/diag.h"
#include "base/opts.h"
#include "policy/compile.h"
#include "policy/model.h"
#include "policy/tables.h"

struct aeg_offline {
	uint64_t now_s; /* the time that rules expire by, CLOCK_REALTIME; 0: the present */
	struct aeg_model *model;
	struct aeg_tables *tables; /* NULL: there were errors */
	struct aeg_numbers numbers;
	struct aeg_diags diags;
};

/* "-" among the paths is standard input. 0, or -EINVAL when diags holds errors. */
int aeg_offline_load(struct aeg_offline *offline, const struct aeg_opt_list *paths);
/* The same; on errors prints them and returns AEG_EXIT_USAGE, else AEG_EXIT_OK. */
int aeg_offline_require(struct aeg_offline *offline, const struct aeg_opt_list *paths, bool colour);
void aeg_offline_done(struct aeg_offline *offline);

/* At most max bytes of standard input; -EFBIG beyond. */
int aeg_stdin_read(size_t max, struct aeg_buf *ret);

#endif
