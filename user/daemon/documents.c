/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * YAML 1.2, 9.1.2: a line that begins with "---" or "..." and a white space is a marker wherever it
 * stands, also inside of scalars; so cutting there is exact without parsing.
 */
#include "daemon/documents.h"

#include <ctype.h>
#include <strings.h>

static bool is_marker(const char *line, const char *end, const char *marker)
{
	return end - line >= 3 && memcmp(line, marker, 3) == 0 &&
	       (end - line == 3 || isspace((unsigned char)line[3]));
}

void aeg_slices_cut(const char *text, size_t len, struct aeg_slices *ret)
{
	const char *end = text + len, *next;
	struct aeg_slice *slice = NULL;
	bool ended = true;
	unsigned int number = 1;

	*ret = (struct aeg_slices){0};
	for (const char *line = text; line < end; line = next, number++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		next = newline ? newline + 1 : end;
		if (ended || is_marker(line, end, "---")) {
			slice = AEG_VEC_PUSH(ret->list);
			*slice = (struct aeg_slice){.text = line, .first_line = number};
		}
		slice->len = (size_t)(next - slice->text);
		slice->last_line = number;
		ended = is_marker(line, end, "...");
	}
}

const struct aeg_slice *aeg_slices_at(const struct aeg_slices *slices, unsigned int line)
{
	for (size_t i = 0; i < slices->list.n; i++) {
		if (line <= slices->list.items[i].last_line)
			return &slices->list.items[i];
	}
	return NULL;
}

void aeg_slices_done(struct aeg_slices *slices)
{
	AEG_VEC_DONE(slices->list);
}

static void each_policy(const struct aeg_model *model, aeg_object_fn *fn, void *arg)
{
	for (size_t i = 0; i < model->policies.n; i++) {
		const struct aeg_policy *policy = model->policies.items[i];

		fn(arg, &(struct aeg_object){
				.kind = policy->ns ? "AIEgressPolicy" : "ClusterAIEgressPolicy",
				.ns = policy->ns,
				.name = policy->name,
				.pos = policy->pos,
			});
	}
}

void aeg_objects_each(const struct aeg_model *model, aeg_object_fn *fn, void *arg)
{
	for (size_t i = 0; i < model->endpoints.n; i++) {
		const struct aeg_endpoint *endpoint = model->endpoints.items[i];

		fn(arg, &(struct aeg_object){"AIEndpoint", NULL, endpoint->name, endpoint->pos});
	}
	each_policy(model, fn, arg);
	for (size_t i = 0; i < model->workloads.n; i++) {
		const struct aeg_workload *workload = model->workloads.items[i];

		fn(arg,
		   &(struct aeg_object){"Workload", workload->ns, workload->name, workload->pos});
	}
	for (size_t i = 0; i < model->namespaces.n; i++) {
		const struct aeg_namespace *ns = model->namespaces.items[i];

		fn(arg, &(struct aeg_object){"Namespace", NULL, ns->name, ns->pos});
	}
}

struct search {
	const char *kind, *ns, *name;
	struct aeg_object *ret;
	bool found;
};

static void compare(void *arg, const struct aeg_object *object)
{
	struct search *search = arg;

	if (strcasecmp(object->kind, search->kind) != 0 ||
	    !aeg_streq(object->ns ? object->ns : "", search->ns) ||
	    !aeg_streq(object->name, search->name))
		return;
	*search->ret = *object;
	search->found = true;
}

bool aeg_object_find(const struct aeg_model *model, const char *kind, const char *ns,
		     const char *name, struct aeg_object *ret)
{
	struct search search = {.kind = kind, .ns = ns ? ns : "", .name = name, .ret = ret};

	aeg_objects_each(model, compare, &search);
	return search.found;
}
