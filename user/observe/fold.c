// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * A hash table of chains over an array, and a queue through it in the order in which windows end:
 * they are all of one length. A window that saw repeats is followed by another one, so that a loop
 * that goes on makes one record a window.
 */
#include "observe/fold.h"
#include "base/mem.h"
#include "observe/record.h"

#define NONE UINT32_MAX

struct entry {
	struct aeg_record last; /* the latest one alike; its count is that of the window */
	uint64_t ends;		/* of the window, CLOCK_MONOTONIC */
	uint64_t first_time;	/* of the first that the window folded; the same clock */
	uint32_t hash;
	uint32_t chain;	     /* the next of the same bucket, or of the free ones */
	uint32_t prev, next; /* in the queue */
};

struct aeg_fold {
	struct entry *entries;
	uint32_t *buckets;
	uint32_t max, mask;
	uint32_t used;	      /* entries that were ever in use: those behind are untouched */
	uint32_t free;	      /* first of those that were given back */
	uint32_t first, last; /* of the queue */
	uint64_t window_ns, pending;
	bool audited; /* would-be denials, too */
	aeg_folded_fn *fn;
	void *arg;
};

/* ---- what is alike ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && aeg_streq(a, b));
}

/* A name stands for all its addresses: clients try one after the other. */
static bool same_destination(const struct aeg_record *a, const struct aeg_flow *b)
{
	if (!same_text(a->name, b->name))
		return false;
	return b->name || memcmp(a->event.daddr, b->event.daddr, sizeof(a->event.daddr)) == 0;
}

static bool alike(const struct aeg_record *record, const struct aeg_flow *flow)
{
	const struct aeg_event *a = &record->event, *b = &flow->event;

	return a->type == b->type && a->workload == b->workload && a->cgroup == b->cgroup &&
	       a->node == b->node && a->generation == b->generation && a->dport == b->dport &&
	       a->proto == b->proto && a->hook == b->hook &&
	       memcmp(&a->decision, &b->decision, sizeof(a->decision)) == 0 &&
	       memcmp(a->comm, b->comm, sizeof(a->comm)) == 0 && same_destination(record, flow);
}

