/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the administrator set: /etc/aegress/aegressd.yaml, then the flags over it. Complete after
 * loading: every default is filled in, so that nobody else knows any.
 */
#ifndef AEG_DAEMON_CONFIG_H
#define AEG_DAEMON_CONFIG_H

#include "base/diag.h"
#include "bpf/abi.h"
#include "daemon/config_audit.h"
#include "daemon/config_dns.h"
#include "daemon/config_metrics.h"
#include "daemon/config_kube.h"
#include "daemon/options.h"
#include "daemon/veths.h"
#include "policy/model.h"

#define AEG_CONFIG_FILE "/etc/aegress/aegressd.yaml"

/* Which records there are of what resolvers say. */
enum aeg_flows_dns { AEG_FLOWS_DNS_OFF, AEG_FLOWS_DNS_LEARNED, AEG_FLOWS_DNS_ALL };

struct aeg_config {
	char *cgroup_root; /* NULL: no cgroup2 mount was found */
	struct aeg_strings managed;
	char *pin_dir, *socket, *socket_group, *state_dir, *node;
	struct aeg_strings policies, workloads;
	bool policies_given, workloads_given; /* a given path must exist, a default one need not */
	struct aeg_gen defaults;	      /* number stays 0 */
	struct aeg_dns_config dns;
	struct aeg_audit_config audit;
	struct aeg_metrics_config metrics;
	struct aeg_kube_config kube;
	bool handshake, backstop;
	uint64_t ring_bytes, history, fold_seconds;
	int flows_dns;		   /* enum aeg_flows_dns */
	int tc;			   /* enum aeg_tc_mode */
	int log_level, log_format; /* enum aeg_log_level, aeg_log_format */
};

/*
 * Reads the file (the flag's, which must exist; else AEG_CONFIG_FILE, which need not) and puts the
 * flags over it. 0, or -EINVAL with diags; ret is filled either way and freed by the caller.
 */
int aeg_config_load(const struct aeg_options *options, struct aeg_diags *diags,
		    struct aeg_config *ret);
void aeg_config_done(struct aeg_config *config);

/* Whether something is wanted that sockops alone can give. */
bool aeg_config_sockops(const struct aeg_config *config);

/* Words of the configuration for numbers of struct aeg_gen: "Audit", "ECONNREFUSED". */
const char *aeg_config_verdict_word(uint32_t verdict);
const char *aeg_config_errno_word(uint32_t deny_errno);

#endif
