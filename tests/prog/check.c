/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Counting and printing; see check.h. */
#include "tests/prog/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static unsigned int number, passed, failed, skipped;
static unsigned int failed_checks; /* of the running test */
static const char *skip_reason, *only;
static unsigned int place, ours,
	places = 1; /* of a test among those that could run, and of those that do */
static char context[256];

void check_context(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(context, sizeof(context), format, args);
	va_end(args);
}

bool check_true(bool ok, const char *what, const char *file, int line)
{
	if (!ok) {
		failed_checks++;
		printf("# %s:%d: failed: %s [%s]\n", file, line, what, context);
	}
	return ok;
}

bool check_equal(int64_t got, int64_t want, const char *what, const char *file, int line)
{
	if (got != want) {
		failed_checks++;
		printf("# %s:%d: %s is %lld, not %lld [%s]\n", file, line, what, (long long)got,
		       (long long)want, context);
	}
	return got == want;
}

void check_begin(void)
{
	failed_checks = 0;
}

int check_failed(void)
{
	return failed_checks != 0;
}

void check_skip(const char *why)
{
	skip_reason = why;
}

static void report(const char *name)
{
	number++;
	if (failed_checks) {
		failed++;
		printf("not ok %u - %s\n", number, name);
	} else if (skip_reason) {
		skipped++;
		printf("ok %u - %s # SKIP %s\n", number, name, skip_reason);
		printf("skip: %s: %s\n", name, skip_reason);
	} else {
		passed++;
		printf("ok %u - %s\n", number, name);
	}
	fflush(stdout);
}

void check_only(const char *part)
{
	only = part;
}

void check_every(unsigned int first, unsigned int of)
{
	ours = first;
	places = of ? of : 1;
}

static bool wanted(const struct test *test)
{
	return (!only || strstr(test->name, only)) && place++ % places == ours;
}

void check_run(const struct test *tests)
{
	for (const struct test *test = tests; test->name; test++) {
		if (!wanted(test))
			continue;
		failed_checks = 0;
		skip_reason = NULL;
		context[0] = '\0';
		test->run();
		report(test->name);
	}
}

int check_finish(void)
{
	printf("1..%u\n%u passed, %u failed, %u skipped\n", number, passed, failed, skipped);
	return failed || !number ? 1 : 0;
}
