/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What this node has in force, as its lease tells the one who writes status. */
#ifndef AEG_DAEMON_NODE_REPORT_H
#define AEG_DAEMON_NODE_REPORT_H

#include "daemon/reconciler.h"
#include "kube/lease.h"

/* Right after a reload that went well: the same on every node that has seen the same. */
void aeg_node_report_documents(const struct aeg_cluster *cluster, struct aeg_report *report);
/* How many of this node's pods each policy selects. */
void aeg_node_report_pods(const struct aeg_reconciler *reconciler, struct aeg_report *report);

#endif
