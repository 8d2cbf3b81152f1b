/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The two formats differ in little: OpenMetrics names a counter's family without _total, knows info
 * families and units, and ends with a mark that tells a whole answer from one that was cut off.
 */
#include "observe/metrics.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdbool.h>

#define US_PER_SECOND 1e6

static const char *type_word(enum aeg_metric_type type, enum aeg_metrics_format format)
{
	static const char *const words[] = {
		[AEG_METRIC_COUNTER] = "counter",
		[AEG_METRIC_GAUGE] = "gauge",
		[AEG_METRIC_HISTOGRAM] = "histogram",
		[AEG_METRIC_INFO] = "info",
	};

	/* 0.0.4 has no info: it is a gauge that is always 1. */
	return words[type == AEG_METRIC_INFO && format == AEG_METRICS_TEXT ? AEG_METRIC_GAUGE
									   : type];
}

/* What stands behind the family's name in a sample's. */
static const char *sample_suffix(enum aeg_metric_type type)
{
	if (type == AEG_METRIC_COUNTER)
		return "_total";
	return type == AEG_METRIC_INFO ? "_info" : "";
}

/* The weight (RFC 9110, 12.4.2) of one media range, from its parameters; without one 1. */
static double weight_of(const char *parameters, size_t len)
{
	AEG_AUTO_FREE char *text = aeg_xstrndup(parameters, len);
	char *rest = text;

	for (const char *one; (one = strsep(&rest, ";"));) {
		one += strspn(one, " \t");
		if ((*one == 'q' || *one == 'Q') && one[1] == '=')
			return strtod(one + 2, NULL);
	}
	return 1;
}

/* Of a type in the header's list; 0: it is not there, or not wanted. */
static double accepted(const char *accept, const char *type)
{
	size_t name = strlen(type);

	while (*accept) {
		size_t len = strcspn(accept, ",");

		if (len >= name && strncasecmp(accept, type, name) == 0 &&
		    (len == name || strchr("; \t", accept[name])))
			return weight_of(accept + name, len - name);
		accept += len;
		accept += strspn(accept, ", \t");
	}
	return 0;
}

enum aeg_metrics_format aeg_metrics_accepted(const char *accept)
{
	double open;

	if (!accept)
		return AEG_METRICS_TEXT;
	open = accepted(accept, "application/openmetrics-text");
	return open > 0 && open >= accepted(accept, "text/plain") ? AEG_METRICS_OPEN
								  : AEG_METRICS_TEXT;
}

void aeg_metrics_begin(struct aeg_metrics *metrics, struct aeg_buf *out,
		       enum aeg_metrics_format format)
{
	*metrics = (struct aeg_metrics){.out = out, .format = format};
}

/* ---- text that others chose ---- */

static void put_escaped(struct aeg_buf *out, const char *text, size_t n)
{
	if (n == 1 && (*text == '\\' || *text == '"'))
		aeg_buf_putc(out, '\\');
	if (n == 1 && *text == '\n')
		aeg_buf_puts(out, "\\n");
	else
		aeg_buf_add(out, text, n);
}

/* How much needs no look: nearly always the whole value. */
static size_t plain_bytes(const char *text)
{
	size_t n = 0;

	while (text[n] >= ' ' && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
		n++;
	return n;
}

static void put_value(struct aeg_buf *out, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		size_t n = plain_bytes(text);
		uint32_t c;

		aeg_buf_add(out, text, n);
		if (n < len) {
			size_t one = aeg_utf8_decode(text + n, len - n, &c);

			put_escaped(out, one ? text + n : "\xef\xbf\xbd", one ? one : 3);
			n += one ? one : 1;
		}
		text += n;
		len -= n;
	}
}

void aeg_label_add(struct aeg_buf *labels, const char *name, const char *value)
{
	if (labels->len)
		aeg_buf_putc(labels, ',');
	aeg_buf_puts(labels, name);
	aeg_buf_puts(labels, "=\"");
	put_value(labels, value ? value : "");
	aeg_buf_putc(labels, '"');
}

