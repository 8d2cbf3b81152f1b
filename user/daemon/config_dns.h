/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The section `dns` of the configuration. */
#ifndef AEG_DAEMON_CONFIG_DNS_H
#define AEG_DAEMON_CONFIG_DNS_H

#include "base/addr.h"
#include "base/yaml.h"
#include "policy/model.h"

struct aeg_addrs {
	AEG_VEC(struct aeg_addr) list;
};

struct aeg_dns_config {
	struct aeg_addrs resolvers;
	bool resolvers_given;	     /* else the name servers of this machine: see resolvers.h */
	uint32_t ttl_min;	     /* s */
	uint32_t share;		     /* learned addresses that each workload is sure of */
	struct aeg_strings suffixes; /* canonical */
};

/* The defaults. */
void aeg_dns_config_init(struct aeg_dns_config *ret);
void aeg_dns_config_read(struct aeg_dns_config *ret, const struct aeg_node *value,
			 struct aeg_diags *diags);
void aeg_dns_config_done(struct aeg_dns_config *dns);

#endif
