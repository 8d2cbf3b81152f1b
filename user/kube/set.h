/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Values by key, and which of them a new list did not mention. Owns keys and values. */
#ifndef AEG_KUBE_SET_H
#define AEG_KUBE_SET_H

#include <stddef.h>

typedef void aeg_value_fn(void *arg, void *value);

struct aeg_set {
	void *tree; /* tsearch tree, in order of key */
	size_t n;
	unsigned int list; /* number of the list that is coming in */
	void (*free)(void *value);
};

/* NULL: not there. */
void *aeg_set_get(const struct aeg_set *set, const char *key);
/* Takes the value; the former one is freed. It is mentioned. */
void aeg_set_put(struct aeg_set *set, const char *key, void *value);
/* Mentions what is there already. */
void aeg_set_mention(struct aeg_set *set, const char *key);
void aeg_set_remove(struct aeg_set *set, const char *key);
void aeg_set_begin(struct aeg_set *set);
/* Tells fn what was not mentioned since the beginning, then frees it. */
void aeg_set_sweep(struct aeg_set *set, aeg_value_fn *fn, void *arg);
/* In order of key; fn must not change the set. */
void aeg_set_each(const struct aeg_set *set, aeg_value_fn *fn, void *arg);
void aeg_set_done(struct aeg_set *set);

#endif
