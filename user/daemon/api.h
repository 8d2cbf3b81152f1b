/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The API without its transport: a request becomes a reply. docs/api.md is the contract; keys never
 * change their meaning.
 */
#ifndef AEG_DAEMON_API_H
#define AEG_DAEMON_API_H

#include "base/json.h"
#include "daemon/daemon.h"
#include "daemon/stream.h"
#include <sys/socket.h>

#define AEG_API_BODY_MAX (1024 * 1024)
#define AEG_API_JSON "application/json"
#define AEG_API_TEXT "text/plain; charset=utf-8"

struct aeg_request {
	const char *method, *path;
	const char *rest; /* of the path, behind a route that ends in '/' */
	const char *body; /* NUL-terminated */
	size_t len;
	bool wants_text;    /* Accept: text/plain */
	const char *accept; /* NULL: no such header */
	/* The value of a query key, NULL when it is not there. */
	const char *(*query)(const struct aeg_request *request, const char *key);
	void *transport;
	struct ucred peer; /* who asks, as of the time of connect(); only of requests that write */
};

struct aeg_reply {
	unsigned int status;
	const char *type, *allow; /* allow: of 405; NULL: none */
	const char *run;	  /* of the daemon, as a header; NULL: none */
	struct aeg_buf body;
	bool flows; /* the body is not here: it is a stream of flow records */
	struct aeg_stream_range range;
};

typedef void aeg_route_fn(const struct aeg_daemon *daemon, const struct aeg_request *request,
			  struct aeg_reply *reply);
struct aeg_route {		   /* of a table that ends with a path of NULL */
	const char *method, *path; /* a path that ends in '/' takes everything below it */
	bool writes;		   /* for root and the daemon's own user only */
	aeg_route_fn *fn;
};

/* The route, or NULL with the reply filled in (404, 405). */
const struct aeg_route *aeg_route_find(const struct aeg_route *routes, const char *method,
				       const char *path, struct aeg_reply *reply);
extern const struct aeg_route aeg_api_routes[];
/* Who asked for a change. */
struct aeg_cause aeg_request_cause(const struct aeg_request *request, const char *what);
/* {"error": "…"} in place of whatever the reply held. */
void aeg_reply_error(struct aeg_reply *reply, unsigned int status, const char *format, ...)
	AEG_PRINTF(3, 4);

aeg_route_fn aeg_api_status, aeg_api_policies, aeg_api_workloads, aeg_api_endpoints, aeg_api_counts,
	aeg_api_names, aeg_api_flows, aeg_api_top, aeg_api_explain, aeg_api_apply, aeg_api_delete,
	aeg_api_reload, aeg_api_quarantines, aeg_api_quarantine, aeg_api_release, aeg_api_livez,
	aeg_api_readyz, aeg_api_audit;

/* Whole answers begin and end alike. */
void aeg_items_begin(struct aeg_json *json, struct aeg_reply *reply);
void aeg_items_end(struct aeg_json *json);
/* "2026-11-20T12:00:00.123456789Z"; 0 is left out. */
void aeg_json_time(struct aeg_json *json, const char *key, uint64_t realtime_ns);

/* The keys `dns` and `hellos` of the status. */
void aeg_api_put_dns(struct aeg_json *json, const struct aeg_reconciler *reconciler);
void aeg_api_put_tc(struct aeg_json *json, const struct aeg_reconciler *reconciler);

#endif
