/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* JSON is YAML: what is written here is read back by the reader of the configuration. */
#include "workload/quarantine.h"
#include "base/yaml.h"

#include <errno.h>
#include <fnmatch.h>

#define NAME_MAX_LEN 253

static bool is_text(const char *text, const char *extra)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";

	if (!*text || strlen(text) > NAME_MAX_LEN)
		return false;
	for (; *text; text++)
		if (!strchr(plain, *text) && !strchr(extra, *text))
			return false;
	return true;
}

bool aeg_quarantine_is_valid(const char *ns, const char *name)
{
	return is_text(ns, "") && is_text(name, "*");
}

/* ---- the list ---- */

static size_t find_exact(const struct aeg_quarantines *quarantines, const char *ns,
			 const char *name)
{
	size_t i = 0;

	while (i < quarantines->list.n && (!aeg_streq(quarantines->list.items[i].ns, ns) ||
					   !aeg_streq(quarantines->list.items[i].name, name)))
		i++;
	return i;
}

static void take_out(struct aeg_quarantines *quarantines, size_t i, struct aeg_quarantine *ret)
{
	*ret = quarantines->list.items[i];
	quarantines->list.n--;
	memmove(&quarantines->list.items[i], &quarantines->list.items[i + 1],
		(quarantines->list.n - i) * sizeof(*ret));
}

int aeg_quarantines_put(struct aeg_quarantines *quarantines,
			const struct aeg_quarantine *quarantine)
{
	aeg_quarantines_remove(quarantines, quarantine->ns, quarantine->name);
	if (quarantines->list.n >= AEG_QUARANTINES_MAX)
		return -E2BIG;
	*AEG_VEC_PUSH(quarantines->list) = (struct aeg_quarantine){
		.ns = aeg_xstrdup(quarantine->ns),
		.name = aeg_xstrdup(quarantine->name),
		.reason = aeg_xstrndup(quarantine->reason ? quarantine->reason : "",
				       AEG_QUARANTINE_REASON_MAX),
		.by = quarantine->by,
		.since = quarantine->since,
		.until = quarantine->until,
	};
	return 0;
}

bool aeg_quarantines_remove(struct aeg_quarantines *quarantines, const char *ns, const char *name)
{
	size_t i = find_exact(quarantines, ns, name);
	struct aeg_quarantine former;

	if (i == quarantines->list.n)
		return false;
	take_out(quarantines, i, &former);
	aeg_quarantine_done(&former);
	return true;
}

const struct aeg_quarantine *aeg_quarantines_find(const struct aeg_quarantines *quarantines,
						  const char *ns, const char *name)
{
	for (size_t i = 0; i < quarantines->list.n; i++) {
		const struct aeg_quarantine *quarantine = &quarantines->list.items[i];

		if (aeg_streq(quarantine->ns, ns) && fnmatch(quarantine->name, name, 0) == 0)
			return quarantine;
	}
	return NULL;
}

bool aeg_quarantines_expire(struct aeg_quarantines *quarantines, uint64_t now,
			    struct aeg_quarantine *ret)
{
	for (size_t i = 0; i < quarantines->list.n; i++) {
		uint64_t until = quarantines->list.items[i].until;

		if (!until || until > now)
			continue;
		take_out(quarantines, i, ret);
		return true;
	}
	return false;
}

uint64_t aeg_quarantines_next(const struct aeg_quarantines *quarantines)
{
	uint64_t next = 0;

	for (size_t i = 0; i < quarantines->list.n; i++) {
		uint64_t until = quarantines->list.items[i].until;

		if (until && (!next || until < next))
			next = until;
	}
	return next;
}

void aeg_quarantine_done(struct aeg_quarantine *quarantine)
{
	free(quarantine->ns);
	free(quarantine->name);
	free(quarantine->reason);
	*quarantine = (struct aeg_quarantine){0};
}

void aeg_quarantines_done(struct aeg_quarantines *quarantines)
{
	for (size_t i = 0; i < quarantines->list.n; i++)
		aeg_quarantine_done(&quarantines->list.items[i]);
	AEG_VEC_DONE(quarantines->list);
}

/* ---- text ---- */

