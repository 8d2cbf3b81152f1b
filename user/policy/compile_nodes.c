/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From nodes to rows. The kernel finds only the most specific node, so each node takes over what
 * refers to everything wider that covers it; then deny wins whatever the prefix lengths say.
 */
#include "policy/compiler.h"
#include "policy/pattern.h"
#include <stdio.h>

struct words {
	AEG_VEC(uint32_t) list;
};

static void words_add(struct words *words, struct aeg_set set)
{
	for (size_t i = 0; i < set.n; i++)
		*AEG_VEC_PUSH(words->list) = set.items[i];
}

static uint32_t words_intern(struct words *words, struct aeg_sets *sets)
{
	uint32_t number;

	words->list.n = aeg_u32_sort_unique(words->list.items, words->list.n);
	number = aeg_sets_intern(sets, words->list.items, words->list.n);
	AEG_VEC_DONE(words->list);
	return number;
}

/* ---- covering ---- */

/* wider: the next wider node, resolved already; NULL: nothing covers this one. */
static void resolve(struct aeg_build *build, struct aeg_node_groups *node,
		    const struct aeg_node_groups *wider)
{
	struct words words = {0};

	if (wider) {
		words_add(&words, aeg_sets_get(&build->group_sets, wider->all));
		node->governed |= wider->governed;
	}
	words_add(&words, (struct aeg_set){.items = node->groups.items, .n = node->groups.n});
	node->all = words_intern(&words, &build->group_sets);
	node->resolved = true;
}

/* Recursion is as deep as a name has labels. */
static struct aeg_node_groups *resolve_name(struct aeg_build *build, size_t row)
{
	struct aeg_node_groups *node = &build->names.items[row].groups, *wider = NULL;
	char name[AEG_PATTERN_TEXT];
	uintptr_t wider_row;

	if (node->resolved)
		return node;
	snprintf(name, sizeof(name), "%s", build->names.items[row].pattern);
	while (!wider && aeg_name_widen(name))
		if (aeg_strmap_get(&build->name_rows, name, &wider_row))
			wider = resolve_name(build, wider_row);
	resolve(build, node, wider);
	return node;
}

static int compare_cidrs(const void *a, const void *b)
{
	const struct aeg_cidr *x = &((const struct aeg_cidr_node *)a)->cidr;
	const struct aeg_cidr *y = &((const struct aeg_cidr_node *)b)->cidr;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order ? order : (int)x->bits - (int)y->bits;
}

/* Sorted, a prefix is followed by everything inside it: the open ones form a stack. */
static void resolve_cidrs(struct aeg_build *build)
{
	AEG_VEC(struct aeg_cidr_node *) open = {0};

	if (build->cidrs.n == 0)
		return;
	qsort(build->cidrs.items, build->cidrs.n, sizeof(*build->cidrs.items), compare_cidrs);
	for (size_t i = 0; i < build->cidrs.n; i++) {
		struct aeg_cidr_node *node = &build->cidrs.items[i];

		while (open.n && !aeg_cidr_covers(&open.items[open.n - 1]->cidr, &node->cidr))
			open.n--;
		resolve(build, &node->groups, open.n ? &open.items[open.n - 1]->groups : NULL);
		*AEG_VEC_PUSH(open) = node;
	}
	AEG_VEC_DONE(open);
}

/* ---- classes ---- */

static uint32_t class_of(struct aeg_build *build, uint32_t group_set)
{
	struct aeg_set groups = aeg_sets_get(&build->group_sets, group_set);
	struct words words = {0};

	for (size_t i = 0; i < groups.n; i++) {
		const struct aeg_group *group = &build->groups.items[groups.items[i]];

		words_add(&words, (struct aeg_set){.items = group->references.items,
						   .n = group->references.n});
	}
	return words_intern(&words, &build->compiler->classes);
}

/* Group set -> class: there are far fewer group sets than nodes. */
static uint32_t *make_classes(struct aeg_build *build)
{
	uint32_t *classes = aeg_xcalloc(build->group_sets.spans.n, sizeof(*classes));

	for (uint32_t i = 0; i < build->group_sets.spans.n; i++)
		classes[i] = class_of(build, i);
	return classes;
}

/* Policy -> where it stands in which class: what makes a profile cheap. */
static void index_policies(struct aeg_compiler *compiler)
{
	compiler->ntouched = compiler->model->policies.n;
	compiler->touched = aeg_xcalloc(compiler->ntouched, sizeof(*compiler->touched));
	for (uint32_t class = 1; class < compiler->classes.spans.n; class ++) {
		struct aeg_set set = aeg_sets_get(&compiler->classes, class);
		struct aeg_touch *touch = NULL;
		uint32_t policy = 0;

		for (uint32_t i = 0; i < set.n; i++) {
			const struct aeg_reference *reference =
				&compiler->references.items[set.items[i]];

			if (!touch || reference->policy != policy) {
				policy = reference->policy;
				touch = AEG_VEC_PUSH(compiler->touched[policy].list);
				*touch = (struct aeg_touch){.class = class, .start = i};
			}
			touch->n++;
		}
	}
}

/* ---- rows ---- */

/*
 * A special-use address is learned for a name only where an endpoint has both. More than 32
 * endpoints share bits: then a name may be believed at the addresses of another one, as any is
 * that an endpoint of the same bit declares.
 */
static uint32_t declarers_of(const struct aeg_build *build, uint32_t group_set)
{
	struct aeg_set groups = aeg_sets_get(&build->group_sets, group_set);
	uint32_t declarers = 0;

	for (size_t i = 0; i < groups.n; i++)
		declarers |= build->groups.items[groups.items[i]].declarer;
	return declarers;
}

static struct aeg_dest make_dest(struct aeg_build *build, const struct aeg_node_groups *node,
				 const uint32_t *classes, const char *text)
{
	return (struct aeg_dest){
		.class = classes[node->all],
		.node = aeg_numbers_get(build->numbers, AEG_LABEL_NODE, text),
		.flags = node->governed ? AEG_DEST_GOVERNED : 0,
		.declarers = declarers_of(build, node->all),
	};
}

static void add_addr_row(struct aeg_build *build, struct aeg_tables *tables,
			 const struct aeg_cidr_node *node, const uint32_t *classes)
{
	struct aeg_addr_row *row = AEG_VEC_PUSH(tables->addrs);
	char text[AEG_ADDR_TEXT];

	aeg_cidr_format(&node->cidr, text);
	row->key.prefixlen = node->cidr.bits;
	memcpy(row->key.addr, node->cidr.addr.bytes, sizeof(row->key.addr));
	row->dest = make_dest(build, &node->groups, classes, text);
}

static void add_name_row(struct aeg_build *build, struct aeg_tables *tables,
			 struct aeg_name_node *node, const uint32_t *classes)
{
	struct aeg_pattern_row *row = AEG_VEC_PUSH(tables->names);

	row->dest = make_dest(build, &node->groups, classes, node->pattern);
	row->pattern = AEG_TAKE_PTR(node->pattern);
}

void aeg_build_nodes(struct aeg_build *build, struct aeg_tables *tables)
{
	AEG_AUTO_FREE uint32_t *classes = NULL;

	for (size_t i = 0; i < build->names.n; i++)
		resolve_name(build, i);
	resolve_cidrs(build);
	classes = make_classes(build);
	index_policies(build->compiler);
	for (size_t i = 0; i < build->cidrs.n; i++)
		add_addr_row(build, tables, &build->cidrs.items[i], classes);
	for (size_t i = 0; i < build->names.n; i++)
		add_name_row(build, tables, &build->names.items[i], classes);
	aeg_tables_index(tables);
}
