/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Is it enforcing, what, since when, and what should the administrator know? */
#include "daemon/api.h"
#include "daemon/monitor.h"
#include "daemon/readiness.h"
#include "daemon/run.h"
#include "gen/version.h"
#include "observe/flow.h"
#include "policy/explain.h"

#include <inttypes.h>

#define PROGRAMS_MAX 16
#define MAPS_MAX 32

static const char *const error_words[AEG_ERROR_MAX] = {
#define ERROR_WORD(symbol, word, then) [AEG_ERROR_##symbol] = (word),
	AEG_ERRORS(ERROR_WORD)
#undef ERROR_WORD
};

static void put_daemon(struct aeg_json *json, const struct aeg_daemon *daemon)
{
	aeg_json_str(json, "version", AEG_VERSION);
	aeg_json_str(json, "revision", AEG_REVISION);
	aeg_json_str(json, "run", aeg_run());
	aeg_json_u64(json, "pid", (uint64_t)getpid());
	aeg_json_time(json, "startedAt", daemon->started_at_ns);
	aeg_json_str(json, "node", daemon->config->node);
	aeg_json_u64(json, "abi", AEG_ABI);
}

static void put_ruleset(struct aeg_json *json, const struct aeg_reconciler *reconciler)
{
	const struct aeg_ruleset *ruleset = reconciler->ruleset;

	aeg_json_u64(json, "generation", aeg_datapath_generation(reconciler->datapath));
	aeg_json_time(json, "generationAt", reconciler->generation_at_ns);
	aeg_json_bool(json, "adopted", reconciler->adopted);
	aeg_json_bool(json, "storageClosed", aeg_datapath_storage_closed(reconciler->datapath));
	aeg_json_u64(json, "policies", ruleset ? ruleset->model->policies.n : 0);
	aeg_json_u64(json, "endpoints", ruleset ? ruleset->model->endpoints.n : 0);
	aeg_json_u64(json, "workloads", ruleset ? ruleset->model->workloads.n : 0);
	aeg_json_u64(json, "instances", ruleset ? aeg_registry_count(ruleset->registry) : 0);
	aeg_json_u64(json, "contested", ruleset ? aeg_registry_contested(ruleset->registry) : 0);
}

static void put_config(struct aeg_json *json, const struct aeg_config *config)
{
	aeg_json_object(json, "defaults");
	aeg_json_str(json, "unselected", aeg_config_verdict_word(config->defaults.unselected));
	aeg_json_str(json, "unknown", aeg_config_verdict_word(config->defaults.unknown));
	aeg_json_str(json, "denyErrno", aeg_config_errno_word(config->defaults.deny_errno));
	aeg_json_bool(json, "backstop", aeg_config_sockops(config));
	aeg_json_object_end(json);
	aeg_json_str(json, "cgroupRoot", config->cgroup_root);
	aeg_json_array(json, "managed");
	for (size_t i = 0; i < config->managed.list.n; i++)
		aeg_json_str(json, NULL, config->managed.list.items[i]);
	aeg_json_array_end(json);
	aeg_json_str(json, "pins", config->pin_dir);
}

/* The address, with the port that was chosen; absent: nothing is served. */
static void put_monitor(struct aeg_json *json, const struct aeg_monitor *monitor)
{
	char address[AEG_LISTEN_TEXT];

	if (!monitor)
		return;
	aeg_monitor_address(monitor, address);
	aeg_json_str(json, "metrics", address);
}

static void put_programs(struct aeg_json *json, struct aeg_datapath *datapath)
{
	struct aeg_prog_stat programs[PROGRAMS_MAX];
	size_t n = aeg_datapath_programs(datapath, programs, PROGRAMS_MAX);

	aeg_json_array(json, "programs");
	for (size_t i = 0; i < n; i++) {
		aeg_json_object(json, NULL);
		aeg_json_str(json, "name", programs[i].name);
		aeg_json_u64(json, "id", programs[i].id);
		aeg_json_bool(json, "attached", programs[i].attached);
		aeg_json_u64(json, "runs", programs[i].runs);
		aeg_json_u64(json, "runNs", programs[i].run_ns);
		aeg_json_object_end(json);
	}
	aeg_json_array_end(json);
}