void aeg_quarantine_json(const struct aeg_quarantine *quarantine, uint64_t now,
			 struct aeg_json *json)
{
	aeg_json_object(json, NULL);
	aeg_json_str(json, "namespace", quarantine->ns);
	aeg_json_str(json, "workload", quarantine->name);
	aeg_json_str(json, "reason", quarantine->reason);
	aeg_json_u64(json, "uid", quarantine->by);
	aeg_json_u64(json, "since", quarantine->since);
	if (quarantine->until)
		aeg_json_u64(json, "until", quarantine->until);
	if (quarantine->until && now)
		aeg_json_u64(json, "expiresIn",
			     quarantine->until > now ? quarantine->until - now : 0);
	aeg_json_object_end(json);
}

void aeg_quarantines_text(const struct aeg_quarantines *quarantines, struct aeg_buf *ret)
{
	struct aeg_json json;

	aeg_json_begin(&json, ret);
	aeg_json_object(&json, NULL);
	aeg_json_array(&json, "quarantines");
	for (size_t i = 0; i < quarantines->list.n; i++)
		aeg_quarantine_json(&quarantines->list.items[i], 0, &json);
	aeg_json_array_end(&json);
	aeg_json_object_end(&json);
	aeg_buf_putc(ret, '\n');
}

static void read_text(char **ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_node_expect(value, AEG_NODE_SCALAR, "a text", diags))
		return;
	free(*ret);
	*ret = aeg_xstrdup(value->text);
}

static void read_number(uint64_t *ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_node_u64(value, ret))
		aeg_error_at(diags, value->pos, "expected a number");
}

#define READER(name, ...)                                                                          \
	static void read_##name(void *target, const struct aeg_node *value,                        \
				struct aeg_diags *diags)                                           \
	{                                                                                          \
		struct aeg_quarantine *quarantine = target;                                        \
                                                                                                   \
		__VA_ARGS__;                                                                       \
	}

READER(namespace, read_text(&quarantine->ns, value, diags))
READER(workload, read_text(&quarantine->name, value, diags))
READER(reason, read_text(&quarantine->reason, value, diags))
READER(since, read_number(&quarantine->since, value, diags))
READER(until, read_number(&quarantine->until, value, diags))
READER(uid, uint64_t uid = 0; read_number(&uid, value, diags); quarantine->by = (uid_t)uid)

static const struct aeg_field fields[] = {
	{.key = "namespace", .read = read_namespace, .required = true},
	{.key = "workload", .read = read_workload, .required = true},
	{.key = "reason", .read = read_reason},
	{.key = "uid", .read = read_uid},
	{.key = "since", .read = read_since},
	{.key = "until", .read = read_until},
	{0},
};

static void read_one(struct aeg_quarantines *ret, const struct aeg_node *value,
		     struct aeg_diags *diags)
{
	struct aeg_quarantine quarantine = {0};
	size_t errors = diags->nerrors;

	aeg_fields_read(fields, value, &quarantine, diags);
	if (diags->nerrors == errors && !aeg_quarantine_is_valid(quarantine.ns, quarantine.name))
		aeg_error_at(diags, value->pos, "'%s/%s' names no workload", quarantine.ns,
			     quarantine.name);
	if (diags->nerrors == errors && aeg_quarantines_put(ret, &quarantine))
		aeg_error_at(diags, value->pos, "more than %d", AEG_QUARANTINES_MAX);
	aeg_quarantine_done(&quarantine);
}

static void read_list(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_node_expect(value, AEG_NODE_LIST, NULL, diags))
		return;
	for (size_t i = 0; i < value->items.n; i++)
		read_one(target, value->items.items[i], diags);
}

int aeg_quarantines_parse(const char *file, const char *text, size_t len, struct aeg_diags *diags,
			  struct aeg_quarantines *ret)
{
	static const struct aeg_field root[] = {
		{.key = "quarantines", .read = read_list, .required = true},
		{0},
	};
	size_t errors = diags->nerrors;
	struct aeg_yaml *yaml;

	if (aeg_yaml_parse(file, text, len, diags, &yaml) == 0) {
		if (yaml->documents.n)
			aeg_fields_read(root, yaml->documents.items[0], ret, diags);
		else
			aeg_error_at(diags, (struct aeg_pos){.file = file}, "is empty");
	}
	aeg_yaml_free(yaml);
	return diags->nerrors == errors ? 0 : -EINVAL;
}
