/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The words of the language: what a name, a label or a date may look like. */
#ifndef AEG_POLICY_WORDS_H
#define AEG_POLICY_WORDS_H

#include <stdbool.h>

enum aeg_word_kind {
	AEG_WORD_NAME,	      /* RFC 1123 subdomain: objects, service accounts */
	AEG_WORD_SHORT_NAME,  /* RFC 1123 label: namespaces, rules */
	AEG_WORD_LABEL_KEY,   /* Kubernetes label key: [prefix/]name */
	AEG_WORD_LABEL_VALUE, /* Kubernetes label value, which may be empty */
	AEG_WORD_PROVIDER,    /* a label value that is not empty */
	AEG_WORD_DATE,	      /* YYYY-MM-DD, a day that exists */
	AEG_WORD_TIME,	      /* YYYY-MM-DDThh:mm:ssZ, from 1970 on: RFC 3339 in one form */
	AEG_WORD_CGROUP,      /* relative path or glob below a managed root */
	AEG_WORD_UNIT,	      /* systemd service, scope or slice */
	AEG_WORD_TEXT,	      /* anything that is not empty */
};

bool aeg_word_is_valid(enum aeg_word_kind kind, const char *text);
/* What would have been right, as the end of a sentence: "is not a date: write YYYY-MM-DD, ...". */
const char *aeg_word_wanted(enum aeg_word_kind kind);

#endif
