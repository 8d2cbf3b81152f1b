/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The slots of a generation's tables: inner maps made, counted, hung into the outer ones. What a
 * program may hold in its hands is never reused before every program that ran has ended.
 */
#include "bpf/name.h"
#include "datapath/internal.h"
#include <errno.h>
#include <pthread.h>

static const struct {
	enum aeg_map outer;
	const char *name;
	uint32_t key_size, value_size;
	size_t spare; /* room beside half as much again */
} kinds[AEG_TABLE_MAX] = {
	/* Pods come between two generations: room for them. */
	[AEG_TABLE_IDENTS] = {AEG_MAP_IDENTS, "idents", sizeof(uint64_t), sizeof(struct aeg_ident),
			      1024},
	[AEG_TABLE_ADDRS] = {AEG_MAP_ADDRS, "addrs", sizeof(struct aeg_prefix),
			     sizeof(struct aeg_dest), 64},
	[AEG_TABLE_CELLS] = {AEG_MAP_CELLS, "cells", sizeof(struct aeg_cell_key),
			     sizeof(struct aeg_cell), 1024},
	[AEG_TABLE_NAMES] = {AEG_MAP_NAMES, "names", sizeof(uint64_t),
			     sizeof(struct aeg_name_entry), 16},
	[AEG_TABLE_NODES] = {AEG_MAP_NODES, "nodes", sizeof(uint32_t), sizeof(struct aeg_dest), 16},
};

void aeg_slot_done(struct aeg_slot *slot)
{
	for (size_t i = 0; i < AEG_TABLE_MAX; i++) {
		aeg_closep(&slot->tables[i].fd);
		slot->tables[i] = (struct aeg_table){.fd = -1};
	}
}

/* More than is needed now where rows are added later, so that it rarely asks for a new generation. */
int aeg_table_create(enum aeg_table_kind kind, size_t need, struct aeg_table *ret)
{
	bool fixed = kind == AEG_TABLE_NAMES || kind == AEG_TABLE_NODES;
	size_t capacity = need + (fixed ? 0 : need / 2) + kinds[kind].spare;
	int fd;

	if (capacity > UINT32_MAX)
		return -E2BIG;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, kinds[kind].name, kinds[kind].key_size,
			    kinds[kind].value_size, (uint32_t)capacity, NULL);
	if (fd < 0)
		return fd;
	*ret = (struct aeg_table){.fd = fd, .capacity = (uint32_t)capacity};
	return 0;
}

struct link_one { /* an inner map goes into its outer one */
	int outer, inner;
	uint32_t index;
	pthread_t thread;
	bool started;
	int result;
};

static void *link_run(void *arg)
{
	struct link_one *one = arg;

	one->result = bpf_map_update_elem(one->outer, &one->index, &one->inner, BPF_ANY);
	return NULL;
}

/*
 * Each update waits for a grace period, 8 to 20 ms where CPUs are busy; together they wait for the same
 * one. One that gets no thread is done here.
 */
static int link_all(struct link_one *all, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		all[i].started = pthread_create(&all[i].thread, NULL, link_run, &all[i]) == 0;
		if (!all[i].started)
			link_run(&all[i]);
	}
	for (size_t i = 0; i < n; i++) {
		if (all[i].started)
			pthread_join(all[i].thread, NULL);
		if (!err)
			err = all[i].result;
	}
	return err;
}

int aeg_slot_link(struct aeg_datapath *datapath, uint32_t index, struct aeg_slot *slot)
{
	struct link_one all[AEG_TABLE_MAX];
	int err;

	for (size_t i = 0; i < AEG_TABLE_MAX; i++)
		all[i] = (struct link_one){.outer = datapath->maps[kinds[i].outer],
					   .inner = slot->tables[i].fd,
					   .index = index};
	err = link_all(all, AEG_TABLE_MAX);
	if (err)
		return err;
	aeg_slot_done(&datapath->slots[index]);
	datapath->slots[index] = *slot;
	for (size_t i = 0; i < AEG_TABLE_MAX; i++)
		slot->tables[i].fd = -1;
	return 0;
}

/*
 * Programs run inside an RCU read-side section, and the kernel returns from an update of a map of
 * maps only after a grace period (4.20). So the table in force is put once more where it already
 * is: nothing changes, and every program that saw what was before has ended. That is membarrier()'s
 * promise too, but MEMBARRIER_CMD_GLOBAL fails on nohz_full machines.
 */
int aeg_slots_grace(struct aeg_datapath *datapath)
{
	struct aeg_slot *slot = aeg_slot_active(datapath);
	uint32_t index = datapath->ctl->now.slot;

	if (!slot)
		return 0;
	return bpf_map_update_elem(datapath->maps[AEG_MAP_IDENTS], &index,
				   &slot->tables[AEG_TABLE_IDENTS].fd, BPF_ANY);
}

struct aeg_slot *aeg_slot_active(struct aeg_datapath *datapath)
{
	struct aeg_slot *slot = &datapath->slots[datapath->ctl->now.slot % AEG_SLOTS];

	return slot->tables[AEG_TABLE_CELLS].fd < 0 ? NULL : slot;
}

static int table_adopt(const struct aeg_datapath *datapath, size_t kind, uint32_t index,
		       struct aeg_table *ret)
{
	struct bpf_map_info info = {0};
	uint32_t id, len = sizeof(info);
	AEG_AUTO_CLOSE int fd = -1;
	int err = bpf_map_lookup_elem(datapath->maps[kinds[kind].outer], &index, &id);

	if (err)
		return err == -ENOENT ? 0 : err;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (!err)
		err = aeg_map_count(fd, kinds[kind].key_size, kinds[kind].value_size,
				    &ret->entries);
	if (err)
		return err;
	ret->capacity = info.max_entries;
	ret->fd = AEG_TAKE_FD(fd);
	return 0;
}

/* The slots that a former daemon filled. */
int aeg_slots_adopt(struct aeg_datapath *datapath)
{
	for (uint32_t index = 0; index < AEG_SLOTS; index++) {
		for (size_t kind = 0; kind < AEG_TABLE_MAX; kind++) {
			int err = table_adopt(datapath, kind, index,
					      &datapath->slots[index].tables[kind]);

			if (err)
				return err;
		}
	}
	return 0;
}
