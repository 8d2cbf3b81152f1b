/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A process that lives in a cgroup and tries destinations on request. */
#ifndef AEG_TEST_LIVE_WORKER_H
#define AEG_TEST_LIVE_WORKER_H

#include "base/addr.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct attempt {
	struct aeg_addr addr;
	uint16_t port;
	uint8_t proto; /* TCP, UDP, ICMP or ICMPv6 */
	bool datagram; /* UDP: sendto() in place of connect() */
	bool inet6;    /* through an IPv6 socket; IPv4 addresses are mapped then */
};

struct worker {
	pid_t pid;
	int fd; /* requests go in, results come out */
};

/* Forks a worker into the cgroup directory. 0 or -errno. */
int worker_start(const char *cgroup, struct worker *ret);
/* The errno of the attempt, 0: none. -errno when the worker itself failed; -EPERM: socket() was refused. */
int worker_try(const struct worker *worker, const struct attempt *attempt);
/* Waits for its end. */
void worker_stop(struct worker *worker);

#endif
