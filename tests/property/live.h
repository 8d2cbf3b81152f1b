/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The same triples against the running kernel: the tables are installed, a process in a cgroup of
 * its own connects or sends, and errno, event and counters must be what the slow evaluator says.
 */
#ifndef AEG_TEST_LIVE_H
#define AEG_TEST_LIVE_H

#include "tally.h"
#include "base/buf.h"
#include <stdint.h>

/* 0, or -errno and a sentence when the stage cannot be set up. Needs root and BPF. */
int live_run(uint64_t seed, unsigned long triples, struct tally *ret, struct aeg_buf *error);

#endif
