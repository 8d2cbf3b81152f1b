// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Rows in chains of a hash table; each has a ring of slots, of which the newest is known. */
#include "observe/top.h"
#include "base/mem.h"
#include "observe/words.h"

#define SLOT_NS UINT64_C(5000000000)
#define SLOTS (AEG_TOP_SECONDS / 5)
#define NS_PER_MS 1000000u
#define NONE UINT32_MAX

struct row {
	struct aeg_words *words; /* NULL: of the rest */
	uint64_t newest;	 /* slot that was added to last */
	uint32_t chain;
	struct aeg_top_sums slots[SLOTS];
};

struct aeg_top {
	struct row *rows; /* the last one is that of the rest */
	uint32_t *buckets;
	uint32_t max, mask, used;
	uint64_t began;
	uint64_t full; /* the slot in which no row could be given away; do not look again */
};

struct aeg_top *aeg_top_new(size_t max, uint64_t now)
{
	struct aeg_top *top = aeg_xcalloc(1, sizeof(*top));
	uint32_t buckets = 1;

	while (buckets < max)
		buckets *= 2;
	*top = (struct aeg_top){
		.rows = aeg_xcalloc(max + 1, sizeof(*top->rows)),
		.buckets = aeg_xcalloc(buckets, sizeof(*top->buckets)),
		.max = (uint32_t)max,
		.mask = buckets - 1,
		.began = now,
	};
	memset(top->buckets, 0xff, buckets * sizeof(*top->buckets)); /* NONE */
	return top;
}

void aeg_top_free(struct aeg_top *top)
{
	if (!top)
		return;
	for (uint32_t i = 0; i < top->used; i++)
		aeg_words_drop(top->rows[i].words);
	free(top->rows);
	free(top->buckets);
	free(top);
}

/* ---- rows ---- */

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static bool same_pair(const struct aeg_words *a, const struct aeg_words *b)
{
	return a == b || (a->pair == b->pair && !compare_text(a->workload, b->workload) &&
			  !compare_text(a->ns, b->ns) && !compare_text(a->endpoint, b->endpoint));
}

static uint32_t *bucket_of(const struct aeg_top *top, const struct aeg_words *words)
{
	return &top->buckets[words->pair & top->mask];
}

static void unchain(struct aeg_top *top, uint32_t i)
{
	uint32_t *at = bucket_of(top, top->rows[i].words);

	while (*at != i)
		at = &top->rows[*at].chain;
	*at = top->rows[i].chain;
}

/* The row that has been silent longest, if all it knows is too old. */
static uint32_t take_silent(struct aeg_top *top, uint64_t slot)
{
	uint32_t oldest = 0;

	if (top->full == slot)
		return NONE;
	for (uint32_t i = 1; i < top->max; i++) {
		if (top->rows[i].newest < top->rows[oldest].newest)
			oldest = i;
	}
	if (top->rows[oldest].newest + SLOTS > slot) {
		top->full = slot;
		return NONE;
	}
	unchain(top, oldest);
	aeg_words_drop(top->rows[oldest].words);
	return oldest;
}

static struct row *find_row(struct aeg_top *top, struct aeg_words *words, uint64_t slot)
{
	uint32_t *bucket = bucket_of(top, words), i = *bucket;

	while (i != NONE && !same_pair(top->rows[i].words, words))
		i = top->rows[i].chain;
	if (i != NONE)
		return &top->rows[i];
	i = top->used < top->max ? top->used++ : take_silent(top, slot);
	if (i == NONE)
		return &top->rows[top->max];
	top->rows[i] = (struct row){.words = aeg_words_use(words), .chain = *bucket};
	*bucket = i;
	return &top->rows[i];
}

/* Clears the slots between the newest and this one; of one before, which may come late, the newest. */
static struct aeg_top_sums *slot_of(struct row *row, uint64_t slot)
{
	if (slot > row->newest + SLOTS)
		row->newest = slot - SLOTS;
	while (row->newest < slot)
		row->slots[++row->newest % SLOTS] = (struct aeg_top_sums){0};
	return &row->slots[row->newest % SLOTS];
}

