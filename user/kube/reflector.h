/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Follows one kind of object: lists it page by page, then watches it. What goes wrong is tried again,
 * later and later, from where it broke off; a version that the server has forgotten (410) means a new
 * list. What was last known stays until the server says otherwise.
 */
#ifndef AEG_KUBE_REFLECTOR_H
#define AEG_KUBE_REFLECTOR_H

#include "kube/client.h"

#include <jansson.h>

struct aeg_reflector;

struct aeg_reflected {	   /* what is followed; texts are borrowed and must stay */
	const char *name;  /* "pods", for messages */
	const char *path;  /* "/api/v1/pods" */
	const char *query; /* "fieldSelector=spec.nodeName%3Dnode-1"; NULL: none */
	bool metadata;	   /* nothing but metadata is wanted */
};

struct aeg_reflector_ops {
	void (*begin)(void *arg);		 /* of a list: what does not come now is gone */
	void (*seen)(void *arg, json_t *object); /* is there, or changed; borrowed */
	void (*gone)(void *arg, json_t *object);
	void (*synced)(void *arg);		    /* the list is complete */
	void (*followed)(void *arg);		    /* a watch has begun; NULL: does not matter */
	void (*failed)(void *arg, const char *why); /* and will be tried again */
};

struct aeg_reflector_state { /* for metrics and readyz */
	bool synced;	     /* a list was complete, now or at some time */
	bool watching;	     /* and nothing is known to be missing since */
	uint64_t restarts;   /* lists after the first one */
	uint64_t failures;
	uint64_t last_contact_ns; /* CLOCK_MONOTONIC; 0: never */
};

/* Starts at once. */
int aeg_reflector_new(struct aeg_kube_client *client, struct aeg_loop *loop,
		      const struct aeg_reflected *reflected, const struct aeg_reflector_ops *ops,
		      void *arg, struct aeg_reflector **ret);
void aeg_reflector_free(struct aeg_reflector *reflector);
struct aeg_reflector_state aeg_reflector_state(const struct aeg_reflector *reflector);

#endif
