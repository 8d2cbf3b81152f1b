/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/lapse.h"

uint32_t aeg_lapse_period_ms(uint32_t ttl_min)
{
	return ttl_min < AEG_LAPSE_FAR * 4 / 3 ? ttl_min * 750 : AEG_LAPSE_FAR * 1000;
}

uint32_t aeg_member_left(const struct aeg_member *member, uint32_t now)
{
	int32_t left = (int32_t)(member->expires - now);

	return member->node && left > 0 ? (uint32_t)left : 0;
}

bool aeg_lapse_over(const struct aeg_learned *learned, uint32_t now, uint32_t after)
{
	for (size_t i = 0; i < AEG_MEMBERS_MAX; i++) {
		const struct aeg_member *member = &learned->members[i];

		if (member->node && (int32_t)(member->expires + after - now) > 0)
			return false;
	}
	return true;
}

static void look_in(struct aeg_lapse *lapse, int32_t seconds)
{
	if ((uint32_t)seconds < lapse->next)
		lapse->next = (uint32_t)seconds;
}

/*
 * A new member is told to the daemon, and no other has less time from one look to the next: but one that
 * has expired may be given a little by an answer, and nobody says so. A late timer is forgiven.
 */
bool aeg_lapse_look(struct aeg_lapse *lapse, const struct aeg_learned *learned)
{
	bool over = aeg_lapse_over(learned, lapse->now, AEG_LAPSE_LINGER);
	int32_t period = (int32_t)lapse->period;

	lapse->due |= over;
	for (size_t i = 0; i < AEG_MEMBERS_MAX; i++) {
		const struct aeg_member *member = &learned->members[i];
		int32_t left = (int32_t)(member->expires - lapse->now);

		if (!member->node)
			continue;
		if (left > period + 1)
			look_in(lapse, left - period);
		else if (left > -period)
			lapse->due = true;
		else
			look_in(lapse, period);
	}
	return over;
}
