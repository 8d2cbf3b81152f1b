/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A hash table from text to a pointer-sized value; keys are copied, values are borrowed. */
#ifndef AEG_BASE_STRMAP_H
#define AEG_BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aeg_strmap_slot {
	char *key; /* NULL: free */
	uintptr_t value;
};

/* The order of the slots is random by design (see strmap.c): nothing may depend on it. */
struct aeg_strmap {
	struct aeg_strmap_slot *slots;
	size_t n, cap;
};

/* Replaces the value of a key that is there already; returns whether it was. */
bool aeg_strmap_put(struct aeg_strmap *map, const char *key, uintptr_t value);
/* False and *ret untouched when the key is not there; ret may be NULL. */
bool aeg_strmap_get(const struct aeg_strmap *map, const char *key, uintptr_t *ret);
void aeg_strmap_done(struct aeg_strmap *map);

#endif
