/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * HTTPS to the API server in the daemon's own loop: any number of calls at once, answers as they come.
 * TLS is always verified; proxies of the environment are not asked; redirects are not followed.
 */
#ifndef AEG_KUBE_CLIENT_H
#define AEG_KUBE_CLIENT_H

#include "base/loop.h"
#include "kube/access.h"

struct aeg_kube_client;
struct aeg_kube_call; /* one that is under way */

struct aeg_kube_request {
	const char *method;	 /* "GET" */
	const char *path;	 /* "/api/v1/pods?limit=100" */
	const char *accept;	 /* NULL: application/json */
	const char *body, *type; /* NULL: none; its content type */
	unsigned int timeout_ms; /* of the whole call; 0: none */
};

struct aeg_kube_ops { /* none is called within aeg_kube_call_start() */
	/* The server has begun a good answer; NULL: it does not matter. */
	void (*begun)(void *arg);
	/* A piece of the body of an answer with a good status; 0, or -errno to break off. */
	int (*data)(void *arg, const char *data, size_t len);
	/*
	 * The end. status 0: there was no answer; error says why, else it is what the server says of a
	 * bad status, or "". The call is gone after it.
	 */
	void (*done)(void *arg, long status, const char *error);
};

/* Takes the access. -errno with a sentence. */
int aeg_kube_client_open(struct aeg_kube_access *access, struct aeg_loop *loop,
			 struct aeg_buf *error, struct aeg_kube_client **ret);
/* Calls that are under way end without a word. */
void aeg_kube_client_close(struct aeg_kube_client *client);
/* Texts are copied. Never fails: what cannot be started ends soon, with its error. */
struct aeg_kube_call *aeg_kube_call_start(struct aeg_kube_client *client,
					  const struct aeg_kube_request *request,
					  const struct aeg_kube_ops *ops, void *arg);
/* done() is not called; NULL is fine. Not from within the call's own data(). */
void aeg_kube_call_cancel(struct aeg_kube_call *call);

#endif
