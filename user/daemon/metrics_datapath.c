/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the kernel side says of itself: programs, maps, rings, failed helpers, names and hellos. */
#include "bpf/parse_dns.h"
#include "bpf/parse_tls.h"
#include "daemon/metrics.h"

#define PROGRAMS_MAX 32
#define MAPS_MAX 32
#define NS_PER_SECOND 1e9

static const struct aeg_metric families[] = {
	{"aegress_program_attached", AEG_METRIC_GAUGE, NULL, "1: the program is attached."},
	{"aegress_program_runs", AEG_METRIC_COUNTER, NULL,
	 "Runs of a program; counted while kernel.bpf_stats_enabled is 1."},
	{"aegress_program_run_seconds", AEG_METRIC_COUNTER, "seconds",
	 "Time spent in a program; counted while kernel.bpf_stats_enabled is 1."},
	{"aegress_map_entries", AEG_METRIC_GAUGE, NULL, "Entries in use of a kernel map."},
	{"aegress_map_capacity", AEG_METRIC_GAUGE, NULL, "Entries that fit into a kernel map."},
	{"aegress_ring_unread_bytes", AEG_METRIC_GAUGE, "bytes",
	 "Bytes of a ring of events that nobody has read yet."},
	{"aegress_ring_size_bytes", AEG_METRIC_GAUGE, "bytes", "Size of a ring of events."},
	{"aegress_events", AEG_METRIC_COUNTER, NULL, "Events that were read, by type."},
	{"aegress_events_lost", AEG_METRIC_COUNTER, NULL,
	 "Events that a ring had no room for; decisions and counters are exact all the same."},
	{"aegress_bpf_errors", AEG_METRIC_COUNTER, NULL,
	 "Helpers that failed in a program, by place."},
	{"aegress_dns_messages", AEG_METRIC_COUNTER, NULL, "DNS messages, by what became of them."},
	{"aegress_dns_learned", AEG_METRIC_COUNTER, NULL,
	 "Answers of resolvers, by what became of the addresses in them; held: names that connections "
	 "kept."},
	{"aegress_dns_listeners", AEG_METRIC_GAUGE, NULL,
	 "Cgroups at which DNS answers are read, and those where that could not be attached."},
	{"aegress_hellos", AEG_METRIC_COUNTER, NULL, "ClientHellos, by how they parsed."},
	{"aegress_frames", AEG_METRIC_COUNTER, NULL,
	 "Frames of pods at the host's end of their veths, by what became of them."},
	{"aegress_kills", AEG_METRIC_COUNTER, NULL,
	 "Denied connections that were to be ended, by how that went; failed ones are tried again."},
	{"aegress_dns_renewals", AEG_METRIC_COUNTER, NULL,
	 "Looks for connections that use learned addresses which would expire, by how that went."},
};
enum {
	PROGRAM_ATTACHED,
	PROGRAM_RUNS,
	PROGRAM_SECONDS,
	MAP_ENTRIES,
	MAP_CAPACITY,
	RING_UNREAD,
	RING_SIZE,
	EVENTS,
	EVENTS_LOST,
	BPF_ERRORS,
	DNS_MESSAGES,
	DNS_LEARNED,
	DNS_LISTENERS,
	HELLOS,
	FRAMES,
	KILLS,
	DNS_RENEWALS,
};

#define WORD(symbol, word, sentence) word,
static const char *const dns_words[] = {AEG_DNS_RESULTS(WORD)};
static const char *const learning_words[] = {AEG_LEARNINGS(WORD)};
static const char *const hello_words[] = {AEG_HELLO_RESULTS(WORD)};
static const char *const frame_words[] = {AEG_FRAMES(WORD)};
static const char *const error_words[] = {AEG_ERRORS(WORD)};
#undef WORD

/* One sample with one label. */
static void put(const struct aeg_metrics *metrics, const char *name, const char *value,
		uint64_t figure)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf labels = {0};

	aeg_label_add(&labels, name, value);
	aeg_metrics_u64(metrics, aeg_buf_text(&labels), figure);
}

static void put_programs(struct aeg_datapath *datapath, struct aeg_metrics *metrics)
{
	struct aeg_prog_stat programs[PROGRAMS_MAX];
	size_t n = aeg_datapath_programs(datapath, programs, PROGRAMS_MAX);

	aeg_metrics_family(metrics, &families[PROGRAM_ATTACHED]);
	for (size_t i = 0; i < n; i++)
		put(metrics, "program", programs[i].name, programs[i].attached);
	aeg_metrics_family(metrics, &families[PROGRAM_RUNS]);
	for (size_t i = 0; i < n; i++)
		put(metrics, "program", programs[i].name, programs[i].runs);
	aeg_metrics_family(metrics, &families[PROGRAM_SECONDS]);
	for (size_t i = 0; i < n; i++) {
		AEG_CLEANUP(aeg_buf_done) struct aeg_buf labels = {0};

		aeg_label_add(&labels, "program", programs[i].name);
		aeg_metrics_double(metrics, aeg_buf_text(&labels),
				   (double)programs[i].run_ns / NS_PER_SECOND);
	}
}

/* Rings are among the maps, but have bytes and no entries. */
static bool is_ring(const struct aeg_map_fill *map, const struct aeg_map_fill *rings)
{
	for (size_t i = 0; i < AEG_DATAPATH_RINGS; i++) {
		if (aeg_streq(map->name, rings[i].name))
			return true;
	}
	return false;
}

