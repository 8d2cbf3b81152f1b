/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "observe/histogram.h"

const uint32_t aeg_histogram_bounds_us[AEG_HISTOGRAM_BUCKETS] = {
	500,	1000,	2500,	5000,	 10000,	  25000,   50000,
	100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

void aeg_histogram_add(struct aeg_histogram *histogram, uint32_t us)
{
	int i = 0;

	while (i < AEG_HISTOGRAM_BUCKETS && us > aeg_histogram_bounds_us[i])
		i++;
	histogram->counts[i]++;
	histogram->sum_us += us;
}
