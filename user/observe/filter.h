/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which flow records a reader wants. Pure: keys and values come as text, as in the query of
 * GET /v1/flows; a record must pass every key that was given, by any of its values.
 */
#ifndef AEG_OBSERVE_FILTER_H
#define AEG_OBSERVE_FILTER_H

#include "observe/flow.h"

/* Keys with patterns in which '*' stands for anything. */
enum aeg_filter_text {
	AEG_FILTER_NAMESPACE,
	AEG_FILTER_WORKLOAD, /* "name" or "namespace/name" */
	AEG_FILTER_SERVICE_ACCOUNT,
	AEG_FILTER_ENDPOINT,
	AEG_FILTER_NAME,   /* of the destination; where none is known, its pattern or address */
	AEG_FILTER_POLICY, /* "namespace/name", "name" for cluster policies */
	AEG_FILTER_TEXTS,
};

/* Keys with words of a list, as bits of what may pass; 0: everything. */
enum aeg_filter_word {
	AEG_FILTER_EVENT,
	AEG_FILTER_VERDICT,
	AEG_FILTER_REASON,
	AEG_FILTER_CLASS,
	AEG_FILTER_WORDS,
};

struct aeg_filter {
	const char *const *classes; /* NULL-terminated; the bits of AEG_FILTER_CLASS */
	AEG_VEC(char *) texts[AEG_FILTER_TEXTS];
	uint64_t words[AEG_FILTER_WORDS];
	uint64_t since_ns; /* CLOCK_REALTIME; 0: from the beginning */
};

/* NULL-terminated: namespace, workload, …; "since" is none of them, see aeg_filter_since(). */
extern const char *const aeg_filter_keys[];

void aeg_filter_init(struct aeg_filter *filter, const char *const *classes);
void aeg_filter_done(struct aeg_filter *filter);
/*
 * Adds values to a key; a comma stands between two. -EINVAL with a sentence that has the words that
 * the key takes.
 */
int aeg_filter_add(struct aeg_filter *filter, const char *key, const char *values,
		   struct aeg_buf *error);
/* Sets the time before which nothing passes: "10m" ago (s, m, h, d), or an RFC 3339 time in UTC. */
int aeg_filter_since(struct aeg_filter *filter, const char *text, uint64_t now_ns,
		     struct aeg_buf *error);
/* Losses always pass: among what was lost may be what is wanted. */
bool aeg_filter_passes(const struct aeg_filter *filter, const struct aeg_flow *flow);

#endif
