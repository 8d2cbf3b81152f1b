/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Templates of endpoint hosts: "{id}.{region}.{vendor}.example.com". A rule fills placeholders in;
 * those it leaves open become one leading '*', so only the first ones can be left open.
 */
#ifndef AEG_POLICY_TEMPLATE_H
#define AEG_POLICY_TEMPLATE_H

#include "policy/model.h"

/* A rule may stand for at most so many names. */
#define AEG_TEMPLATE_NAMES_MAX 4096

enum aeg_hole { AEG_HOLE_ID, AEG_HOLE_REGION, AEG_HOLE_VENDOR, AEG_HOLE_MAX };

struct aeg_filling { /* borrowed; an empty list leaves the hole open */
	const struct aeg_strings *holes[AEG_HOLE_MAX];
};
struct aeg_filling aeg_to_filling(const struct aeg_to *to);
/* Whether any hole is filled, so that the template and not the host list is meant. */
bool aeg_filling_given(const struct aeg_filling *filling);

/* Canonicalises; a sentence about what is wrong, or NULL and an owned template. */
char *aeg_template_parse(const char *text, char **ret);
/* The pattern with every hole open: what the endpoint's hosts must cover. Owned. */
char *aeg_template_widest(const char *template);
/* NULL when the template can be filled this way, else an owned sentence. */
char *aeg_template_refuses(const char *template, const struct aeg_filling *filling);
/* Pushes the names of a filling that the template does not refuse. */
void aeg_template_expand(const char *template, const struct aeg_filling *filling,
			 struct aeg_strings *ret);

#endif
