/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "observe/series.h"
#include "base/strmap.h"

struct set {
	char *labels;
	uint64_t values[AEG_SERIES_VALUES];
};

struct aeg_series {
	AEG_VEC(struct set) sets;
	struct aeg_strmap by_labels; /* -> index into sets */
	size_t max, others;	     /* others: sets beside the max */
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
	for (size_t i = 0; i < series->sets.n; i++)
		memset(series->sets.items[i].values, 0, sizeof(series->sets.items[i].values));
	series->folded = 0;
}

static uint64_t *find(const struct aeg_series *series, const char *labels)
{
	uintptr_t i;

	return aeg_strmap_get(&series->by_labels, labels, &i) ? series->sets.items[i].values : NULL;
}

static uint64_t *add(struct aeg_series *series, const char *labels)
{
	struct set *set = AEG_VEC_PUSH(series->sets);

	set->labels = aeg_xstrdup(labels);
	aeg_strmap_put(&series->by_labels, labels, series->sets.n - 1);
	return set->values;
}

uint64_t *aeg_series_at(struct aeg_series *series, const char *labels, const char *other)
{
	uint64_t *values = find(series, labels);

	if (values)
		return values;
	if (series->sets.n - series->others < series->max)
		return add(series, labels);
	series->folded++;
	values = find(series, other);
	if (values)
		return values;
	series->others++;
	return add(series, other);
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
