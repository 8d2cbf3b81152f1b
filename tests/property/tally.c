/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The shares of the reasons. */
#include "tally.h"
#include "policy/explain.h"
#include <stdio.h>

#define LONG_RUN 50000

void tally_check_shares(struct tally *tally)
{
	static const unsigned int wanted[] = {
		AEG_REASON_RULE,
		AEG_REASON_DENY_RULE,
		AEG_REASON_NO_RULE,
		AEG_REASON_UNSELECTED,
		AEG_REASON_UNKNOWN_WORKLOAD,
		AEG_REASON_NOT_GOVERNED,
		AEG_REASON_STRICT,
		AEG_REASON_UDP,
	};
	unsigned long least = tally->passed >= LONG_RUN ? tally->passed / 100 : 1;

	for (unsigned int reason = 0; reason < AEG_REASON_MAX; reason++)
		if (tally->reasons[reason])
			printf("%-17s %7lu  %4.1f %%\n", aeg_reason_word(reason),
			       tally->reasons[reason],
			       100.0 * (double)tally->reasons[reason] / (double)tally->passed);
	for (size_t i = 0; i < AEG_ARRAY_SIZE(wanted); i++) {
		if (tally->reasons[wanted[i]] >= least)
			continue;
		printf("FAILED reason %s: less than %lu triples\n", aeg_reason_word(wanted[i]),
		       least);
		tally->failed++;
	}
}
