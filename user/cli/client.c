/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Turns what can go wrong between a verb and the daemon into one sentence and an exit status. */
#include "cli/client.h"
#include "cli/text.h"

int aeg_client_send(const struct aeg_common *common, const struct aeg_request *request,
		    struct aeg_response *ret)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};

	if (aeg_http_call(aeg_cli_socket(common), request, ret, &error) == 0)
		return AEG_EXIT_OK;
	aeg_complain("%s", aeg_buf_text(&error));
	return AEG_EXIT_UNREACHABLE;
}

json_t *aeg_client_parse(const struct aeg_response *response)
{
	json_error_t error;
	json_t *json = json_loadb(aeg_buf_text(&response->body), response->body.len,
				  JSON_REJECT_DUPLICATES, &error);

	if (json_is_object(json))
		return json;
	aeg_complain("aegressd answered something that is not a JSON object: %s (HTTP status %ld)",
		     json ? "wrong type" : error.text, response->status);
	json_decref(json);
	return NULL;
}

void aeg_print_body(const struct aeg_response *response)
{
	const struct aeg_buf *body = &response->body;

	fwrite(aeg_buf_text(body), 1, body->len, stdout);
	if (body->len && body->data[body->len - 1] != '\n')
		putchar('\n');
}

int aeg_client_refused(const struct aeg_response *response)
{
	AEG_AUTO_JSON json_t *json =
		json_loadb(aeg_buf_text(&response->body), response->body.len, 0, NULL);
	const char *sentence = json_string_value(json_object_get(json, "error"));
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf clean = {0};

	if (sentence) {
		aeg_text_clean(&clean, sentence);
		aeg_complain("%s", aeg_buf_text(&clean));
	} else {
		aeg_complain("aegressd answered with HTTP status %ld and no reason",
			     response->status);
	}
	return response->status >= 400 && response->status < 500 ? AEG_EXIT_FOUND
								 : AEG_EXIT_UNREACHABLE;
}

int aeg_client_get(const struct aeg_common *common, const char *path, struct aeg_response *response,
		   json_t **ret)
{
	struct aeg_request request = {.method = "GET", .path = path};
	int result = aeg_client_send(common, &request, response);

	if (result != AEG_EXIT_OK)
		return result;
	if (response->status != 200)
		return aeg_client_refused(response);
	*ret = aeg_client_parse(response);
	return *ret ? AEG_EXIT_OK : AEG_EXIT_UNREACHABLE;
}
