/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* An audit log in a directory of its own, and what its files hold; for the tests of its writer. */
#ifndef AEG_TESTS_UNIT_UTIL_AUDIT_H
#define AEG_TESTS_UNIT_UTIL_AUDIT_H

#include "observe/audit.h"

struct audit_fixture {
	char dir[32];
	char *log, *head, *current;
	struct aeg_loop *loop;
	struct aeg_audit *audit;
	struct aeg_audit_settings settings;
	unsigned int problems, recoveries;
	int last_problem;
};

int audit_setup(void **state);
int audit_teardown(void **state);
#define AUDIT_CASE(name) cmocka_unit_test_setup_teardown(test_##name, audit_setup, audit_teardown)

void audit_open_log(struct audit_fixture *fixture);
void audit_close_log(struct audit_fixture *fixture);
struct aeg_flow audit_denial(uint32_t pid);
/* Gathers one; the pid tells one from another. */
void audit_deny(struct audit_fixture *fixture, uint32_t pid);
struct aeg_audit_stats audit_stats(const struct audit_fixture *fixture);

struct audit_seen { /* of a walk through all files */
	uint64_t records, denials, first, last;
	struct aeg_buf events; /* every event but denials */
};

/* The whole log is one unbroken chain, or the test fails. The caller frees the events. */
struct audit_seen audit_walk(const struct audit_fixture *fixture);
/* events NULL: whatever they are. */
void audit_assert_seen(const struct audit_fixture *fixture, uint64_t denials, const char *events);
/* The current file; the caller frees. */
void audit_read_log(const struct audit_fixture *fixture, char **ret);
void audit_assert_in_log(const struct audit_fixture *fixture, const char *text);
void audit_append(const char *path, const char *text);

#endif
