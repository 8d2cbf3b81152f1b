// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * libyaml's events -> trees. The text is checked character by character first, so that libyaml sees
 * only clean UTF-8 and its line numbers are ours. Never resolves, merges or interprets anything.
 */
#include "base/yaml.h"
#include "base/file.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include <errno.h>
#include <yaml.h>

#define LINEAR_KEYS 16 /* a mapping with more of them gets a hash table to find duplicates */

/* A collection that is being read. */
struct level {
	struct aeg_node *node;
	struct aeg_strmap keys; /* filled once the mapping has more than LINEAR_KEYS keys */
};

struct reader {
	struct aeg_yaml *yaml;
	struct aeg_diags *diags;
	struct aeg_node *root; /* of the document that is being read */
	struct level levels[AEG_YAML_MAX_DEPTH];
	unsigned int depth;
	size_t errors_before; /* the document: to tell whether it has some */
};

static void node_free(struct aeg_node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->items.n; i++)
		node_free(node->items.items[i]);
	AEG_VEC_DONE(node->items);
	free(node->text);
	free(node);
}

void aeg_yaml_free(struct aeg_yaml *yaml)
{
	if (!yaml)
		return;
	for (size_t i = 0; i < yaml->documents.n; i++)
		node_free(yaml->documents.items[i]);
	AEG_VEC_DONE(yaml->documents);
	free(yaml->file);
	free(yaml);
}

static struct aeg_pos mark_pos(const struct reader *reader, const yaml_mark_t *mark)
{
	return (struct aeg_pos){.file = reader->yaml->file,
				.line = (unsigned int)mark->line + 1,
				.col = (unsigned int)mark->column + 1};
}

/* ---- the text ---- */

/* Of what aeg_utf8_is_control() lists, a YAML file may hold tabs and line ends: \n or \r\n. */
static bool is_allowed(uint32_t c, const char *rest, size_t len)
{
	if (c == '\r')
		return len > 1 && rest[1] == '\n';
	return c == '\t' || c == '\n' || !aeg_utf8_is_control(c);
}

/* Reports the first character that does not belong into a text file. */
static bool check_text(struct reader *reader, const char *text, size_t len)
{
	struct aeg_pos pos = {.file = reader->yaml->file, .line = 1, .col = 1};

	while (len) {
		uint32_t c = 0;
		size_t n = aeg_utf8_decode(text, len, &c);

		if (!n) {
			aeg_error_at(reader->diags, pos, "not valid UTF-8");
			return false;
		}
		if (!is_allowed(c, text, len)) {
			aeg_error_at(reader->diags, pos,
				     "control characters are not allowed (U+%04X)", c);
			return false;
		}
		pos.col++;
		if (c == '\n') {
			pos.line++;
			pos.col = 1;
		}
		text += n;
		len -= n;
	}
	return true;
}

/* ---- the tree ---- */

static struct level *top(struct reader *reader)
{
	return reader->depth ? &reader->levels[reader->depth - 1] : NULL;
}

/* In a mapping keys and values take turns. */
static bool is_key_next(const struct level *level)
{
	return level && level->node->type == AEG_NODE_MAP && level->node->items.n % 2 == 0;
}

static void index_keys(struct level *level)
{
	const struct aeg_node *node = level->node;

	for (size_t i = 0; i < node->items.n; i += 2)
		if (node->items.items[i]->text)
			aeg_strmap_put(&level->keys, node->items.items[i]->text, 0);
}

static bool is_duplicate(struct level *level, const struct aeg_node *key)
{
	struct aeg_node *const *items = level->node->items.items;
	size_t n = level->node->items.n;

	if (n / 2 < LINEAR_KEYS) {
		for (size_t i = 0; i < n; i += 2)
			if (items[i]->text && aeg_streq(items[i]->text, key->text))
				return true;
		return false;
	}
	if (!level->keys.n)
		index_keys(level);
	return aeg_strmap_put(&level->keys, key->text, 0);
}

static void check_key(struct reader *reader, struct level *level, const struct aeg_node *key)
{
	if (key->type != AEG_NODE_SCALAR)
		aeg_error_at(reader->diags, key->pos, "a key must be text, not a list or mapping");
	else if (is_duplicate(level, key))
		aeg_error_at(reader->diags, key->pos, "duplicate key '%s'", key->text);
}

