// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The log: one write(2) a line, so that lines of several processes on one stderr do not mix. */
#include "base/log.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/timestamp.h"
#include <stdarg.h>
#include <stdio.h>

static const char *const level_names[] = {[AEG_LOG_DEBUG] = "debug",
					  [AEG_LOG_INFO] = "info",
					  [AEG_LOG_WARNING] = "warning",
					  [AEG_LOG_ERROR] = "error"};

static enum aeg_log_level lowest = AEG_LOG_INFO;
static enum aeg_log_format line_format = AEG_LOG_LOGFMT;

void aeg_log_setup(enum aeg_log_level level, enum aeg_log_format format)
{
	lowest = level;
	line_format = format;
}

static void add_logfmt(struct aeg_buf *line, const char *ts, const char *level,
		       const char *component, const char *message)
{
	aeg_buf_printf(line, "ts=%s level=%s component=%s msg=", ts, level, component);
	aeg_json_quote(line, message);
}

static void add_json(struct aeg_buf *line, const char *ts, const char *level, const char *component,
		     const char *message)
{
	struct aeg_json json;

	aeg_json_begin(&json, line);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "ts", ts);
	aeg_json_str(&json, "level", level);
	aeg_json_str(&json, "component", component);
	aeg_json_str(&json, "msg", message);
	aeg_json_object_end(&json);
}

void aeg_log(enum aeg_log_level level, const char *component, const char *format, ...)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf message = {0}, line = {0};
	char ts[AEG_TIME_TEXT];
	va_list args;

	if (level < lowest)
		return;
	va_start(args, format);
	aeg_buf_vprintf(&message, format, args);
	va_end(args);
	aeg_time_format(aeg_realtime_ns(), ts);
	(line_format == AEG_LOG_JSON ? add_json : add_logfmt)(&line, ts, level_names[level],
							      component, aeg_buf_text(&message));
	aeg_buf_putc(&line, '\n');
	if (write(STDERR_FILENO, line.data, line.len) < 0)
		return; /* there is no other place to say it */
}

bool aeg_log_allowed(struct aeg_log_limit *limit, uint64_t now_ns)
{
	uint64_t window_ns = limit->seconds * UINT64_C(1000000000);

	if (!limit->window_start_ns || now_ns - limit->window_start_ns >= window_ns) {
		limit->window_start_ns = now_ns;
		limit->in_window = 0;
	}
	if (limit->in_window >= limit->burst) {
		limit->suppressed++;
		return false;
	}
	limit->in_window++;
	return true;
}
