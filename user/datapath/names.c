/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is believed and what was learned: maps that all generations share. The programs write `learned`
 * and `spoken`; from here they are read, tidied up, and matched anew. What changes what an answer teaches
 * is another epoch, or programs would take one that they read in this second for the same again.
 */
#include "bpf/name.h"
#include "datapath/internal.h"
#include <errno.h>

/* ---- replacing the contents of a map ---- */

struct stale {
	const void *keys; /* that stay */
	size_t key_size, n;
	AEG_VEC(char *) list;
};

static int note_stale(void *arg, const void *key, const void *value)
{
	struct stale *stale = arg;
	char *copy;

	for (size_t i = 0; i < stale->n; i++) {
		if (memcmp((const char *)stale->keys + i * stale->key_size, key, stale->key_size) ==
		    0)
			return 0;
	}
	copy = aeg_xcalloc(1, stale->key_size);
	memcpy(copy, key, stale->key_size);
	*AEG_VEC_PUSH(stale->list) = copy;
	return 0;
}

/* Deletes every key but those n. */
static int keep_only(int fd, const void *keys, size_t key_size, size_t value_size, size_t n)
{
	struct stale stale = {.keys = keys, .key_size = key_size, .n = n};
	int err = aeg_map_each(fd, key_size, value_size, note_stale, &stale);

	for (size_t i = 0; i < stale.list.n; i++) {
		if (!err)
			err = bpf_map_delete_elem(fd, stale.list.items[i]);
		free(stale.list.items[i]);
	}
	AEG_VEC_DONE(stale.list);
	return err;
}

/* New rows first: one that stays is never missing. */
static int replace(int fd, const void *keys, size_t key_size, const void *values, size_t value_size,
		   size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = aeg_map_put(fd, (const char *)keys + i * key_size,
				  (const char *)values + i * value_size);
	return err ? err : keep_only(fd, keys, key_size, value_size, n);
}

/* ---- resolvers ---- */

static bool is_loopback(const struct aeg_addr *addr)
{
	static const struct aeg_addr v6 = {.bytes = {[15] = 1}};

	if (aeg_addr_is_v4(addr))
		return addr->bytes[12] == 127;
	return memcmp(addr, &v6, sizeof(v6)) == 0;
}

