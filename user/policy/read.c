/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The values that several kinds share: text, words, lists, labels, ports, hosts, CIDRs. A value that
 * is wrong is reported where it stands and leaves its target alone.
 */
#include "policy/read.h"
#include "policy/pattern.h"
#include <errno.h>
#include <strings.h>

struct aeg_pos aeg_key_pos(const struct aeg_node *value)
{
	const struct aeg_node *map = value->parent;

	for (size_t i = 0; map && map->type == AEG_NODE_MAP && i + 1 < map->items.n; i += 2)
		if (map->items.items[i + 1] == value)
			return map->items.items[i]->pos;
	return value->pos;
}

void aeg_read_nothing(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
}

bool aeg_read_list(const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_node_expect(value, AEG_NODE_LIST, "a list", diags))
		return false;
	if (value->items.n == 0)
		aeg_error_at(diags, value->pos, "empty list");
	return value->items.n > 0;
}

/* Words that YAML 1.1 readers, kubectl among them, do not take for text. */
static bool is_yaml_bool(const char *text)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off"};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool is_yaml_number(const char *text)
{
	char *end;

	if (!strchr("+-.0123456789", text[0]))
		return false;
	strtod(text, &end);
	return *end == '\0';
}

const char *aeg_read_text(const struct aeg_node *value, struct aeg_diags *diags)
{
	const char *found;

	if (!aeg_node_expect(value, AEG_NODE_SCALAR, "a string", diags))
		return NULL;
	if (value->quoted)
		return value->text;
	if (aeg_node_is_null(value)) {
		aeg_error_at(diags, value->pos, "expected a string, found nothing");
		return NULL;
	}
	found = is_yaml_bool(value->text) ? "a boolean" : NULL;
	if (is_yaml_number(value->text))
		found = "a number";
	if (!found)
		return value->text;
	aeg_error_at(diags, value->pos, "expected a string, found %s", found);
	aeg_diag_hint(diags, "write \"%s\"", value->text);
	return NULL;
}

void aeg_read_word(char **ret, enum aeg_word_kind kind, const struct aeg_node *value,
		   struct aeg_diags *diags)
{
	const char *text = aeg_read_text(value, diags);

	if (!text)
		return;
	if (!aeg_word_is_valid(kind, text)) {
		aeg_error_at(diags, value->pos, "'%s' %s", text, aeg_word_wanted(kind));
		return;
	}
	free(*ret);
	*ret = aeg_xstrdup(text);
}

void aeg_read_words(struct aeg_strings *ret, enum aeg_word_kind kind, const struct aeg_node *value,
		    struct aeg_diags *diags)
{
	if (!aeg_read_list(value, diags))
		return;
	for (size_t i = 0; i < value->items.n; i++) {
		char *word = NULL;

		aeg_read_word(&word, kind, value->items.items[i], diags);
		if (word)
			*AEG_VEC_PUSH(ret->list) = word;
	}
}

int aeg_read_choice(const char *const *choices, const struct aeg_node *value,
		    struct aeg_diags *diags)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf list = {0};
	const char *text = aeg_read_text(value, diags);
	size_t n;

	if (!text)
		return -1;
	for (n = 0; choices[n]; n++) {
		if (aeg_streq(text, choices[n]))
			return (int)n;
		aeg_buf_printf(&list, "%s%s", n ? ", " : "", choices[n]);
	}
	aeg_error_at(diags, value->pos, "'%s' is not one of %s", text, aeg_buf_text(&list));
	aeg_diag_suggest(diags, text, choices, n);
	return -1;
}

void aeg_read_labels(struct aeg_labels *ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_node_expect(value, AEG_NODE_MAP, "a mapping", diags))
		return;
	for (size_t i = 0; i + 1 < value->items.n; i += 2) {
		const struct aeg_node *key = value->items.items[i];
		char *text = NULL;

		if (!aeg_word_is_valid(AEG_WORD_LABEL_KEY, key->text))
			aeg_error_at(diags, key->pos, "'%s' %s", key->text,
				     aeg_word_wanted(AEG_WORD_LABEL_KEY));
		aeg_read_word(&text, AEG_WORD_LABEL_VALUE, value->items.items[i + 1], diags);
		if (text)
			*AEG_VEC_PUSH(ret->list) = (struct aeg_label_pair){
				.key = aeg_xstrdup(key->text),
				.value = text,
			};
	}
}

/* ---- ports ---- */

#define PORT_WANTED "write 443, 443/tcp, 443/udp, any/tcp or any/udp"

