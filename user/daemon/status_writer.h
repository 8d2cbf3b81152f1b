/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What became of each document of the cluster, in its status. Every node says in a lease of its own what
 * it has in force; the one that holds the lease `aegress-status` adds up and writes, so that a thousand
 * nodes write no status a thousand times.
 */
#ifndef AEG_DAEMON_STATUS_WRITER_H
#define AEG_DAEMON_STATUS_WRITER_H

#include "daemon/daemon.h"

struct aeg_status_stats {
	bool leader;
	uint64_t written, failed;
	size_t nodes; /* that report; 0: not the leader */
};

/* NULL in ret where the namespace of aegress is not known. -errno. */
int aeg_status_writer_open(const struct aeg_daemon *daemon, struct aeg_status_writer **ret);
/* Before the cluster. NULL is fine, here and below. */
void aeg_status_writer_close(struct aeg_status_writer *writer);

void aeg_status_writer_pods_changed(struct aeg_status_writer *writer);
struct aeg_status_stats aeg_status_writer_stats(const struct aeg_status_writer *writer);

#endif
