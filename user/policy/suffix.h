/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Suffixes below which anybody can get a name: a '*' over one of them hands out the world. */
#ifndef AEG_POLICY_SUFFIX_H
#define AEG_POLICY_SUFFIX_H

#include <stdbool.h>

/*
 * Whether a canonical name is a top-level domain, one of the registries and shared hosting domains
 * that we know, or a parent of one. Not the Public Suffix List: it catches slips, not intent.
 */
bool aeg_suffix_is_public(const char *name);

#endif
