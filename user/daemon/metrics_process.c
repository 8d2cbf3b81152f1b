/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* This build and this process, by the names that every Prometheus client library uses. */
#include "base/file.h"
#include "daemon/http.h"
#include "daemon/metrics.h"
#include "daemon/monitor.h"
#include "gen/version.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#define TEXT_MAX 64
#define STATM_MAX 4096

static const struct aeg_metric families[] = {
	{"aegress_build", AEG_METRIC_INFO, NULL,
	 "This build, its ABI, its libbpf, and the kernel it runs on."},
	{"aegress_http_connections", AEG_METRIC_COUNTER, NULL,
	 "Connections to this port: answered, ended because they were too slow, or without a "
	 "request that could be read."},
	{"aegress_api_connections", AEG_METRIC_COUNTER, NULL,
	 "The same of the API's socket; refused: all places but root's were taken."},
	{"aegress_clock_jumps", AEG_METRIC_COUNTER, NULL,
	 "Times that the wall clock jumped: it was set, or the machine slept."},
	{"process_cpu_seconds", AEG_METRIC_COUNTER, "seconds", "CPU time of the daemon."},
	{"process_resident_memory_bytes", AEG_METRIC_GAUGE, "bytes", "Resident memory."},
	{"process_virtual_memory_bytes", AEG_METRIC_GAUGE, "bytes", "Virtual memory."},
	{"process_open_fds", AEG_METRIC_GAUGE, NULL, "Open file descriptors."},
	{"process_max_fds", AEG_METRIC_GAUGE, NULL, "How many there may be."},
	{"process_start_time_seconds", AEG_METRIC_GAUGE, "seconds",
	 "When the daemon started, in seconds since 1970."},
};
enum {
	BUILD,
	CONNECTIONS,
	API_CONNECTIONS,
	CLOCK_JUMPS,
	CPU,
	RESIDENT,
	VIRTUAL,
	OPEN_FDS,
	MAX_FDS,
	STARTED
};

static void put(struct aeg_metrics *metrics, int family, uint64_t value)
{
	aeg_metrics_family(metrics, &families[family]);
	aeg_metrics_u64(metrics, NULL, value);
}

static void put_build(struct aeg_metrics *metrics)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf labels = {0};
	struct utsname system = {0};
	char abi[TEXT_MAX];

	uname(&system);
	snprintf(abi, sizeof(abi), "%d", AEG_ABI);
	aeg_label_add(&labels, "version", AEG_VERSION);
	aeg_label_add(&labels, "revision", AEG_REVISION);
	aeg_label_add(&labels, "abi", abi);
	aeg_label_add(&labels, "libbpf", aeg_datapath_libbpf());
	aeg_label_add(&labels, "kernel", system.release);
	aeg_metrics_family(metrics, &families[BUILD]);
	aeg_metrics_u64(metrics, aeg_buf_text(&labels), 1);
}

static void put_counts(struct aeg_metrics *metrics, int family,
		       const struct aeg_guard_counts *counts)
{
	aeg_metrics_family(metrics, &families[family]);
	aeg_metrics_u64(metrics, "result=\"answered\"", counts->answered);
	aeg_metrics_u64(metrics, "result=\"slow\"", counts->slow);
	aeg_metrics_u64(metrics, "result=\"unreadable\"", counts->unreadable);
}

static void put_connections(const struct aeg_daemon *daemon, struct aeg_metrics *metrics)
{
	struct aeg_guard_counts monitor = {0}, api = {0};

	if (daemon->monitor)
		monitor = aeg_monitor_counts(daemon->monitor);
	if (daemon->http)
		api = aeg_http_counts(daemon->http);
	put_counts(metrics, CONNECTIONS, &monitor);
	put_counts(metrics, API_CONNECTIONS, &api);
	aeg_metrics_u64(metrics, "result=\"refused\"", api.refused);
	put(metrics, CLOCK_JUMPS, daemon->events->clock.jumps);
}

static void put_cpu(struct aeg_metrics *metrics)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return;
	aeg_metrics_family(metrics, &families[CPU]);
	aeg_metrics_double(metrics, NULL,
			   (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

/* Two numbers of pages: all, and those in memory. */
static void put_memory(struct aeg_metrics *metrics)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	AEG_AUTO_FREE char *text = NULL;
	char *rest;
	uint64_t total;
	size_t len;

	if (aeg_file_read("/proc/self/statm", STATM_MAX, &text, &len) < 0)
		return;
	total = strtoull(text, &rest, 10);
	put(metrics, RESIDENT, strtoull(rest, NULL, 10) * page);
	put(metrics, VIRTUAL, total * page);
}

static void put_fds(struct aeg_metrics *metrics)
{
	DIR *dir = opendir("/proc/self/fd");
	struct rlimit limit;
	uint64_t n = 0;

	if (dir) {
		while (readdir(dir))
			n++;
		closedir(dir);
		put(metrics, OPEN_FDS, n - 3); /* ".", "..", and the directory itself */
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		put(metrics, MAX_FDS, limit.rlim_cur);
}

void aeg_metrics_put_process(const struct aeg_collector *collector, struct aeg_metrics *metrics)
{
	put_build(metrics);
	put_connections(collector->daemon, metrics);
	put_cpu(metrics);
	put_memory(metrics);
	put_fds(metrics);
	aeg_metrics_family(metrics, &families[STARTED]);
	aeg_metrics_double(metrics, NULL, (double)collector->daemon->started_at_ns / 1e9);
}
