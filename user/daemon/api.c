/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table of routes and what all answers share. */
#include "daemon/api.h"
#include "observe/flow.h"

#include <stdarg.h>
#include <stdio.h>

const struct aeg_route aeg_api_routes[] = {
	{"GET", "/v1/status", false, aeg_api_status},
	{"GET", "/v1/policies", false, aeg_api_policies},
	{"GET", "/v1/workloads", false, aeg_api_workloads},
	{"GET", "/v1/endpoints", false, aeg_api_endpoints},
	{"GET", "/v1/names", false, aeg_api_names},
	{"GET", "/v1/flows", false, aeg_api_flows},
	{"GET", "/v1/top", false, aeg_api_top},
	{"GET", "/v1/counts", false, aeg_api_counts},
	{"GET", "/v1/audit", false, aeg_api_audit},
	{"POST", "/v1/explain", false, aeg_api_explain},
	{"POST", "/v1/apply", true, aeg_api_apply},
	{"DELETE", "/v1/objects/", true, aeg_api_delete},
	{"POST", "/v1/reload", true, aeg_api_reload},
	{"GET", "/v1/quarantines", false, aeg_api_quarantines},
	{"POST", "/v1/quarantines", true, aeg_api_quarantine},
	{"DELETE", "/v1/quarantines/", true, aeg_api_release},
	{"GET", "/livez", false, aeg_api_livez},
	{"GET", "/readyz", false, aeg_api_readyz},
	{0},
};

void aeg_reply_error(struct aeg_reply *reply, unsigned int status, const char *format, ...)
{
	char sentence[1024];
	struct aeg_json json;
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	reply->status = status;
	reply->type = AEG_API_JSON;
	aeg_buf_reset(&reply->body);
	aeg_json_begin(&json, &reply->body);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "error", sentence);
	aeg_json_object_end(&json);
}

static bool path_matches(const struct aeg_route *route, const char *path)
{
	size_t len = strlen(route->path);

	if (route->path[len - 1] == '/')
		return strncmp(path, route->path, len) == 0;
	return aeg_streq(path, route->path);
}

static void reply_not_found(const struct aeg_route *routes, const char *path,
			    struct aeg_reply *reply)
{
	struct aeg_json json;

	reply->status = 404;
	reply->type = AEG_API_JSON;
	aeg_json_begin(&json, &reply->body);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "error", "there is no such path; paths has those that exist");
	aeg_json_str(&json, "path", path);
	aeg_json_array(&json, "paths");
	for (; routes->path; routes++) {
		AEG_AUTO_FREE char *text = aeg_xasprintf("%s %s", routes->method, routes->path);

		aeg_json_str(&json, NULL, text);
	}
	aeg_json_array_end(&json);
	aeg_json_object_end(&json);
}

const struct aeg_route *aeg_route_find(const struct aeg_route *routes, const char *method,
				       const char *path, struct aeg_reply *reply)
{
	const struct aeg_route *other = NULL;

	if (aeg_streq(method, "HEAD"))
		method = "GET";
	for (const struct aeg_route *route = routes; route->path; route++) {
		if (!path_matches(route, path))
			continue;
		if (aeg_streq(route->method, method))
			return route;
		other = route;
	}
	if (!other) {
		reply_not_found(routes, path, reply);
		return NULL;
	}
	aeg_reply_error(reply, 405, "%s takes %s", other->path, other->method);
	reply->allow = other->method;
	return NULL;
}

void aeg_items_begin(struct aeg_json *json, struct aeg_reply *reply)
{
	aeg_json_begin(json, &reply->body);
	aeg_json_object(json, NULL);
	aeg_json_array(json, "items");
}

void aeg_items_end(struct aeg_json *json)
{
	aeg_json_array_end(json);
	aeg_json_object_end(json);
}

void aeg_json_time(struct aeg_json *json, const char *key, uint64_t realtime_ns)
{
	char text[AEG_TIME_TEXT];

	if (!realtime_ns)
		return;
	aeg_time_format(realtime_ns, text);
	aeg_json_str(json, key, text);
}
