/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who or what made the daemon read its documents anew. */
#ifndef AEG_DAEMON_CAUSE_H
#define AEG_DAEMON_CAUSE_H

#include <sys/types.h>

struct aeg_cause {
	const char *source;  /* start, signal, files, kubernetes, api, repair, expiry */
	const char *request; /* of the API: apply, delete, reload; NULL: none */
	pid_t pid;	     /* of the API's client; 0: none */
	uid_t uid;
	gid_t gid;
};

#endif
