/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* AIEndpoint: a named set of destinations. */
#include "policy/read.h"
#include "policy/pattern.h"
#include "policy/template.h"

const char *const aeg_class_names[AEG_CLASS_MAX + 1] = {
	[AEG_CLASS_HUB] = "hub",       [AEG_CLASS_DOWNLOAD] = "download",
	[AEG_CLASS_UPLOAD] = "upload", [AEG_CLASS_INFERENCE] = "inference",
	[AEG_CLASS_SPACES] = "spaces", [AEG_CLASS_JOBS] = "jobs",
	[AEG_CLASS_ADMIN] = "admin",   [AEG_CLASS_TELEMETRY] = "telemetry",
	[AEG_CLASS_OTHER] = "other",
};

static void read_metadata(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	AEG_CLEANUP(aeg_metadata_done) struct aeg_metadata metadata = {0};
	struct aeg_endpoint *endpoint = target;

	aeg_fields_read(aeg_metadata_cluster_fields, value, &metadata, diags);
	endpoint->name = AEG_TAKE_PTR(metadata.name);
	endpoint->pos = metadata.pos;
	endpoint->labels = metadata.labels;
	metadata.labels = (struct aeg_labels){0};
}

static void read_class(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = target;
	int class = aeg_read_choice(aeg_class_names, value, diags);

	if (class >= 0)
		endpoint->class = (enum aeg_class) class;
}

static void read_region(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = target;

	aeg_read_word(&endpoint->region, AEG_WORD_PROVIDER, value, diags);
}

static void read_vendor(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = target;

	aeg_read_word(&endpoint->vendor, AEG_WORD_PROVIDER, value, diags);
}

static void read_hosts(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = target;

	if (!aeg_read_list(value, diags))
		return;
	for (size_t i = 0; i < value->items.n; i++) {
		const struct aeg_node *item = value->items.items[i];
		char *pattern = aeg_read_host(item, diags);

		if (pattern)
			*AEG_VEC_PUSH(endpoint->hosts) =
				(struct aeg_host){.pattern = pattern, .pos = item->pos};
	}
}

static void read_template(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = target;
	const char *text = aeg_read_text(value, diags);
	AEG_AUTO_FREE char *wrong = NULL;

	if (!text)
		return;
	endpoint->template_pos = value->pos;
	wrong = aeg_template_parse(text, &endpoint->template);
	if (wrong)
		aeg_error_at(diags, value->pos, "%s", wrong);
}

static void read_cidrs(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = target;

	if (!aeg_read_list(value, diags))
		return;
	for (size_t i = 0; i < value->items.n; i++) {
		struct aeg_net net = {.pos = value->items.items[i]->pos};

		if (aeg_read_cidr(&net.cidr, value->items.items[i], diags))
			*AEG_VEC_PUSH(endpoint->cidrs) = net;
	}
}

static void read_ports(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = target;

	aeg_read_ports(&endpoint->ports, value, diags);
}

static void read_evidence(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = target;

	aeg_read_word(&endpoint->evidence, AEG_WORD_TEXT, value, diags);
}

static void read_since(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = target;

	aeg_read_word(&endpoint->since, AEG_WORD_DATE, value, diags);
}

static void read_retired(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = target;

	aeg_read_word(&endpoint->retired, AEG_WORD_DATE, value, diags);
}

static const struct aeg_field spec_fields[] = {
	{.key = "class", .read = read_class, .required = true},
	{.key = "region", .read = read_region},
	{.key = "vendor", .read = read_vendor},
	{.key = "hosts", .read = read_hosts},
	{.key = "template", .read = read_template},
	{.key = "cidrs", .read = read_cidrs},
	{.key = "ports", .read = read_ports},
	{.key = "evidence", .read = read_evidence},
	{.key = "since", .read = read_since},
	{.key = "retired", .read = read_retired},
	{0},
};

static bool hosts_cover(const struct aeg_endpoint *endpoint, const char *pattern)
{
	for (size_t i = 0; i < endpoint->hosts.n; i++)
		if (aeg_pattern_covers(endpoint->hosts.items[i].pattern, pattern))
			return true;
	return false;
}

/* Or a rule that fills the template would reach what the endpoint itself does not govern. */
static void check_template(const struct aeg_endpoint *endpoint, struct aeg_diags *diags)
{
	AEG_AUTO_FREE char *widest = NULL;

	if (!endpoint->template)
		return;
	widest = aeg_template_widest(endpoint->template);
	if (!hosts_cover(endpoint, widest))
		aeg_error_at(
			diags, endpoint->template_pos,
			"no host of the endpoint covers the template's names: add '%s' to hosts",
			widest);
}

/* What no single key can tell; asked only when the keys are right, so that nothing is said twice. */
static void check_spec(struct aeg_endpoint *endpoint, const struct aeg_node *spec,
		       struct aeg_diags *diags)
{
	if (endpoint->hosts.n == 0 && endpoint->cidrs.n == 0)
		aeg_error_at(diags, spec->pos,
			     "missing key 'hosts': an endpoint has hosts, cidrs or both");
	else
		check_template(endpoint, diags);
	if (endpoint->since && endpoint->retired && strcmp(endpoint->since, endpoint->retired) > 0)
		aeg_error_at(diags, aeg_node_get(spec, "retired")->pos,
			     "'%s' is before 'since', %s", endpoint->retired, endpoint->since);
	if (endpoint->ports.list.n == 0)
		*AEG_VEC_PUSH(endpoint->ports.list) =
			(struct aeg_port){.port = 443, .proto = AEG_PROTO_TCP};
}

static void read_spec(void *target, const struct aeg_node *value, struct aeg_diags *diags)
{
	size_t errors = diags->nerrors;

	aeg_fields_read(spec_fields, value, target, diags);
	if (diags->nerrors == errors)
		check_spec(target, value, diags);
}

static const struct aeg_field endpoint_fields[] = {
	{.key = "apiVersion", .read = aeg_read_nothing, .required = true},
	{.key = "kind", .read = aeg_read_nothing, .required = true},
	{.key = "metadata", .read = read_metadata, .required = true},
	{.key = "spec", .read = read_spec, .required = true},
	{0},
};

static void place(struct aeg_endpoint *endpoint, const char *file)
{
	endpoint->pos.file = file;
	endpoint->template_pos.file = file;
	for (size_t i = 0; i < endpoint->hosts.n; i++)
		endpoint->hosts.items[i].pos.file = file;
	for (size_t i = 0; i < endpoint->cidrs.n; i++)
		endpoint->cidrs.items[i].pos.file = file;
}

void aeg_read_endpoint(struct aeg_model *model, const struct aeg_node *document,
		       struct aeg_diags *diags)
{
	struct aeg_endpoint *endpoint = aeg_xcalloc(1, sizeof(*endpoint));
	size_t errors = diags->nerrors;

	aeg_fields_read(endpoint_fields, document, endpoint, diags);
	if (diags->nerrors == errors) {
		place(endpoint, aeg_model_file(model, document->pos.file));
		*AEG_VEC_PUSH(model->endpoints) = endpoint;
		return;
	}
	if (endpoint->name)
		aeg_strmap_put(&model->left_out, endpoint->name, 0);
	aeg_endpoint_free(endpoint);
}
