/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lines are made when they are due: what the history drops meanwhile is this reader's loss only. */
#include "daemon/stream.h"
#include "base/loop.h"
#include "observe/flow.h"

/* Where the newest `limit` records from a number on begin that the filter lets pass. */
static uint64_t newest(const struct aeg_history *history, uint64_t from,
		       const struct aeg_stream_range *range)
{
	uint64_t at = aeg_history_next(history), found = 0, lost;
	struct aeg_flow flow;

	while (at > from && at > aeg_history_first(history) && found < range->limit) {
		at--;
		if (aeg_history_get(history, &at, &lost, &flow))
			found += aeg_filter_passes(&range->filter, &flow);
	}
	/* Too few: what is gone may have been among them, and is told. */
	return found == range->limit ? at : from;
}

void aeg_stream_init(struct aeg_stream *stream, const struct aeg_history *history,
		     struct aeg_stream_range *range)
{
	uint64_t next = aeg_history_next(history);
	uint64_t from = range->since ? range->since : aeg_history_first(history);

	if (from < next && next - from > range->limit)
		from = newest(history, from, range);
	*stream = (struct aeg_stream){
		.history = history,
		.next = from,
		.stop = range->follow ? UINT64_MAX : next,
		.filter = range->filter,
	};
	range->filter = (struct aeg_filter){0};
}

void aeg_stream_done(struct aeg_stream *stream)
{
	aeg_buf_done(&stream->pending);
	aeg_filter_done(&stream->filter);
}

/* Has no number: it is this reader's alone. */
static void add_lost(struct aeg_buf *pending, uint64_t lost)
{
	const struct aeg_flow flow = {
		.time_ns = aeg_realtime_ns(),
		.lost = lost,
		.lost_where = AEG_LOST_READER,
	};

	aeg_flow_json(&flow, pending);
	aeg_buf_putc(pending, '\n');
}

/* Looks at one record, and makes a line of it where it passes; false: there is none (yet). */
static bool fetch(struct aeg_stream *stream)
{
	const uint64_t asked = stream->next;
	struct aeg_flow flow;
	uint64_t lost;

	if (asked >= stream->stop)
		return false;
	if (!aeg_history_get(stream->history, &stream->next, &lost, &flow))
		return false;
	aeg_buf_reset(&stream->pending);
	stream->sent = 0;
	if (lost > stream->stop - asked)
		lost = stream->stop - asked; /* what came after it was not asked for */
	if (lost)
		add_lost(&stream->pending, lost);
	if (stream->next >= stream->stop) /* the whole range was lost */
		return true;
	stream->next++;
	if (!aeg_filter_passes(&stream->filter, &flow))
		return true;
	aeg_flow_json(&flow, &stream->pending);
	aeg_buf_putc(&stream->pending, '\n');
	return true;
}

size_t aeg_stream_read(struct aeg_stream *stream, char *ret, size_t max)
{
	size_t n = 0;

	while (n < max) {
		size_t left = stream->pending.len - stream->sent;
		size_t part = left < max - n ? left : max - n;

		if (!left && !fetch(stream))
			break;
		if (!left)
			continue;
		memcpy(ret + n, stream->pending.data + stream->sent, part);
		stream->sent += part;
		n += part;
	}
	return n;
}

bool aeg_stream_ended(const struct aeg_stream *stream)
{
	return stream->next >= stream->stop && stream->sent == stream->pending.len;
}
