/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The data path against a real kernel: needs root, cgroup2 and BTF, leaves nothing behind. Usage:
 *   prog [PART]           the tests that have PART in their names
 *   prog --every N FIRST  one test in N, from number FIRST on: N of these can run side by side
 */
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(void)
{
	check_run(verdict_tests);
	check_run(bytes_tests);
	check_run(prefix_tests);
	check_run(object_tests);
	check_run(lifecycle_tests);
	check_run(table_tests);
	check_run(event_tests);
	check_run(socket_tests);
	check_run(identity_tests);
	check_run(close_tests);
	check_run(dns_tests);
	check_run(renew_tests);
	check_run(dns_event_tests);
	check_run(dns_tcp_tests);
	check_run(dns_contain_tests);
	check_run(dns_unread_tests);
	check_run(dns_contain_tcp_tests);
	check_run(share_tests);
	check_run(recent_tests);
	check_run(hello_tests);
	check_run(second_tests);
	check_run(hole_tests);
	check_run(stream_tests);
	check_run(backstop_tests);
	check_run(tc_tests);
	check_run(seat_tests);
	check_run(listener_tests);
	return check_finish();
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--every") == 0)
		check_every((unsigned int)strtoul(argv[3], NULL, 10),
			    (unsigned int)strtoul(argv[2], NULL, 10));
	else
		check_only(argc > 1 ? argv[1] : NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return stage_run(run);
}
