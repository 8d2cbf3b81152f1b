/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Builds the tables of bpf/prefix.h. Nets are sorted so that what covers a net stands before it; on the
 * way through them the chain of covering nets is at hand, and with it every marker's answer.
 */
#include "datapath/prefixes.h"
#include "bpf/prefix.h"
#include <errno.h>

#define LENGTHS 129

struct builder {
	struct aeg_prefixes *prefixes;
	struct aeg_prefix_row *sorted; /* the real nets */
	size_t n;
	bool used[2][LENGTHS]; /* lengths that occur, by tree */
	/* the nets around the one at hand, widest first; at most one of each length */
	const struct aeg_prefix_row *chain[LENGTHS];
	size_t depth;
};

/* IPv4's addresses, as a net. */
static struct aeg_prefix v4_net(void)
{
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};

	return aeg_prefix_of(mapped, AEG_V4_PREFIX);
}

static bool covers(const struct aeg_prefix *wide, const struct aeg_prefix *narrow)
{
	struct aeg_length length = aeg_length_of(wide->bits);
	struct aeg_prefix cut = aeg_prefix_cut(narrow, &length);

	return wide->bits <= narrow->bits && cut.high == wide->high && cut.low == wide->low;
}

/* A net that covers IPv4 altogether is looked for by both kinds of addresses. */
static bool in_tree(const struct aeg_prefix *net, int tree)
{
	struct aeg_prefix v4 = v4_net();
	bool around = covers(net, &v4);
	bool inside = covers(&v4, net);

	return tree == 0 ? around || inside : !inside;
}

/* By address, then by length. */
static int compare(const void *a, const void *b)
{
	const struct aeg_prefix *x = &((const struct aeg_prefix_row *)a)->net;
	const struct aeg_prefix *y = &((const struct aeg_prefix_row *)b)->net;

	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->bits < y->bits ? -1 : x->bits > y->bits;
}

/* Equal nets: the real one before its markers, whose net.pad is 1 until drop_doubles(). */
static int compare_marked(const void *a, const void *b)
{
	uint32_t x = ((const struct aeg_prefix_row *)a)->net.pad;
	uint32_t y = ((const struct aeg_prefix_row *)b)->net.pad;
	int order = compare(a, b);

	return order ? order : x < y ? -1 : x > y;
}

static int sort_rows(struct builder *builder, const struct aeg_addr_row *rows, size_t n)
{
	builder->sorted = aeg_xcalloc(n + 1, sizeof(*builder->sorted));
	builder->n = n;
	for (size_t i = 0; i < n; i++) {
		struct aeg_prefix whole = aeg_prefix_of(rows[i].key.addr, 128);
		struct aeg_length length = aeg_length_of(rows[i].key.prefixlen);

		if (rows[i].key.prefixlen > 128)
			return -EINVAL;
		builder->sorted[i].net = aeg_prefix_cut(&whole, &length);
		builder->sorted[i].dest = rows[i].dest;
	}
	qsort(builder->sorted, n, sizeof(*builder->sorted), compare);
	for (size_t i = 1; i < n; i++) {
		if (compare(&builder->sorted[i - 1], &builder->sorted[i]) == 0)
			return -EEXIST;
	}
	return 0;
}

/* ---- trees of lengths ---- */

/* Node `node` is the middle of lengths[low..high), its children those of the halves. */
static void plant(struct aeg_length *tree, const uint32_t *lengths, size_t low, size_t high,
		  size_t node)
{
	size_t middle = low + (high - low) / 2;

	if (low == high)
		return;
	tree[node] = aeg_length_of(lengths[middle]);
	plant(tree, lengths, low, middle, 2 * node);
	plant(tree, lengths, middle + 1, high, 2 * node + 1);
}

static void plant_trees(struct builder *builder)
{
	for (int tree = 0; tree < 2; tree++) {
		uint32_t lengths[LENGTHS];
		size_t n = 0;

		for (size_t i = 0; i < builder->n; i++) {
			if (in_tree(&builder->sorted[i].net, tree))
				builder->used[tree][builder->sorted[i].net.bits] = true;
		}
		for (uint32_t bits = 0; bits < LENGTHS; bits++) {
			if (builder->used[tree][bits])
				lengths[n++] = bits;
		}
		plant(builder->prefixes->lengths.tree[tree], lengths, 0, n, 1);
	}
}

/* ---- markers ---- */

/* The longest net of the chain that is not longer than a marker: its answer. */
static struct aeg_dest answer_at(const struct builder *builder, uint32_t bits)
{
	struct aeg_dest none = {.flags = AEG_DEST_MARKER};

	for (size_t i = builder->depth; i > 0; i--) {
		if (builder->chain[i - 1]->net.bits <= bits)
			return builder->chain[i - 1]->dest;
	}
	return none;
}

/* Where the search for this net turns to longer prefixes, something must be found. */
static void add_markers(struct builder *builder, const struct aeg_prefix *net, int tree)
{
	const struct aeg_length *lengths = builder->prefixes->lengths.tree[tree];
	size_t node = 1;

	while (lengths[node].bits != net->bits) {
		if (lengths[node].bits > net->bits) {
			node = 2 * node;
			continue;
		}
		*AEG_VEC_PUSH(builder->prefixes->rows) = (struct aeg_prefix_row){
			.net = aeg_prefix_cut(net, &lengths[node]),
			.dest = answer_at(builder, lengths[node].bits),
		};
		builder->prefixes->rows.items[builder->prefixes->rows.n - 1].net.pad = 1;
		node = 2 * node + 1;
	}
}

static void add_rows(struct builder *builder)
{
	for (size_t i = 0; i < builder->n; i++) {
		const struct aeg_prefix_row *row = &builder->sorted[i];

		while (builder->depth &&
		       !covers(&builder->chain[builder->depth - 1]->net, &row->net))
			builder->depth--;
		for (int tree = 0; tree < 2; tree++) {
			if (in_tree(&row->net, tree))
				add_markers(builder, &row->net, tree);
		}
		builder->chain[builder->depth++] = row;
		*AEG_VEC_PUSH(builder->prefixes->rows) = *row;
		if (i + 1 == builder->n || !covers(&row->net, &row[1].net))
			builder->prefixes->rows.items[builder->prefixes->rows.n - 1].dest.flags |=
				AEG_DEST_LAST;
	}
}

/* A real net needs no marker, and one marker does for all. */
static void drop_doubles(struct aeg_prefixes *prefixes)
{
	size_t n = 0;

	if (prefixes->rows.n)
		qsort(prefixes->rows.items, prefixes->rows.n, sizeof(*prefixes->rows.items),
		      compare_marked);
	for (size_t i = 0; i < prefixes->rows.n; i++) {
		if (n && compare(&prefixes->rows.items[n - 1], &prefixes->rows.items[i]) == 0)
			continue;
		prefixes->rows.items[n] = prefixes->rows.items[i];
		prefixes->rows.items[n++].net.pad = 0;
	}
	prefixes->rows.n = n;
}

int aeg_prefixes_build(const struct aeg_addr_row *rows, size_t n, struct aeg_prefixes *ret)
{
	struct builder builder = {.prefixes = ret};
	int err = sort_rows(&builder, rows, n);

	if (!err) {
		plant_trees(&builder);
		add_rows(&builder);
		drop_doubles(ret);
	}
	free(builder.sorted);
	return err;
}

void aeg_prefixes_done(struct aeg_prefixes *prefixes)
{
	AEG_VEC_DONE(prefixes->rows);
}
