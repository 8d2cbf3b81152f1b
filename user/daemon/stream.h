/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One reader's way through the history: bytes on demand, with a line for every gap. */
#ifndef AEG_DAEMON_STREAM_H
#define AEG_DAEMON_STREAM_H

#include "base/buf.h"
#include "observe/filter.h"
#include "observe/history.h"
#include <stdbool.h>

struct aeg_stream_range {
	uint64_t since; /* 0: from the oldest record kept */
	uint64_t limit; /* at most so many of the records that are there already, the newest */
	bool follow;
	struct aeg_filter filter;
};

struct aeg_stream {
	const struct aeg_history *history;
	uint64_t next; /* number of the record that comes next */
	uint64_t stop; /* the record before which it ends; UINT64_MAX: follows for ever */
	struct aeg_buf pending;
	size_t sent; /* of pending */
	struct aeg_filter filter;
};

/* Takes the filter out of the range. */
void aeg_stream_init(struct aeg_stream *stream, const struct aeg_history *history,
		     struct aeg_stream_range *range);
void aeg_stream_done(struct aeg_stream *stream);
/* Copies at most max bytes; 0: nothing there now, and never again when aeg_stream_ended(). */
size_t aeg_stream_read(struct aeg_stream *stream, char *ret, size_t max);
bool aeg_stream_ended(const struct aeg_stream *stream);

#endif