static uint32_t hash_of(const struct aeg_flow *flow)
{
	const struct aeg_event *event = &flow->event;
	uint64_t hash = event->workload ^ event->cgroup << 20, low;

	hash = (hash ^ event->decision.rule ^ (uint64_t)event->dport << 32) * 0x9e3779b97f4a7c15u;
	hash = (hash ^ event->node ^ (uint64_t)event->decision.reason << 40) * 0xc2b2ae3d27d4eb4fu;
	memcpy(&low, event->daddr + sizeof(event->daddr) - sizeof(low), sizeof(low));
	if (!flow->name)
		hash = (hash ^ low) * 0x9e3779b97f4a7c15u;
	for (const char *at = flow->name; at && *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
	return (uint32_t)(hash >> 32);
}

/* ---- the queue ---- */

static void queue_append(struct aeg_fold *fold, uint32_t i)
{
	fold->entries[i].prev = fold->last;
	fold->entries[i].next = NONE;
	if (fold->last == NONE)
		fold->first = i;
	else
		fold->entries[fold->last].next = i;
	fold->last = i;
}

static void queue_remove(struct aeg_fold *fold, uint32_t i)
{
	const struct entry *entry = &fold->entries[i];

	if (entry->prev == NONE)
		fold->first = entry->next;
	else
		fold->entries[entry->prev].next = entry->next;
	if (entry->next == NONE)
		fold->last = entry->prev;
	else
		fold->entries[entry->next].prev = entry->prev;
}

/* ---- the table ---- */

struct aeg_fold *aeg_fold_new(size_t max, uint64_t window_ns, aeg_folded_fn *fn, void *arg)
{
	struct aeg_fold *fold = aeg_xcalloc(1, sizeof(*fold));
	uint32_t buckets = 1;

	while (buckets < max)
		buckets *= 2;
	*fold = (struct aeg_fold){
		.entries = aeg_xcalloc(max, sizeof(*fold->entries)),
		.buckets = aeg_xcalloc(buckets, sizeof(*fold->buckets)),
		.max = (uint32_t)max,
		.mask = buckets - 1,
		.free = NONE,
		.first = NONE,
		.last = NONE,
		.window_ns = window_ns,
		.fn = fn,
		.arg = arg,
	};
	memset(fold->buckets, 0xff, buckets * sizeof(*fold->buckets)); /* NONE */
	return fold;
}

static uint32_t find(const struct aeg_fold *fold, uint32_t hash, const struct aeg_flow *flow)
{
	uint32_t i = fold->buckets[hash & fold->mask];

	while (i != NONE && (fold->entries[i].hash != hash || !alike(&fold->entries[i].last, flow)))
		i = fold->entries[i].chain;
	return i;
}

/* Reports what the entry's window has folded. The wall clock may have been set meanwhile: how long ago
 * the first was is told by the other one. */
static void report(struct aeg_fold *fold, struct entry *entry)
{
	struct aeg_flow flow;

	if (!entry->last.count)
		return;
	entry->last.first_ns = entry->last.last_ns - (entry->last.event.time - entry->first_time);
	aeg_record_flow(&entry->last, &flow);
	fold->pending -= flow.count;
	entry->last.count = 0;
	fold->fn(fold->arg, &flow);
}

static void forget(struct aeg_fold *fold, uint32_t i)
{
	struct entry *entry = &fold->entries[i];
	uint32_t *at = &fold->buckets[entry->hash & fold->mask];

	while (*at != i)
		at = &fold->entries[*at].chain;
	*at = entry->chain;
	queue_remove(fold, i);
	aeg_record_done(&entry->last);
	entry->chain = fold->free;
	fold->free = i;
}

static uint32_t take_free(struct aeg_fold *fold)
{
	uint32_t i;

	if (fold->free == NONE && fold->used == fold->max) {
		report(fold, &fold->entries[fold->first]);
		forget(fold, fold->first);
	}
	if (fold->free == NONE)
		return fold->used++;
	i = fold->free;
	fold->free = fold->entries[i].chain;
	return i;
}

static void watch(struct aeg_fold *fold, uint32_t hash, const struct aeg_flow *flow)
{
	uint32_t i = take_free(fold), *bucket = &fold->buckets[hash & fold->mask];
	struct entry *entry = &fold->entries[i];

	aeg_record_keep(&entry->last, flow);
	entry->last.count = 0;
	entry->ends = flow->event.time + fold->window_ns;
	entry->hash = hash;
	entry->chain = *bucket;
	*bucket = i;
	queue_append(fold, i);
}

static void repeat(struct aeg_fold *fold, struct entry *entry, const struct aeg_flow *flow)
{
	struct aeg_record *last = &entry->last;

	if (!last->count)
		entry->first_time = flow->event.time;
	last->count++;
	last->last_ns = last->time_ns = flow->time_ns;
	last->event = flow->event;
	fold->pending++;
}

void aeg_fold_free(struct aeg_fold *fold)
{
	if (!fold)
		return;
	while (fold->first != NONE)
		forget(fold, fold->first);
	free(fold->entries);
	free(fold->buckets);
	free(fold);
}

void aeg_fold_audited(struct aeg_fold *fold)
{
	fold->audited = true;
}

static bool is_foldable(const struct aeg_fold *fold, const struct aeg_event *event)
{
	if (event->type == AEG_EVENT_DENY || event->type == AEG_EVENT_REFUSED)
		return true;
	return fold->audited && event->type == AEG_EVENT_OPEN &&
	       event->decision.verdict == AEG_VERDICT_AUDITED;
}

bool aeg_fold_add(struct aeg_fold *fold, const struct aeg_flow *flow)
{
	uint32_t hash, i;

	if (!fold->window_ns || !is_foldable(fold, &flow->event))
		return false;
	/* Before it is looked for: time goes by in events, and one beyond the window is a first one. */
	aeg_fold_expire(fold, flow->event.time);
	hash = hash_of(flow);
	i = find(fold, hash, flow);
	if (i != NONE)
		repeat(fold, &fold->entries[i], flow);
	else
		watch(fold, hash, flow);
	return i != NONE;
}

void aeg_fold_expire(struct aeg_fold *fold, uint64_t now)
{
	while (fold->first != NONE && fold->entries[fold->first].ends <= now) {
		uint32_t i = fold->first;
		struct entry *entry = &fold->entries[i];

		if (!entry->last.count) {
			forget(fold, i);
			continue;
		}
		report(fold, entry);
		entry->ends = now + fold->window_ns;
		queue_remove(fold, i);
		queue_append(fold, i);
	}
}

void aeg_fold_flush(struct aeg_fold *fold)
{
	while (fold->first != NONE) {
		report(fold, &fold->entries[fold->first]);
		forget(fold, fold->first);
	}
}

uint64_t aeg_fold_due(const struct aeg_fold *fold)
{
	return fold->first == NONE ? 0 : fold->entries[fold->first].ends;
}

uint64_t aeg_fold_pending(const struct aeg_fold *fold)
{
	return fold->pending;
}
