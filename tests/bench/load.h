/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What every load of the benchmarks needs: a clock, outcomes counted by errno, latencies, and one JSON
 * object at the end. It judges nothing; who called the program decides.
 */
#ifndef AEG_BENCH_LOAD_H
#define AEG_BENCH_LOAD_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NSEC 1000000000ull
#define ERRNO_MAX 200
#define BIN_NS 100   /* resolution of the latency histogram */
#define BINS 1000000 /* the last one also takes everything above */

struct outcome {
	uint64_t by_errno[ERRNO_MAX]; /* 0: it worked */
	uint64_t total, ns, cpu_ns;
	uint32_t *bins;
};

static _Noreturn inline void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(2);
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC + (uint64_t)now.tv_nsec;
}

static inline void *body_new(size_t size)
{
	void *body = calloc(1, size ? size : 1);

	if (!body)
		die("calloc");
	return body;
}

static inline void outcome_add(struct outcome *outcome, int r, uint64_t ns)
{
	uint64_t bin = ns / BIN_NS;

	outcome->by_errno[-r < ERRNO_MAX ? -r : ERRNO_MAX - 1]++;
	outcome->bins[bin < BINS ? bin : BINS - 1]++;
	outcome->total++;
}

static inline double quantile_us(const struct outcome *outcome, double share)
{
	uint64_t want = (uint64_t)((double)outcome->total * share), have = 0;

	for (size_t i = 0; i < BINS; i++) {
		have += outcome->bins[i];
		if (have > want)
			return ((double)i + 0.5) * BIN_NS / 1000.0;
	}
	return 0;
}

static inline void outcome_print(const struct outcome *outcome)
{
	const char *comma = "";

	printf("{\"total\": %llu, \"seconds\": %.6f, \"cpu_ns\": %llu, \"p50_us\": %.2f, "
	       "\"p99_us\": %.2f, \"outcomes\": {",
	       (unsigned long long)outcome->total, (double)outcome->ns / (double)NSEC,
	       (unsigned long long)outcome->cpu_ns, quantile_us(outcome, 0.5),
	       quantile_us(outcome, 0.99));
	for (int i = 0; i < ERRNO_MAX; i++) {
		if (!outcome->by_errno[i])
			continue;
		printf("%s\"%s\": %llu", comma, i ? strerrorname_np(i) : "OK",
		       (unsigned long long)outcome->by_errno[i]);
		comma = ", ";
	}
	printf("}}\n");
}

/* Of the command line. */
static inline uint64_t number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	errno = EINVAL;
	if (*end || end == text || value > max)
		die(text);
	return value;
}

#endif
