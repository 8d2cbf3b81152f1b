/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Counters, summed over the CPUs. */
#include "datapath/internal.h"
#include <errno.h>

struct count_reader {
	aeg_count_fn *fn;
	void *arg;
	size_t cpus;
};

static int sum_count(void *arg, const void *key, const void *value)
{
	const struct count_reader *reader = arg;
	const struct aeg_count *counts = value;
	struct aeg_count sum = {0};

	for (size_t cpu = 0; cpu < reader->cpus; cpu++) {
		sum.decisions += counts[cpu].decisions;
		sum.closed += counts[cpu].closed;
		sum.sent += counts[cpu].sent;
		sum.received += counts[cpu].received;
	}
	reader->fn(reader->arg, key, &sum);
	return 0;
}

int aeg_datapath_counts(struct aeg_datapath *datapath, aeg_count_fn *fn, void *arg)
{
	int cpus = libbpf_num_possible_cpus();
	struct count_reader reader = {.fn = fn, .arg = arg, .cpus = (size_t)cpus};

	if (cpus < 0)
		return cpus;
	return aeg_map_each(datapath->maps[AEG_MAP_COUNTS], sizeof(struct aeg_count_key),
			    reader.cpus * sizeof(struct aeg_count), sum_count, &reader);
}

/* Adds to a row, which is made when it is not there. */
static int add_values(int fd, const struct aeg_count_key *key, const struct aeg_count *values,
		      size_t cpus)
{
	AEG_AUTO_FREE struct aeg_count *sums = aeg_xcalloc(cpus, sizeof(*sums));

	if (bpf_map_lookup_elem(fd, key, sums) < 0 && errno != ENOENT)
		return -errno;
	for (size_t cpu = 0; cpu < cpus; cpu++) {
		sums[cpu].decisions += values[cpu].decisions;
		sums[cpu].closed += values[cpu].closed;
		sums[cpu].sent += values[cpu].sent;
		sums[cpu].received += values[cpu].received;
	}
	return bpf_map_update_elem(fd, key, sums, BPF_ANY) < 0 ? -errno : 0;
}

/* The row goes first: in a table that is full the sum finds its place. */
int aeg_datapath_fold_count(struct aeg_datapath *datapath, const struct aeg_count_key *key,
			    uint32_t into)
{
	int fd = datapath->maps[AEG_MAP_COUNTS], cpus = libbpf_num_possible_cpus(), err;
	AEG_AUTO_FREE struct aeg_count *values = NULL;
	struct aeg_count_key sum = *key;

	if (cpus < 0)
		return cpus;
	values = aeg_xcalloc((size_t)cpus, sizeof(*values));
	if (bpf_map_lookup_elem(fd, key, values) < 0 || bpf_map_delete_elem(fd, key) < 0)
		return -errno;
	if (!into)
		return 0;
	sum.workload = into;
	err = add_values(fd, &sum, values, (size_t)cpus);
	if (err) /* as it was, so that it is tried again */
		add_values(fd, key, values, (size_t)cpus);
	return err;
}

/* The first n elements of a per-CPU array of u64. */
static int sum_array(int fd, uint64_t *ret, uint32_t n)
{
	int cpus = libbpf_num_possible_cpus();
	AEG_AUTO_FREE uint64_t *values = NULL;

	if (cpus < 0)
		return cpus;
	values = aeg_xcalloc((size_t)cpus, sizeof(*values));
	for (uint32_t i = 0; i < n; i++) {
		int err = bpf_map_lookup_elem(fd, &i, values);

		if (err)
			return err;
		ret[i] = 0;
		for (int cpu = 0; cpu < cpus; cpu++)
			ret[i] += values[cpu];
	}
	return 0;
}

int aeg_datapath_totals(struct aeg_datapath *datapath, uint64_t ret[AEG_TOTALS])
{
	return sum_array(datapath->maps[AEG_MAP_TOTALS], ret, AEG_TOTALS);
}

int aeg_datapath_errors(struct aeg_datapath *datapath, uint64_t ret[AEG_ERROR_MAX])
{
	return sum_array(datapath->maps[AEG_MAP_ERRORS], ret, AEG_ERROR_MAX);
}

int aeg_datapath_dns_results(struct aeg_datapath *datapath, uint64_t ret[AEG_RESULTS_ROOM])
{
	return sum_array(datapath->maps[AEG_MAP_DNS_RESULTS], ret, AEG_RESULTS_ROOM);
}

int aeg_datapath_learnings(struct aeg_datapath *datapath, uint64_t ret[AEG_RESULTS_ROOM])
{
	return sum_array(datapath->maps[AEG_MAP_LEARNINGS], ret, AEG_RESULTS_ROOM);
}

int aeg_datapath_hello_results(struct aeg_datapath *datapath, uint64_t ret[AEG_RESULTS_ROOM])
{
	return sum_array(datapath->maps[AEG_MAP_HELLO_RESULTS], ret, AEG_RESULTS_ROOM);
}

int aeg_datapath_frames(struct aeg_datapath *datapath, uint64_t ret[AEG_RESULTS_ROOM])
{
	return sum_array(datapath->maps[AEG_MAP_FRAMES], ret, AEG_RESULTS_ROOM);
}
