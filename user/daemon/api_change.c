/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Everything that changes something: apply, delete, reload. */
#include "daemon/api.h"
#include "daemon/apply.h"

static unsigned int status_of(enum aeg_apply_result result)
{
	static const unsigned int statuses[] = {
		[AEG_APPLY_OK] = 200,	     [AEG_APPLY_INVALID] = 422, [AEG_APPLY_CONFLICT] = 409,
		[AEG_APPLY_NOT_FOUND] = 404, [AEG_APPLY_FAILED] = 500,
	};

	return statuses[result];
}

static void put_diagnostics(struct aeg_json *json, const struct aeg_diags *diags)
{
	struct aeg_buf array = {0};

	aeg_diags_json(diags, &array);
	aeg_json_raw(json, "diagnostics", aeg_buf_text(&array));
	aeg_buf_done(&array);
}

static void reply_refused(const struct aeg_apply *apply, struct aeg_reply *reply)
{
	struct aeg_buf text = {0};
	struct aeg_json json;

	aeg_diags_print(&apply->diags, &text, false);
	aeg_json_begin(&json, &reply->body);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "error", aeg_buf_text(&apply->error));
	if (apply->diags.list.n) {
		aeg_json_str(&json, "text", aeg_buf_text(&text));
		put_diagnostics(&json, &apply->diags);
	}
	aeg_json_object_end(&json);
	aeg_buf_done(&text);
}

static void put_item(struct aeg_json *json, const struct aeg_apply_item *item)
{
	aeg_json_object(json, NULL);
	aeg_json_str(json, "kind", item->kind);
	aeg_json_str(json, "namespace", item->ns);
	aeg_json_str(json, "name", item->name);
	aeg_json_str(json, "action", item->action);
	aeg_json_object_end(json);
}

static void reply_done(const struct aeg_daemon *daemon, const struct aeg_apply *apply,
		       struct aeg_reply *reply)
{
	struct aeg_json json;

	aeg_items_begin(&json, reply);
	for (size_t i = 0; i < apply->items.n; i++)
		put_item(&json, &apply->items.items[i]);
	aeg_json_array_end(&json);
	aeg_json_u64(&json, "generation", aeg_datapath_generation(daemon->reconciler->datapath));
	aeg_json_object_end(&json);
}

static void reply_result(const struct aeg_daemon *daemon, enum aeg_apply_result result,
			 const struct aeg_apply *apply, struct aeg_reply *reply)
{
	reply->status = status_of(result);
	if (result == AEG_APPLY_OK)
		reply_done(daemon, apply, reply);
	else
		reply_refused(apply, reply);
}

struct aeg_cause aeg_request_cause(const struct aeg_request *request, const char *what)
{
	return (struct aeg_cause){
		.source = "api",
		.request = what,
		.pid = request->peer.pid,
		.uid = request->peer.uid,
		.gid = request->peer.gid,
	};
}

static bool is_true(const char *value)
{
	return value && (aeg_streq(value, "1") || aeg_streq(value, "true"));
}

void aeg_api_apply(const struct aeg_daemon *daemon, const struct aeg_request *request,
		   struct aeg_reply *reply)
{
	const char *file = request->query(request, "file");
	struct aeg_apply apply = {.cause = aeg_request_cause(request, "apply")};
	enum aeg_apply_result result =
		aeg_apply_body(daemon->reconciler, file && *file ? file : "(body)", request->body,
			       request->len, is_true(request->query(request, "dryRun")), &apply);

	reply_result(daemon, result, &apply, reply);
	aeg_apply_done(&apply);
}

void aeg_api_delete(const struct aeg_daemon *daemon, const struct aeg_request *request,
		    struct aeg_reply *reply)
{
	AEG_AUTO_FREE char *rest = aeg_xstrdup(request->rest);
	char *ns = strchr(rest, '/'), *name = ns ? strchr(ns + 1, '/') : NULL;
	struct aeg_apply apply = {.cause = aeg_request_cause(request, "delete")};

	if (!name || strchr(name + 1, '/')) {
		aeg_reply_error(reply, 404,
				"write /v1/objects/KIND/NAMESPACE/NAME, with - as the namespace of "
				"cluster-scoped kinds");
		return;
	}
	*ns++ = '\0';
	*name++ = '\0';
	reply_result(daemon,
		     aeg_apply_delete(daemon->reconciler, rest, aeg_streq(ns, "-") ? NULL : ns,
				      name, &apply),
		     &apply, reply);
	aeg_apply_done(&apply);
}

void aeg_api_reload(const struct aeg_daemon *daemon, const struct aeg_request *request,
		    struct aeg_reply *reply)
{
	struct aeg_reconciler *reconciler = daemon->reconciler;
	const struct aeg_cause cause = aeg_request_cause(request, "reload");
	int err = aeg_reconciler_reload(reconciler, &cause);
	struct aeg_json json;

	reply->status = err ? 422 : 200;
	aeg_json_begin(&json, &reply->body);
	aeg_json_object(&json, NULL);
	if (err) {
		aeg_json_str(&json, "error", "the reload failed; what was in force stays in force");
		aeg_json_str(&json, "text", reconciler->last.text);
		put_diagnostics(&json, &reconciler->last.diags);
	}
	aeg_json_u64(&json, "generation", aeg_datapath_generation(reconciler->datapath));
	aeg_json_object_end(&json);
}
