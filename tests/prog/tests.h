/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The lists of tests, one a file. */
#ifndef AEG_TESTS_PROG_TESTS_H
#define AEG_TESTS_PROG_TESTS_H

#include "tests/prog/check.h"

extern const struct test verdict_tests[];
extern const struct test bytes_tests[];
extern const struct test prefix_tests[];
extern const struct test object_tests[];
extern const struct test lifecycle_tests[];
extern const struct test table_tests[];
extern const struct test event_tests[];
extern const struct test socket_tests[];
extern const struct test identity_tests[];
extern const struct test close_tests[];
extern const struct test dns_tests[];
extern const struct test renew_tests[];
extern const struct test dns_event_tests[];
extern const struct test dns_tcp_tests[];
extern const struct test dns_contain_tests[];
extern const struct test dns_unread_tests[];
extern const struct test dns_contain_tcp_tests[];
extern const struct test share_tests[];
extern const struct test recent_tests[];
extern const struct test hello_tests[];
extern const struct test second_tests[];
extern const struct test hole_tests[];
extern const struct test stream_tests[];
extern const struct test backstop_tests[];
extern const struct test tc_tests[];
extern const struct test seat_tests[];
extern const struct test listener_tests[];

#endif
