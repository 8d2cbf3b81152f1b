// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Open addressing, linear probing, at most three quarters full. SipHash-1-3 under a random key:
 * whoever may write a policy chooses the keys, and must not choose the collisions.
 */
#include "base/strmap.h"
#include "base/mem.h"
#include <pthread.h>
#include <sys/random.h>

static uint64_t hash_key[2];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void choose_hash_key(void)
{
	/* Before the kernel's pool is ready a constant key is better than waiting at boot. */
	if (getrandom(hash_key, sizeof(hash_key), GRND_NONBLOCK) < 0)
		memset(hash_key, 0x5a, sizeof(hash_key));
}

static uint64_t rotate(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static uint64_t hash(const char *key)
{
	size_t len = strlen(key);
	uint64_t last = (uint64_t)len << 56, word;
	uint64_t v[4] = {
		hash_key[0] ^ UINT64_C(0x736f6d6570736575),
		hash_key[1] ^ UINT64_C(0x646f72616e646f6d),
		hash_key[0] ^ UINT64_C(0x6c7967656e657261),
		hash_key[1] ^ UINT64_C(0x7465646279746573),
	};

	for (; len >= sizeof(word); key += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, key, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = 0;
	memcpy(&word, key, len);
	last |= word;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The key's slot, or the free one where it belongs; there is always a free one. */
static struct aeg_strmap_slot *probe(const struct aeg_strmap *map, const char *key)
{
	size_t i = hash(key) & (map->cap - 1);

	while (map->slots[i].key && !aeg_streq(map->slots[i].key, key))
		i = (i + 1) & (map->cap - 1);
	return &map->slots[i];
}

static void grow(struct aeg_strmap *map)
{
	struct aeg_strmap bigger = {.n = map->n, .cap = map->cap ? map->cap * 2 : 16};

	pthread_once(&hash_key_once, choose_hash_key);
	bigger.slots = aeg_xcalloc(bigger.cap, sizeof(*bigger.slots));
	for (size_t i = 0; i < map->cap; i++)
		if (map->slots[i].key)
			*probe(&bigger, map->slots[i].key) = map->slots[i];
	free(map->slots);
	*map = bigger;
}

bool aeg_strmap_put(struct aeg_strmap *map, const char *key, uintptr_t value)
{
	struct aeg_strmap_slot *slot;
	bool known;

	if (map->n >= map->cap / 4 * 3)
		grow(map);
	slot = probe(map, key);
	known = slot->key != NULL;
	if (!known) {
		slot->key = aeg_xstrdup(key);
		map->n++;
	}
	slot->value = value;
	return known;
}

bool aeg_strmap_get(const struct aeg_strmap *map, const char *key, uintptr_t *ret)
{
	const struct aeg_strmap_slot *slot;

	if (!map->n)
		return false;
	slot = probe(map, key);
	if (!slot->key)
		return false;
	if (ret)
		*ret = slot->value;
	return true;
}

void aeg_strmap_done(struct aeg_strmap *map)
{
	for (size_t i = 0; i < map->cap; i++)
		free(map->slots[i].key);
	free(map->slots);
	*map = (struct aeg_strmap){0};
}
