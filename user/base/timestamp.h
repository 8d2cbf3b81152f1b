/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Times as people and other programs read them. */
#ifndef AEG_BASE_TIMESTAMP_H
#define AEG_BASE_TIMESTAMP_H

#include <stdint.h>

/* Nanoseconds of CLOCK_REALTIME as RFC 3339 in UTC: "2026-11-20T12:00:00.123456789Z". */
#define AEG_TIME_TEXT 31
void aeg_time_format(uint64_t ns, char ret[AEG_TIME_TEXT]);
/* The reverse; digits of the fraction may be missing, or more than nine. -EINVAL. */
int aeg_time_parse(const char *text, uint64_t *ret_ns);
/* Whole seconds, of years that nanoseconds do not reach too. -EINVAL. */
int aeg_time_parse_s(const char *text, uint64_t *ret_s);

#endif