void aeg_top_add(struct aeg_top *top, const struct aeg_flow *flow)
{
	const struct aeg_event *event = &flow->event;
	uint64_t slot = event->time / SLOT_NS;
	struct aeg_top_sums *sums;

	if (!aeg_event_decides(event->type) || !flow->words)
		return;
	sums = slot_of(find_row(top, flow->words, slot), slot);
	if (event->type == AEG_EVENT_DENY) {
		sums->denials++;
	} else if (event->type == AEG_EVENT_OPEN) {
		sums->opens++;
		sums->audited += event->decision.verdict == AEG_VERDICT_AUDITED;
	} else if (event->type == AEG_EVENT_CLOSE) {
		sums->closes++;
		sums->sent += event->sent;
		sums->received += event->received;
		sums->retransmits += event->retransmits;
		sums->rtt_us += event->rtt_us;
		sums->rtts += event->rtt_us != 0;
	}
}

/* ---- listing ---- */

static void sums_add(struct aeg_top_sums *sums, const struct aeg_top_sums *more)
{
	sums->opens += more->opens;
	sums->audited += more->audited;
	sums->denials += more->denials;
	sums->closes += more->closes;
	sums->sent += more->sent;
	sums->received += more->received;
	sums->retransmits += more->retransmits;
	sums->rtt_us += more->rtt_us;
	sums->rtts += more->rtts;
}

/* Of the slots from `first` on; false: there is nothing in them. */
static bool row_sum(const struct row *row, uint64_t first, struct aeg_top_sums *ret)
{
	uint64_t oldest = row->newest >= SLOTS ? row->newest - SLOTS + 1 : 0;

	*ret = (struct aeg_top_sums){0};
	for (uint64_t slot = first > oldest ? first : oldest; slot <= row->newest; slot++)
		sums_add(ret, &row->slots[slot % SLOTS]);
	return ret->opens || ret->denials || ret->closes;
}

static int by_words(const void *a, const void *b)
{
	const struct aeg_top_row *x = a, *y = b;
	int order = (int)x->rest - (int)y->rest;

	if (!order)
		order = compare_text(x->ns, y->ns);
	if (!order)
		order = compare_text(x->workload, y->workload);
	return order ? order : compare_text(x->endpoint, y->endpoint);
}

static int by_sums(const void *a, const void *b)
{
	const struct aeg_top_sums *x = &((const struct aeg_top_row *)a)->sums;
	const struct aeg_top_sums *y = &((const struct aeg_top_row *)b)->sums;
	uint64_t nx = x->opens + x->denials, ny = y->opens + y->denials;

	if (nx != ny)
		return nx < ny ? 1 : -1;
	return by_words(a, b);
}

/* Makes one row of those that say the same. */
static size_t merge(struct aeg_top_row *rows, size_t n)
{
	size_t kept = 0;

	qsort(rows, n, sizeof(*rows), by_words);
	for (size_t i = 0; i < n; i++) {
		if (kept && by_words(&rows[kept - 1], &rows[i]) == 0)
			sums_add(&rows[kept - 1].sums, &rows[i].sums);
		else
			rows[kept++] = rows[i];
	}
	qsort(rows, kept, sizeof(*rows), by_sums);
	return kept;
}

static void row_name(const struct row *row, enum aeg_top_by by, struct aeg_top_row *ret)
{
	ret->rest = !row->words;
	if (row->words && by != AEG_TOP_ENDPOINT) {
		ret->ns = row->words->ns;
		ret->workload = row->words->workload;
	}
	if (row->words && by != AEG_TOP_WORKLOAD)
		ret->endpoint = row->words->endpoint;
}

struct aeg_top_row *aeg_top_list(const struct aeg_top *top, uint64_t now, unsigned int seconds,
				 enum aeg_top_by by, size_t *ret_n, uint64_t *ret_ms)
{
	struct aeg_top_row *rows = aeg_xcalloc(top->max + 1, sizeof(*rows));
	uint64_t slots = (seconds * UINT64_C(1000000000) + SLOT_NS - 1) / SLOT_NS;
	uint64_t last = now / SLOT_NS, first, begin;
	size_t n = 0;

	slots = slots < 1 ? 1 : slots > SLOTS ? SLOTS : slots;
	first = last >= slots ? last - slots + 1 : 0;
	begin = first * SLOT_NS > top->began ? first * SLOT_NS : top->began;
	for (uint32_t i = 0; i <= top->max; i++) {
		if (i < top->used || i == top->max) {
			if (!row_sum(&top->rows[i], first, &rows[n].sums))
				continue;
			row_name(&top->rows[i], by, &rows[n++]);
		}
	}
	*ret_n = merge(rows, n);
	*ret_ms = now > begin ? (now - begin) / NS_PER_MS : 0;
	return rows;
}
