/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How long things take on a network: counts in buckets that never change, sums that are exact. */
#ifndef AEG_OBSERVE_HISTOGRAM_H
#define AEG_OBSERVE_HISTOGRAM_H

#include <stdint.h>

#define AEG_HISTOGRAM_BUCKETS 14

struct aeg_histogram {
	uint64_t counts[AEG_HISTOGRAM_BUCKETS +
			1]; /* each its own; the last: longer than all bounds */
	uint64_t sum_us;
};

/* Upper bounds, included: 500 µs to 10 s. */
extern const uint32_t aeg_histogram_bounds_us[AEG_HISTOGRAM_BUCKETS];

void aeg_histogram_add(struct aeg_histogram *histogram, uint32_t us);

#endif
