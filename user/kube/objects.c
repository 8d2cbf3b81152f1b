/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Fields that are missing or of another type than they should be are as good as not there. */
#include "kube/objects.h"
#include "policy/words.h"

#define MIRROR "kubernetes.io/config.mirror"
#define STATIC_UID "kubernetes.io/config.hash"
#define STATIC_UID_LEN 32

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? text : NULL;
}

static char *copy_of(json_t *object, const char *key)
{
	const char *text = text_of(object, key);

	return text ? aeg_xstrdup(text) : NULL;
}

static const char *name_of(json_t *metadata, const char *key)
{
	const char *name = text_of(metadata, key);

	return name && aeg_word_is_valid(AEG_WORD_NAME, name) ? name : NULL;
}

char *aeg_kube_key(json_t *object)
{
	json_t *metadata = json_object_get(object, "metadata");
	const char *ns = name_of(metadata, "namespace"), *name = name_of(metadata, "name");

	if (!name)
		return NULL;
	return ns ? aeg_xasprintf("%s/%s", ns, name) : aeg_xstrdup(name);
}

static void read_labels(json_t *labels, struct aeg_labels *ret)
{
	const char *key, *text;
	json_t *value;

	json_object_foreach (labels, key, value) {
		text = json_string_value(value);
		if (!text || !aeg_word_is_valid(AEG_WORD_LABEL_KEY, key) ||
		    !aeg_word_is_valid(AEG_WORD_LABEL_VALUE, text))
			continue;
		*AEG_VEC_PUSH(ret->list) = (struct aeg_label_pair){
			.key = aeg_xstrdup(key),
			.value = aeg_xstrdup(text),
		};
	}
}

/* As the kubelet makes it of a file: an MD5 sum, which no UID of an object, with its dashes, is like. */
static bool is_static_uid(const char *text)
{
	return text && strlen(text) == STATIC_UID_LEN &&
	       strspn(text, "0123456789abcdef") == STATIC_UID_LEN;
}

/*
 * The cgroup of a static pod carries the UID of the file it came from, not that of its mirror. Whoever may
 * make pods may write these annotations: with them he claims another static pod's cgroup at most, which
 * then is nobody's, never that of a pod of the API server.
 */
static char *cgroup_uid(json_t *metadata)
{
	json_t *annotations = json_object_get(metadata, "annotations");

	if (text_of(annotations, MIRROR) && is_static_uid(text_of(annotations, STATIC_UID)))
		return copy_of(annotations, STATIC_UID);
	return copy_of(metadata, "uid");
}

static bool has_ended(json_t *object)
{
	const char *phase = text_of(json_object_get(object, "status"), "phase");

	return phase && (aeg_streq(phase, "Succeeded") || aeg_streq(phase, "Failed"));
}

struct aeg_workload *aeg_kube_pod(json_t *object)
{
	json_t *metadata = json_object_get(object, "metadata");
	json_t *spec = json_object_get(object, "spec");
	const char *ns = name_of(metadata, "namespace"), *name = name_of(metadata, "name");
	struct aeg_workload *pod;

	if (!ns || !name || !text_of(metadata, "uid") || has_ended(object))
		return NULL;
	pod = aeg_xcalloc(1, sizeof(*pod));
	pod->ns = aeg_xstrdup(ns);
	pod->name = aeg_xstrdup(name);
	pod->uid = copy_of(metadata, "uid");
	pod->pod = cgroup_uid(metadata);
	pod->service_account = copy_of(spec, "serviceAccountName");
	if (!pod->service_account)
		pod->service_account = aeg_xstrdup("default");
	read_labels(json_object_get(metadata, "labels"), &pod->labels);
	return pod;
}

struct aeg_namespace *aeg_kube_namespace(json_t *object)
{
	json_t *metadata = json_object_get(object, "metadata");
	const char *name = name_of(metadata, "name");
	struct aeg_namespace *ns;

	if (!name)
		return NULL;
	ns = aeg_xcalloc(1, sizeof(*ns));
	ns->name = aeg_xstrdup(name);
	read_labels(json_object_get(metadata, "labels"), &ns->labels);
	return ns;
}

/* ---- documents ---- */

static void keep(json_t *from, json_t *to, const char *key)
{
	if (json_object_get(from, key))
		json_object_set(to, key, json_object_get(from, key));
}

/* What a user would write of it: no status, no annotations, nothing that the server adds. */
static char *document_text(json_t *object)
{
	json_t *document = json_object(), *metadata = json_object();
	json_t *from = json_object_get(object, "metadata");
	char *dumped, *text;

	keep(from, metadata, "name");
	keep(from, metadata, "namespace");
	keep(from, metadata, "labels");
	keep(object, document, "apiVersion");
	keep(object, document, "kind");
	json_object_set_new(document, "metadata", metadata);
	keep(object, document, "spec");
	dumped = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	json_decref(document);
	text = aeg_xstrdup(dumped ? dumped : "");
	free(dumped);
	return text;
}

bool aeg_kube_document(json_t *object, struct aeg_kube_document *ret)
{
	json_t *metadata = json_object_get(object, "metadata");
	AEG_AUTO_FREE char *key = aeg_kube_key(object);
	const char *kind = text_of(object, "kind");

	if (!key || !kind)
		return false;
	*ret = (struct aeg_kube_document){
		.kind = aeg_xstrdup(kind),
		.ns = copy_of(metadata, "namespace"),
		.name = copy_of(metadata, "name"),
		.uid = copy_of(metadata, "uid"),
		.generation = json_integer_value(json_object_get(metadata, "generation")),
		.file = aeg_xasprintf("%s %s", kind, key),
		.text = document_text(object),
		.status = json_incref(json_object_get(object, "status")),
	};
	return true;
}

void aeg_kube_document_done(struct aeg_kube_document *document)
{
	char **texts[] = {&document->kind, &document->ns,   &document->name,
			  &document->uid,  &document->file, &document->text};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(texts); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	json_decref(document->status);
	document->status = NULL;
}
