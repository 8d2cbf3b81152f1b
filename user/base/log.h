/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The daemon's log: one line a message on stderr, logfmt or JSON. Only the daemon's edge logs;
 * lower floors return errors. Values are escaped; a message is one line whatever it holds.
 */
#ifndef AEG_BASE_LOG_H
#define AEG_BASE_LOG_H

#include "base/mem.h"
#include <stdbool.h>
#include <stdint.h>

enum aeg_log_level { AEG_LOG_DEBUG, AEG_LOG_INFO, AEG_LOG_WARNING, AEG_LOG_ERROR };
enum aeg_log_format { AEG_LOG_LOGFMT, AEG_LOG_JSON };

void aeg_log_setup(enum aeg_log_level level, enum aeg_log_format format);
/* ts=… level=… component=… msg="…"; the message ends with neither dot nor newline. */
void aeg_log(enum aeg_log_level level, const char *component, const char *format, ...)
	AEG_PRINTF(3, 4);

/* For messages that traffic can trigger: at most `burst` a `seconds`; the rest is counted. */
struct aeg_log_limit {
	unsigned int burst, seconds;
	uint64_t window_start_ns;
	unsigned int in_window;
	uint64_t suppressed;
};
bool aeg_log_allowed(struct aeg_log_limit *limit, uint64_t now_ns);

#endif
