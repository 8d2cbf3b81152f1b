/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A reflector a resource. Nothing is told before all have been listed once: pods that met only half of
 * the policies would be let through. Changes that only the server cares about (status, annotations)
 * are not told at all.
 */
#include "daemon/cluster.h"
#include "base/digest.h"
#include "base/log.h"
#include "kube/set.h"

#include <stdio.h>

#define COMPONENT "kubernetes"
#define GATHER_MS 10	   /* one reload for documents that are applied together */
#define GATHER_LAST_MS 100 /* although they keep coming */
#define GROUP "/apis/aegress.dev/v1alpha1/"

struct follower { /* of one resource */
	struct aeg_cluster *cluster;
	enum aeg_resource resource;
	struct aeg_reflected reflected;
	struct aeg_reflector *reflector;
	struct aeg_set set; /* of aeg_workload, aeg_namespace or aeg_cluster_document */
	struct aeg_log_limit log;
	char *failure; /* of the last attempt; NULL: it went well */
};

struct aeg_cluster {
	const struct aeg_cluster_ops *ops;
	void *arg;
	struct aeg_kube_client *client;
	struct follower followers[AEG_RESOURCES];
	struct aeg_watch *gather;
	uint64_t changed_at_ns; /* the first change that nobody was told of; 0: none */
	bool synced;
	uint64_t settled; /* reloads */
	char *pods_query;
};

static void tell_pod(void *arg, void *pod)
{
	struct aeg_cluster *cluster = arg;

	cluster->ops->pod(cluster->arg, pod);
}

/* ---- telling ---- */

static bool all_listed(const struct aeg_cluster *cluster)
{
	for (size_t i = 0; i < AEG_RESOURCES; i++) {
		const struct aeg_reflector *reflector = cluster->followers[i].reflector;

		if (!reflector || !aeg_reflector_state(reflector).synced)
			return false;
	}
	return true;
}

static void tell(void *arg)
{
	struct aeg_cluster *cluster = arg;

	cluster->changed_at_ns = 0;
	cluster->ops->changed(cluster->arg);
}

static void changed(struct aeg_cluster *cluster)
{
	uint64_t now = aeg_now_ns();

	if (!cluster->synced)
		return;
	if (!cluster->changed_at_ns)
		cluster->changed_at_ns = now;
	if (now - cluster->changed_at_ns < GATHER_LAST_MS * 1000000ull)
		aeg_timer_arm(cluster->gather, GATHER_MS);
}

/* ---- pods ---- */

static void free_workload(void *value)
{
	aeg_workload_free(value);
}

static const char *uid_of(json_t *object)
{
	return json_string_value(json_object_get(json_object_get(object, "metadata"), "uid"));
}

static void tell_pod_gone(void *arg, void *value)
{
	const struct aeg_workload *pod = value;
	struct aeg_cluster *cluster = arg;

	if (cluster->synced)
		cluster->ops->pod_gone(cluster->arg, pod->uid);
}

static void pod_gone(struct follower *follower, json_t *object)
{
	const char *uid = uid_of(object);
	struct aeg_workload *pod = uid ? aeg_set_get(&follower->set, uid) : NULL;

	if (!pod)
		return;
	tell_pod_gone(follower->cluster, pod);
	aeg_set_remove(&follower->set, uid);
}

static void pod_seen(struct follower *follower, json_t *object)
{
	struct aeg_workload *pod = aeg_kube_pod(object), *known;

	if (!pod) {
		pod_gone(follower, object);
		return;
	}
	known = aeg_set_get(&follower->set, pod->uid);
	if (known && aeg_workload_same(known, pod)) {
		aeg_set_mention(&follower->set, pod->uid);
		aeg_workload_free(pod);
		return;
	}
	aeg_set_put(&follower->set, pod->uid, pod);
	if (follower->cluster->synced)
		tell_pod(follower->cluster, pod);
}

/* ---- namespaces ---- */

static void free_namespace(void *value)
{
	aeg_namespace_free(value);
}

static void namespace_seen(struct follower *follower, json_t *object)
{
	struct aeg_namespace *ns = aeg_kube_namespace(object), *known;

	if (!ns)
		return;
	known = aeg_set_get(&follower->set, ns->name);
	if (known && aeg_labels_same(&known->labels, &ns->labels)) {
		aeg_set_mention(&follower->set, ns->name);
		aeg_namespace_free(ns);
		return;
	}
	aeg_set_put(&follower->set, ns->name, ns);
	changed(follower->cluster);
}

/* ---- documents ---- */

static void free_document(void *value)
{
	struct aeg_cluster_document *document = value;

	aeg_kube_document_done(&document->document);
	free(document->refused);
	free(document->why);
	free(document);
}

