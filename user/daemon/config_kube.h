/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The section `kubernetes` of the configuration. */
#ifndef AEG_DAEMON_CONFIG_KUBE_H
#define AEG_DAEMON_CONFIG_KUBE_H

#include "base/yaml.h"

struct aeg_kube_config {
	bool enabled;	  /* pods and documents come from the API server too */
	char *kubeconfig; /* NULL: what a pod finds in its own file system */
	char *ns;	  /* of aegress itself, for its leases; NULL: the pod's own */
	bool status;	  /* take part in writing the status of documents */
	bool events;	  /* tell of denials with Events on the pod */
};

void aeg_kube_config_init(struct aeg_kube_config *ret);
void aeg_kube_config_read(struct aeg_kube_config *ret, const struct aeg_node *value,
			  struct aeg_diags *diags);
void aeg_kube_config_done(struct aeg_kube_config *kube);

#endif
