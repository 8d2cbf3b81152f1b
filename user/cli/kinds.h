/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kinds of documents and the words that people use for them. */
#ifndef AEG_CLI_KINDS_H
#define AEG_CLI_KINDS_H

#include <stdbool.h>

struct aeg_kind {
	const char *name;	/* as in documents: "AIEndpoint" */
	const char *plural;	/* "aiendpoints" */
	const char *short_name; /* "aie"; NULL: none */
	bool namespaced;
};

/* By kind, plural or short name, whatever the case; NULL: unknown. */
const struct aeg_kind *aeg_kind_find(const char *word);
/* What to type, for completion; NULL-terminated. */
extern const char *const aeg_kind_words[];

#endif