int aeg_datapath_set_resolvers(struct aeg_datapath *datapath, const struct aeg_addr *addrs,
			       size_t n)
{
	struct aeg_resolver rows[AEG_RESOLVERS_MAX] = {0};
	int err;

	if (n > AEG_RESOLVERS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		rows[i].flags = is_loopback(&addrs[i]) ? AEG_RESOLVER_LOOPBACK : 0;
	err = replace(datapath->maps[AEG_MAP_RESOLVERS], addrs, sizeof(*addrs), rows, sizeof(*rows),
		      n);
	aeg_epoch_bump(datapath);
	return err;
}

static struct aeg_seed seed_of(const struct aeg_datapath *datapath)
{
	return (struct aeg_seed){
		.basis = datapath->ctl->seed_basis,
		.factor = datapath->ctl->seed_factor,
	};
}

struct search_rows {
	AEG_VEC(uint64_t) keys;
	AEG_VEC(struct aeg_name_entry) entries;
};

static void search_rows_done(struct search_rows *rows)
{
	AEG_VEC_DONE(rows->keys);
	AEG_VEC_DONE(rows->entries);
}

static void add_search(const struct aeg_search *search, const struct aeg_seed *seed,
		       struct search_rows *ret)
{
	AEG_AUTO_FREE char *pattern = aeg_xasprintf("*.%s", search->suffix);
	const struct aeg_dest dest = {.class = search->labels};
	struct aeg_name_row row;

	for (uint32_t n = 0; aeg_name_row_make(pattern, n, &dest, seed, &row); n++) {
		*AEG_VEC_PUSH(ret->keys) = row.key;
		*AEG_VEC_PUSH(ret->entries) = row.entry;
	}
}

int aeg_datapath_set_searches(struct aeg_datapath *datapath, const struct aeg_search *searches,
			      size_t n)
{
	AEG_CLEANUP(search_rows_done) struct search_rows rows = {0};
	struct aeg_seed seed = seed_of(datapath);
	int err;

	for (size_t i = 0; i < n; i++)
		add_search(&searches[i], &seed, &rows);
	err = replace(datapath->maps[AEG_MAP_SEARCHES], rows.keys.items, sizeof(uint64_t),
		      rows.entries.items, sizeof(struct aeg_name_entry), rows.keys.n);
	aeg_epoch_bump(datapath);
	return err;
}

void aeg_datapath_set_ttl_min(struct aeg_datapath *datapath, uint32_t seconds)
{
	__atomic_store_n(&datapath->ctl->ttl_min, seconds, __ATOMIC_RELAXED);
	aeg_epoch_bump(datapath);
}

uint32_t aeg_datapath_ttl_min(const struct aeg_datapath *datapath)
{
	return __atomic_load_n(&datapath->ctl->ttl_min, __ATOMIC_RELAXED);
}

/* ---- what was learned ---- */

struct learned_reader {
	aeg_learned_fn *fn;
	void *arg;
};

static int read_learned(void *arg, const void *key, const void *value)
{
	const struct learned_reader *reader = arg;

	reader->fn(reader->arg, value);
	return 0;
}

int aeg_datapath_learned(struct aeg_datapath *datapath, aeg_learned_fn *fn, void *arg)
{
	struct learned_reader reader = {.fn = fn, .arg = arg};

	return aeg_map_each(datapath->maps[AEG_MAP_LEARNED], sizeof(struct aeg_addr),
			    sizeof(struct aeg_learned), read_learned, &reader);
}

static int learned_get(const struct aeg_datapath *datapath, const uint8_t addr[16],
		       struct aeg_learned *ret)
{
	return bpf_map_lookup_elem_flags(datapath->maps[AEG_MAP_LEARNED], addr, ret, BPF_F_LOCK);
}

int aeg_datapath_learned_get(struct aeg_datapath *datapath, const struct aeg_addr *addr,
			     struct aeg_learned *ret)
{
	return learned_get(datapath, addr->bytes, ret);
}

/* The address may have been learned for the new pattern meanwhile: then the old member goes. */
static bool move_member(struct aeg_learned *learned, const struct aeg_member *member, uint32_t node)
{
	struct aeg_member *from = NULL;
	bool there = false;

	for (size_t i = 0; i < AEG_MEMBERS_MAX; i++) {
		struct aeg_member *at = &learned->members[i];

		there |= at->node == node;
		if (at->node == member->node && at->name == member->name)
			from = at;
	}
	if (!from)
		return false;
	from->node = there ? 0 : node;
	return true;
}

/*
 * The kernel has no compare-and-swap for elements: what a program learns for the address between the
 * look-up and the update is lost. The client's connect() then meets an address that stands for fewer
 * names, and its ClientHello decides; the next answer mends it.
 */
int aeg_datapath_learned_move(struct aeg_datapath *datapath, const uint8_t addr[16],
			      const struct aeg_member *member, uint32_t node)
{
	struct aeg_learned learned;
	int err = learned_get(datapath, addr, &learned);

	if (err)
		return err;
	if (!move_member(&learned, member, node))
		return -ENOENT;
	err = bpf_map_update_elem(datapath->maps[AEG_MAP_LEARNED], addr, &learned,
				  BPF_EXIST | BPF_F_LOCK);
	aeg_epoch_bump(datapath);
	return err;
}

int aeg_datapath_learned_delete(struct aeg_datapath *datapath, const uint8_t addr[16])
{
	int err = bpf_map_delete_elem(datapath->maps[AEG_MAP_LEARNED], addr);

	if (!err)
		__atomic_fetch_sub(&datapath->ctl->learned, 1, __ATOMIC_RELAXED);
	return err;
}

uint32_t aeg_datapath_learned_count(const struct aeg_datapath *datapath)
{
	return __atomic_load_n(&datapath->ctl->learned, __ATOMIC_RELAXED);
}

void aeg_datapath_learned_settle(struct aeg_datapath *datapath, uint32_t before, uint32_t n)
{
	__atomic_compare_exchange_n(&datapath->ctl->learned, &before, n, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
}

/* ---- shares of it ---- */

/* No other epoch: what is read again though it could be known has taught nothing new. */
void aeg_datapath_set_share(struct aeg_datapath *datapath, uint32_t addresses)
{
	__atomic_store_n(&datapath->ctl->share, addresses, __ATOMIC_RELAXED);
}

struct share_reader {
	aeg_share_fn *fn;
	void *arg;
};

static int read_share(void *arg, const void *key, const void *value)
{
	const struct share_reader *reader = arg;
	const uint64_t *count = value;

	reader->fn(reader->arg, key, *count);
	return 0;
}

int aeg_datapath_shares(struct aeg_datapath *datapath, aeg_share_fn *fn, void *arg)
{
	struct share_reader reader = {.fn = fn, .arg = arg};

	return aeg_map_each(datapath->maps[AEG_MAP_SHARES], sizeof(struct aeg_share_key),
			    sizeof(uint64_t), read_share, &reader);
}

int aeg_datapath_share_back(struct aeg_datapath *datapath, uint32_t workload, uint64_t count)
{
	const struct aeg_share_key key = {.workload = workload, .side = AEG_SHARE_BACK};

	return aeg_map_put(datapath->maps[AEG_MAP_SHARES], &key, &count);
}

/* In this order: what was given back of nothing is room, what was taken and is not given back is none. */
int aeg_datapath_share_delete(struct aeg_datapath *datapath, uint32_t workload)
{
	struct aeg_share_key key = {.workload = workload, .side = AEG_SHARE_TAKEN};
	int err = bpf_map_delete_elem(datapath->maps[AEG_MAP_SHARES], &key);

	if (err && err != -ENOENT)
		return err;
	key.side = AEG_SHARE_BACK;
	return bpf_map_delete_elem(datapath->maps[AEG_MAP_SHARES], &key);
}

int aeg_datapath_spoken(struct aeg_datapath *datapath, uint64_t name, struct aeg_spoken *ret)
{
	int err = bpf_map_lookup_elem(datapath->maps[AEG_MAP_SPOKEN], &name, ret);

	if (err)
		return err;
	ret->text[ret->len < sizeof(ret->text) ? ret->len : sizeof(ret->text) - 1] = '\0';
	return 0;
}
