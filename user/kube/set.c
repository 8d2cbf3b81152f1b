/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A balanced tree of the C library; going through it collects first, so that entries may go meanwhile. */
#include "kube/set.h"
#include "base/mem.h"

#include <search.h>

struct keyed {
	char *key;
	void *value;
	unsigned int list; /* that mentioned it last */
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct keyed *)a)->key, ((const struct keyed *)b)->key);
}

static struct keyed *find(const struct aeg_set *set, const char *key)
{
	const struct keyed wanted = {.key = (char *)key};
	struct keyed **found = tfind(&wanted, &set->tree, compare);

	return found ? *found : NULL;
}

static void free_keyed(struct aeg_set *set, struct keyed *keyed)
{
	set->free(keyed->value);
	free(keyed->key);
	free(keyed);
}

void *aeg_set_get(const struct aeg_set *set, const char *key)
{
	struct keyed *keyed = find(set, key);

	return keyed ? keyed->value : NULL;
}

void aeg_set_put(struct aeg_set *set, const char *key, void *value)
{
	struct keyed *keyed = find(set, key);

	if (keyed) {
		set->free(keyed->value);
	} else {
		keyed = aeg_xcalloc(1, sizeof(*keyed));
		keyed->key = aeg_xstrdup(key);
		if (!tsearch(keyed, &set->tree, compare))
			abort(); /* out of memory, as in base/mem.h */
		set->n++;
	}
	keyed->value = value;
	keyed->list = set->list;
}

void aeg_set_mention(struct aeg_set *set, const char *key)
{
	struct keyed *keyed = find(set, key);

	if (keyed)
		keyed->list = set->list;
}

static void remove_keyed(struct aeg_set *set, struct keyed *keyed)
{
	tdelete(keyed, &set->tree, compare);
	set->n--;
	free_keyed(set, keyed);
}

void aeg_set_remove(struct aeg_set *set, const char *key)
{
	struct keyed *keyed = find(set, key);

	if (keyed)
		remove_keyed(set, keyed);
}

void aeg_set_begin(struct aeg_set *set)
{
	set->list++;
}

/* ---- going through all ---- */

struct all {
	AEG_VEC(struct keyed *) list;
};

static void collect(const void *node, VISIT visit, void *arg)
{
	struct all *all = arg;

	if (visit == postorder || visit == leaf)
		*AEG_VEC_PUSH(all->list) = *(struct keyed *const *)node;
}

void aeg_set_sweep(struct aeg_set *set, aeg_value_fn *fn, void *arg)
{
	struct all all = {0};

	twalk_r(set->tree, collect, &all);
	for (size_t i = 0; i < all.list.n; i++) {
		if (all.list.items[i]->list == set->list)
			continue;
		fn(arg, all.list.items[i]->value);
		remove_keyed(set, all.list.items[i]);
	}
	AEG_VEC_DONE(all.list);
}

void aeg_set_each(const struct aeg_set *set, aeg_value_fn *fn, void *arg)
{
	struct all all = {0};

	twalk_r(set->tree, collect, &all);
	for (size_t i = 0; i < all.list.n; i++)
		fn(arg, all.list.items[i]->value);
	AEG_VEC_DONE(all.list);
}

static void keep_node(void *node)
{
}

void aeg_set_done(struct aeg_set *set)
{
	struct all all = {0};

	twalk_r(set->tree, collect, &all);
	tdestroy(set->tree, keep_node);
	for (size_t i = 0; i < all.list.n; i++)
		free_keyed(set, all.list.items[i]);
	AEG_VEC_DONE(all.list);
	set->tree = NULL;
	set->n = 0;
}
