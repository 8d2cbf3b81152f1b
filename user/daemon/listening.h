/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Says where DNS answers should be read and are not, and has it tried again. */
#ifndef AEG_DAEMON_LISTENING_H
#define AEG_DAEMON_LISTENING_H

#include "base/loop.h"
#include "datapath/datapath.h"

struct aeg_listening;

int aeg_listening_open(struct aeg_datapath *datapath, struct aeg_loop *loop,
		       struct aeg_listening **ret);
void aeg_listening_close(struct aeg_listening *listening); /* NULL is fine */
/* Identities changed: looks soon whether all of them are heard. */
void aeg_listening_wake(struct aeg_listening *listening);

#endif
