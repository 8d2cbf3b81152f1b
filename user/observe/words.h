/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The words of a flow, apart from it: immutable, in one piece of memory, shared by all flows that
 * say the same. A flood of events costs a look-up each, not a dozen copies.
 */
#ifndef AEG_OBSERVE_WORDS_H
#define AEG_OBSERVE_WORDS_H

#include "observe/flow.h"

struct aeg_words {
	unsigned int users;
	uint32_t pair; /* hash of namespace, workload and endpoint */
	AEG_WORDS(AEG_WORD_MEMBER)
};

/* Copies the words of the flow; the caller is their first user. */
struct aeg_words *aeg_words_new(const struct aeg_flow *flow);
struct aeg_words *aeg_words_use(struct aeg_words *words); /* one user more; NULL is fine */
void aeg_words_drop(struct aeg_words *words);		  /* the last one frees; NULL is fine */
/* Sets the words of a flow; it borrows them. */
void aeg_words_lend(struct aeg_words *words, struct aeg_flow *flow);

#endif
