// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The exposition formats, bounded series, histograms; and the last denials. */
#include "observe/denials.h"
#include "observe/latency.h"
#include "observe/series.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#define AUTO_BUF AEG_CLEANUP(aeg_buf_done) struct aeg_buf

static const struct aeg_metric counter = {"x_things", AEG_METRIC_COUNTER, NULL, "Things."};
static const struct aeg_metric gauge = {"x_age_seconds", AEG_METRIC_GAUGE, "seconds", "Age."};
static const struct aeg_metric histogram = {"x_rtt_seconds", AEG_METRIC_HISTOGRAM, "seconds", "R."};
static const struct aeg_metric info = {"x_build", AEG_METRIC_INFO, NULL, "Build."};

static void put_all(enum aeg_metrics_format format, struct aeg_buf *ret)
{
	struct aeg_metrics metrics;

	aeg_metrics_begin(&metrics, ret, format);
	aeg_metrics_family(&metrics, &counter);
	aeg_metrics_u64(&metrics, NULL, UINT64_MAX);
	aeg_metrics_u64(&metrics, "a=\"b\"", 0);
	aeg_metrics_family(&metrics, &gauge);
	aeg_metrics_double(&metrics, "", 0.1);
	aeg_metrics_family(&metrics, &info);
	aeg_metrics_u64(&metrics, "v=\"1\"", 1);
	aeg_metrics_end(&metrics);
}

static void test_text(void **state)
{
	AUTO_BUF text = {0};

	put_all(AEG_METRICS_TEXT, &text);
	assert_string_equal(aeg_buf_text(&text), "# HELP x_things_total Things.\n"
						 "# TYPE x_things_total counter\n"
						 "x_things_total 18446744073709551615\n"
						 "x_things_total{a=\"b\"} 0\n"
						 "# HELP x_age_seconds Age.\n"
						 "# TYPE x_age_seconds gauge\n"
						 "x_age_seconds 0.1\n"
						 "# HELP x_build_info Build.\n"
						 "# TYPE x_build_info gauge\n"
						 "x_build_info{v=\"1\"} 1\n");
}

static void test_openmetrics(void **state)
{
	AUTO_BUF text = {0};

	put_all(AEG_METRICS_OPEN, &text);
	assert_string_equal(aeg_buf_text(&text), "# HELP x_things Things.\n"
						 "# TYPE x_things counter\n"
						 "x_things_total 18446744073709551615\n"
						 "x_things_total{a=\"b\"} 0\n"
						 "# HELP x_age_seconds Age.\n"
						 "# TYPE x_age_seconds gauge\n"
						 "# UNIT x_age_seconds seconds\n"
						 "x_age_seconds 0.1\n"
						 "# HELP x_build Build.\n"
						 "# TYPE x_build info\n"
						 "x_build_info{v=\"1\"} 1\n"
						 "# EOF\n");
}

static void test_accept(void **state)
{
	assert_int_equal(aeg_metrics_accepted(NULL), AEG_METRICS_TEXT);
	assert_int_equal(aeg_metrics_accepted("*/*"), AEG_METRICS_TEXT);
	assert_int_equal(aeg_metrics_accepted("text/plain;version=0.0.4"), AEG_METRICS_TEXT);
	assert_int_equal(aeg_metrics_accepted("application/openmetrics-text;version=1.0.0,*/*"),
			 AEG_METRICS_OPEN);
	assert_int_equal(aeg_metrics_accepted("*/*;q=0.1 , Application/OpenMetrics-Text ; q=0.5"),
			 AEG_METRICS_OPEN);
	assert_int_equal(aeg_metrics_accepted("application/openmetrics-text;q=0,text/plain"),
			 AEG_METRICS_TEXT);
	assert_int_equal(
		aeg_metrics_accepted("application/openmetrics-text;version=1.0.0; Q=0.000"),
		AEG_METRICS_TEXT);
	assert_int_equal(
		aeg_metrics_accepted("application/openmetrics-text;q=0.2,text/plain;q=0.9"),
		AEG_METRICS_TEXT);
	assert_int_equal(
		aeg_metrics_accepted("application/openmetrics-text;q=0.9,text/plain;q=0.9"),
		AEG_METRICS_OPEN);
	assert_int_equal(aeg_metrics_accepted("application/openmetrics-textual"), AEG_METRICS_TEXT);
	assert_int_equal(aeg_metrics_accepted(",,;;q=,"), AEG_METRICS_TEXT);
}

