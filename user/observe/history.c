/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A ring of records; numbers are consecutive, so a record's place follows from its number. */
#include "observe/history.h"
#include "base/mem.h"
#include "observe/record.h"

#include <assert.h>

struct aeg_history {
	struct aeg_record *records;
	size_t max;
	uint64_t first, next; /* numbers kept: first..next-1 */
	const char *node;
};

/* Memory is taken as records come: the kernel gives no page before it is written to. */
struct aeg_history *aeg_history_new(size_t max, const char *node)
{
	struct aeg_history *history = aeg_xcalloc(1, sizeof(*history));

	assert(max > 0);
	history->records = aeg_xcalloc(max, sizeof(*history->records));
	history->max = max;
	history->node = node;
	history->first = history->next = 1;
	return history;
}

static struct aeg_record *record_at(const struct aeg_history *history, uint64_t seq)
{
	return &history->records[seq % history->max];
}

static void drop_first(struct aeg_history *history)
{
	aeg_record_done(record_at(history, history->first++));
}

void aeg_history_free(struct aeg_history *history)
{
	if (!history)
		return;
	while (history->first < history->next)
		drop_first(history);
	free(history->records);
	free(history);
}

void aeg_history_add(struct aeg_history *history, struct aeg_flow *flow)
{
	if (history->next - history->first == history->max)
		drop_first(history);
	flow->seq = history->next++;
	flow->node = history->node;
	aeg_record_keep(record_at(history, flow->seq), flow);
}

bool aeg_history_get(const struct aeg_history *history, uint64_t *seq, uint64_t *ret_lost,
		     struct aeg_flow *ret)
{
	if (*seq >= history->next)
		return false;
	*ret_lost = *seq < history->first ? history->first - *seq : 0;
	*seq += *ret_lost;
	aeg_record_flow(record_at(history, *seq), ret);
	ret->seq = *seq;
	ret->node = history->node;
	return true;
}

uint64_t aeg_history_next(const struct aeg_history *history)
{
	return history->next;
}

uint64_t aeg_history_first(const struct aeg_history *history)
{
	return history->first;
}
