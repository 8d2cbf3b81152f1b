/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `aegress get`: the lists of the daemon, or of files, as tables. Both arrive here as the same JSON,
 * so that they look the same and scripts need not care.
 */
#include "base/diag.h"
#include "cli/client.h"
#include "cli/get_offline.h"
#include "cli/offline.h"
#include "cli/table.h"

struct get_options {
	struct aeg_common common;
	struct aeg_opt_list files;
};

struct resource {
	const char *name, *path;
	const char *words[5]; /* other names of it */
	const struct aeg_column *columns;
	aeg_get_offline_fn *offline; /* NULL: only the daemon knows */
};

static const struct aeg_column policy_columns[] = {
	{.title = "NAMESPACE", .path = "namespace"},
	{.title = "NAME", .path = "name"},
	{.title = "MODE", .path = "mode"},
	{.title = "ALLOW", .path = "allow", .right = true},
	{.title = "DENY", .path = "deny", .right = true},
	{.title = "WORKLOADS", .path = "workloads", .right = true},
	{.title = "KIND", .path = "kind", .wide = true},
	{.title = "CONTAINMENT", .path = "containment", .wide = true},
	{.title = "EXPIRES", .path = "expires", .item = "at", .max_items = 2, .wide = true},
	{.title = "APPLIED", .path = "applied", .wide = true},
	{.title = "LINE", .path = "line", .wide = true, .right = true},
	{.title = "FILE", .path = "file", .wide = true},
	{0},
};

static const struct aeg_column workload_columns[] = {
	{.title = "NAMESPACE", .path = "namespace"},
	{.title = "NAME", .path = "name"},
	{.title = "SERVICE-ACCOUNT", .path = "serviceAccount"},
	{.title = "ISOLATED", .path = "isolated"},
	{.title = "LAYERS", .path = "layers"},
	{.title = "POLICIES", .path = "policies", .max_items = 2},
	{.title = "ALLOWED", .path = "decisions.allowed", .right = true},
	{.title = "AUDITED", .path = "decisions.audited", .right = true},
	{.title = "DENIED", .path = "decisions.denied", .right = true},
	{.title = "LABELS", .path = "labels", .wide = true},
	{.title = "CGROUP-ID", .path = "cgroupId", .wide = true, .right = true},
	{.title = "CGROUP", .path = "cgroup", .wide = true},
	{0},
};

static const struct aeg_column endpoint_columns[] = {
	{.title = "NAME", .path = "name"},
	{.title = "CLASS", .path = "class"},
	{.title = "PROVIDER", .path = "provider"},
	{.title = "REGION", .path = "region"},
	{.title = "VENDOR", .path = "vendor"},
	{.title = "PORTS", .path = "ports"},
	{.title = "HOSTS", .path = "hosts", .max_items = 1},
	{.title = "CIDRS", .path = "cidrs", .max_items = 1},
	{.title = "SINCE", .path = "since", .wide = true},
	{.title = "RETIRED", .path = "retired", .wide = true},
	{.title = "EVIDENCE", .path = "evidence", .wide = true},
	{0},
};

static const struct aeg_column name_columns[] = {
	{.title = "NAME", .path = "name"},
	{.title = "ADDRESSES", .path = "addresses", .item = "ip", .max_items = 2},
	{.title = "EXPIRES-IN", .path = "addresses", .item = "expiresIn", .max_items = 2},
	{.title = "ENDPOINT", .path = "endpoint"},
	{.title = "PATTERN", .path = "pattern"},
	{0},
};

static const struct aeg_column quarantine_columns[] = {
	{.title = "NAMESPACE", .path = "namespace"},
	{.title = "WORKLOAD", .path = "workload"},
	{.title = "EXPIRES-IN", .path = "expiresIn"},
	{.title = "REASON", .path = "reason"},
	{.title = "UID", .path = "uid", .wide = true, .right = true},
	{0},
};

static const struct resource resources[] = {
	{
		.name = "policies",
		.path = "/v1/policies",
		.words = {"policy", "aiegresspolicies", "aiep", "caiep"},
		.columns = policy_columns,
		.offline = aeg_get_policies_offline,
	},
	{
		.name = "workloads",
		.path = "/v1/workloads",
		.words = {"workload", "wl"},
		.columns = workload_columns,
	},
	{
		.name = "endpoints",
		.path = "/v1/endpoints",
		.words = {"endpoint", "aiendpoints", "aie"},
		.columns = endpoint_columns,
		.offline = aeg_get_endpoints_offline,
	},
	{
		.name = "names",
		.path = "/v1/names",
		.words = {"name", "dns"},
		.columns = name_columns,
	},
	{
		.name = "quarantines",
		.path = "/v1/quarantines",
		.words = {"quarantine"},
		.columns = quarantine_columns,
	},
};