static void make_mark(struct aeg_cluster_document *document)
{
	AEG_AUTO_FREE char *all =
		aeg_xasprintf("%s\n%s", document->document.file, document->document.text);
	char digest[AEG_DIGEST_TEXT];

	aeg_digest(all, strlen(all), digest);
	snprintf(document->mark.text, sizeof(document->mark.text), "%.*s", AEG_LEASE_MARK, digest);
}

static void document_seen(struct follower *follower, json_t *object)
{
	struct aeg_cluster_document *document = aeg_xcalloc(1, sizeof(*document)), *known;
	const char *key;

	if (!aeg_kube_document(object, &document->document)) {
		free(document);
		return;
	}
	key = document->document.file;
	known = aeg_set_get(&follower->set, key);
	if (known && aeg_streq(known->document.text, document->document.text)) {
		known->document.generation = document->document.generation;
		json_decref(known->document.status);
		known->document.status = AEG_TAKE_PTR(document->document.status);
		aeg_set_mention(&follower->set, key);
		free_document(document);
		return;
	}
	make_mark(document);
	aeg_set_put(&follower->set, key, document);
	changed(follower->cluster);
}

/* ---- what a reflector says ---- */

static void on_begin(void *arg)
{
	struct follower *follower = arg;

	aeg_set_begin(&follower->set);
}

static void on_seen(void *arg, json_t *object)
{
	struct follower *follower = arg;

	if (follower->resource == AEG_RESOURCE_PODS)
		pod_seen(follower, object);
	else if (follower->resource == AEG_RESOURCE_NAMESPACES)
		namespace_seen(follower, object);
	else
		document_seen(follower, object);
}

static void on_gone(void *arg, json_t *object)
{
	struct follower *follower = arg;
	AEG_AUTO_FREE char *key = aeg_kube_key(object);
	const char *kind = json_string_value(json_object_get(object, "kind"));
	AEG_AUTO_FREE char *file = key && kind ? aeg_xasprintf("%s %s", kind, key) : NULL;

	if (follower->resource == AEG_RESOURCE_PODS) {
		pod_gone(follower, object);
	} else if (follower->resource == AEG_RESOURCE_NAMESPACES && key) {
		aeg_set_remove(&follower->set, key);
		changed(follower->cluster); /* another one of that name may come, with other labels */
	} else if (file) {
		aeg_set_remove(&follower->set, file);
		changed(follower->cluster);
	}
}

static void on_swept(void *arg, void *value)
{
	struct follower *follower = arg;

	if (follower->resource == AEG_RESOURCE_PODS)
		tell_pod_gone(follower->cluster, value);
	else
		changed(follower->cluster);
}

static void on_synced(void *arg)
{
	struct follower *follower = arg;
	struct aeg_cluster *cluster = follower->cluster;

	aeg_set_sweep(&follower->set, on_swept, follower);
	if (cluster->synced || !all_listed(cluster))
		return;
	cluster->synced = true;
	aeg_log(AEG_LOG_INFO, COMPONENT, "everything is known: %zu pods on this node",
		cluster->followers[AEG_RESOURCE_PODS].set.n);
	tell(cluster);
}

static void on_followed(void *arg)
{
	struct follower *follower = arg;

	if (follower->failure)
		aeg_log(AEG_LOG_INFO, COMPONENT, "%s: followed again", follower->reflected.name);
	free(AEG_TAKE_PTR(follower->failure));
}

static void on_failed(void *arg, const char *why)
{
	struct follower *follower = arg;
	bool known = follower->failure && aeg_streq(follower->failure, why);

	if (known) /* the server that went away is one line, that it took a right away another one */
		return;
	free(follower->failure);
	follower->failure = aeg_xstrdup(why);
	if (aeg_log_allowed(&follower->log, aeg_now_ns()))
		aeg_log(AEG_LOG_WARNING, COMPONENT,
			"%s cannot be followed, what is known stays in force: %s",
			follower->reflected.name, why);
}

/* ---- for the ruleset ---- */

struct filling {
	const struct aeg_set *namespaces;
	struct aeg_model *model;
	struct aeg_diags *diags;
};

/* A pod of which we know sooner than of its namespace waits for it: no policy could see whose it is. */
static void fill_pod(void *arg, void *value)
{
	const struct filling *filling = arg;
	const struct aeg_workload *pod = value;

	if (!aeg_set_get(filling->namespaces, pod->ns))
		return;
	*AEG_VEC_PUSH(filling->model->workloads) = aeg_workload_clone(value);
}

static void fill_namespace(void *arg, void *value)
{
	const struct filling *filling = arg;

	*AEG_VEC_PUSH(filling->model->namespaces) = aeg_namespace_clone(value);
}

