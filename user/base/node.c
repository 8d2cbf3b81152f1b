// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Reads YAML trees: scalars as values, mappings by a table of fields. */
#include "base/yaml.h"

#define MOST_FIELDS 64 /* of a table; only suggestions look at no more than these */

struct aeg_node *aeg_node_get(const struct aeg_node *map, const char *key)
{
	if (!map || map->type != AEG_NODE_MAP)
		return NULL;
	for (size_t i = 0; i + 1 < map->items.n; i += 2)
		if (aeg_streq(map->items.items[i]->text, key))
			return map->items.items[i + 1];
	return NULL;
}

static bool is_plain(const struct aeg_node *node)
{
	return node && node->type == AEG_NODE_SCALAR && !node->quoted;
}

bool aeg_node_is_null(const struct aeg_node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	if (!node)
		return true;
	for (size_t i = 0; is_plain(node) && i < AEG_ARRAY_SIZE(nulls); i++)
		if (aeg_streq(node->text, nulls[i]))
			return true;
	return false;
}

bool aeg_node_bool(const struct aeg_node *node, bool *ret)
{
	bool value = is_plain(node) && aeg_streq(node->text, "true");

	if (!value && !(is_plain(node) && aeg_streq(node->text, "false")))
		return false;
	*ret = value;
	return true;
}

bool aeg_node_u64(const struct aeg_node *node, uint64_t *ret)
{
	const char *text = is_plain(node) ? node->text : "";
	uint64_t value = 0;

	if (!*text || (text[0] == '0' && text[1])) /* 010 is 8 to YAML 1.1 and 10 to YAML 1.2 */
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

static const char *type_name(const struct aeg_node *node)
{
	if (aeg_node_is_null(node))
		return "nothing";
	switch (node->type) {
	case AEG_NODE_LIST:
		return "a list";
	case AEG_NODE_MAP:
		return "a mapping";
	default:
		return "a scalar";
	}
}

bool aeg_node_expect(const struct aeg_node *node, enum aeg_node_type type, const char *what,
		     struct aeg_diags *diags)
{
	static const char *const names[] = {[AEG_NODE_SCALAR] = "a scalar",
					    [AEG_NODE_LIST] = "a list",
					    [AEG_NODE_MAP] = "a mapping"};

	if (!node)
		return false;
	if (node->type == type)
		return true;
	aeg_error_at(diags, node->pos, "expected %s, found %s", what ? what : names[type],
		     type_name(node));
	return false;
}

static const struct aeg_field *find_field(const struct aeg_field *fields, const char *key)
{
	for (; fields->key; fields++)
		if (aeg_streq(fields->key, key))
			return fields;
	return NULL;
}

static void report_unknown(const struct aeg_field *fields, const struct aeg_node *key,
			   struct aeg_diags *diags)
{
	const char *known[MOST_FIELDS];
	size_t n = 0;

	for (; fields->key && n < MOST_FIELDS; fields++)
		known[n++] = fields->key;
	aeg_error_at(diags, key->pos, "unknown key '%s'", key->text);
	aeg_diag_suggest(diags, key->text, known, n);
}

void aeg_fields_read(const struct aeg_field *fields, const struct aeg_node *map, void *target,
		     struct aeg_diags *diags)
{
	if (!aeg_node_expect(map, AEG_NODE_MAP, NULL, diags))
		return;
	for (size_t i = 0; i + 1 < map->items.n; i += 2) {
		const struct aeg_node *key = map->items.items[i];
		const struct aeg_field *field = find_field(fields, key->text);

		if (!field)
			report_unknown(fields, key, diags);
		else if (field->unsupported)
			aeg_error_at(diags, key->pos, "'%s' is not supported yet", key->text);
		else
			field->read(target, map->items.items[i + 1], diags);
	}
	for (; fields->key; fields++)
		if (fields->required && !aeg_node_get(map, fields->key))
			aeg_error_at(diags, map->pos, "missing key '%s'", fields->key);
}
