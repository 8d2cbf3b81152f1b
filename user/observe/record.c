// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Keeping and lending; nothing is formatted before somebody reads. */
#include "observe/record.h"
#include "base/mem.h"
#include "observe/words.h"

void aeg_record_keep(struct aeg_record *ret, const struct aeg_flow *flow)
{
	*ret = (struct aeg_record){
		.time_ns = flow->time_ns,
		.lost = flow->lost,
		.count = flow->count,
		.first_ns = flow->first_ns,
		.last_ns = flow->last_ns,
		.lost_where = flow->lost_where,
		.event = flow->event,
		.words = aeg_words_use(flow->words),
		.name = flow->name ? aeg_xstrdup(flow->name) : NULL,
	};
}

void aeg_record_done(struct aeg_record *record)
{
	aeg_words_drop(record->words);
	free(record->name);
	record->words = NULL;
	record->name = NULL;
}

void aeg_record_flow(const struct aeg_record *record, struct aeg_flow *ret)
{
	*ret = (struct aeg_flow){
		.time_ns = record->time_ns,
		.lost = record->lost,
		.count = record->count,
		.first_ns = record->first_ns,
		.last_ns = record->last_ns,
		.lost_where = record->lost_where,
		.event = record->event,
		.name = record->name,
	};
	if (record->words)
		aeg_words_lend(record->words, ret);
}
