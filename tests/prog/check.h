/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The smallest harness that fits these tests: a test is a function, a failed check is printed and
 * counted, and the rest of the test still runs, so that it can leave the stage clean.
 */
#ifndef AEG_TESTS_PROG_CHECK_H
#define AEG_TESTS_PROG_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct test {
	const char *name; /* NULL ends a list */
	void (*run)(void);
};

/* From here on only tests whose names have this in them are run; NULL: all. */
void check_only(const char *part);
/* And of these only one in `of`, beginning with number `first`. */
void check_every(unsigned int first, unsigned int of);
/* Runs a list; TAP lines on stdout. */
void check_run(const struct test *tests);
/* The closing line; returns the exit status. */
int check_finish(void);
/* For a child that checks, too: forgets its parent's failures; whether it had some of its own. */
void check_begin(void);
int check_failed(void);
/* Marks the running test as skipped. */
void check_skip(const char *why);
/* What failing checks say after their own words, until the test ends; NULL: nothing. */
void check_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool check_true(bool ok, const char *what, const char *file, int line);
bool check_equal(int64_t got, int64_t want, const char *what, const char *file, int line);

#define CHECK(condition) check_true((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQUAL(got, want)                                                                     \
	check_equal((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)

#endif