/* Hangs a new node where the reader stands. */
static struct aeg_node *add_node(struct reader *reader, enum aeg_node_type type,
				 const yaml_event_t *event)
{
	struct aeg_node *node = aeg_xcalloc(1, sizeof(*node));
	struct level *level = top(reader);

	node->type = type;
	node->pos = mark_pos(reader, &event->start_mark);
	if (type == AEG_NODE_SCALAR) {
		node->text = aeg_xstrdup((const char *)event->data.scalar.value);
		node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	}
	if (!level) {
		reader->root = node;
		return node;
	}
	if (is_key_next(level))
		check_key(reader, level, node);
	node->parent = level->node;
	*AEG_VEC_PUSH(level->node->items) = node;
	return node;
}

static void check_properties(struct reader *reader, const yaml_event_t *event, const void *anchor,
			     const void *tag)
{
	struct aeg_pos pos = mark_pos(reader, &event->start_mark);

	if (anchor)
		aeg_error_at(reader->diags, pos, "anchors are not allowed");
	if (tag)
		aeg_error_at(reader->diags, pos, "tags are not allowed");
}

/* Escapes bring in what check_text() refuses; line breaks and tabs are fine in a long text. */
static void check_scalar(struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	check_properties(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
	while (len) {
		uint32_t c = 0;
		size_t n = aeg_utf8_decode(text, len, &c);

		if (!n || (c != '\n' && c != '\t' && aeg_utf8_is_control(c))) {
			aeg_error_at(reader->diags, mark_pos(reader, &event->start_mark),
				     "control characters are not allowed (U+%04X)", c);
			return;
		}
		text += n;
		len -= n;
	}
}

/* An alias holds its place in the tree as an empty scalar; the document is refused anyway. */
static void read_alias(struct reader *reader, const yaml_event_t *event)
{
	yaml_char_t nothing[] = "";
	yaml_event_t scalar = {.type = YAML_SCALAR_EVENT, .start_mark = event->start_mark};

	aeg_error_at(reader->diags, mark_pos(reader, &event->start_mark),
		     "aliases are not allowed");
	scalar.data.scalar.value = nothing;
	scalar.data.scalar.style = YAML_PLAIN_SCALAR_STYLE;
	add_node(reader, AEG_NODE_SCALAR, &scalar);
}

static int open_level(struct reader *reader, enum aeg_node_type type, const yaml_event_t *event)
{
	struct aeg_node *node;

	if (reader->depth == AEG_YAML_MAX_DEPTH) {
		aeg_error_at(reader->diags, mark_pos(reader, &event->start_mark),
			     "nested deeper than %d levels", AEG_YAML_MAX_DEPTH);
		return -EINVAL;
	}
	node = add_node(reader, type, event);
	reader->levels[reader->depth++] = (struct level){.node = node};
	return 0;
}

static void close_level(struct reader *reader)
{
	aeg_strmap_done(&top(reader)->keys);
	reader->depth--;
}

/* ---- documents ---- */

static void begin_document(struct reader *reader, const yaml_event_t *event)
{
	reader->errors_before = reader->diags->nerrors;
	if (event->data.document_start.tag_directives.start !=
	    event->data.document_start.tag_directives.end)
		aeg_error_at(reader->diags, mark_pos(reader, &event->start_mark),
			     "%%TAG directives are not allowed");
}

static void drop_document(struct reader *reader)
{
	while (reader->depth)
		close_level(reader);
	node_free(AEG_TAKE_PTR(reader->root));
}

static void end_document(struct reader *reader)
{
	if (reader->diags->nerrors == reader->errors_before && !aeg_node_is_null(reader->root))
		*AEG_VEC_PUSH(reader->yaml->documents) = AEG_TAKE_PTR(reader->root);
	drop_document(reader);
}

static int read_event(struct reader *reader, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		begin_document(reader, event);
		return 0;
	case YAML_DOCUMENT_END_EVENT:
		end_document(reader);
		return 0;
	case YAML_ALIAS_EVENT:
		read_alias(reader, event);
		return 0;
	case YAML_SCALAR_EVENT:
		check_scalar(reader, event);
		add_node(reader, AEG_NODE_SCALAR, event);
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		check_properties(reader, event, event->data.sequence_start.anchor,
				 event->data.sequence_start.tag);
		return open_level(reader, AEG_NODE_LIST, event);
	case YAML_MAPPING_START_EVENT:
		check_properties(reader, event, event->data.mapping_start.anchor,
				 event->data.mapping_start.tag);
		return open_level(reader, AEG_NODE_MAP, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_level(reader);
		return 0;
	default:
		return 0;
	}
}

/* The usual mistake, for which libyaml has a dozen messages; none of them says "tab". */
static bool is_tab_indented(const struct aeg_diags *diags)
{
	const char *line = diags->last_dropped ? NULL : diags->list.items[diags->list.n - 1].source;

	return line && line[strspn(line, " ")] == '\t';
}

/* libyaml's own words; where the construct began is what one needs for an unclosed quote. */
static void report_syntax(struct reader *reader, const yaml_parser_t *parser)
{
	aeg_error_at(reader->diags, mark_pos(reader, &parser->problem_mark),
		     "cannot parse YAML: %s", parser->problem ? parser->problem : "out of memory");
	if (is_tab_indented(reader->diags))
		aeg_diag_hint(reader->diags, "indent with spaces: YAML does not allow tabs here");
	else if (parser->context && parser->context_mark.line != parser->problem_mark.line)
		aeg_diag_hint(reader->diags, "%s that begins at line %zu, column %zu",
			      parser->context, parser->context_mark.line + 1,
			      parser->context_mark.column + 1);
}

static int read_events(struct reader *reader, yaml_parser_t *parser)
{
	for (;;) {
		yaml_event_t event;
		bool at_end;
		int err;

		if (!yaml_parser_parse(parser, &event)) {
			report_syntax(reader, parser);
			return -EINVAL;
		}
		at_end = event.type == YAML_STREAM_END_EVENT;
		err = read_event(reader, &event);
		yaml_event_delete(&event);
		if (err || at_end)
			return err;
	}
}

static void read_text(struct reader *reader, const char *text, size_t len)
{
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser)) {
		aeg_error_at(reader->diags, (struct aeg_pos){.file = reader->yaml->file},
			     "cannot parse YAML: out of memory");
		return;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	read_events(reader, &parser);
	drop_document(reader);
	yaml_parser_delete(&parser);
}

