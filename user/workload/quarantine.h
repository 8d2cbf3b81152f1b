/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who is stopped by hand, until when and why. Pure bookkeeping, with a text form that survives
 * restarts.
 */
#ifndef AEG_WORKLOAD_QUARANTINE_H
#define AEG_WORKLOAD_QUARANTINE_H

#include "base/diag.h"
#include "base/json.h"
#include "base/mem.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define AEG_QUARANTINES_MAX 1024
#define AEG_QUARANTINE_REASON_MAX 256

struct aeg_quarantine {
	char *ns, *name; /* name: a workload's, or a glob; "*": the whole namespace */
	char *reason;	 /* "" when nobody gave one */
	uid_t by;
	uint64_t since, until; /* s, CLOCK_REALTIME; until 0: released by hand only */
};

struct aeg_quarantines {
	AEG_VEC(struct aeg_quarantine) list; /* in order of arrival; one of a (ns, name) */
};

/* Whether ns and name may stand in one: labels, name with '*' anywhere. */
bool aeg_quarantine_is_valid(const char *ns, const char *name);
/* Takes copies; replaces one of the same ns and name. -E2BIG: there are enough. */
int aeg_quarantines_put(struct aeg_quarantines *quarantines,
			const struct aeg_quarantine *quarantine);
/* false: there was none. */
bool aeg_quarantines_remove(struct aeg_quarantines *quarantines, const char *ns, const char *name);
/* The one that holds the workload; NULL: none does. */
const struct aeg_quarantine *aeg_quarantines_find(const struct aeg_quarantines *quarantines,
						  const char *ns, const char *name);
/* Takes one out whose time is up; false: there is none. The caller frees what it got. */
bool aeg_quarantines_expire(struct aeg_quarantines *quarantines, uint64_t now,
			    struct aeg_quarantine *ret);
/* When the next one's time is up; 0: never. */
uint64_t aeg_quarantines_next(const struct aeg_quarantines *quarantines);
void aeg_quarantine_done(struct aeg_quarantine *quarantine);
void aeg_quarantines_done(struct aeg_quarantines *quarantines);

/* {"namespace": …}; now 0: without how long it will last. */
void aeg_quarantine_json(const struct aeg_quarantine *quarantine, uint64_t now,
			 struct aeg_json *json);
/* The file: {"quarantines": […]} */
void aeg_quarantines_text(const struct aeg_quarantines *quarantines, struct aeg_buf *ret);
/* -EINVAL with diagnostics. */
int aeg_quarantines_parse(const char *file, const char *text, size_t len, struct aeg_diags *diags,
			  struct aeg_quarantines *ret);

#endif
