/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * YAML text -> trees whose every node knows its place. libyaml's event API; refused at their place:
 * anchors, aliases, tags, duplicate keys, non-scalar keys, depth > 32, more than 1 MiB, text that is
 * not UTF-8. Nothing is interpreted here: a scalar is text plus whether it was quoted.
 */
#ifndef AEG_BASE_YAML_H
#define AEG_BASE_YAML_H

#include "base/diag.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEG_YAML_MAX_BYTES (1024 * 1024)
#define AEG_YAML_MAX_DEPTH 32

enum aeg_node_type { AEG_NODE_SCALAR, AEG_NODE_LIST, AEG_NODE_MAP };

struct aeg_node {
	enum aeg_node_type type;
	struct aeg_pos pos;
	char *text;  /* SCALAR; NUL-free */
	bool quoted; /* SCALAR: 'x' or "x": never a number, boolean or null */
	struct aeg_node *parent;
	/* LIST: items. MAP: items[2i] is the key's scalar, items[2i + 1] its value. */
	AEG_VEC(struct aeg_node *) items;
};

struct aeg_yaml {
	char *file;			      /* positions borrow it: free the trees' users first */
	AEG_VEC(struct aeg_node *) documents; /* empty documents are left out */
};

/*
 * Always fills ret (free it with aeg_yaml_free); errors go to diags. Trees of documents with errors
 * are left out. Returns 0 or -EINVAL when an error was added.
 */
int aeg_yaml_parse(const char *file, const char *text, size_t len, struct aeg_diags *diags,
		   struct aeg_yaml **ret);
/* The same from a file; unreadable files become a diagnostic at line 0. */
int aeg_yaml_load(const char *path, struct aeg_diags *diags, struct aeg_yaml **ret);
void aeg_yaml_free(struct aeg_yaml *yaml);

/* The value of a key, NULL when absent or when map is none. */
struct aeg_node *aeg_node_get(const struct aeg_node *map, const char *key);
bool aeg_node_is_null(const struct aeg_node *node);	       /* plain ~, null, nothing; NULL */
bool aeg_node_bool(const struct aeg_node *node, bool *ret);    /* plain true/false only */
bool aeg_node_u64(const struct aeg_node *node, uint64_t *ret); /* plain decimal only */

/*
 * A schema table drives reading a mapping: every key of the map is looked up, unknown ones are an
 * error with a suggestion, missing required ones are an error at the map, and each value goes to its
 * reader. Readers report what is wrong with the value themselves.
 */
typedef void aeg_read_fn(void *target, const struct aeg_node *value, struct aeg_diags *diags);

struct aeg_field {
	const char *key; /* NULL ends the table */
	aeg_read_fn *read;
	bool required;
	bool unsupported; /* known, but "not supported yet" */
};

/* A map that is none is an error; NULL is read as nothing, without a message. */
void aeg_fields_read(const struct aeg_field *fields, const struct aeg_node *map, void *target,
		     struct aeg_diags *diags);
/*
 * Whether the node has that type; on mismatch "expected a mapping, found a list" at the node, with
 * `what` in place of "a mapping" unless it is NULL. A NULL node is false without a message.
 */
bool aeg_node_expect(const struct aeg_node *node, enum aeg_node_type type, const char *what,
		     struct aeg_diags *diags);

#endif