static void put_maps(struct aeg_json *json, struct aeg_datapath *datapath)
{
	struct aeg_map_fill maps[MAPS_MAX];
	size_t n = aeg_datapath_fill(datapath, maps, MAPS_MAX);

	aeg_json_array(json, "maps");
	for (size_t i = 0; i < n; i++) {
		aeg_json_object(json, NULL);
		aeg_json_str(json, "name", maps[i].name);
		aeg_json_u64(json, "entries", maps[i].entries);
		aeg_json_u64(json, "capacity", maps[i].capacity);
		aeg_json_object_end(json);
	}
	aeg_json_array_end(json);
}

/* Every word is there, so that a zero is a zero and not a key that somebody forgot. */
static void put_errors(struct aeg_json *json, struct aeg_datapath *datapath)
{
	uint64_t errors[AEG_ERROR_MAX];

	if (aeg_datapath_errors(datapath, errors) < 0)
		return;
	aeg_json_object(json, "errors");
	for (size_t i = 0; i < AEG_ERROR_MAX; i++)
		aeg_json_u64(json, error_words[i], errors[i]);
	aeg_json_object_end(json);
}

static void put_total(struct aeg_json *json, const uint64_t *totals, unsigned int verdict,
		      unsigned int reason)
{
	for (unsigned int hook = 0; hook < AEG_HOOK_MAX; hook++) {
		uint64_t count =
			totals[aeg_total_index((uint8_t)verdict, (uint8_t)reason, (uint8_t)hook)];

		if (!count)
			continue;
		aeg_json_object(json, NULL);
		aeg_json_str(json, "verdict", aeg_verdict_word(verdict));
		aeg_json_str(json, "reason", aeg_reason_word(reason));
		aeg_json_str(json, "hook", aeg_hook_word(hook));
		aeg_json_u64(json, "count", count);
		aeg_json_object_end(json);
	}
}

static void put_totals(struct aeg_json *json, struct aeg_datapath *datapath)
{
	uint64_t totals[AEG_TOTALS];

	if (aeg_datapath_totals(datapath, totals) < 0)
		return;
	aeg_json_array(json, "totals");
	for (unsigned int verdict = 0; verdict < AEG_VERDICT_MAX; verdict++) {
		for (unsigned int reason = 0; reason < AEG_REASON_MAX; reason++)
			put_total(json, totals, verdict, reason);
	}
	aeg_json_array_end(json);
}

/* The numbers of the oldest record that is kept and of the one that comes next. */
/* What came out of the rings, what found no room in them, and what became of it. */
static void put_flows(struct aeg_json *json, const struct aeg_events *events)
{
	aeg_json_object(json, "flows");
	aeg_json_u64(json, "first", aeg_history_first(events->history));
	aeg_json_u64(json, "next", aeg_history_next(events->history));
	aeg_json_u64(json, "events", events->read);
	aeg_json_u64(json, "folding", aeg_fold_pending(events->fold));
	aeg_json_object(json, "lost");
	for (enum aeg_lost_where where = 0; where < AEG_LOST_READER; where++)
		aeg_json_u64(json, aeg_lost_word(where), events->losses.told[where]);
	aeg_json_object_end(json);
	aeg_json_object_end(json);
}

static void put_reload(struct aeg_json *json, const struct aeg_reload *last)
{
	struct aeg_buf errors = {0};

	aeg_diags_json(&last->diags, &errors);
	aeg_json_object(json, "lastReload");
	aeg_json_bool(json, "ok", last->ok);
	aeg_json_time(json, "at", last->at_ns);
	aeg_json_raw(json, "errors", aeg_buf_text(&errors));
	aeg_json_str(json, "text", last->text);
	aeg_json_object_end(json);
	aeg_buf_done(&errors);
}

