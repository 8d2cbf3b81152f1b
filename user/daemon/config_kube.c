/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The section `kubernetes` of the configuration: whether there is a cluster, and how to reach it. */
#include "daemon/config_kube.h"
#include "daemon/config_values.h"
#include "policy/words.h"

static void read_enabled(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	aeg_config_bool(&((struct aeg_kube_config *)target)->enabled, value, diags);
}

static void read_status(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	aeg_config_bool(&((struct aeg_kube_config *)target)->status, value, diags);
}

static void read_events(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	aeg_config_bool(&((struct aeg_kube_config *)target)->events, value, diags);
}

/* It becomes part of a URL. */
static void read_namespace(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_kube_config *kube = target;

	if (!aeg_node_expect(value, AEG_NODE_SCALAR, "a namespace", diags))
		return;
	if (aeg_word_is_valid(AEG_WORD_NAME, value->text))
		aeg_config_set(&kube->ns, value->text);
	else
		aeg_error_at(diags, value->pos, "'%s' is not the name of a namespace", value->text);
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
	{.key = "namespace", .read = read_namespace},
	{.key = "status", .read = read_status},
	{.key = "events", .read = read_events},
	{0},
};

void aeg_kube_config_init(struct aeg_kube_config *ret)
{
	*ret = (struct aeg_kube_config){.status = true, .events = true};
}

void aeg_kube_config_read(struct aeg_kube_config *ret, const struct aeg_node *value,
			  struct aeg_diags *diags)
{
	aeg_fields_read(fields, value, ret, diags);
}

void aeg_kube_config_done(struct aeg_kube_config *kube)
{
	free(kube->kubeconfig);
	free(kube->ns);
	*kube = (struct aeg_kube_config){0};
}
