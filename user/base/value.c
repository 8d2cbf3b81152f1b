/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lenient reading: what is missing or of another type is empty. */
#include "base/value.h"
#include "base/mem.h"

const json_t *aeg_value_get(const json_t *object, const char *path)
{
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		AEG_AUTO_FREE char *key = aeg_xstrndup(path, (size_t)(dot - path));

		object = json_object_get(object, key);
		path = dot + 1;
	}
	return json_object_get(object, path);
}

const char *aeg_value_str(const json_t *object, const char *path)
{
	const char *text = json_string_value(aeg_value_get(object, path));

	return text ? text : "";
}

uint64_t aeg_value_u64(const json_t *object, const char *path)
{
	json_int_t value = json_integer_value(aeg_value_get(object, path));

	return value > 0 ? (uint64_t)value : 0;
}