/* Their names are not learned; the log says why. */
static void put_unheard(struct aeg_json *json, const struct aeg_datapath *datapath)
{
	size_t attached, failed;
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};

	aeg_datapath_listeners(datapath, &attached, &failed);
	if (!failed)
		return;
	aeg_buf_printf(&text,
		       "DNS answers to %zu of %zu cgroups are not read, so their names are not "
		       "learned: skb_ingress cannot be attached there, see the log",
		       failed, attached + failed);
	aeg_json_str(json, NULL, aeg_buf_text(&text));
}

static void put_notes(struct aeg_json *json, const struct aeg_daemon *daemon)
{
	const struct aeg_reconciler *reconciler = daemon->reconciler;
	const struct aeg_ruleset *ruleset = reconciler->ruleset;

	aeg_json_array(json, "notes");
	if (ruleset && ruleset->tables->names.n && !reconciler->resolvers.list.n)
		aeg_json_str(json, NULL,
			     "no resolver is trusted, so no name is learned: set dns.resolvers");
	put_unheard(json, reconciler->datapath);
	if (reconciler->config->defaults.deny_errno && !aeg_datapath_has_retval())
		aeg_json_str(json, NULL,
			     "this kernel has no bpf_set_retval: a denied connect() fails with "
			     "EPERM whatever denyErrno says");
	if (!ruleset)
		aeg_json_str(
			json, NULL,
			"an earlier daemon's generation is in force; workloads that came since "
			"are unknown until the documents check");
	if (aeg_cgroups_dropped(reconciler->cgroups))
		aeg_json_str(json, NULL,
			     "there are more cgroups than can be followed: raise "
			     "fs.inotify.max_user_watches");
	if (daemon->config->metrics.listen.on && !daemon->monitor)
		aeg_json_str(json, NULL,
			     "metrics and probes are not served: their port could not be opened");
	aeg_json_array_end(json);
}

void aeg_api_status(const struct aeg_daemon *daemon, const struct aeg_request *request,
		    struct aeg_reply *reply)
{
	struct aeg_reconciler *reconciler = daemon->reconciler;
	struct aeg_json json;

	aeg_json_begin(&json, &reply->body);
	aeg_json_object(&json, NULL);
	put_daemon(&json, daemon);
	put_ruleset(&json, reconciler);
	put_config(&json, daemon->config);
	put_monitor(&json, daemon->monitor);
	put_programs(&json, reconciler->datapath);
	put_maps(&json, reconciler->datapath);
	put_errors(&json, reconciler->datapath);
	put_totals(&json, reconciler->datapath);
	aeg_api_put_dns(&json, reconciler);
	aeg_api_put_tc(&json, reconciler);
	put_flows(&json, daemon->events);
	put_reload(&json, &reconciler->last);
	put_notes(&json, daemon);
	aeg_json_object_end(&json);
}

void aeg_api_livez(const struct aeg_daemon *daemon, const struct aeg_request *request,
		   struct aeg_reply *reply)
{
	reply->type = AEG_API_TEXT;
	aeg_buf_puts(&reply->body, "ok");
}

/* "ok", or with ?verbose, and whenever it is not, the checks. */
void aeg_api_readyz(const struct aeg_daemon *daemon, const struct aeg_request *request,
		    struct aeg_reply *reply)
{
	bool ready = aeg_readiness(daemon, NULL);
	struct aeg_json json;

	if (ready && !request->query(request, "verbose")) {
		reply->type = AEG_API_TEXT;
		aeg_buf_puts(&reply->body, "ok");
		return;
	}
	reply->status = ready ? 200 : 503;
	aeg_json_begin(&json, &reply->body);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "error", ready ? NULL : "not ready; checks says why");
	aeg_json_bool(&json, "ready", ready);
	aeg_json_array(&json, "checks");
	aeg_readiness(daemon, &json);
	aeg_json_array_end(&json);
	aeg_json_object_end(&json);
}
