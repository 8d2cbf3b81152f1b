/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Few enough to be searched one by one; texts are copied when a denial is new, not when it repeats. */
#include "observe/denials.h"

#include <stdbool.h>
#include <stdio.h>

struct key { /* what makes two denials alike */
	uint32_t workload, node, rule;
	uint8_t daddr[16];
	uint16_t dport;
	uint8_t verdict, reason, proto, hook;
	uint8_t pad[2];
};

struct denial {
	struct key key;
	uint64_t count, first_ns, last_ns; /* count 0: free */
	char *record;			   /* the first one, as JSON */
	char *name;			   /* of the server; NULL: none */
};

struct aeg_denials {
	struct denial kept[AEG_DENIALS_KEPT];
};

struct aeg_denials *aeg_denials_new(void)
{
	return aeg_xcalloc(1, sizeof(struct aeg_denials));
}

static void clear(struct denial *denial)
{
	free(denial->record);
	free(denial->name);
	*denial = (struct denial){0};
}

void aeg_denials_free(struct aeg_denials *denials)
{
	for (size_t i = 0; denials && i < AEG_DENIALS_KEPT; i++)
		clear(&denials->kept[i]);
	free(denials);
}

static struct key key_of(const struct aeg_event *event)
{
	struct key key = {
		.workload = event->workload,
		.node = event->node,
		.rule = event->decision.rule,
		.dport = event->dport,
		.verdict = event->decision.verdict,
		.reason = event->decision.reason,
		.proto = event->proto,
		.hook = event->hook,
	};

	memcpy(key.daddr, event->daddr, sizeof(key.daddr));
	return key;
}

static bool same_name(const char *a, const char *b)
{
	return a && b ? aeg_streq(a, b) : a == b;
}

/* The one alike, else the one that was quiet longest, emptied. */
static struct denial *place_for(struct aeg_denials *denials, const struct key *key,
				const char *name)
{
	struct denial *oldest = &denials->kept[0];

	for (size_t i = 0; i < AEG_DENIALS_KEPT; i++) {
		struct denial *denial = &denials->kept[i];

		if (denial->count && memcmp(&denial->key, key, sizeof(*key)) == 0 &&
		    same_name(denial->name, name))
			return denial;
		if (denial->last_ns < oldest->last_ns)
			oldest = denial;
	}
	clear(oldest);
	return oldest;
}

void aeg_denials_observe(struct aeg_denials *denials, const struct aeg_flow *flow)
{
	const struct aeg_event *event = &flow->event;
	const struct key key = key_of(event);
	struct aeg_buf record = {0};
	struct denial *denial;

	if (event->type != AEG_EVENT_DENY &&
	    (event->type != AEG_EVENT_OPEN || event->decision.verdict != AEG_VERDICT_AUDITED))
		return;
	denial = place_for(denials, &key, flow->name);
	if (!denial->count) {
		aeg_flow_json(flow, &record);
		denial->key = key;
		denial->first_ns = flow->time_ns;
		denial->name = flow->name ? aeg_xstrdup(flow->name) : NULL;
		denial->record = aeg_buf_take(&record);
	}
	denial->count++;
	denial->last_ns = flow->time_ns;
}

static int newest_first(const void *a, const void *b)
{
	uint64_t x = (*(const struct denial *const *)a)->last_ns;
	uint64_t y = (*(const struct denial *const *)b)->last_ns;

	return x < y ? 1 : -(x > y);
}

static void put_denial(struct aeg_json *json, const struct denial *denial)
{
	char time[AEG_TIME_TEXT];

	aeg_json_object(json, NULL);
	aeg_json_u64(json, "count", denial->count);
	aeg_time_format(denial->first_ns, time);
	aeg_json_str(json, "firstSeen", time);
	aeg_time_format(denial->last_ns, time);
	aeg_json_str(json, "lastSeen", time);
	aeg_json_raw(json, "flow", denial->record);
	aeg_json_object_end(json);
}

void aeg_denials_json(const struct aeg_denials *denials, struct aeg_json *json)
{
	const struct denial *sorted[AEG_DENIALS_KEPT] = {NULL};
	size_t n = 0;

	for (size_t i = 0; i < AEG_DENIALS_KEPT; i++) {
		if (denials->kept[i].count)
			sorted[n++] = &denials->kept[i];
	}
	qsort(sorted, n, sizeof(*sorted), newest_first);
	for (size_t i = 0; i < n; i++)
		put_denial(json, sorted[i]);
}
