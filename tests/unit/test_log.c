// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The log's lines, as a reader of stderr gets them, and the rate limit. */
#include "base/log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>

static char captured[4096];

/* Logs with stderr in a pipe; the line without its newline lands in `captured`. */
static void capture(enum aeg_log_level level, const char *message)
{
	int stderr_copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), fds[2];
	ssize_t n;

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	aeg_log(level, "test", "%s", message);
	assert_true(dup2(stderr_copy, STDERR_FILENO) >= 0);
	n = read(fds[0], captured, sizeof(captured) - 1);
	captured[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	close(fds[1]);
	close(stderr_copy);
}

/* Every digit as 0, so that the time has one look. */
static void blank_time(void)
{
	char *p = captured + strlen("ts=");

	assert_int_equal(strncmp(captured, "ts=", 3), 0);
	for (; *p != ' '; p++)
		if (*p >= '0' && *p <= '9')
			*p = '0';
}

static void test_logfmt(void **state)
{
	aeg_log_setup(AEG_LOG_INFO, AEG_LOG_LOGFMT);
	capture(AEG_LOG_WARNING, "a \"b\"\nts=forged \x1b[2J\xff");
	blank_time();
	assert_string_equal(captured, "ts=0000-00-00T00:00:00.000000000Z level=warning "
				      "component=test "
				      "msg=\"a \\\"b\\\"\\nts=forged \\u001b[2J\uFFFD\"\n");
}

static void test_json(void **state)
{
	json_t *line;

	aeg_log_setup(AEG_LOG_INFO, AEG_LOG_JSON);
	capture(AEG_LOG_ERROR, "a \"b\"\nc");
	assert_int_equal(captured[strlen(captured) - 1], '\n');
	line = json_loads(captured, 0, NULL);
	assert_non_null(line);
	assert_int_equal(json_object_size(line), 4);
	assert_int_equal(json_string_length(json_object_get(line, "ts")),
			 strlen("2026-11-20T12:00:00.123456789Z"));
	assert_string_equal(json_string_value(json_object_get(line, "level")), "error");
	assert_string_equal(json_string_value(json_object_get(line, "component")), "test");
	assert_string_equal(json_string_value(json_object_get(line, "msg")), "a \"b\"\nc");
	json_decref(line);
}

static void test_level(void **state)
{
	aeg_log_setup(AEG_LOG_WARNING, AEG_LOG_LOGFMT);
	capture(AEG_LOG_INFO, "quiet");
	assert_string_equal(captured, "");
	aeg_log_setup(AEG_LOG_DEBUG, AEG_LOG_LOGFMT);
	capture(AEG_LOG_DEBUG, "loud");
	assert_non_null(strstr(captured, "level=debug component=test msg=\"loud\"\n"));
}

static void test_limit(void **state)
{
	struct aeg_log_limit limit = {.burst = 2, .seconds = 10};
	const uint64_t second = 1000000000, start = 5 * second;

	assert_true(aeg_log_allowed(&limit, start));
	assert_true(aeg_log_allowed(&limit, start + 1));
	assert_false(aeg_log_allowed(&limit, start + 2));
	assert_false(aeg_log_allowed(&limit, start + 10 * second - 1));
	assert_int_equal(limit.suppressed, 2);
	assert_true(aeg_log_allowed(&limit, start + 10 * second));
	assert_int_equal(limit.suppressed, 2); /* the caller says it and sets it back */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logfmt),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
