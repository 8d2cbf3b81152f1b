/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a rule's destination stands for: host patterns and CIDRs, with the ports that go with them. */
#include "policy/template.h"

static struct aeg_port https[] = {{.port = 443, .proto = AEG_PROTO_TCP}};
static struct aeg_port any_tcp[] = {{.port = AEG_PORT_ANY, .proto = AEG_PROTO_TCP}};
static const struct aeg_ports host_ports = {.list = {.items = https, .n = 1}};
static const struct aeg_ports cidr_ports = {.list = {.items = any_tcp, .n = 1}};

static bool has_provider(const struct aeg_endpoint *endpoint, const char *provider)
{
	const char *found = aeg_endpoint_provider(endpoint);

	return found && aeg_streq(found, provider);
}

/* Where the provider's endpoints begin in a list that is sorted by provider, none first. */
static size_t first_of_provider(const struct aeg_endpoints *endpoints, const char *provider)
{
	size_t low = 0, high = endpoints->list.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *found = aeg_endpoint_provider(endpoints->list.items[middle]);

		if (found && strcmp(found, provider) >= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static const struct aeg_endpoint *nth_of_class(const struct aeg_model *model,
					       const struct aeg_to *to, size_t index)
{
	const struct aeg_endpoints *endpoints = &model->by_class[to->class];

	if (to->provider)
		index += first_of_provider(endpoints, to->provider);
	if (index >= endpoints->list.n)
		return NULL;
	if (to->provider && !has_provider(endpoints->list.items[index], to->provider))
		return NULL;
	return endpoints->list.items[index];
}

const struct aeg_endpoint *aeg_to_endpoint(const struct aeg_model *model, const struct aeg_to *to,
					   size_t index)
{
	if (to->kind == AEG_TO_CLASS)
		return nth_of_class(model, to, index);
	if (to->kind == AEG_TO_ENDPOINT && index == 0)
		return aeg_model_endpoint(model, to->endpoint);
	return NULL;
}

/* A template that refuses the filling stands for nothing; the check has said so. */
static void expand_template(const struct aeg_endpoint *endpoint, const struct aeg_filling *filling,
			    struct aeg_expansion *ret)
{
	AEG_AUTO_FREE char *wrong = NULL;

	if (!endpoint->template)
		return;
	wrong = aeg_template_refuses(endpoint->template, filling);
	if (!wrong)
		aeg_template_expand(endpoint->template, filling, &ret->hosts);
}

static void expand_endpoint(const struct aeg_to *to, const struct aeg_endpoint *endpoint,
			    struct aeg_expansion *ret)
{
	struct aeg_filling filling = aeg_to_filling(to);

	ret->endpoint = endpoint;
	ret->ports = to->ports_given ? &to->ports : &endpoint->ports;
	if (aeg_filling_given(&filling)) {
		expand_template(endpoint, &filling, ret);
		return;
	}
	for (size_t i = 0; i < endpoint->hosts.n; i++)
		*AEG_VEC_PUSH(ret->hosts.list) = aeg_xstrdup(endpoint->hosts.items[i].pattern);
	for (size_t i = 0; i < endpoint->cidrs.n; i++)
		*AEG_VEC_PUSH(ret->cidrs) = endpoint->cidrs.items[i].cidr;
}

bool aeg_to_expand(const struct aeg_model *model, const struct aeg_to *to, size_t index,
		   struct aeg_expansion *ret)
{
	const struct aeg_endpoint *endpoint = aeg_to_endpoint(model, to, index);

	if (!endpoint && (index > 0 || to->kind == AEG_TO_CLASS || to->kind == AEG_TO_ENDPOINT))
		return false;
	*ret = (struct aeg_expansion){0};
	if (endpoint) {
		expand_endpoint(to, endpoint, ret);
	} else if (to->kind == AEG_TO_HOST) {
		*AEG_VEC_PUSH(ret->hosts.list) = aeg_xstrdup(to->host);
		ret->ports = to->ports_given ? &to->ports : &host_ports;
	} else {
		*AEG_VEC_PUSH(ret->cidrs) = to->cidr;
		ret->ports = to->ports_given ? &to->ports : &cidr_ports;
	}
	return true;
}

void aeg_expansion_done(struct aeg_expansion *expansion)
{
	for (size_t i = 0; i < expansion->hosts.list.n; i++)
		free(expansion->hosts.list.items[i]);
	AEG_VEC_DONE(expansion->hosts.list);
	AEG_VEC_DONE(expansion->cidrs);
	*expansion = (struct aeg_expansion){0};
}
