/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which documents a model was made of, told apart by what they say: comments, quotes around texts and
 * white space change nothing. */
#include "policy/model.h"
#include <nettle/sha2.h>

static void add_number(struct sha256_ctx *context, uint64_t number)
{
	sha256_update(context, sizeof(number), (const uint8_t *)&number);
}

/* Every length goes in before what it counts: no two trees give the same bytes. */
static void add_node(struct sha256_ctx *context, const struct aeg_node *node)
{
	size_t len = node->text ? strlen(node->text) : 0;

	add_number(context, node->type);
	add_number(context, len);
	if (len)
		sha256_update(context, len, (const uint8_t *)node->text);
	add_number(context, node->items.n);
	for (size_t i = 0; i < node->items.n; i++)
		add_node(context, node->items.items[i]);
}

static void digest_node(const struct aeg_node *node, char ret[AEG_DIGEST_TEXT])
{
	uint8_t bytes[AEG_DIGEST_BYTES];
	struct sha256_ctx context;

	sha256_init(&context);
	add_node(&context, node);
	sha256_digest(&context, sizeof(bytes), bytes);
	aeg_digest_format(bytes, ret);
}

static char *text_of(const struct aeg_node *map, const char *key)
{
	const struct aeg_node *node = aeg_node_get(map, key);

	return node && node->text ? aeg_xstrdup(node->text) : NULL;
}

void aeg_documents_add(struct aeg_documents *documents, const char *kind,
		       const struct aeg_node *document)
{
	const struct aeg_node *metadata = aeg_node_get(document, "metadata");
	struct aeg_document *added = AEG_VEC_PUSH(documents->list);

	added->kind = kind;
	added->ns = text_of(metadata, "namespace");
	added->name = text_of(metadata, "name");
	digest_node(document, added->digest);
}

void aeg_documents_done(struct aeg_documents *documents)
{
	for (size_t i = 0; i < documents->list.n; i++) {
		free(documents->list.items[i].ns);
		free(documents->list.items[i].name);
	}
	AEG_VEC_DONE(documents->list);
}

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare(const void *a, const void *b)
{
	const struct aeg_document *first = a, *second = b;
	int order = strcmp(first->kind, second->kind);

	if (!order)
		order = compare_texts(first->ns, second->ns);
	return order ? order : compare_texts(first->name, second->name);
}

void aeg_documents_sort(struct aeg_documents *documents)
{
	if (documents->list.n)
		qsort(documents->list.items, documents->list.n, sizeof(*documents->list.items),
		      compare);
}

void aeg_documents_diff(const struct aeg_documents *before, const struct aeg_documents *after,
			aeg_document_change_fn *fn, void *arg)
{
	size_t old = 0, new = 0;

	while (old < before->list.n || new < after->list.n) {
		const struct aeg_document *a = old < before->list.n ? &before->list.items[old]
								    : NULL;
		const struct aeg_document *b = new < after->list.n ? &after->list.items[new] : NULL;
		int order = !a ? 1 : !b ? -1 : compare(a, b);

		if (order < 0)
			fn(arg, a, NULL);
		else if (order > 0)
			fn(arg, NULL, b);
		else if (!aeg_streq(a->digest, b->digest))
			fn(arg, a, b);
		old += order <= 0;
		new += order >= 0;
	}
}

void aeg_documents_digest(const struct aeg_documents *documents, char ret[AEG_DIGEST_TEXT])
{
	uint8_t bytes[AEG_DIGEST_BYTES];
	struct sha256_ctx context;

	sha256_init(&context);
	for (size_t i = 0; i < documents->list.n; i++)
		sha256_update(&context, AEG_DIGEST_TEXT,
			      (const uint8_t *)documents->list.items[i].digest);
	sha256_digest(&context, sizeof(bytes), bytes);
	aeg_digest_format(bytes, ret);
}
