/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whom the kernel may believe: the configured name servers, or those that this machine uses. */
#ifndef AEG_DAEMON_RESOLVERS_H
#define AEG_DAEMON_RESOLVERS_H

#include "daemon/config.h"
#include "datapath/datapath.h"

#define AEG_RESOLV_CONF "/etc/resolv.conf"
/* Where systemd-resolved keeps the servers behind its stub: the kubelet gives pods these. */
#define AEG_RESOLVED_CONF "/run/systemd/resolve/resolv.conf"

/* The addresses to trust now, each once. The caller clears ret->list. */
void aeg_resolvers_get(const struct aeg_dns_config *config, struct aeg_addrs *ret);
/* Adds the name servers of a resolv.conf(5); link-local ones are left out: a scope is no address. */
void aeg_resolvers_parse(const char *text, struct aeg_addrs *ret);

/* Tells the kernel: servers, suffixes, shortest time. *ret is replaced by the servers of now. */
int aeg_resolvers_apply(const struct aeg_dns_config *config, struct aeg_datapath *datapath,
			struct aeg_addrs *ret);

#endif