static void fill_document(void *arg, void *value)
{
	const struct aeg_cluster_document *document = value;
	const struct filling *filling = arg;

	if (!document->refused)
		aeg_model_add_text(filling->model, document->document.file, document->document.text,
				   strlen(document->document.text), filling->diags);
}

void aeg_cluster_fill(const struct aeg_cluster *cluster, struct aeg_model *model,
		      struct aeg_diags *diags)
{
	struct filling filling = {&cluster->followers[AEG_RESOURCE_NAMESPACES].set, model, diags};

	if (!cluster || !cluster->synced)
		return;
	aeg_set_each(&cluster->followers[AEG_RESOURCE_PODS].set, fill_pod, &filling);
	aeg_set_each(&cluster->followers[AEG_RESOURCE_NAMESPACES].set, fill_namespace, &filling);
	for (size_t i = AEG_RESOURCE_ENDPOINTS; i < AEG_RESOURCES; i++)
		aeg_set_each(&cluster->followers[i].set, fill_document, &filling);
}

static void accept(void *arg, void *value)
{
	struct aeg_cluster_document *document = value;

	free(document->refused);
	document->refused = NULL;
}

void aeg_cluster_accept_all(struct aeg_cluster *cluster)
{
	for (size_t i = AEG_RESOURCE_ENDPOINTS; cluster && i < AEG_RESOURCES; i++)
		aeg_set_each(&cluster->followers[i].set, accept, NULL);
}

static struct aeg_cluster_document *find_document(const struct aeg_cluster *cluster,
						  const char *file)
{
	struct aeg_cluster_document *found = NULL;

	for (size_t i = AEG_RESOURCE_ENDPOINTS; !found && i < AEG_RESOURCES; i++)
		found = aeg_set_get(&cluster->followers[i].set, file);
	return found;
}

bool aeg_cluster_refuse(struct aeg_cluster *cluster, const struct aeg_diags *diags)
{
	bool refused = false;

	for (size_t i = 0; cluster && i < diags->list.n; i++) {
		const struct aeg_diag *diag = &diags->list.items[i];
		struct aeg_cluster_document *document = find_document(cluster, diag->file);

		if (!document || document->refused || diag->severity != AEG_ERROR_LEVEL)
			continue;
		document->refused = diag->hint ? aeg_xasprintf("%s; %s", diag->message, diag->hint)
					       : aeg_xstrdup(diag->message);
		aeg_log(AEG_LOG_WARNING, COMPONENT, "%s is refused: %s", diag->file,
			document->refused);
		refused = true;
	}
	return refused;
}

static void settle(void *arg, void *value)
{
	struct aeg_cluster_document *document = value;
	const char *failure = arg, *why = NULL;

	if (failure && document->state == AEG_DOCUMENT_IN_FORCE)
		return; /* and stays that */
	document->state = AEG_DOCUMENT_IN_FORCE;
	if (document->refused) {
		document->state = AEG_DOCUMENT_REFUSED;
		why = document->refused;
	} else if (failure) {
		document->state = AEG_DOCUMENT_FAILED;
		why = failure;
	}
	free(document->why);
	document->why = why ? aeg_xstrdup(why) : NULL;
}

void aeg_cluster_settle(struct aeg_cluster *cluster, const char *why)
{
	if (!cluster || !cluster->synced)
		return;
	for (size_t i = AEG_RESOURCE_ENDPOINTS; i < AEG_RESOURCES; i++)
		aeg_set_each(&cluster->followers[i].set, settle, (void *)why);
	cluster->settled++;
}

uint64_t aeg_cluster_settled(const struct aeg_cluster *cluster)
{
	return cluster->settled;
}

struct asking {
	void (*fn)(void *arg, const struct aeg_cluster_document *document);
	void *arg;
};

static void ask_document(void *arg, void *value)
{
	const struct asking *asking = arg;

	asking->fn(asking->arg, value);
}

void aeg_cluster_documents(const struct aeg_cluster *cluster,
			   void (*fn)(void *arg, const struct aeg_cluster_document *document),
			   void *arg)
{
	struct asking asking = {fn, arg};

	for (size_t i = AEG_RESOURCE_ENDPOINTS; cluster && i < AEG_RESOURCES; i++)
		aeg_set_each(&cluster->followers[i].set, ask_document, &asking);
}

/* ---- state ---- */

bool aeg_cluster_synced(const struct aeg_cluster *cluster)
{
	return !cluster || cluster->synced;
}

char *aeg_cluster_trouble(const struct aeg_cluster *cluster)
{
	for (size_t i = 0; cluster && i < AEG_RESOURCES; i++) {
		const struct follower *follower = &cluster->followers[i];
		struct aeg_reflector_state state = aeg_reflector_state(follower->reflector);

		if (!state.synced || !state.watching)
			return aeg_xasprintf("%s: %s", follower->reflected.name,
					     follower->failure ? follower->failure
							       : "not followed yet");
	}
	return NULL;
}

