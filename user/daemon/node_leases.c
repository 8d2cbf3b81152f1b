/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "daemon/node_leases.h"
#include "kube/objects.h"
#include "kube/reflector.h"
#include "kube/set.h"

struct node { /* as its lease says */
	struct aeg_report report;
	struct aeg_lease_seen seen;
	bool own;
	char *name; /* of the lease */
};

struct aeg_node_leases {
	const struct aeg_node_leases_ops *ops;
	void *arg;
	char *path, *own_name;
	struct aeg_reflected what;
	struct aeg_reflector *reflector;
	struct aeg_set nodes;
};

static void free_node(void *value)
{
	struct node *node = value;

	aeg_report_done(&node->report);
	free(node->seen.version);
	free(node->name);
	free(node);
}

static uint64_t silent_s(const struct node *node, uint64_t now)
{
	return (now - node->seen.at_ns) / 1000000000ull;
}

/* ---- following ---- */

static void on_begin(void *arg)
{
	struct aeg_node_leases *leases = arg;

	aeg_set_begin(&leases->nodes);
}

static const char *name_in(const char *key)
{
	const char *slash = strrchr(key, '/');

	return slash ? slash + 1 : key;
}

/* What is known already stays: since when it is unchanged is known here only. */
static struct node *node_of(struct aeg_node_leases *leases, const char *key)
{
	struct node *node = aeg_set_get(&leases->nodes, key);

	if (node) {
		aeg_set_mention(&leases->nodes, key);
		return node;
	}
	node = aeg_xcalloc(1, sizeof(*node));
	node->name = aeg_xstrdup(name_in(key));
	node->own = aeg_streq(node->name, leases->own_name);
	aeg_set_put(&leases->nodes, key, node);
	return node;
}

static const char *report_in(json_t *lease)
{
	return json_string_value(
		json_object_get(json_object_get(json_object_get(lease, "metadata"), "annotations"),
				AEG_LEASE_REPORT));
}

static void on_seen(void *arg, json_t *lease)
{
	struct aeg_node_leases *leases = arg;
	AEG_AUTO_FREE char *key = aeg_kube_key(lease);
	struct node *node;

	if (!key)
		return;
	node = node_of(leases, key);
	aeg_report_done(&node->report);
	aeg_report_read(report_in(lease), &node->report);
	if (node->seen.version)
		aeg_lease_look(&node->seen, lease, aeg_now_ns());
	else
		aeg_lease_look_first(&node->seen, lease, aeg_now_ns(), aeg_realtime_ns());
	leases->ops->changed(leases->arg);
}

static void on_gone(void *arg, json_t *lease)
{
	struct aeg_node_leases *leases = arg;
	AEG_AUTO_FREE char *key = aeg_kube_key(lease);

	if (key)
		aeg_set_remove(&leases->nodes, key);
	leases->ops->changed(leases->arg);
}

static void on_swept(void *arg, void *value)
{
	struct aeg_node_leases *leases = arg;

	leases->ops->changed(leases->arg);
}

static void on_synced(void *arg)
{
	struct aeg_node_leases *leases = arg;

	aeg_set_sweep(&leases->nodes, on_swept, leases);
}

static void on_failed(void *arg, const char *why)
{
	struct aeg_node_leases *leases = arg;

	leases->ops->failed(leases->arg, why);
}

int aeg_node_leases_open(struct aeg_kube_client *client, struct aeg_loop *loop, const char *path,
			 const char *own_name, const struct aeg_node_leases_ops *ops, void *arg,
			 struct aeg_node_leases **ret)
{
	static const struct aeg_reflector_ops reflector_ops = {
		.begin = on_begin,
		.seen = on_seen,
		.gone = on_gone,
		.synced = on_synced,
		.failed = on_failed,
	};
	struct aeg_node_leases *leases = aeg_xcalloc(1, sizeof(*leases));
	int err;

	leases->ops = ops;
	leases->arg = arg;
	leases->path = aeg_xstrdup(path);
	leases->own_name = aeg_xstrdup(own_name);
	leases->nodes.free = free_node;
	leases->what = (struct aeg_reflected){
		.name = "leases",
		.path = leases->path,
		.query = "labelSelector=aegress.dev%2Fnode",
	};
	err = aeg_reflector_new(client, loop, &leases->what, &reflector_ops, leases,
				&leases->reflector);
	if (err) {
		aeg_node_leases_close(leases);
		return err;
	}
	*ret = leases;
	return 0;
}

void aeg_node_leases_close(struct aeg_node_leases *leases)
{
	if (!leases)
		return;
	aeg_reflector_free(leases->reflector);
	aeg_set_done(&leases->nodes);
	free(leases->path);
	free(leases->own_name);
	free(leases);
}

bool aeg_node_leases_synced(const struct aeg_node_leases *leases)
{
	return aeg_reflector_state(leases->reflector).synced;
}

size_t aeg_node_leases_count(const struct aeg_node_leases *leases)
{
	return leases ? leases->nodes.n : 0;
}

/* ---- adding up ---- */

struct sum {
	const struct aeg_report *own;
	const struct aeg_cluster_document *document;
	uint64_t now;
	struct aeg_status *status;
};

static void add_node(void *arg, void *value)
{
	const struct node *node = value;
	const struct sum *sum = arg;
	const struct aeg_report *report = &node->report;

	if (node->own) /* its lease says it a moment later */
		report = sum->own;
	else if (silent_s(node, sum->now) > AEG_LEASE_NODE_S)
		return;
	sum->status->nodes_total++;
	sum->status->nodes_enforced += aeg_report_has(report, &sum->document->mark);
	sum->status->pods += (unsigned int)json_integer_value(
		json_object_get(report->pods, sum->document->document.file));
}

void aeg_node_leases_sum(const struct aeg_node_leases *leases, const struct aeg_report *own,
			 const struct aeg_cluster_document *document, struct aeg_status *status)
{
	struct sum sum = {own, document, aeg_now_ns(), status};

	aeg_set_each(&leases->nodes, add_node, &sum);
}

struct asking {
	void (*fn)(void *arg, const char *name);
	void *arg;
};

static void ask_node(void *arg, void *value)
{
	const struct asking *asking = arg;
	const struct node *node = value;

	if (!node->own && silent_s(node, aeg_now_ns()) >= AEG_LEASE_FORGET_S)
		asking->fn(asking->arg, node->name);
}

void aeg_node_leases_stale(const struct aeg_node_leases *leases,
			   void (*fn)(void *arg, const char *name), void *arg)
{
	struct asking asking = {fn, arg};

	aeg_set_each(&leases->nodes, ask_node, &asking);
}
