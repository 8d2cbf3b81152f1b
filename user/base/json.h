/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A JSON writer without intermediate tree. Commas are its business; nesting is the caller's and
 * asserted. Text that is not UTF-8 is written with U+FFFD in place of the bad bytes.
 */
#ifndef AEG_BASE_JSON_H
#define AEG_BASE_JSON_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

struct aeg_json {
	struct aeg_buf *out;
	unsigned int depth;
	uint64_t objects; /* bit n: level n is an object, else an array or the root */
	bool comma;	  /* the next value needs one in front */
};

/* The text as a JSON string with its quotes; also how the log quotes. */
void aeg_json_quote(struct aeg_buf *out, const char *text);

void aeg_json_begin(struct aeg_json *json, struct aeg_buf *out);
void aeg_json_object(struct aeg_json *json, const char *key); /* key NULL: element or root */
void aeg_json_object_end(struct aeg_json *json);
void aeg_json_array(struct aeg_json *json, const char *key);
void aeg_json_array_end(struct aeg_json *json);
void aeg_json_str(struct aeg_json *json, const char *key, const char *value); /* NULL: leaves out */
void aeg_json_u64(struct aeg_json *json, const char *key, uint64_t value);
void aeg_json_i64(struct aeg_json *json, const char *key, int64_t value);
void aeg_json_double(struct aeg_json *json, const char *key, double value); /* NaN: null */
/* value / 10^places, without zeroes at the end; faster than a double, and exact. */
void aeg_json_decimal(struct aeg_json *json, const char *key, uint64_t value, unsigned int places);
void aeg_json_bool(struct aeg_json *json, const char *key, bool value);
/* Text that is one JSON value already: "null", what aeg_diags_json() wrote. */
void aeg_json_raw(struct aeg_json *json, const char *key, const char *text);

#endif
