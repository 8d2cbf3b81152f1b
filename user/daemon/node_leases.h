/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The leases in which all nodes say what they have in force, followed by the one that writes status. */
#ifndef AEG_DAEMON_NODE_LEASES_H
#define AEG_DAEMON_NODE_LEASES_H

#include "daemon/cluster.h"
#include "kube/status.h"

struct aeg_node_leases;

struct aeg_node_leases_ops {
	void (*changed)(void *arg); /* some node says something else */
	void (*failed)(void *arg, const char *why);
};

/* Texts are copied. -errno. */
int aeg_node_leases_open(struct aeg_kube_client *client, struct aeg_loop *loop, const char *path,
			 const char *own_name, const struct aeg_node_leases_ops *ops, void *arg,
			 struct aeg_node_leases **ret);
void aeg_node_leases_close(struct aeg_node_leases *leases);
bool aeg_node_leases_synced(const struct aeg_node_leases *leases);
size_t aeg_node_leases_count(const struct aeg_node_leases *leases);

/* Adds to the counts what every node that is alive says of a document; own: what this one would say. */
void aeg_node_leases_sum(const struct aeg_node_leases *leases, const struct aeg_report *own,
			 const struct aeg_cluster_document *document, struct aeg_status *status);
/* The leases that nobody has renewed for so long that they may go. */
void aeg_node_leases_stale(const struct aeg_node_leases *leases,
			   void (*fn)(void *arg, const char *name), void *arg);

#endif
