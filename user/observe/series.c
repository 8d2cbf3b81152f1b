/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "observe/series.h"
#include "base/strmap.h"

struct set {
	char *labels;
	bool other; /* stands for those that found no room */
	bool used;  /* since the last aeg_series_zero() */
	uint64_t values[AEG_SERIES_VALUES];
};

struct aeg_series {
	AEG_VEC(struct set) sets;
	struct aeg_strmap by_labels; /* -> index into sets */
	size_t max, others;	     /* others: sets beside the max */
	size_t kept;		     /* of the max: room of sets that are forgotten */
	uint64_t folded;
};

struct aeg_series *aeg_series_new(size_t max)
{
	struct aeg_series *series = aeg_xcalloc(1, sizeof(*series));

	series->max = max;
	return series;
}

void aeg_series_free(struct aeg_series *series)
{
	if (!series)
		return;
	for (size_t i = 0; i < series->sets.n; i++)
		free(series->sets.items[i].labels);
	AEG_VEC_DONE(series->sets);
	aeg_strmap_done(&series->by_labels);
	free(series);
}

void aeg_series_zero(struct aeg_series *series)
{
	for (size_t i = 0; i < series->sets.n; i++) {
		memset(series->sets.items[i].values, 0, sizeof(series->sets.items[i].values));
		series->sets.items[i].used = false;
	}
	series->folded = 0;
}

static size_t add(struct aeg_series *series, const char *labels, bool other)
{
	*AEG_VEC_PUSH(series->sets) = (struct set){.labels = aeg_xstrdup(labels), .other = other};
	aeg_strmap_put(&series->by_labels, labels, series->sets.n - 1);
	series->others += other;
	return series->sets.n - 1;
}

size_t aeg_series_place(struct aeg_series *series, const char *labels, const char *other)
{
	uintptr_t place;

	if (aeg_strmap_get(&series->by_labels, labels, &place))
		return place;
	if (series->sets.n - series->others + series->kept < series->max)
		return add(series, labels, false);
	if (aeg_strmap_get(&series->by_labels, other, &place))
		return place;
	return add(series, other, true);
}

uint64_t *aeg_series_at(struct aeg_series *series, size_t place)
{
	struct set *set = &series->sets.items[place];

	series->folded += set->other;
	set->used = true;
	return set->values;
}

void aeg_series_forget(struct aeg_series *series)
{
	size_t n = 0;

	aeg_strmap_done(&series->by_labels);
	for (size_t i = 0; i < series->sets.n; i++) {
		struct set *set = &series->sets.items[i];

		if (set->used) {
			aeg_strmap_put(&series->by_labels, set->labels, n);
			series->sets.items[n++] = *set;
			continue;
		}
		if (set->other)
			series->others--;
		else
			series->kept++;
		free(set->labels);
	}
	series->sets.n = n;
	if (!series->others)
		series->kept = 0;
}

void aeg_series_put(const struct aeg_series *series, const struct aeg_metrics *metrics,
		    size_t value, const char *label)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	for (size_t i = 0; i < series->sets.n; i++) {
		const struct set *set = &series->sets.items[i];

		aeg_buf_reset(&text);
		aeg_buf_puts(&text, set->labels);
		if (label && text.len)
			aeg_buf_putc(&text, ',');
		if (label)
			aeg_buf_puts(&text, label);
		aeg_metrics_u64(metrics, aeg_buf_text(&text), set->values[value]);
	}
}

uint64_t aeg_series_folded(const struct aeg_series *series)
{
	return series->folded;
}
