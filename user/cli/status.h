/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What makes a daemon's status a healthy one: asked by `status` and by `doctor`. */
#ifndef AEG_CLI_STATUS_H
#define AEG_CLI_STATUS_H

#include "base/buf.h"
#include <jansson.h>
#include <stdbool.h>

/* False with the problems in one sentence; ret_problems is empty on entry. */
bool aeg_status_healthy(const json_t *status, struct aeg_buf *ret_problems);

#endif
