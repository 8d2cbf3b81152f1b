/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * When what was learned lapses, and when somebody has to look again. Pure: the janitor has the table and
 * the timer. Seconds throughout, those of aeg_member.expires.
 */
#ifndef AEG_DAEMON_LAPSE_H
#define AEG_DAEMON_LAPSE_H

#include "bpf/abi.h"
#include <stdbool.h>
#include <stdint.h>

#define AEG_LAPSE_FAR 60	 /* the longest that nobody looks */
#define AEG_LAPSE_LINGER 60	 /* after the last member expired: an answer may be on its way */
#define AEG_LAPSE_UNCERTAIN 3600 /* the same while nobody can say whether connections use it */

/* What a look at the table finds; `due` and `next` begin as false and AEG_LAPSE_FAR. */
struct aeg_lapse {
	uint32_t now;
	uint32_t period; /* until the next look, where something is due */
	bool due;	 /* something lapses until then, or is to be removed: ask what is in use */
	uint32_t next;	 /* until the next look, where nothing is due */
};

/*
 * How often to look, ms, while something lapses: an address that is in use has ttl_min after each look, so
 * it never expires between two.
 */
uint32_t aeg_lapse_period_ms(uint32_t ttl_min);
/* Seconds until the member expires; 0: it has, or there is none. */
uint32_t aeg_member_left(const struct aeg_member *member, uint32_t now);
/* Whether the last member expired so many seconds ago. */
bool aeg_lapse_over(const struct aeg_learned *learned, uint32_t now, uint32_t after);
/* Takes one address into account; true: it is over, after AEG_LAPSE_LINGER. */
bool aeg_lapse_look(struct aeg_lapse *lapse, const struct aeg_learned *learned);

#endif
