/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Patterns in which '*' stands for any characters, also none; letters of either case are alike. */
#ifndef AEG_OBSERVE_GLOB_H
#define AEG_OBSERVE_GLOB_H

#include <stdbool.h>

/* Takes time in proportion to the product of the lengths at worst, whatever the pattern. */
bool aeg_glob_matches(const char *pattern, const char *text);

#endif
