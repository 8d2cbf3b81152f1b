/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Objects of the API server as the rest of the daemon knows them. Pure. What is not needed, annotations
 * above all, is not kept, so that nobody can fill our memory with it.
 */
#ifndef AEG_KUBE_OBJECTS_H
#define AEG_KUBE_OBJECTS_H

#include "policy/model.h"

#include <jansson.h>

/* NULL: no object with a name and a UID, or a pod that has come to its end. Caller frees. */
struct aeg_workload *aeg_kube_pod(json_t *object);
struct aeg_namespace *aeg_kube_namespace(json_t *object);

struct aeg_kube_document {	      /* one object of the policy language */
	char *kind, *ns, *name, *uid; /* ns NULL: of the cluster */
	int64_t generation;
	char *file;	/* "AIEgressPolicy ml-prod/chat": what messages call it */
	char *text;	/* what a file would hold, so that both are read by the same code */
	json_t *status; /* NULL: none */
};

/* false: no object with a kind and a name. */
bool aeg_kube_document(json_t *object, struct aeg_kube_document *ret);
void aeg_kube_document_done(struct aeg_kube_document *document);

/* "namespace/name" or "name"; NULL: it has no name. Caller frees. */
char *aeg_kube_key(json_t *object);

#endif