static void assert_label(const char *value, const char *expected)
{
	AUTO_BUF text = {0};

	aeg_label_add(&text, "l", value);
	assert_string_equal(aeg_buf_text(&text), expected);
}

static void test_labels(void **state)
{
	AUTO_BUF two = {0};

	assert_label("plain-1.example", "l=\"plain-1.example\"");
	assert_label("", "l=\"\"");
	assert_label(NULL, "l=\"\"");
	assert_label("say \"hi\"", "l=\"say \\\"hi\\\"\"");
	assert_label("C:\\temp\\", "l=\"C:\\\\temp\\\\\"");
	assert_label("two\nlines", "l=\"two\\nlines\"");
	assert_label("\\n", "l=\"\\\\n\"");
	assert_label("gr\xc3\xbc\xc3\x9f \xe2\x82\xac", "l=\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac\"");
	assert_label("a\xff"
		     "b\xc3",
		     "l=\"a\xef\xbf\xbd"
		     "b\xef\xbf\xbd\"");
	assert_label("{},=", "l=\"{},=\"");
	aeg_label_add(&two, "a", "1");
	aeg_label_add(&two, "b", "2");
	assert_string_equal(aeg_buf_text(&two), "a=\"1\",b=\"2\"");
}

/* ---- histograms ---- */

static void assert_has(const struct aeg_buf *text, const char *part)
{
	if (!strstr(aeg_buf_text(text), part))
		fail_msg("'%s' is not in '%s'", part, aeg_buf_text(text));
}

static void test_histogram(void **state)
{
	struct aeg_histogram figures = {0};
	struct aeg_metrics metrics;
	AUTO_BUF text = {0};

	aeg_histogram_add(&figures, 500); /* a bound belongs to its bucket */
	aeg_histogram_add(&figures, 501);
	aeg_histogram_add(&figures, 10000000);
	aeg_histogram_add(&figures, UINT32_MAX);
	aeg_metrics_begin(&metrics, &text, AEG_METRICS_TEXT);
	aeg_metrics_family(&metrics, &histogram);
	aeg_metrics_histogram(&metrics, "e=\"x\"", &figures);
	assert_has(&text, "x_rtt_seconds_bucket{e=\"x\",le=\"0.0005\"} 1\n");
	assert_has(&text, "x_rtt_seconds_bucket{e=\"x\",le=\"0.001\"} 2\n");
	assert_has(&text, "x_rtt_seconds_bucket{e=\"x\",le=\"5.0\"} 2\n");
	assert_has(&text, "x_rtt_seconds_bucket{e=\"x\",le=\"10.0\"} 3\n");
	assert_has(&text, "x_rtt_seconds_bucket{e=\"x\",le=\"+Inf\"} 4\n");
	assert_has(&text, "x_rtt_seconds_sum{e=\"x\"} 4304.968296\n");
	assert_has(&text, "x_rtt_seconds_count{e=\"x\"} 4\n");
}