/* Decimal digits without a leading zero; longer than five is out of range anyway. */
static bool parse_port_number(const char *text, size_t len, uint32_t *ret)
{
	uint32_t port = 0;

	if (len == 0 || (text[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (port <= UINT16_MAX)
			port = port * 10 + (uint32_t)(text[i] - '0');
	}
	*ret = port;
	return true;
}

static const char *parse_port(const char *text, struct aeg_port *ret)
{
	size_t len = strcspn(text, "/");
	const char *proto = text[len] ? text + len + 1 : "tcp";
	bool any = len == 3 && memcmp(text, "any", 3) == 0 && text[len];
	uint32_t port = AEG_PORT_ANY;

	if (!aeg_streq(proto, "tcp") && !aeg_streq(proto, "udp"))
		return "is not a port: " PORT_WANTED;
	if (!any && !parse_port_number(text, len, &port))
		return "is not a port: " PORT_WANTED;
	if (!any && (port == 0 || port > UINT16_MAX))
		return "is not a port: ports are 1 to 65535";
	ret->port = (uint16_t)port;
	ret->proto = aeg_streq(proto, "udp") ? AEG_PROTO_UDP : AEG_PROTO_TCP;
	return NULL;
}

static bool has_port(const struct aeg_ports *ports, const struct aeg_port *port)
{
	for (size_t i = 0; i < ports->list.n; i++)
		if (ports->list.items[i].port == port->port &&
		    ports->list.items[i].proto == port->proto)
			return true;
	return false;
}

static void read_port(struct aeg_ports *ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_port port = {0};
	const char *error;

	if (!aeg_node_expect(value, AEG_NODE_SCALAR, "a port", diags))
		return;
	error = parse_port(value->text, &port);
	if (error)
		aeg_error_at(diags, value->pos, "'%s' %s", value->text, error);
	else if (has_port(ret, &port))
		aeg_error_at(diags, value->pos, "duplicate port '%s'", value->text);
	else
		*AEG_VEC_PUSH(ret->list) = port;
}

/* A list of ports is searched once an item, and has no use for many. */
#define PORTS_MAX 64

void aeg_read_ports(struct aeg_ports *ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_read_list(value, diags))
		return;
	if (value->items.n > PORTS_MAX) {
		aeg_error_at(diags, value->pos, "too many ports: at most %d", PORTS_MAX);
		return;
	}
	for (size_t i = 0; i < value->items.n; i++)
		read_port(ret, value->items.items[i], diags);
}

/* ---- destinations ---- */

char *aeg_read_host(const struct aeg_node *value, struct aeg_diags *diags)
{
	const char *text = aeg_read_text(value, diags);
	enum aeg_pattern_error error;
	char pattern[AEG_PATTERN_TEXT];

	if (!text)
		return NULL;
	error = aeg_pattern_parse(text, true, pattern);
	if (!error)
		return aeg_xstrdup(pattern);
	aeg_error_at(diags, value->pos, "'%s': %s", text, aeg_pattern_strerror(error));
	return NULL;
}

static void cidr_error(const struct aeg_node *value, const char *text, int error,
		       const struct aeg_cidr *masked, struct aeg_diags *diags)
{
	char wanted[AEG_ADDR_TEXT];
	struct aeg_addr addr;

	if (error == -EEXIST) {
		aeg_cidr_format(masked, wanted);
		aeg_error_at(diags, value->pos, "'%s': host bits are set: write %s", text, wanted);
	} else if (error == -ERANGE) {
		aeg_error_at(diags, value->pos, "'%s': prefix longer than %d", text,
			     strchr(text, ':') ? 128 : 32);
	} else if (aeg_addr_parse(text, &addr) == 0) {
		aeg_error_at(diags, value->pos, "'%s' is not a CIDR: write %s/%d", text, text,
			     strchr(text, ':') ? 128 : 32);
	} else {
		aeg_error_at(diags, value->pos, "'%s' is not a CIDR", text);
	}
}

bool aeg_read_cidr(struct aeg_cidr *ret, const struct aeg_node *value, struct aeg_diags *diags)
{
	const char *text = aeg_read_text(value, diags);
	struct aeg_cidr cidr = {0};
	int error;

	if (!text)
		return false;
	error = aeg_cidr_parse(text, &cidr);
	if (error) {
		cidr_error(value, text, error, &cidr, diags);
		return false;
	}
	*ret = cidr;
	return true;
}

/* ---- metadata ---- */

static void read_name(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_metadata *metadata = target;

	metadata->pos = value->pos;
	aeg_read_word(&metadata->name, AEG_WORD_NAME, value, diags);
}

static void read_namespace_name(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_metadata *metadata = target;

	metadata->pos = value->pos;
	aeg_read_word(&metadata->name, AEG_WORD_SHORT_NAME, value, diags);
}

static void read_namespace(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_metadata *metadata = target;

	aeg_read_word(&metadata->ns, AEG_WORD_SHORT_NAME, value, diags);
}

static void refuse_namespace(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	aeg_error_at(diags, aeg_key_pos(value),
		     "unknown key 'namespace': this kind belongs to no namespace");
}

static void read_labels(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_metadata *metadata = target;

	aeg_read_labels(&metadata->labels, value, diags);
}

/* Nobody reads annotations, but a wrong type is a slip all the same. */
static void read_annotations(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	if (!aeg_node_expect(value, AEG_NODE_MAP, "a mapping", diags))
		return;
	for (size_t i = 0; i + 1 < value->items.n; i += 2)
		aeg_read_text(value->items.items[i + 1], diags);
}

const struct aeg_field aeg_metadata_fields[] = {
	{.key = "name", .read = read_name, .required = true},
	{.key = "namespace", .read = read_namespace, .required = true},
	{.key = "labels", .read = read_labels},
	{.key = "annotations", .read = read_annotations},
	{0},
};

const struct aeg_field aeg_metadata_cluster_fields[] = {
	{.key = "name", .read = read_name, .required = true},
	{.key = "namespace", .read = refuse_namespace},
	{.key = "labels", .read = read_labels},
	{.key = "annotations", .read = read_annotations},
	{0},
};

const struct aeg_field aeg_metadata_namespace_fields[] = {
	{.key = "name", .read = read_namespace_name, .required = true},
	{.key = "namespace", .read = refuse_namespace},
	{.key = "labels", .read = read_labels},
	{.key = "annotations", .read = read_annotations},
	{0},
};

void aeg_metadata_done(struct aeg_metadata *metadata)
{
	free(metadata->name);
	free(metadata->ns);
	aeg_labels_done(&metadata->labels);
	*metadata = (struct aeg_metadata){0};
}
