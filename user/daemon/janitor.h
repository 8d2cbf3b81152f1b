/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Keeps the table of learned addresses in order: what connections use stays, what nobody has used for long
 * goes, and names move to the pattern that matches them since a reload. Sleeps while nothing is learned.
 * No denial depends on it: expired entries count for nothing but against the share of the workload that they
 * are of, and the kernel judges every ClientHello by the name itself.
 */
#ifndef AEG_DAEMON_JANITOR_H
#define AEG_DAEMON_JANITOR_H

#include "base/loop.h"
#include "daemon/lapse.h"
#include "datapath/datapath.h"

struct aeg_janitor;

int aeg_janitor_open(struct aeg_datapath *datapath, struct aeg_loop *loop,
		     struct aeg_janitor **ret);
void aeg_janitor_close(struct aeg_janitor *janitor);
/* Something was learned, or may have been. */
void aeg_janitor_wake(struct aeg_janitor *janitor);
/* What the timer does. *ret_left: addresses and shares that the next sweep has to look at. */
int aeg_janitor_sweep(struct aeg_janitor *janitor, size_t *ret_left);
/* These tables are in force now. Returns how many names found another pattern. */
size_t aeg_janitor_rematch(struct aeg_janitor *janitor, const struct aeg_tables *tables);

/* How often it asked what connections use, by how that went. */
enum aeg_renewal { AEG_RENEWAL_DONE, AEG_RENEWAL_FAILED, AEG_RENEWAL_MAX };
extern const char *const aeg_renewal_words[AEG_RENEWAL_MAX];
const uint64_t *aeg_janitor_renewals(const struct aeg_janitor *janitor);

uint32_t aeg_now_s(void); /* the clock of aeg_member.expires */

#endif
