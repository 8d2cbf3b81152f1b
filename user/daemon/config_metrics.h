/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The section `metrics` of the configuration. */
#ifndef AEG_DAEMON_CONFIG_METRICS_H
#define AEG_DAEMON_CONFIG_METRICS_H

#include "base/yaml.h"
#include "daemon/listen.h"

struct aeg_metrics_config {
	struct aeg_listen listen;
	bool workload_label; /* label figures with the workload, not with its namespace only */
	uint64_t series_max; /* label sets a family before it folds */
	uint64_t keep_gone;  /* s that rows of a workload stay after it has gone */
};

/* The defaults. */
void aeg_metrics_config_init(struct aeg_metrics_config *ret);
void aeg_metrics_config_read(struct aeg_metrics_config *ret, const struct aeg_node *value,
			     struct aeg_diags *diags);

#endif
