/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Host patterns: exact names, or "*." and a suffix, which means one or more labels in front of the
 * suffix and not the suffix itself. Canonical form: lower-case A-labels, no trailing dot.
 */
#ifndef AEG_POLICY_PATTERN_H
#define AEG_POLICY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#define AEG_HOST_MAX 253
#define AEG_HOST_LABEL_MAX 63
#define AEG_PATTERN_TEXT (AEG_HOST_MAX + 3) /* "*." + name + NUL */

enum aeg_pattern_error {
	AEG_PATTERN_OK = 0,
	AEG_PATTERN_EMPTY,
	AEG_PATTERN_TOO_LONG,	   /* name over 253, label over 63 */
	AEG_PATTERN_BAD_LABEL,	   /* empty label, or one that begins or ends in '-' */
	AEG_PATTERN_BAD_CHARACTER, /* anything but letters, digits, '-', '_', '.' */
	AEG_PATTERN_BAD_STAR,	   /* '*' anywhere but as the first label */
	AEG_PATTERN_PUBLIC_SUFFIX, /* "*" + something as wide as a registry: "*", "*.com", "*.co.uk" */
	AEG_PATTERN_ADDRESS,	   /* an IP literal, or what resolvers take for one: "127.1" */
	AEG_PATTERN_NOT_ASCII,	   /* a U-label */
};

/*
 * Canonicalises text into ret, which is untouched on failure. `wildcards` false: '*' is
 * AEG_PATTERN_BAD_STAR.
 */
enum aeg_pattern_error aeg_pattern_parse(const char *text, bool wildcards,
					 char ret[AEG_PATTERN_TEXT]);
/* The same for one label, which may be all digits: what fills a template's placeholder. */
enum aeg_pattern_error aeg_pattern_parse_label(const char *text, char ret[AEG_HOST_LABEL_MAX + 1]);
/* A sentence for people: "'*' may only lead, as in *.example.com". */
const char *aeg_pattern_strerror(enum aeg_pattern_error error);
/* Whether every name that `narrow` matches is matched by `wide`; both canonical. */
bool aeg_pattern_covers(const char *wide, const char *narrow);

#endif