static void test_latency_is_bounded(void **state)
{
	struct aeg_latency *latency = aeg_latency_new(2);
	const char *const endpoints[] = {"a", "b", "c", "d", "a", NULL};
	struct aeg_metrics metrics;
	AUTO_BUF text = {0};

	for (size_t i = 0; i < AEG_ARRAY_SIZE(endpoints); i++) {
		struct aeg_flow flow = {.endpoint = endpoints[i],
					.event = {.type = AEG_EVENT_CLOSE, .rtt_us = 1000}};

		aeg_latency_observe(latency, &flow);
		flow.event.type = AEG_EVENT_OPEN; /* says nothing of time */
		aeg_latency_observe(latency, &flow);
	}
	aeg_metrics_begin(&metrics, &text, AEG_METRICS_TEXT);
	aeg_latency_put(latency, &metrics);
	assert_has(&text, "aegress_rtt_seconds_count{endpoint=\"a\"} 2\n");
	assert_has(&text, "aegress_rtt_seconds_count{endpoint=\"b\"} 1\n");
	assert_has(&text, "aegress_rtt_seconds_count{endpoint=\"_other\"} 3\n");
	assert_null(strstr(aeg_buf_text(&text), "aegress_connect_duration_seconds_count"));
	aeg_latency_free(latency);
}

/* ---- series ---- */

static void put_series(const struct aeg_series *series, struct aeg_buf *ret)
{
	struct aeg_metrics metrics;

	aeg_buf_reset(ret);
	aeg_metrics_begin(&metrics, ret, AEG_METRICS_TEXT);
	metrics.family = &counter;
	aeg_series_put(series, &metrics, 1, "d=\"x\"");
}

static void add(struct aeg_series *series, const char *labels, uint64_t n)
{
	aeg_series_at(series, aeg_series_place(series, labels, "l=\"_other\""))[1] += n;
}

static void test_series_fold(void **state)
{
	struct aeg_series *series = aeg_series_new(2);
	AUTO_BUF text = {0};

	add(series, "l=\"a\"", 1);
	add(series, "l=\"b\"", 2);
	add(series, "l=\"c\"", 4);
	add(series, "l=\"d\"", 8);
	add(series, "l=\"a\"", 16);
	put_series(series, &text);
	assert_string_equal(aeg_buf_text(&text), "x_things_total{l=\"a\",d=\"x\"} 17\n"
						 "x_things_total{l=\"b\",d=\"x\"} 2\n"
						 "x_things_total{l=\"_other\",d=\"x\"} 12\n");
	assert_int_equal(aeg_series_folded(series), 2);

	/* Whoever was folded stays so, in whatever order they come: no counter runs backwards. */
	aeg_series_zero(series);
	add(series, "l=\"c\"", 5);
	add(series, "l=\"b\"", 3);
	put_series(series, &text);
	assert_string_equal(aeg_buf_text(&text), "x_things_total{l=\"a\",d=\"x\"} 0\n"
						 "x_things_total{l=\"b\",d=\"x\"} 3\n"
						 "x_things_total{l=\"_other\",d=\"x\"} 5\n");
	assert_int_equal(aeg_series_folded(series), 1);
	aeg_series_free(series);
}

static void test_series_forget(void **state)
{
	struct aeg_series *series = aeg_series_new(2);
	AUTO_BUF text = {0};

	add(series, "l=\"a\"", 1);
	add(series, "l=\"b\"", 2);
	aeg_series_zero(series);
	add(series, "l=\"b\"", 3);
	aeg_series_forget(series);
	put_series(series, &text);
	assert_string_equal(aeg_buf_text(&text), "x_things_total{l=\"b\",d=\"x\"} 3\n");

	/* Nobody was folded: there is room for another. */
	add(series, "l=\"c\"", 4);
	add(series, "l=\"b\"", 1);
	add(series, "l=\"d\"", 5);
	put_series(series, &text);
	assert_string_equal(aeg_buf_text(&text), "x_things_total{l=\"b\",d=\"x\"} 4\n"
						 "x_things_total{l=\"c\",d=\"x\"} 4\n"
						 "x_things_total{l=\"_other\",d=\"x\"} 5\n");
	aeg_series_free(series);
}

