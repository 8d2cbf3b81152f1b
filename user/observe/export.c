/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the formats share. */
#include "observe/export.h"
#include <time.h>

#define MS_PER_SEC 1000
#define NS_PER_MS 1000000
#define SECONDS_LEN 19 /* 2026-11-20T12:00:00 */

const char *const aeg_export_words[] = {"native", "ecs", "ocsf", "cef", NULL};

bool aeg_export_is_flow(const json_t *record)
{
	return *aeg_value_str(record, "verdict") != '\0';
}

char *aeg_export_workload(const json_t *record)
{
	const char *name = aeg_value_str(record, "workload.name");

	if (!*name)
		return aeg_xstrdup("");
	return aeg_xasprintf("%s/%s", aeg_value_str(record, "workload.namespace"), name);
}

char *aeg_export_changes(const json_t *record)
{
	const json_t *changes = json_object_get(record, "changes");

	return json_is_array(changes) ? json_dumps(changes, JSON_COMPACT) : NULL;
}

/* The name that was asked for, else the address. */
static const char *destination(const json_t *record)
{
	const char *name = aeg_value_str(record, "destination.name");

	return *name ? name : aeg_value_str(record, "destination.ip");
}

char *aeg_export_message(const json_t *record)
{
	AEG_AUTO_FREE char *workload = aeg_export_workload(record);

	if (!aeg_export_is_flow(record))
		return aeg_xasprintf("aegress: %s%s%s", aeg_value_str(record, "event"),
				     *workload ? " " : "", workload);
	return aeg_xasprintf("%s: %s to %s:%llu (%s)", aeg_value_str(record, "verdict"),
			     *workload ? workload : "unknown workload", destination(record),
			     (unsigned long long)aeg_value_u64(record, "destination.port"),
			     aeg_value_str(record, "reason"));
}

uint64_t aeg_export_ms(const json_t *record, const char *key)
{
	const char *text = aeg_value_str(record, key);
	struct tm tm = {0};
	uint64_t fraction = 0;

	if (strlen(text) <= SECONDS_LEN || !strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
		return 0;
	if (text[SECONDS_LEN] == '.')
		fraction = strtoull(text + SECONDS_LEN + 1, NULL, 10); /* nine digits */
	return (uint64_t)timegm(&tm) * MS_PER_SEC + fraction / NS_PER_MS;
}

void aeg_export_str(struct aeg_json *json, const char *key, const json_t *record, const char *path)
{
	const char *text = aeg_value_str(record, path);

	aeg_json_str(json, key, *text ? text : NULL);
}

void aeg_export_u64(struct aeg_json *json, const char *key, const json_t *record, const char *path)
{
	uint64_t number = aeg_value_u64(record, path);

	if (number)
		aeg_json_u64(json, key, number);
}

uint64_t aeg_export_protocol(const json_t *record)
{
	const char *word = aeg_value_str(record, "protocol");

	if (aeg_streq(word, "tcp"))
		return 6;
	return aeg_streq(word, "udp") ? 17 : strtoull(word, NULL, 10);
}

bool aeg_export(enum aeg_export_format format, const char *line, size_t len, struct aeg_buf *ret)
{
	static aeg_export_fn *const writers[] = {
		[AEG_EXPORT_ECS] = aeg_export_ecs,
		[AEG_EXPORT_OCSF] = aeg_export_ocsf,
		[AEG_EXPORT_CEF] = aeg_export_cef,
	};
	json_t *record = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_is_object(record);

	if (good && format == AEG_EXPORT_NATIVE)
		aeg_buf_add(ret, line, len);
	else if (good)
		writers[format](record, ret);
	json_decref(record);
	return good;
}
