/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the API server says, kept: this node's pods, the namespaces' labels, and the documents of the
 * policy language. Feeds the reconciler; what was last known holds while the server is away.
 */
#ifndef AEG_DAEMON_CLUSTER_H
#define AEG_DAEMON_CLUSTER_H

#include "base/loop.h"
#include "daemon/config.h"
#include "kube/lease.h"
#include "kube/objects.h"
#include "kube/reflector.h"

enum aeg_resource {
	AEG_RESOURCE_PODS,
	AEG_RESOURCE_NAMESPACES,
	AEG_RESOURCE_ENDPOINTS,
	AEG_RESOURCE_POLICIES,
	AEG_RESOURCE_CLUSTER_POLICIES,
	AEG_RESOURCES,
};

struct aeg_cluster;

struct aeg_cluster_ops {
	/* Documents or namespaces changed, or everything is known for the first time. */
	void (*changed)(void *arg);
	/* Not before that; a pod that is new, or of which policies see something else. Borrowed. */
	void (*pod)(void *arg, const struct aeg_workload *pod);
	void (*pod_gone)(void *arg, const char *uid);
};

/* What the last reload that it was part of made of a document. */
enum aeg_document_state {
	AEG_DOCUMENT_UNJUDGED, /* none was yet since it changed */
	AEG_DOCUMENT_IN_FORCE,
	AEG_DOCUMENT_REFUSED,
	AEG_DOCUMENT_FAILED, /* nothing is wrong with it, but the reload as a whole failed */
};

/* A document as it is in the cluster, and what became of it here. */
struct aeg_cluster_document {
	struct aeg_kube_document document;
	enum aeg_document_state state;
	char *why;	      /* of a state that is no good one; NULL else */
	struct aeg_mark mark; /* of name and text: the same on every node that reads the same */
	char *refused; /* what an attempt to read found first; NULL: nothing. Trials write it, too */
};

/* Begins to follow. -errno with a sentence: the access is not usable; a server that does not answer
 * is no error. */
int aeg_cluster_open(const struct aeg_config *config, struct aeg_loop *loop,
		     const struct aeg_cluster_ops *ops, void *arg, struct aeg_buf *error,
		     struct aeg_cluster **ret);
void aeg_cluster_close(struct aeg_cluster *cluster);

/* Whether every resource was listed at least once. NULL: no cluster is configured; then yes. */
bool aeg_cluster_synced(const struct aeg_cluster *cluster);
/* What cannot be followed at present, and why; NULL: all is well. Caller frees. */
char *aeg_cluster_trouble(const struct aeg_cluster *cluster);
/* What was listed; of pods: those of this node. */
size_t aeg_cluster_count(const struct aeg_cluster *cluster, enum aeg_resource resource);
/* For other calls to the same server; borrowed, and closed with the cluster. */
struct aeg_kube_client *aeg_cluster_client(const struct aeg_cluster *cluster);
const char *aeg_resource_name(enum aeg_resource resource);
struct aeg_reflector_state aeg_cluster_state(const struct aeg_cluster *cluster,
					     enum aeg_resource resource);

/* Puts what is known into a model, before aeg_model_check(). Nothing before all is synced. */
void aeg_cluster_fill(const struct aeg_cluster *cluster, struct aeg_model *model,
		      struct aeg_diags *diags);
/* Forgets which documents were refused: a new attempt begins. */
void aeg_cluster_accept_all(struct aeg_cluster *cluster);
/*
 * Refuses the documents that the diagnostics blame; fill leaves them out from now on. true: somebody
 * was refused who was not before, so that another attempt may succeed.
 */
bool aeg_cluster_refuse(struct aeg_cluster *cluster, const struct aeg_diags *diags);
/* After a reload: what it made of every document. why: of a failure; NULL: what was read is in force. */
void aeg_cluster_settle(struct aeg_cluster *cluster, const char *why);
/* How often that was. */
uint64_t aeg_cluster_settled(const struct aeg_cluster *cluster);
void aeg_cluster_documents(const struct aeg_cluster *cluster,
			   void (*fn)(void *arg, const struct aeg_cluster_document *document),
			   void *arg);

#endif
