/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The daemon as the verbs see it: they get its answer, or the exit status after it was explained. */
#ifndef AEG_CLI_CLIENT_H
#define AEG_CLI_CLIENT_H

#include "cli/cli.h"
#include "cli/http.h"
#include <jansson.h>

/* AEG_EXIT_OK and the answer, whatever its status; else what went wrong was printed. */
int aeg_client_send(const struct aeg_common *common, const struct aeg_request *request,
		    struct aeg_response *ret);
/* Prints the answer's {"error": …}; 4xx: AEG_EXIT_FOUND, else AEG_EXIT_UNREACHABLE. */
int aeg_client_refused(const struct aeg_response *response);
/* GET with a JSON object in a 200 answer; the caller owns *ret. response keeps the text. */
int aeg_client_get(const struct aeg_common *common, const char *path, struct aeg_response *response,
		   json_t **ret);
/* The answer's text as it came, closed by a newline. */
void aeg_print_body(const struct aeg_response *response);
/* Parses an answer that must be a JSON object; NULL after having said that it is not. */
json_t *aeg_client_parse(const struct aeg_response *response);

static inline void aeg_json_decrefp(json_t **json)
{
	json_decref(*json);
}
#define AEG_AUTO_JSON AEG_CLEANUP(aeg_json_decrefp)
#define AEG_AUTO_RESPONSE AEG_CLEANUP(aeg_response_done)

#endif
