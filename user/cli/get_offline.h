/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The lists of `aegress get -f`: what the daemon would answer, had it these files. */
#ifndef AEG_CLI_GET_OFFLINE_H
#define AEG_CLI_GET_OFFLINE_H

#include "base/buf.h"
#include "cli/offline.h"

/* Appends {"items": […]} in the keys of the daemon's API. */
typedef void aeg_get_offline_fn(const struct aeg_offline *offline, struct aeg_buf *ret);

aeg_get_offline_fn aeg_get_policies_offline, aeg_get_endpoints_offline;

#endif
