/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the claiming programs and their runner share. */
#ifndef AEG_TEST_CLAIMS_H
#define AEG_TEST_CLAIMS_H

#include <linux/types.h>

#define CLAIMS_WORDS 128
#define CLAIMS_ROUNDS 60 /* some 5 us: as long as the longest parser, and more */

struct claims {
	__u64 claim; /* 0: everybody takes the CPU's first slot */
	__u64 runs;
	__u64 corrupted;
	__u64 refused; /* no slot was free */
};

#endif