static const char *const get_words[] = {"policies", "workloads",   "endpoints",
					"names",    "quarantines", NULL};

static const struct resource *find_resource(const char *word)
{
	for (size_t i = 0; i < AEG_ARRAY_SIZE(resources); i++) {
		const struct resource *resource = &resources[i];

		if (aeg_streq(word, resource->name))
			return resource;
		for (size_t k = 0; resource->words[k]; k++)
			if (aeg_streq(word, resource->words[k]))
				return resource;
	}
	return NULL;
}

static int show(const struct get_options *options, const struct resource *resource,
		const struct aeg_response *response, const json_t *answer)
{
	const json_t *items = json_object_get(answer, "items");

	if (!json_is_array(items)) {
		aeg_complain("aegressd's answer has no list of items");
		return AEG_EXIT_UNREACHABLE;
	}
	if (options->common.output == AEG_OUTPUT_JSON)
		aeg_print_body(response);
	else if (json_array_size(items) == 0)
		fprintf(stderr, "no %s\n", resource->name);
	else
		aeg_table_print(resource->columns, items, options->common.output == AEG_OUTPUT_WIDE,
				stdout);
	return AEG_EXIT_OK;
}

static int get_offline(const struct get_options *options, const struct resource *resource,
		       struct aeg_response *response, json_t **ret)
{
	AEG_CLEANUP(aeg_offline_done) struct aeg_offline offline = {0};
	int result;

	if (!resource->offline)
		return aeg_usage_error(&aeg_verb_get,
				       "get %s: only the daemon knows them; leave -f out",
				       resource->name);
	result = aeg_offline_require(&offline, &options->files,
				     aeg_cli_colour(&options->common, stderr));
	if (result != AEG_EXIT_OK)
		return result;
	resource->offline(&offline, &response->body);
	*ret = aeg_client_parse(response);
	return *ret ? AEG_EXIT_OK : AEG_EXIT_USAGE;
}

static int get_resource(const struct get_options *options, const struct resource *resource)
{
	AEG_AUTO_RESPONSE struct aeg_response response = {0};
	AEG_AUTO_JSON json_t *answer = NULL;
	int result;

	if (options->files.list.n)
		result = get_offline(options, resource, &response, &answer);
	else
		result = aeg_client_get(&options->common, resource->path, &response, &answer);
	return result == AEG_EXIT_OK ? show(options, resource, &response, answer) : result;
}

static int get_run(const void *target, const struct aeg_opt_list *operands)
{
	const struct get_options *options = target;
	const struct resource *resource;
	const char *word, *closest;

	if (operands->list.n != 1)
		return aeg_usage_error(&aeg_verb_get,
				       "get needs one of policies, workloads, endpoints, names, "
				       "quarantines");
	word = operands->list.items[0];
	resource = find_resource(word);
	if (resource)
		return get_resource(options, resource);
	closest = aeg_closest(word, get_words, AEG_ARRAY_SIZE(get_words) - 1);
	if (closest)
		return aeg_usage_error(&aeg_verb_get, "get: no list '%s': did you mean '%s'?", word,
				       closest);
	return aeg_usage_error(&aeg_verb_get,
			       "get: no list '%s': policies, workloads, endpoints, names or "
			       "quarantines",
			       word);
}

static void get_done(void *target)
{
	struct get_options *options = target;

	AEG_VEC_DONE(options->files.list);
}

static const char *const get_usage[] = {
	"policies|workloads|endpoints|names|quarantines [-o wide|json]",
	"policies|endpoints -f DIR|FILE…",
	NULL,
};
static const struct aeg_opt get_options[] = {
	{"file", 'f', AEG_OPT_LIST, "PATH",
	 "list what is in these files instead of what the daemon has; may be repeated", NULL,
	 offsetof(struct get_options, files)},
	{0},
};
static const struct aeg_example get_examples[] = {
	{"get workloads", "who is where, under which policies, and what was decided"},
	{"get policies -o wide", "with the file and line that each comes from"},
	{"get names", "which addresses stand for which names just now"},
	{"get endpoints -f policies/catalogue -o json", "the catalogue, without a daemon"},
	{0},
};

const struct aeg_verb aeg_verb_get = {
	.name = "get",
	.summary = "list policies, workloads, endpoints, learned names or quarantines",
	.usage = get_usage,
	.text = "Long lists are cut in tables (\"+3\"); -o wide shows them whole, -o json prints\n"
		"{\"items\":[…]} as the daemon gave it.\n",
	.examples = get_examples,
	.options = get_options,
	.options_size = sizeof(struct get_options),
	.words = get_words,
	.run = get_run,
	.done = get_done,
};
