/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * listing ► watching ► (end of the server's patience) watching ► …
 * Any failure ► waiting ► what it was doing; 410 ► listing. A page that is too big is asked for again
 * with fewer objects.
 */
#include "kube/reflector.h"
#include "kube/backoff.h"
#include "kube/complaint.h"
#include "kube/splitter.h"

#include <errno.h>
#include <stdio.h>

#define PAGE_OBJECTS 250u
#define PAGE_BYTES (32u << 20)
/* etcd takes 1.5 MiB of an object; in JSON a control character is six bytes. */
#define LINE_BYTES (16u << 20)
#define PAGE_TIMEOUT_MS 30000u
#define WATCH_S 300u /* then the server ends it, and it is begun anew */
#define ANSWER_GRACE_MS 30000u
#define BEGIN_MS 10000u			 /* a server that does not even begin to answer is away */
#define WATCH_TOO_SHORT_NS 1000000000ull /* a server that hangs up at once is not asked at once */
#define GONE 410

struct aeg_reflector {
	struct aeg_kube_client *client;
	const struct aeg_reflected *reflected;
	const struct aeg_reflector_ops *ops;
	void *arg;
	struct aeg_reflector_state state;
	struct aeg_backoff backoff;
	struct aeg_watch *timer; /* until the next try, or until a watch must have begun */
	struct aeg_kube_call *call;
	unsigned int page_objects;
	char *version;	 /* of the last list or event; NULL: list first */
	char *continued; /* the next page's token; NULL: the first page */
	struct aeg_buf page;
	struct aeg_splitter splitter;
	bool too_big, forgotten; /* why a call was broken off */
	char *complaint;	 /* of the server within a watch; NULL: none */
	uint64_t watch_began_ns; /* CLOCK_MONOTONIC */
};

static void next_step(struct aeg_reflector *reflector);

static void set_text(char **text, const char *value)
{
	char *copy = value ? aeg_xstrdup(value) : NULL;

	free(*text);
	*text = copy;
}

static const char *version_of(json_t *object)
{
	return json_string_value(
		json_object_get(json_object_get(object, "metadata"), "resourceVersion"));
}

static void contact(struct aeg_reflector *reflector)
{
	reflector->state.last_contact_ns = aeg_now_ns();
	aeg_backoff_reset(&reflector->backoff);
}

/* ---- failure ---- */

static void list_again(struct aeg_reflector *reflector)
{
	set_text(&reflector->version, NULL);
	set_text(&reflector->continued, NULL);
	reflector->state.watching = false;
	if (reflector->state.synced)
		reflector->state.restarts++;
}

static void fail(struct aeg_reflector *reflector, const char *why)
{
	reflector->state.failures++;
	reflector->state.watching = false;
	reflector->ops->failed(reflector->arg, why);
	aeg_timer_arm(reflector->timer,
		      aeg_backoff_next(&reflector->backoff, aeg_backoff_random()));
}

/* From the last version on the same thing would come again, so that only a list helps. */
static void skip_too_big(struct aeg_reflector *reflector)
{
	list_again(reflector);
	fail(reflector, "an object is too long for a watch: listing again");
}

static void ended_badly(struct aeg_reflector *reflector, long status, const char *error)
{
	if (status == GONE || reflector->forgotten) {
		list_again(reflector);
		next_step(reflector);
	} else {
		AEG_AUTO_FREE char *why = reflector->complaint ? AEG_TAKE_PTR(reflector->complaint)
							       : aeg_kube_complaint(status, error);

		fail(reflector, why);
	}
}

/* ---- list ---- */

static int page_data(void *arg, const char *data, size_t len)
{
	struct aeg_reflector *reflector = arg;

	reflector->too_big = reflector->page.len + len > PAGE_BYTES;
	if (reflector->too_big)
		return -EMSGSIZE;
	aeg_buf_add(&reflector->page, data, len);
	return 0;
}

/* A list leaves out what its items are; what reads them needs it. */
static void name_kind(json_t *item, const char *list_kind, json_t *version)
{
	size_t len = list_kind ? strlen(list_kind) : 0;

	if (len > 4 && !json_object_get(item, "kind"))
		json_object_set_new(item, "kind", json_stringn(list_kind, len - 4));
	if (version && !json_object_get(item, "apiVersion"))
		json_object_set(item, "apiVersion", version);
}

static void read_page(struct aeg_reflector *reflector, json_t *page)
{
	json_t *metadata = json_object_get(page, "metadata"), *item;
	const char *continued = json_string_value(json_object_get(metadata, "continue"));
	const char *kind = json_string_value(json_object_get(page, "kind"));
	size_t i;

	if (!reflector->continued)
		reflector->ops->begin(reflector->arg);
	json_array_foreach (json_object_get(page, "items"), i, item) {
		name_kind(item, kind, json_object_get(page, "apiVersion"));
		reflector->ops->seen(reflector->arg, item);
	}
	set_text(&reflector->continued, continued && *continued ? continued : NULL);
	if (reflector->continued)
		return;
	set_text(&reflector->version, version_of(page));
	reflector->state.synced = true;
	reflector->ops->synced(reflector->arg);
}

static void page_done(void *arg, long status, const char *error)
{
	struct aeg_reflector *reflector = arg;
	json_error_t where;
	json_t *page;

	reflector->call = NULL;
	if (reflector->too_big && reflector->page_objects > 1) {
		reflector->page_objects = (reflector->page_objects + 3) / 4;
		aeg_buf_done(&reflector->page);
		next_step(reflector);
		return;
	}
	if (status / 100 != 2) {
		aeg_buf_done(&reflector->page);
		ended_badly(reflector, status,
			    reflector->too_big ? "an object is larger than 32 MiB" : error);
		return;
	}
	page = json_loadb(aeg_buf_text(&reflector->page), reflector->page.len, 0, &where);
	aeg_buf_done(&reflector->page);
	if (!json_is_array(json_object_get(page, "items"))) {
		fail(reflector, page ? "the answer is not a list" : where.text);
	} else {
		contact(reflector);
		read_page(reflector, page);
		next_step(reflector);
	}
	json_decref(page);
}

static const char *accept_of(const struct aeg_reflector *reflector, bool list)
{
	if (!reflector->reflected->metadata)
		return NULL;
	return list ? "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
		    : "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
}

static void put_query(const struct aeg_reflector *reflector, struct aeg_buf *path)
{
	const struct aeg_reflected *reflected = reflector->reflected;

	aeg_buf_printf(path, "%s?", reflected->path);
	if (reflected->query)
		aeg_buf_printf(path, "%s&", reflected->query);
}

static void list(struct aeg_reflector *reflector)
{
	static const struct aeg_kube_ops ops = {.data = page_data, .done = page_done};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf path = {0};
	struct aeg_kube_request request = {
		.method = "GET",
		.accept = accept_of(reflector, true),
		.timeout_ms = PAGE_TIMEOUT_MS,
	};

	put_query(reflector, &path);
	aeg_buf_printf(&path, "limit=%u", reflector->page_objects);
	if (reflector->continued)
		aeg_buf_printf(&path, "&continue=%s", reflector->continued);
	request.path = aeg_buf_text(&path);
	reflector->too_big = reflector->forgotten = false;
	reflector->call = aeg_kube_call_start(reflector->client, &request, &ops, reflector);
}

/* ---- watch ---- */

/* The object is a Status. */
static void note_error(struct aeg_reflector *reflector, json_t *status)
{
	json_int_t code = json_integer_value(json_object_get(status, "code"));
	const char *message = json_string_value(json_object_get(status, "message"));

	reflector->forgotten = code == GONE;
	free(reflector->complaint);
	reflector->complaint = aeg_xasprintf("the watch broke off: %lld: %s", (long long)code,
					     message ? message : "no reason");
}

/* {"type": "MODIFIED", "object": {...}} */
static int read_event(struct aeg_reflector *reflector, const char *type, json_t *object)
{
	if (aeg_streq(type, "ERROR")) {
		note_error(reflector, object);
		return -ECONNRESET;
	}
	contact(reflector);
	if (aeg_streq(type, "ADDED") || aeg_streq(type, "MODIFIED"))
		reflector->ops->seen(reflector->arg, object);
	else if (aeg_streq(type, "DELETED"))
		reflector->ops->gone(reflector->arg, object);
	if (version_of(object))
		set_text(&reflector->version, version_of(object));
	return 0;
}

static int watch_line(void *arg, const char *line, size_t len)
{
	struct aeg_reflector *reflector = arg;
	json_t *event = json_loadb(line, len, 0, NULL);
	const char *type = json_string_value(json_object_get(event, "type"));
	json_t *object = json_object_get(event, "object");
	int err = -EBADMSG;

	if (type && json_is_object(object))
		err = read_event(reflector, type, object);
	json_decref(event);
	return err;
}

static int watch_data(void *arg, const char *data, size_t len)
{
	struct aeg_reflector *reflector = arg;

	int err = aeg_splitter_feed(&reflector->splitter, data, len, watch_line, reflector);

	reflector->too_big = err == -EMSGSIZE;
	return err;
}

/* Not before: a server that takes no connection, or says nothing, is not followed. */
static void watch_begun(void *arg)
{
	struct aeg_reflector *reflector = arg;

	aeg_timer_disarm(reflector->timer);
	reflector->state.watching = true;
	reflector->state.last_contact_ns = aeg_now_ns();
	if (reflector->ops->followed)
		reflector->ops->followed(reflector->arg);
}

static void watch_done(void *arg, long status, const char *error)
{
	struct aeg_reflector *reflector = arg;

	reflector->call = NULL;
	aeg_timer_disarm(reflector->timer);
	aeg_splitter_done(&reflector->splitter);
	if (reflector->too_big)
		skip_too_big(reflector);
	else if (status / 100 != 2)
		ended_badly(reflector, status, error);
	else if (aeg_now_ns() - reflector->watch_began_ns < WATCH_TOO_SHORT_NS)
		fail(reflector, "the server ended the watch at once");
	else
		next_step(reflector); /* its time was up: from where it ended */
}

static void watch(struct aeg_reflector *reflector)
{
	static const struct aeg_kube_ops ops = {
		.begun = watch_begun, .data = watch_data, .done = watch_done};
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf path = {0};
	struct aeg_kube_request request = {
		.method = "GET",
		.accept = accept_of(reflector, false),
		.timeout_ms = WATCH_S * 1000u + ANSWER_GRACE_MS,
	};

	put_query(reflector, &path);
	aeg_buf_printf(&path,
		       "watch=1&allowWatchBookmarks=true&timeoutSeconds=%u&resourceVersion=%s",
		       WATCH_S, reflector->version);
	request.path = aeg_buf_text(&path);
	reflector->too_big = reflector->forgotten = false;
	reflector->watch_began_ns = aeg_now_ns();
	free(AEG_TAKE_PTR(reflector->complaint));
	reflector->call = aeg_kube_call_start(reflector->client, &request, &ops, reflector);
	aeg_timer_arm(reflector->timer, BEGIN_MS);
}

/* ---- life ---- */

static void next_step(struct aeg_reflector *reflector)
{
	if (reflector->version && !reflector->continued)
		watch(reflector);
	else
		list(reflector);
}

static void on_time(void *arg)
{
	struct aeg_reflector *reflector = arg;

	if (!reflector->call) {
		next_step(reflector);
		return;
	}
	aeg_kube_call_cancel(AEG_TAKE_PTR(reflector->call));
	fail(reflector, "the server does not answer");
}

int aeg_reflector_new(struct aeg_kube_client *client, struct aeg_loop *loop,
		      const struct aeg_reflected *reflected, const struct aeg_reflector_ops *ops,
		      void *arg, struct aeg_reflector **ret)
{
	struct aeg_reflector *reflector = aeg_xcalloc(1, sizeof(*reflector));
	int err;

	reflector->client = client;
	reflector->reflected = reflected;
	reflector->ops = ops;
	reflector->arg = arg;
	reflector->page_objects = PAGE_OBJECTS;
	reflector->splitter.max = LINE_BYTES;
	err = aeg_loop_timer(loop, on_time, reflector, &reflector->timer);
	if (err) {
		free(reflector);
		return err;
	}
	next_step(reflector);
	*ret = reflector;
	return 0;
}

void aeg_reflector_free(struct aeg_reflector *reflector)
{
	if (!reflector)
		return;
	aeg_kube_call_cancel(reflector->call);
	aeg_watch_remove(reflector->timer);
	aeg_splitter_done(&reflector->splitter);
	aeg_buf_done(&reflector->page);
	free(reflector->complaint);
	free(reflector->version);
	free(reflector->continued);
	free(reflector);
}

struct aeg_reflector_state aeg_reflector_state(const struct aeg_reflector *reflector)
{
	return reflector->state;
}
