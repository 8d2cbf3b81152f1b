/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How full the maps are, and what the programs have done. */
#include "datapath/internal.h"

static struct aeg_map_fill fill_table(struct aeg_datapath *datapath, const char *name,
				      enum aeg_table_kind kind)
{
	const struct aeg_slot *slot = aeg_slot_active(datapath);
	struct aeg_map_fill fill = {.name = name};

	if (slot) {
		fill.entries = slot->tables[kind].entries;
		fill.capacity = slot->tables[kind].capacity;
	}
	return fill;
}

static struct aeg_map_fill fill_ring(const struct aeg_datapath *datapath, const char *name,
				     enum aeg_ring_kind kind)
{
	return (struct aeg_map_fill){
		.name = name,
		.entries = aeg_ring_unread(&datapath->rings[kind]),
		.capacity = datapath->rings[kind].size,
	};
}

void aeg_datapath_rings(const struct aeg_datapath *datapath,
			struct aeg_map_fill ret[AEG_DATAPATH_RINGS])
{
	ret[0] = fill_ring(datapath, "events", AEG_RING_EVENTS);
	ret[1] = fill_ring(datapath, "denials", AEG_RING_DENIALS);
}

static struct aeg_map_fill fill_hash(const struct aeg_datapath *datapath, enum aeg_map map,
				     size_t key_size, size_t value_size)
{
	struct aeg_map_fill fill = {.name = aeg_map_names[map]};
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(datapath->maps[map], &info, &len) == 0)
		fill.capacity = info.max_entries;
	/* What cannot be counted is left at 0. */
	(void)aeg_map_count(datapath->maps[map], key_size, value_size, &fill.entries);
	return fill;
}

size_t aeg_datapath_fill(struct aeg_datapath *datapath, struct aeg_map_fill *ret, size_t max)
{
	int cpus = libbpf_num_possible_cpus();
	size_t count_size = sizeof(struct aeg_count) * (size_t)(cpus > 0 ? cpus : 1);
	const struct aeg_map_fill all[] = {
		fill_table(datapath, "idents", AEG_TABLE_IDENTS),
		fill_table(datapath, "addrs", AEG_TABLE_ADDRS),
		fill_table(datapath, "cells", AEG_TABLE_CELLS),
		fill_table(datapath, "names", AEG_TABLE_NAMES),
		fill_hash(datapath, AEG_MAP_LEARNED, sizeof(struct aeg_addr),
			  sizeof(struct aeg_learned)),
		fill_hash(datapath, AEG_MAP_SHARES, sizeof(struct aeg_share_key), sizeof(uint64_t)),
		fill_hash(datapath, AEG_MAP_HOMES, sizeof(uint64_t), sizeof(uint64_t)),
		fill_hash(datapath, AEG_MAP_ASKERS, sizeof(uint64_t), sizeof(struct aeg_asker)),
		fill_hash(datapath, AEG_MAP_COUNTS, sizeof(struct aeg_count_key), count_size),
		fill_hash(datapath, AEG_MAP_LABELS, sizeof(uint32_t), sizeof(struct aeg_label)),
		fill_ring(datapath, "events", AEG_RING_EVENTS),
		fill_ring(datapath, "denials", AEG_RING_DENIALS),
	};
	size_t n = AEG_ARRAY_SIZE(all) < max ? AEG_ARRAY_SIZE(all) : max;

	memcpy(ret, all, n * sizeof(*ret));
	return n;
}

static struct aeg_prog_stat prog_stat(const char *name, int fd, bool attached)
{
	struct aeg_prog_stat stat = {.name = name, .attached = attached};
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0) {
		stat.id = info.id;
		stat.runs = info.run_cnt;
		stat.run_ns = info.run_time_ns;
	}
	return stat;
}

/* Where it should be; not before somebody decides. */
static bool is_attached(const struct aeg_datapath *datapath, enum aeg_prog prog)
{
	const struct aeg_places *places = NULL;
	size_t attached, failed;

	if (prog == AEG_PROG_SKB_INGRESS)
		places = &datapath->listeners;
	else if (prog == AEG_PROG_SKB_EGRESS)
		places = &datapath->watched;
	if (!places)
		return datapath->links[prog] >= 0;
	aeg_places_count(places, &attached, &failed);
	return datapath->attached && !failed;
}

size_t aeg_datapath_programs(struct aeg_datapath *datapath, struct aeg_prog_stat *ret, size_t max)
{
	size_t n = 0;

	for (int i = 0; i < AEG_PROG_MAX && n < max; i++) {
		if (aeg_prog_wanted(datapath, (enum aeg_prog)i))
			ret[n++] = prog_stat(aeg_prog_names[i], datapath->progs[i],
					     is_attached(datapath, (enum aeg_prog)i));
	}
	if (datapath->tc_fd >= 0 && n < max)
		ret[n++] = prog_stat("veth_ingress", datapath->tc_fd, datapath->tc_failures == 0);
	return n;
}
