/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Gives up what the daemon does not need once everything is open. */
#ifndef AEG_DAEMON_PRIVILEGES_H
#define AEG_DAEMON_PRIVILEGES_H

/* 0 or -errno. Nothing that is kept can be had back after it was given up. */
int aeg_privileges_drop(void);

#endif
