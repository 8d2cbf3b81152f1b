// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Only the last star is ever tried again: one before it could not match more by taking more. */
#include "observe/glob.h"

#include <ctype.h>
#include <stddef.h>

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

bool aeg_glob_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *taken = NULL; /* the last star, and what follows what it took */

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			taken = text;
		} else if (same(*pattern, *text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++taken;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
