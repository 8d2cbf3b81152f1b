/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How many triples agreed, and which answers they covered. */
#ifndef AEG_TEST_TALLY_H
#define AEG_TEST_TALLY_H

#include "bpf/abi.h"

struct tally {
	unsigned long passed, failed, reasons[AEG_REASON_MAX];
};

/*
 * Prints the share of every reason. One that matters and is under 1 % counts as a failure, since a
 * generator that misses an answer proves nothing about it; in a short run it must occur at all.
 */
void tally_check_shares(struct tally *tally);

#endif
