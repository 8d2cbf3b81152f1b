/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A ring of heap lines; numbers are consecutive, so a line's place follows from its number. */
#include "observe/history.h"
#include "base/mem.h"

#include <assert.h>

struct line {
	char *text;
	size_t len;
};

struct aeg_history {
	struct line *lines;
	size_t max_lines, max_bytes, bytes;
	uint64_t first, next; /* numbers kept: first..next-1 */
};

struct aeg_history *aeg_history_new(size_t max_lines, size_t max_bytes)
{
	struct aeg_history *history = aeg_xcalloc(1, sizeof(*history));

	assert(max_lines > 0);
	history->lines = aeg_xcalloc(max_lines, sizeof(*history->lines));
	history->max_lines = max_lines;
	history->max_bytes = max_bytes;
	history->first = history->next = 1;
	return history;
}

static struct line *line_at(const struct aeg_history *history, uint64_t seq)
{
	return &history->lines[seq % history->max_lines];
}

static void drop_first(struct aeg_history *history)
{
	struct line *line = line_at(history, history->first++);

	history->bytes -= line->len;
	free(line->text);
	*line = (struct line){0};
}

void aeg_history_free(struct aeg_history *history)
{
	if (!history)
		return;
	while (history->first < history->next)
		drop_first(history);
	free(history->lines);
	free(history);
}

void aeg_history_add(struct aeg_history *history, uint64_t seq, const char *line, size_t len)
{
	assert(seq == history->next);
	while (history->first < history->next &&
	       (history->next - history->first >= history->max_lines ||
		history->bytes + len > history->max_bytes))
		drop_first(history);
	*line_at(history, seq) = (struct line){aeg_xstrndup(line, len), len};
	history->bytes += len;
	history->next++;
}

const char *aeg_history_get(const struct aeg_history *history, uint64_t *seq, uint64_t *ret_lost,
			    size_t *ret_len)
{
	const struct line *line;

	if (*seq >= history->next)
		return NULL;
	*ret_lost = *seq < history->first ? history->first - *seq : 0;
	*seq += *ret_lost;
	line = line_at(history, *seq);
	*ret_len = line->len;
	return line->text;
}

uint64_t aeg_history_next(const struct aeg_history *history)
{
	return history->next;
}

uint64_t aeg_history_first(const struct aeg_history *history)
{
	return history->first;
}
