/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Members of parsed JSON by path: what the readers of records share. */
#ifndef AEG_BASE_VALUE_H
#define AEG_BASE_VALUE_H

#include <jansson.h>
#include <stdint.h>

/* A member by path, "decisions.denied"; NULL when any of it is missing. Borrowed. */
const json_t *aeg_value_get(const json_t *object, const char *path);
/* Its text, "" when missing or no string. Borrowed. */
const char *aeg_value_str(const json_t *object, const char *path);
uint64_t aeg_value_u64(const json_t *object, const char *path); /* 0 when missing */

#endif
