/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The section `kubernetes` of the configuration: whether there is a cluster, and how to reach it. */
#include "daemon/config_kube.h"

static void read_enabled(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_kube_config *kube = target;

	if (!aeg_node_bool(value, &kube->enabled))
		aeg_error_at(diags, value->pos, "expected true or false");
}

static void read_kubeconfig(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_kube_config *kube = target;

	if (!aeg_node_expect(value, AEG_NODE_SCALAR, "a path", diags))
		return;
	if (*value->text != '/') {
		aeg_error_at(diags, value->pos, "'%s' is not an absolute path", value->text);
		return;
	}
	free(kube->kubeconfig);
	kube->kubeconfig = aeg_xstrdup(value->text);
}

static const struct aeg_field fields[] = {
	{.key = "enabled", .read = read_enabled},
	{.key = "kubeconfig", .read = read_kubeconfig},
	{0},
};

void aeg_kube_config_read(struct aeg_kube_config *ret, const struct aeg_node *value,
			  struct aeg_diags *diags)
{
	aeg_fields_read(fields, value, ret, diags);
}

void aeg_kube_config_done(struct aeg_kube_config *kube)
{
	free(kube->kubeconfig);
	*kube = (struct aeg_kube_config){0};
}
