/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One alarm, for the rule in force that expires next. */
#ifndef AEG_DAEMON_EXPIRER_H
#define AEG_DAEMON_EXPIRER_H

#include "daemon/reconciler.h"

int aeg_expirer_open(struct aeg_reconciler *reconciler, struct aeg_loop *loop,
		     struct aeg_expirer **ret);
void aeg_expirer_close(struct aeg_expirer *expirer);
/* Another ruleset is in force. */
void aeg_expirer_arm(struct aeg_expirer *expirer);

#endif
