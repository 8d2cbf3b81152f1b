/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A word for this run of the daemon: numbers of records begin with 1 in each, so a reader that comes back
 * must know whether it is still the same. */
#ifndef AEG_DAEMON_RUN_H
#define AEG_DAEMON_RUN_H

#define AEG_RUN_HEADER "Aegress-Run"

const char *aeg_run(void); /* 32 hex digits, the same for as long as the process lives */

#endif
