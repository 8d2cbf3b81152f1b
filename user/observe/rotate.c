/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Touches neither files nor clocks. */
#include "observe/rotate.h"
#include "base/mem.h"
#include <stdio.h>
#include <time.h>

#define NS_PER_SEC 1000000000u
#define PREFIX "audit-"
#define PLAIN ".jsonl"
#define COMPRESSED ".jsonl.gz"
#define NUMBER_DIGITS 16
#define STAMP_LEN 16 /* 20261120T155408Z */

bool aeg_rotation_due(const struct aeg_rotation *rotation, uint64_t bytes, uint64_t more,
		      uint64_t age_s)
{
	if (!bytes)
		return false;
	return bytes + more > rotation->bytes || (rotation->seconds && age_s >= rotation->seconds);
}

void aeg_segment_name(uint64_t first, uint64_t realtime_ns, char ret[AEG_SEGMENT_TEXT])
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_SEC);
	char stamp[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(ret, AEG_SEGMENT_TEXT, PREFIX "%0*llu-%s" PLAIN, NUMBER_DIGITS,
		 (unsigned long long)first, stamp);
}

static const char *digits(const char *text, uint64_t *ret)
{
	*ret = 0;
	for (int n = 0; *text >= '0' && *text <= '9' && n < 19; n++)
		*ret = 10 * *ret + (uint64_t)(*text++ - '0');
	return text;
}

bool aeg_segment_parse(const char *name, struct aeg_segment *ret)
{
	size_t len = strlen(name), prefix = sizeof(PREFIX) - 1;
	struct aeg_segment segment = {0};
	const char *end;

	if (len >= sizeof(segment.name) || strncmp(name, PREFIX, prefix) != 0)
		return false;
	end = digits(name + prefix, &segment.first);
	if (end < name + prefix + NUMBER_DIGITS || *end != '-' || strlen(end + 1) <= STAMP_LEN)
		return false;
	end += 1 + STAMP_LEN;
	segment.compressed = aeg_streq(end, COMPRESSED);
	if (!segment.compressed && !aeg_streq(end, PLAIN))
		return false;
	memcpy(segment.name, name, len);
	*ret = segment;
	return true;
}

int aeg_segment_compare(const void *a, const void *b)
{
	const struct aeg_segment *first = a, *second = b;

	if (first->first != second->first)
		return first->first < second->first ? -1 : 1;
	return strcmp(first->name, second->name);
}

size_t aeg_segments_expired(const struct aeg_rotation *rotation, const struct aeg_segment *segments,
			    size_t n, uint64_t current)
{
	uint64_t total = current;
	size_t gone = 0;

	for (size_t i = 0; i < n; i++)
		total += segments[i].bytes;
	while (gone < n && total > rotation->total)
		total -= segments[gone++].bytes;
	return gone;
}
