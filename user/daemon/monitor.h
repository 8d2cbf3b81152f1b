/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The port for those who watch: metrics, probes, the status page. It only ever reads. One request a
 * connection, bounded in number, size and time; what many ask for at once is made once.
 */
#ifndef AEG_DAEMON_MONITOR_H
#define AEG_DAEMON_MONITOR_H

#include "daemon/guard.h"
#include "daemon/metrics.h"

struct aeg_monitor;

/* Listens where the configuration says, and sets daemon->monitor. -errno: nothing is served then. */
int aeg_monitor_open(struct aeg_daemon *daemon);
/* After the events, of which it is told. NULL is fine. */
void aeg_monitor_close(struct aeg_monitor *monitor);

/* Where it listens, with the port that the kernel chose. */
void aeg_monitor_address(const struct aeg_monitor *monitor, char ret[AEG_LISTEN_TEXT]);
struct aeg_guard_counts aeg_monitor_counts(const struct aeg_monitor *monitor);
struct aeg_collector *aeg_monitor_collector(struct aeg_monitor *monitor);

#endif
