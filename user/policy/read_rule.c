/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * spec.allow and spec.deny of a policy: rules and their destinations. Only what one rule can tell;
 * whether an endpoint exists is asked when all documents are there.
 */
#include "policy/read.h"
#include "base/timestamp.h"
#include "policy/pattern.h"

/* ---- a destination ---- */

static void read_endpoint(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_to *to = target;

	to->kind = AEG_TO_ENDPOINT;
	to->pos = value->pos;
	aeg_read_word(&to->endpoint, AEG_WORD_NAME, value, diags);
}

static void read_class(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_to *to = target;
	int class = aeg_read_choice(aeg_class_names, value, diags);

	to->kind = AEG_TO_CLASS;
	to->pos = value->pos;
	if (class >= 0)
		to->class = (enum aeg_class) class;
}

static void read_host(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_to *to = target;

	to->kind = AEG_TO_HOST;
	to->pos = value->pos;
	free(to->host);
	to->host = aeg_read_host(value, diags);
}

static void read_cidr(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_to *to = target;

	to->kind = AEG_TO_CIDR;
	to->pos = value->pos;
	aeg_read_cidr(&to->cidr, value, diags);
}

static void read_provider(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_to *to = target;

	aeg_read_word(&to->provider, AEG_WORD_PROVIDER, value, diags);
}

static void read_ports(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_to *to = target;

	to->ports_given = true;
	aeg_read_ports(&to->ports, value, diags);
}

/* What fills a template's placeholder: one label each. */
static void read_host_labels(struct aeg_strings *ret, const struct aeg_node *value,
			     struct aeg_diags *diags)
{
	if (!aeg_read_list(value, diags))
		return;
	for (size_t i = 0; i < value->items.n; i++) {
		const struct aeg_node *item = value->items.items[i];
		const char *text = aeg_read_text(item, diags);
		char label[AEG_HOST_LABEL_MAX + 1];

		if (!text)
			continue;
		if (aeg_pattern_parse_label(text, label))
			aeg_error_at(diags, item->pos,
				     "'%s' is not one label of a host name: no '.' and no '*'",
				     text);
		else
			*AEG_VEC_PUSH(ret->list) = aeg_xstrdup(label);
	}
}

static void read_ids(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_to *to = target;

	read_host_labels(&to->ids, value, diags);
}

static void read_regions(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_to *to = target;

	read_host_labels(&to->regions, value, diags);
}

static void read_vendors(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_to *to = target;

	read_host_labels(&to->vendors, value, diags);
}

static const struct aeg_field to_fields[] = {
	{.key = "endpoint", .read = read_endpoint}, {.key = "class", .read = read_class},
	{.key = "host", .read = read_host},	    {.key = "cidr", .read = read_cidr},
	{.key = "ids", .read = read_ids},	    {.key = "regions", .read = read_regions},
	{.key = "vendors", .read = read_vendors},   {.key = "provider", .read = read_provider},
	{.key = "ports", .read = read_ports},	    {0},
};

static bool is_kind_key(const char *key)
{
	static const char *const kinds[] = {"endpoint", "class", "host", "cidr"};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(kinds); i++)
		if (aeg_streq(key, kinds[i]))
			return true;
	return false;
}

/* Exactly one kind; the first one counts, in the order they are written. */
static const char *check_one_kind(const struct aeg_node *map, struct aeg_diags *diags)
{
	const char *first = NULL;

	for (size_t i = 0; i < map->items.n; i += 2) {
		const struct aeg_node *key = map->items.items[i];

		if (!is_kind_key(key->text))
			continue;
		if (first)
			aeg_error_at(diags, key->pos,
				     "'%s' and '%s' in one destination: write two list items",
				     first, key->text);
		else
			first = key->text;
	}
	return first;
}

static void check_belongs(const struct aeg_node *map, const char *key, const char *kind,
			  const char *found, struct aeg_diags *diags)
{
	const struct aeg_node *value = aeg_node_get(map, key);

	if (value && !aeg_streq(kind, found))
		aeg_error_at(diags, aeg_key_pos(value), "'%s' goes with '%s', not with '%s'", key,
			     kind, found);
}

static void read_to(struct aeg_rule *rule, const struct aeg_node *value, struct aeg_diags *diags)
{
	size_t errors = diags->nerrors;
	const char *kind;

	aeg_fields_read(to_fields, value, AEG_VEC_PUSH(rule->to), diags);
	if (value->type != AEG_NODE_MAP)
		return;
	kind = check_one_kind(value, diags);
	if (kind) {
		check_belongs(value, "ids", "endpoint", kind, diags);
		check_belongs(value, "regions", "endpoint", kind, diags);
		check_belongs(value, "vendors", "endpoint", kind, diags);
		check_belongs(value, "provider", "class", kind, diags);
	} else if (diags->nerrors == errors) {
		aeg_error_at(diags, value->pos,
			     "missing key 'endpoint': a destination is an endpoint, a class, "
			     "a host or a cidr");
	}
}

/* ---- a rule ---- */

static void read_name(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_rule *rule = target;

	rule->pos = value->pos;
	aeg_read_word(&rule->name, AEG_WORD_SHORT_NAME, value, diags);
}

static void read_destinations(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_read_list(value, diags))
		return;
	for (size_t i = 0; i < value->items.n; i++)
		read_to(target, value->items.items[i], diags);
}

static void read_expires(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_rule *rule = target;

	rule->expires_pos = value->pos;
	aeg_read_word(&rule->expires, AEG_WORD_TIME, value, diags);
	if (rule->expires) /* were it no time after all, it would be long past: expires_s is 0 */
		(void)aeg_time_parse_s(rule->expires, &rule->expires_s);
}

/* What it denies would be open again, one day, with nobody there who decides that. */
static void refuse_expires(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	aeg_error_at(diags, aeg_key_pos(value),
		     "'expires' goes with allow rules: a deny rule ends when somebody removes it");
}

static const struct aeg_field allow_fields[] = {
	{.key = "name", .read = read_name, .required = true},
	{.key = "to", .read = read_destinations, .required = true},
	{.key = "expires", .read = read_expires},
	{.key = "limits", .unsupported = true},
	{0},
};

static const struct aeg_field deny_fields[] = {
	{.key = "name", .read = read_name, .required = true},
	{.key = "to", .read = read_destinations, .required = true},
	{.key = "expires", .read = refuse_expires},
	{0},
};

void aeg_read_rules(struct aeg_policy *policy, bool deny, const struct aeg_node *value,
		    struct aeg_diags *diags)
{
	for (size_t i = 0; i < value->items.n; i++) {
		struct aeg_rule *rule = AEG_VEC_PUSH(policy->rules);

		rule->deny = deny;
		aeg_fields_read(deny ? deny_fields : allow_fields, value->items.items[i], rule,
				diags);
	}
}
