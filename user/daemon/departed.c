/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/departed.h"

void aeg_departures_look(const struct aeg_departures *before, struct aeg_departures *seen,
			 uint64_t now)
{
	size_t j = 0;

	for (size_t i = 0; i < seen->list.n; i++) {
		struct aeg_departure *departure = &seen->list.items[i];
		const struct aeg_departure *former;

		while (j < before->list.n && before->list.items[j].number < departure->number)
			j++;
		former = j < before->list.n ? &before->list.items[j] : NULL;
		if (former && former->number == departure->number && former->sum == departure->sum)
			departure->since = former->since;
		else
			departure->since = now;
	}
}
