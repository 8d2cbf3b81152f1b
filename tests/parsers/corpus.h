/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Inputs for the parsers: the captured hellos, made DNS messages, and what mutation makes of them. */
#ifndef AEG_TEST_CORPUS_H
#define AEG_TEST_CORPUS_H

#include "tests/lib/wire.h"
#include "tests/property/random.h"

#define CORPUS_MAX 128

struct corpus {
	size_t n;
	struct wire *items[CORPUS_MAX];
};

void corpus_done(struct corpus *corpus);
/* Every file that a pattern of glob() is for; exits where there is none. */
void corpus_load(struct corpus *corpus, const char *directory, const char *pattern);
/* Queries, answers and names of all kinds. */
void corpus_queries(struct corpus *corpus);
void corpus_responses(struct corpus *corpus, struct random *random);
void corpus_names(struct corpus *corpus);
/* One of them, changed in no place, one or a few; at most `max` bytes, at least one. */
void corpus_mutate(const struct corpus *corpus, struct random *random, size_t max,
		   struct wire *ret);

/* Records that may come behind a first hello, then the given ones. */
void corpus_between(const struct wire *from, struct random *random, size_t max, struct wire *ret);

#endif