/* ---- families and samples ---- */

static void put_header(const struct aeg_metrics *metrics, const char *keyword, const char *text)
{
	const struct aeg_metric *family = metrics->family;
	bool bare = metrics->format == AEG_METRICS_OPEN;

	aeg_buf_printf(metrics->out, "# %s %s%s %s\n", keyword, family->name,
		       bare ? "" : sample_suffix(family->type), text);
}

void aeg_metrics_family(struct aeg_metrics *metrics, const struct aeg_metric *family)
{
	metrics->family = family;
	put_header(metrics, "HELP", family->help);
	put_header(metrics, "TYPE", type_word(family->type, metrics->format));
	if (family->unit && metrics->format == AEG_METRICS_OPEN)
		put_header(metrics, "UNIT", family->unit);
}

static void put_name(const struct aeg_metrics *metrics, const char *suffix, const char *labels)
{
	aeg_buf_puts(metrics->out, metrics->family->name);
	aeg_buf_puts(metrics->out, suffix);
	if (labels && *labels) {
		aeg_buf_putc(metrics->out, '{');
		aeg_buf_puts(metrics->out, labels);
		aeg_buf_putc(metrics->out, '}');
	}
	aeg_buf_putc(metrics->out, ' ');
}

static void put_u64(const struct aeg_metrics *metrics, const char *suffix, const char *labels,
		    uint64_t value)
{
	put_name(metrics, suffix, labels);
	aeg_buf_u64(metrics->out, value);
	aeg_buf_putc(metrics->out, '\n');
}

static void put_double(const struct aeg_metrics *metrics, const char *suffix, const char *labels,
		       double value)
{
	put_name(metrics, suffix, labels);
	aeg_buf_double(metrics->out, value);
	aeg_buf_putc(metrics->out, '\n');
}

void aeg_metrics_u64(const struct aeg_metrics *metrics, const char *labels, uint64_t value)
{
	put_u64(metrics, sample_suffix(metrics->family->type), labels, value);
}

void aeg_metrics_double(const struct aeg_metrics *metrics, const char *labels, double value)
{
	put_double(metrics, sample_suffix(metrics->family->type), labels, value);
}

static void put_bucket(const struct aeg_metrics *metrics, const char *labels, const char *bound,
		       uint64_t count)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	if (labels)
		aeg_buf_puts(&text, labels);
	aeg_label_add(&text, "le", bound);
	put_u64(metrics, "_bucket", aeg_buf_text(&text), count);
}

/* OpenMetrics wants 1.0 where others write 1. */
static void put_bound(struct aeg_buf *ret, uint32_t us)
{
	aeg_buf_reset(ret);
	aeg_buf_double(ret, us / US_PER_SECOND);
	if (!strchr(aeg_buf_text(ret), '.') && !strchr(aeg_buf_text(ret), 'e'))
		aeg_buf_puts(ret, ".0");
}

void aeg_metrics_histogram(const struct aeg_metrics *metrics, const char *labels,
			   const struct aeg_histogram *histogram)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf bound = {0};
	uint64_t sum = 0;

	assert(metrics->family->type == AEG_METRIC_HISTOGRAM);
	for (int i = 0; i < AEG_HISTOGRAM_BUCKETS; i++) {
		sum += histogram->counts[i];
		put_bound(&bound, aeg_histogram_bounds_us[i]);
		put_bucket(metrics, labels, aeg_buf_text(&bound), sum);
	}
	sum += histogram->counts[AEG_HISTOGRAM_BUCKETS];
	put_bucket(metrics, labels, "+Inf", sum);
	put_double(metrics, "_sum", labels, (double)histogram->sum_us / US_PER_SECOND);
	put_u64(metrics, "_count", labels, sum);
}

void aeg_metrics_end(struct aeg_metrics *metrics)
{
	metrics->family = NULL;
	if (metrics->format == AEG_METRICS_OPEN)
		aeg_buf_puts(metrics->out, "# EOF\n");
}
