/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Model -> the JSON lists of the API; what only a running daemon knows is left out. */
#include "cli/get_offline.h"
#include "base/json.h"
#include "policy/expiry.h"
#include "policy/explain.h"

static uint64_t count_workloads(const struct aeg_offline *offline, const struct aeg_policy *policy)
{
	const struct aeg_model *model = offline->model;
	uint64_t n = 0;

	for (size_t i = 0; i < model->workloads.n; i++) {
		struct aeg_subject subject = aeg_subject_of(model, model->workloads.items[i]);

		n += aeg_policy_selects(policy, &subject);
	}
	return n;
}

static void add_policy(struct aeg_json *json, const struct aeg_offline *offline,
		       const struct aeg_policy *policy)
{
	aeg_json_object(json, NULL);
	aeg_json_str(json, "kind", policy->ns ? "AIEgressPolicy" : "ClusterAIEgressPolicy");
	aeg_json_str(json, "namespace", policy->ns);
	aeg_json_str(json, "name", policy->name);
	aeg_json_str(json, "mode", policy->mode == AEG_MODE_AUDIT ? "Audit" : "Enforce");
	aeg_json_str(json, "containment", aeg_containment_names[policy->containment]);
	aeg_policy_rules_json(policy, json);
	aeg_json_u64(json, "workloads", count_workloads(offline, policy));
	aeg_json_str(json, "file", policy->pos.file);
	aeg_json_u64(json, "line", policy->pos.line);
	aeg_json_object_end(json);
}

void aeg_get_policies_offline(const struct aeg_offline *offline, struct aeg_buf *ret)
{
	const struct aeg_model *model = offline->model;
	struct aeg_json json;

	aeg_json_begin(&json, ret);
	aeg_json_object(&json, NULL);
	aeg_json_array(&json, "items");
	for (size_t i = 0; i < model->policies.n; i++)
		add_policy(&json, offline, model->policies.items[i]);
	aeg_json_array_end(&json);
	aeg_json_object_end(&json);
}

static void add_ports(struct aeg_json *json, const struct aeg_ports *ports)
{
	aeg_json_array(json, "ports");
	for (size_t i = 0; i < ports->list.n; i++) {
		const struct aeg_port *port = &ports->list.items[i];
		const char *proto = port->proto == AEG_PROTO_UDP ? "udp" : "tcp";
		AEG_AUTO_FREE char *text = port->port == AEG_PORT_ANY
						   ? aeg_xasprintf("any/%s", proto)
						   : aeg_xasprintf("%u/%s", port->port, proto);

		aeg_json_str(json, NULL, text);
	}
	aeg_json_array_end(json);
}

static void add_destinations(struct aeg_json *json, const struct aeg_endpoint *endpoint)
{
	aeg_json_array(json, "hosts");
	for (size_t i = 0; i < endpoint->hosts.n; i++)
		aeg_json_str(json, NULL, endpoint->hosts.items[i].pattern);
	aeg_json_array_end(json);
	aeg_json_array(json, "cidrs");
	for (size_t i = 0; i < endpoint->cidrs.n; i++) {
		char text[AEG_ADDR_TEXT];

		aeg_cidr_format(&endpoint->cidrs.items[i].cidr, text);
		aeg_json_str(json, NULL, text);
	}
	aeg_json_array_end(json);
}

static void add_endpoint(struct aeg_json *json, const struct aeg_endpoint *endpoint)
{
	aeg_json_object(json, NULL);
	aeg_json_str(json, "name", endpoint->name);
	aeg_json_str(json, "class", aeg_class_names[endpoint->class]);
	aeg_json_str(json, "provider", aeg_endpoint_provider(endpoint));
	aeg_json_str(json, "region", endpoint->region);
	aeg_json_str(json, "vendor", endpoint->vendor);
	add_destinations(json, endpoint);
	add_ports(json, &endpoint->ports);
	aeg_json_str(json, "since", endpoint->since);
	aeg_json_str(json, "retired", endpoint->retired);
	aeg_json_str(json, "evidence", endpoint->evidence);
	aeg_json_object_end(json);
}

void aeg_get_endpoints_offline(const struct aeg_offline *offline, struct aeg_buf *ret)
{
	const struct aeg_model *model = offline->model;
	struct aeg_json json;

	aeg_json_begin(&json, ret);
	aeg_json_object(&json, NULL);
	aeg_json_array(&json, "items");
	for (size_t i = 0; i < model->endpoints.n; i++)
		add_endpoint(&json, model->endpoints.items[i]);
	aeg_json_array_end(&json);
	aeg_json_object_end(&json);
}