/* Room of what is gone stays empty as long as it would take sums away from `_other`. */
static void test_series_forget_folded(void **state)
{
	struct aeg_series *series = aeg_series_new(1);
	AUTO_BUF text = {0};

	add(series, "l=\"a\"", 1);
	add(series, "l=\"b\"", 2);
	add(series, "l=\"c\"", 4);
	aeg_series_zero(series);
	add(series, "l=\"b\"", 2);
	add(series, "l=\"c\"", 4);
	aeg_series_forget(series);
	aeg_series_zero(series);
	add(series, "l=\"b\"", 2);
	add(series, "l=\"c\"", 5);
	put_series(series, &text);
	assert_string_equal(aeg_buf_text(&text), "x_things_total{l=\"_other\",d=\"x\"} 7\n");

	aeg_series_zero(series); /* and when they are gone, too */
	aeg_series_forget(series);
	add(series, "l=\"d\"", 9);
	put_series(series, &text);
	assert_string_equal(aeg_buf_text(&text), "x_things_total{l=\"d\",d=\"x\"} 9\n");
	aeg_series_free(series);
}

/* ---- denials ---- */

static struct aeg_flow denial(uint64_t time, uint8_t verdict, uint16_t port, const char *name)
{
	return (struct aeg_flow){
		.time_ns = time,
		.name = name,
		.event = {.type = verdict == AEG_VERDICT_DENIED ? AEG_EVENT_DENY : AEG_EVENT_OPEN,
			  .dport = port,
			  .proto = AEG_PROTO_TCP,
			  .decision = {.verdict = verdict, .reason = AEG_REASON_NO_RULE}},
	};
}

static void observe(struct aeg_denials *denials, struct aeg_flow flow)
{
	aeg_denials_observe(denials, &flow);
}

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		n++;
	}
	return n;
}

static void put_denials(const struct aeg_denials *denials, struct aeg_buf *ret)
{
	struct aeg_json json;

	aeg_buf_reset(ret);
	aeg_json_begin(&json, ret);
	aeg_json_array(&json, NULL);
	aeg_denials_json(denials, &json);
	aeg_json_array_end(&json);
}

static void test_denials_fold(void **state)
{
	struct aeg_denials *denials = aeg_denials_new();
	const char *newest;
	AUTO_BUF text = {0};

	observe(denials, denial(1, AEG_VERDICT_DENIED, 443, "a.example"));
	observe(denials, denial(2, AEG_VERDICT_DENIED, 443, "b.example"));
	observe(denials, denial(3, AEG_VERDICT_AUDITED, 443, "a.example"));
	observe(denials, denial(4, AEG_VERDICT_ALLOWED, 443, "a.example"));
	observe(denials, denial(5, AEG_VERDICT_DENIED, 443, "a.example"));
	put_denials(denials, &text);
	assert_int_equal(count_of(aeg_buf_text(&text), "\"count\":"), 3);
	newest = strstr(aeg_buf_text(&text), "{\"count\":2,\"firstSeen\":"
					     "\"1970-01-01T00:00:00.000000001Z\",\"lastSeen\":"
					     "\"1970-01-01T00:00:00.000000005Z\"");
	assert_ptr_equal(newest, aeg_buf_text(&text) + 1);
	aeg_denials_free(denials);
}

static void test_denials_are_bounded(void **state)
{
	struct aeg_denials *denials = aeg_denials_new();
	AUTO_BUF text = {0};

	for (unsigned int i = 1; i <= 10 * AEG_DENIALS_KEPT; i++)
		observe(denials, denial(i, AEG_VERDICT_DENIED, (uint16_t)i, NULL));
	put_denials(denials, &text);
	assert_int_equal(count_of(aeg_buf_text(&text), "\"count\":"), AEG_DENIALS_KEPT);
	assert_has(&text, "\"port\":640");
	assert_null(strstr(aeg_buf_text(&text), "\"port\":576}"));
	aeg_denials_free(denials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_openmetrics),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_latency_is_bounded),
		cmocka_unit_test(test_series_fold),
		cmocka_unit_test(test_series_forget),
		cmocka_unit_test(test_series_forget_folded),
		cmocka_unit_test(test_denials_fold),
		cmocka_unit_test(test_denials_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
