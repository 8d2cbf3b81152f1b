/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Tells systemd how the daemon is (sd_notify(3)); does nothing without systemd. */
#ifndef AEG_DAEMON_NOTIFY_H
#define AEG_DAEMON_NOTIFY_H

#include "base/mem.h"

/* Lines like "READY=1" or "STATUS=…". A message that cannot be sent is dropped. */
void aeg_notify(const char *format, ...) AEG_PRINTF(1, 2);
/* RELOADING=1 with the time that systemd wants beside it. */
void aeg_notify_reloading(void);

#endif