int aeg_yaml_parse(const char *file, const char *text, size_t len, struct aeg_diags *diags,
		   struct aeg_yaml **ret)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct reader reader = {.yaml = aeg_xcalloc(1, sizeof(*reader.yaml)), .diags = diags};
	size_t errors_before = diags->nerrors;

	reader.yaml->file = aeg_xstrdup(file);
	*ret = reader.yaml;
	if (len > AEG_YAML_MAX_BYTES) {
		aeg_error_at(diags, (struct aeg_pos){.file = file}, "more than 1 MiB");
		return -EINVAL;
	}
	if (len >= sizeof(bom) - 1 && memcmp(text, bom, sizeof(bom) - 1) == 0) {
		text += sizeof(bom) - 1;
		len -= sizeof(bom) - 1;
	}
	aeg_diags_attach_source(diags, file, text, len);
	if (check_text(&reader, text, len))
		read_text(&reader, text, len);
	return diags->nerrors == errors_before ? 0 : -EINVAL;
}

int aeg_yaml_load(const char *path, struct aeg_diags *diags, struct aeg_yaml **ret)
{
	AEG_AUTO_FREE char *text = NULL;
	size_t len = 0;
	int err = aeg_file_read(path, AEG_YAML_MAX_BYTES, &text, &len);

	if (!err)
		return aeg_yaml_parse(path, text, len, diags, ret);
	*ret = aeg_xcalloc(1, sizeof(**ret));
	(*ret)->file = aeg_xstrdup(path);
	if (err == -EFBIG)
		aeg_error_at(diags, (struct aeg_pos){.file = path}, "more than 1 MiB");
	else if (err == -EINVAL)
		aeg_error_at(diags, (struct aeg_pos){.file = path}, "not a regular file");
	else
		aeg_error_at(diags, (struct aeg_pos){.file = path}, "cannot read: %s",
			     strerror(-err));
	return -EINVAL;
}