static void put_maps(struct aeg_datapath *datapath, struct aeg_metrics *metrics)
{
	struct aeg_map_fill maps[MAPS_MAX], rings[AEG_DATAPATH_RINGS];
	size_t n = aeg_datapath_fill(datapath, maps, MAPS_MAX);

	aeg_datapath_rings(datapath, rings);
	aeg_metrics_family(metrics, &families[MAP_ENTRIES]);
	for (size_t i = 0; i < n; i++) {
		if (!is_ring(&maps[i], rings))
			put(metrics, "map", maps[i].name, maps[i].entries);
	}
	aeg_metrics_family(metrics, &families[MAP_CAPACITY]);
	for (size_t i = 0; i < n; i++) {
		if (!is_ring(&maps[i], rings))
			put(metrics, "map", maps[i].name, maps[i].capacity);
	}
	aeg_metrics_family(metrics, &families[RING_UNREAD]);
	for (size_t i = 0; i < AEG_DATAPATH_RINGS; i++)
		put(metrics, "ring", rings[i].name, rings[i].entries);
	aeg_metrics_family(metrics, &families[RING_SIZE]);
	for (size_t i = 0; i < AEG_DATAPATH_RINGS; i++)
		put(metrics, "ring", rings[i].name, rings[i].capacity);
}

/* A loss is an error of its place, too: both are asked for. */
static void put_errors(struct aeg_datapath *datapath, struct aeg_metrics *metrics)
{
	uint64_t errors[AEG_ERROR_MAX];

	if (aeg_datapath_errors(datapath, errors) < 0)
		return;
	aeg_metrics_family(metrics, &families[EVENTS_LOST]);
	put(metrics, "ring", "events", errors[AEG_ERROR_EVENT_LOST]);
	put(metrics, "ring", "denials", errors[AEG_ERROR_DENIAL_LOST]);
	aeg_metrics_family(metrics, &families[BPF_ERRORS]);
	for (size_t i = 0; i < AEG_ERROR_MAX; i++)
		put(metrics, "place", error_words[i], errors[i]);
}

static void put_events(const struct aeg_collector *collector, struct aeg_metrics *metrics)
{
	aeg_metrics_family(metrics, &families[EVENTS]);
	for (unsigned int type = 0; type < AEG_EVENT_MAX; type++) {
		const char *word = aeg_event_word(type);

		if (!aeg_streq(word, "?")) /* none that anybody is told of */
			put(metrics, "type", word, collector->events[type]);
	}
}

static void put_kills(const struct aeg_collector *collector, struct aeg_metrics *metrics)
{
	const uint64_t *kills = aeg_killer_counts(collector->daemon->events->killer);

	aeg_metrics_family(metrics, &families[KILLS]);
	for (size_t i = 0; i < AEG_KILL_MAX; i++)
		put(metrics, "result", aeg_kill_words[i], kills[i]);
}

static void put_renewals(const struct aeg_collector *collector, struct aeg_metrics *metrics)
{
	const uint64_t *renewals = aeg_janitor_renewals(collector->daemon->reconciler->janitor);

	aeg_metrics_family(metrics, &families[DNS_RENEWALS]);
	for (size_t i = 0; i < AEG_RENEWAL_MAX; i++)
		put(metrics, "result", aeg_renewal_words[i], renewals[i]);
}

typedef int results_fn(struct aeg_datapath *datapath, uint64_t ret[AEG_RESULTS_ROOM]);

/* Every word is there, so that a zero is a zero. */
static void put_results(struct aeg_metrics *metrics, const struct aeg_metric *family,
			struct aeg_datapath *datapath, results_fn *fn, const char *const *words,
			size_t n)
{
	uint64_t results[AEG_RESULTS_ROOM];

	if (fn(datapath, results) < 0)
		return;
	aeg_metrics_family(metrics, family);
	for (size_t i = 0; i < n; i++)
		put(metrics, "result", words[i], results[i]);
}

static void put_listeners(struct aeg_datapath *datapath, struct aeg_metrics *metrics)
{
	size_t attached, failed;

	aeg_datapath_listeners(datapath, &attached, &failed);
	aeg_metrics_family(metrics, &families[DNS_LISTENERS]);
	put(metrics, "state", "attached", attached);
	put(metrics, "state", "failed", failed);
}

void aeg_metrics_put_datapath(const struct aeg_collector *collector, struct aeg_metrics *metrics)
{
	struct aeg_datapath *datapath = collector->daemon->reconciler->datapath;

	put_programs(datapath, metrics);
	put_maps(datapath, metrics);
	put_events(collector, metrics);
	put_errors(datapath, metrics);
	put_kills(collector, metrics);
	put_results(metrics, &families[DNS_MESSAGES], datapath, aeg_datapath_dns_results, dns_words,
		    AEG_ARRAY_SIZE(dns_words));
	put_results(metrics, &families[DNS_LEARNED], datapath, aeg_datapath_learnings,
		    learning_words, AEG_ARRAY_SIZE(learning_words));
	put_renewals(collector, metrics);
	put_listeners(datapath, metrics);
	put_results(metrics, &families[HELLOS], datapath, aeg_datapath_hello_results, hello_words,
		    AEG_ARRAY_SIZE(hello_words));
	put_results(metrics, &families[FRAMES], datapath, aeg_datapath_frames, frame_words,
		    AEG_ARRAY_SIZE(frame_words));
}
