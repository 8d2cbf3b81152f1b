/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* HTTP over a Unix socket: one request and its answer, or an answer that does not end. */
#ifndef AEG_CLI_HTTP_H
#define AEG_CLI_HTTP_H

#include "base/buf.h"
#include <stdbool.h>
#include <stddef.h>

#define AEG_HTTP_ANSWER_MAX (256u * 1024 * 1024)
#define AEG_HTTP_LINE_MAX (1024u * 1024) /* of a stream */

struct aeg_request {
	const char *method, *path; /* the path is escaped already */
	const char *accept;	   /* NULL: JSON */
	const char *type;	   /* of the body */
	const char *body;	   /* NULL: none */
	size_t body_len;
};

struct aeg_response {
	long status;
	struct aeg_buf body;
};

/* Without newline. Returns false to stop. */
typedef bool aeg_line_fn(void *arg, const char *line, size_t len);

/*
 * 0 when there is an answer, whatever its status; else -errno and, in error, a sentence that names
 * the socket, the reason and what to do.
 */
int aeg_http_call(const char *socket, const struct aeg_request *request, struct aeg_response *ret,
		  struct aeg_buf *error);
/*
 * GET; each line of a 200 answer goes to fn, other answers go to ret. Ends, with 0, when the daemon
 * ends it, fn returns false or SIGINT or SIGTERM arrives: *ret_interrupted tells the latter.
 */
int aeg_http_stream(const char *socket, const char *path, aeg_line_fn *fn, void *arg,
		    struct aeg_response *ret, bool *ret_interrupted, struct aeg_buf *error);
/* Appends text so that it can stand in a path or a query. */
void aeg_http_escape(struct aeg_buf *path, const char *text);
void aeg_response_done(struct aeg_response *response);

#endif