const char *aeg_resource_name(enum aeg_resource resource)
{
	static const char *const names[AEG_RESOURCES] = {
		"pods", "namespaces", "aiendpoints", "aiegresspolicies", "clusteraiegresspolicies",
	};

	return names[resource];
}

size_t aeg_cluster_count(const struct aeg_cluster *cluster, enum aeg_resource resource)
{
	return cluster->followers[resource].set.n;
}

struct aeg_kube_client *aeg_cluster_client(const struct aeg_cluster *cluster)
{
	return cluster->client;
}

struct aeg_reflector_state aeg_cluster_state(const struct aeg_cluster *cluster,
					     enum aeg_resource resource)
{
	return aeg_reflector_state(cluster->followers[resource].reflector);
}

/* ---- life ---- */

static struct aeg_reflected reflected_of(const struct aeg_cluster *cluster,
					 enum aeg_resource resource)
{
	struct aeg_reflected reflected = {.name = aeg_resource_name(resource)};

	switch (resource) {
	case AEG_RESOURCE_PODS:
		reflected.path = "/api/v1/pods";
		reflected.query = cluster->pods_query;
		break;
	case AEG_RESOURCE_NAMESPACES:
		reflected.path = "/api/v1/namespaces";
		reflected.metadata = true;
		break;
	case AEG_RESOURCE_ENDPOINTS:
		reflected.path = GROUP "aiendpoints";
		break;
	case AEG_RESOURCE_POLICIES:
		reflected.path = GROUP "aiegresspolicies";
		break;
	case AEG_RESOURCE_CLUSTER_POLICIES:
	case AEG_RESOURCES:
		reflected.path = GROUP "clusteraiegresspolicies";
		break;
	}
	return reflected;
}

static void (*freer_of(enum aeg_resource resource))(void *)
{
	if (resource == AEG_RESOURCE_PODS)
		return free_workload;
	return resource == AEG_RESOURCE_NAMESPACES ? free_namespace : free_document;
}

static int follow(struct aeg_cluster *cluster, struct aeg_loop *loop, enum aeg_resource resource)
{
	static const struct aeg_reflector_ops ops = {
		.begin = on_begin,
		.seen = on_seen,
		.gone = on_gone,
		.synced = on_synced,
		.followed = on_followed,
		.failed = on_failed,
	};
	struct follower *follower = &cluster->followers[resource];

	*follower = (struct follower){
		.cluster = cluster,
		.resource = resource,
		.reflected = reflected_of(cluster, resource),
		.set = {.free = freer_of(resource)},
		.log = {.burst = 4, .seconds = 60},
	};
	return aeg_reflector_new(cluster->client, loop, &follower->reflected, &ops, follower,
				 &follower->reflector);
}

static int open_client(struct aeg_cluster *cluster, const struct aeg_config *config,
		       struct aeg_loop *loop, struct aeg_buf *error)
{
	struct aeg_kube_access access;
	int err = aeg_kube_access_load(config->kube.kubeconfig, &access, error);

	if (err)
		return err;
	err = aeg_kube_client_open(&access, loop, error, &cluster->client);
	aeg_kube_access_done(&access);
	return err;
}

int aeg_cluster_open(const struct aeg_config *config, struct aeg_loop *loop,
		     const struct aeg_cluster_ops *ops, void *arg, struct aeg_buf *error,
		     struct aeg_cluster **ret)
{
	struct aeg_cluster *cluster = aeg_xcalloc(1, sizeof(*cluster));
	int err;

	cluster->ops = ops;
	cluster->arg = arg;
	cluster->pods_query = aeg_xasprintf("fieldSelector=spec.nodeName%%3D%s", config->node);
	err = open_client(cluster, config, loop, error);
	if (!err && aeg_loop_timer(loop, tell, cluster, &cluster->gather))
		aeg_buf_puts(error, "event loop: no timer");
	for (size_t i = 0; !error->len && i < AEG_RESOURCES; i++)
		if (follow(cluster, loop, (enum aeg_resource)i))
			aeg_buf_puts(error, "event loop: no timer");
	if (error->len) {
		aeg_cluster_close(cluster);
		return err ? err : -1;
	}
	*ret = cluster;
	return 0;
}

void aeg_cluster_close(struct aeg_cluster *cluster)
{
	if (!cluster)
		return;
	for (size_t i = 0; i < AEG_RESOURCES; i++) {
		aeg_reflector_free(cluster->followers[i].reflector);
		free(cluster->followers[i].failure);
		if (cluster->followers[i].set.free)
			aeg_set_done(&cluster->followers[i].set);
	}
	aeg_watch_remove(cluster->gather);
	aeg_kube_client_close(cluster->client);
	free(cluster->pods_query);
	free(cluster);
}
