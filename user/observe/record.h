/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A flow that is kept: it owns its name and shares its words. A fifth of the line that it becomes. */
#ifndef AEG_OBSERVE_RECORD_H
#define AEG_OBSERVE_RECORD_H

#include "observe/flow.h"

struct aeg_record {
	uint64_t time_ns, lost, count, first_ns, last_ns;
	enum aeg_lost_where lost_where;
	struct aeg_event event;
	struct aeg_words *words; /* NULL: none */
	char *name;		 /* NULL: none */
};

/* The flow's words must have an owner where it has any. */
void aeg_record_keep(struct aeg_record *ret, const struct aeg_flow *flow);
void aeg_record_done(struct aeg_record *record);
/* The flow again, without number and node; it borrows from the record. */
void aeg_record_flow(const struct aeg_record *record, struct aeg_flow *ret);

#endif
