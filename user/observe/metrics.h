/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Metrics as text: the Prometheus exposition format 0.0.4 and OpenMetrics 1.0.0 from the same calls.
 * Pure: what the figures are and where they come from is the caller's business.
 */
#ifndef AEG_OBSERVE_METRICS_H
#define AEG_OBSERVE_METRICS_H

#include "base/buf.h"
#include "observe/histogram.h"
#include <stdint.h>

#define AEG_METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define AEG_METRICS_OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum aeg_metrics_format { AEG_METRICS_TEXT, AEG_METRICS_OPEN, AEG_METRICS_FORMATS };
enum aeg_metric_type {
	AEG_METRIC_COUNTER,
	AEG_METRIC_GAUGE,
	AEG_METRIC_HISTOGRAM,
	AEG_METRIC_INFO
};

struct aeg_metric {
	const char *name; /* without _total, _info */
	enum aeg_metric_type type;
	const char *unit; /* the end of the name; NULL: none */
	const char *help; /* one sentence */
};

struct aeg_metrics {
	struct aeg_buf *out;
	enum aeg_metrics_format format;
	const struct aeg_metric *family; /* whose samples follow */
};

/* What a client that sends this Accept header gets; NULL: it sends none. */
enum aeg_metrics_format aeg_metrics_accepted(const char *accept);

void aeg_metrics_begin(struct aeg_metrics *metrics, struct aeg_buf *out,
		       enum aeg_metrics_format format);
/* HELP, TYPE and UNIT; once a family, before its samples. The family is borrowed until the next. */
void aeg_metrics_family(struct aeg_metrics *metrics, const struct aeg_metric *family);
/* One sample; labels come from aeg_label_add(), NULL or "": none. */
void aeg_metrics_u64(const struct aeg_metrics *metrics, const char *labels, uint64_t value);
void aeg_metrics_double(const struct aeg_metrics *metrics, const char *labels, double value);
void aeg_metrics_histogram(const struct aeg_metrics *metrics, const char *labels,
			   const struct aeg_histogram *histogram);
void aeg_metrics_end(struct aeg_metrics *metrics);

/* Appends name="value", escaped, with a comma in front where something is there already. A byte that is
 * no UTF-8 becomes U+FFFD; NULL is the empty value, which means: no such label. */
void aeg_label_add(struct aeg_buf *labels, const char *name, const char *value);

#endif
