/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The last flow records as JSON lines, and those who read along. Bounded: a reader that falls behind
 * the oldest line loses lines, is told how many, and never slows anybody else.
 */
#ifndef AEG_OBSERVE_HISTORY_H
#define AEG_OBSERVE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

struct aeg_history;

struct aeg_history *aeg_history_new(size_t max_lines, size_t max_bytes);
void aeg_history_free(struct aeg_history *history);
/* Copies the line. Numbers start at 1; seq must be one more than the last. The newest line is kept
 * even when it alone is longer than max_bytes. */
void aeg_history_add(struct aeg_history *history, uint64_t seq, const char *line, size_t len);
/*
 * The first line with a number >= *seq; sets *seq to its number and *ret_lost to how many numbers
 * from the asked one on are gone. NULL: nothing there yet. Borrowed until the next add.
 */
const char *aeg_history_get(const struct aeg_history *history, uint64_t *seq, uint64_t *ret_lost,
			    size_t *ret_len);
uint64_t aeg_history_next(const struct aeg_history *history);  /* number the next line will get */
uint64_t aeg_history_first(const struct aeg_history *history); /* oldest kept; next when empty */

#endif
