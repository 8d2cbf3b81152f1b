/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Is it doing its work? Ready means that complete tables decide and that what happens is read. That the
 * last documents had mistakes is said, but does not make a daemon unready: the good ones stay in force,
 * and no mistake in a policy may take every node out of service.
 */
#ifndef AEG_DAEMON_READINESS_H
#define AEG_DAEMON_READINESS_H

#include "base/json.h"
#include "daemon/daemon.h"

/* Whether it is ready; the checks go into an open array unless json is NULL. */
bool aeg_readiness(const struct aeg_daemon *daemon, struct aeg_json *json);

#endif
