/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* An address and a port to listen on: "127.0.0.1:9477", "[::1]:9477", or "off". */
#ifndef AEG_DAEMON_LISTEN_H
#define AEG_DAEMON_LISTEN_H

#include "base/addr.h"

struct aeg_listen {
	bool on;
	struct aeg_addr addr;
	uint16_t port; /* 0: the kernel chooses */
};

#define AEG_LISTEN_TEXT (AEG_ADDR_TEXT + sizeof("[]:65535"))

/* Addresses only: a name would be looked up where nobody can say yet who may be believed. -EINVAL. */
int aeg_listen_parse(const char *text, struct aeg_listen *ret);
void aeg_listen_format(const struct aeg_listen *listen, char ret[AEG_LISTEN_TEXT]);
/* Whether only processes of this machine can come. */
bool aeg_listen_is_local(const struct aeg_listen *listen);
/*
 * Whether a request's Host header names this machine: an address or localhost. A page of somebody else's
 * whose name was made to point here (DNS rebinding) says its own name. NULL: no header, no browser.
 */
bool aeg_host_is_local(const char *host);
/* A listening socket; fills in the port that the kernel chose. -errno. */
int aeg_listen_open(struct aeg_listen *listen, int *ret);

#endif
