/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Values as people read them. Texts may come from hostile processes (a command's name, say), so no
 * control character reaches the terminal.
 */
#ifndef AEG_CLI_TEXT_H
#define AEG_CLI_TEXT_H

#include "base/buf.h"
#include <stdbool.h>
#include "base/value.h"
#include <stdint.h>

/* Appends text with '?' in place of control characters and of bytes that are not UTF-8. */
void aeg_text_clean(struct aeg_buf *out, const char *text);
size_t aeg_text_width(const char *text); /* characters */
/* 1.4KiB, 20MiB */
void aeg_text_bytes(struct aeg_buf *out, uint64_t bytes);
/* 12s, 3m20s, 5h2m, 4d3h */
void aeg_text_age(struct aeg_buf *out, int64_t seconds);
/* Seconds since an RFC 3339 time in UTC; -1: not a time. */
int64_t aeg_text_since(const char *time_text);
/* "90s", "30m", "12h", "2d" */
bool aeg_text_seconds(const char *text, uint64_t *ret);

/*
 * Any value as a cell's text: lists comma separated, at most max_items of them (0: all) and "+n"
 * for the rest, objects as key=value; nothing for what is missing.
 */
void aeg_value_text(struct aeg_buf *out, const json_t *value, size_t max_items);

#endif
