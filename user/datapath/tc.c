/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The TC program on interfaces of the host: a pinned tcx link each (6.6), in front of everybody
 * else's, or else a clsact filter with a handle of ours, which stays by itself. The pinned tables say
 * which interfaces those are, so that any later daemon, or the cleanup, finds them.
 */
#include "datapath/internal.h"
#include <errno.h>

/* Newer than Debian 12's headers: linux/bpf.h of 6.6. */
#define TCX_INGRESS 46
#define LINK_TYPE_TCX 11
#define BEFORE_OTHERS (1u << 3) /* BPF_F_BEFORE, relative to nothing: first of all */

#define FILTER_PRIORITY 1
#define FILTER_HANDLE 0xae9e55

char *aeg_pin_veth(const char *pin_dir, uint32_t ifindex)
{
	return aeg_xasprintf("%s/veths/%u", pin_dir, ifindex);
}

/* ---- tcx ---- */

static int link_ifindex(int fd, uint32_t *ret)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &len);

	if (err)
		return err;
	if (info.type != LINK_TYPE_TCX)
		return -EPROTO;
	*ret = info.xdp.ifindex; /* tcx has it at the same place; 0: the interface is gone */
	return 0;
}

static int make_link(const struct aeg_datapath *datapath, uint32_t ifindex, const char *path)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = BEFORE_OTHERS);
	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): the header is older */
	const enum bpf_attach_type type = TCX_INGRESS;
	AEG_AUTO_CLOSE int fd = bpf_link_create(datapath->tc_fd, (int)ifindex, type, &opts);

	return fd < 0 ? fd : bpf_obj_pin(fd, path);
}

/* A pin whose interface is gone is in the way of the next one with its index. */
static int ensure_link(const struct aeg_datapath *datapath, uint32_t ifindex)
{
	AEG_AUTO_FREE char *path = aeg_pin_veth(datapath->pin_dir, ifindex);
	AEG_AUTO_CLOSE int fd = bpf_obj_get(path);
	uint32_t found = 0;
	int err;

	if (fd == -ENOENT)
		return make_link(datapath, ifindex, path);
	if (fd < 0)
		return fd;
	err = link_ifindex(fd, &found);
	if (err)
		return err;
	if (found == ifindex)
		return datapath->tc_renewed ? 0 : bpf_link_update(fd, datapath->tc_fd, NULL);
	if (unlink(path) < 0)
		return -errno;
	return make_link(datapath, ifindex, path);
}

/* ---- clsact ---- */

static struct bpf_tc_hook hook_of(uint32_t ifindex)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)ifindex,
		.attach_point = BPF_TC_INGRESS,
	};
}

static struct bpf_tc_opts filter_of(int prog_fd)
{
	return (struct bpf_tc_opts){
		.sz = sizeof(struct bpf_tc_opts),
		.prog_fd = prog_fd,
		.flags = prog_fd ? BPF_TC_F_REPLACE : 0,
		.handle = FILTER_HANDLE,
		.priority = FILTER_PRIORITY,
	};
}

/* The filter that is there, if it is this program's, goes on undisturbed. */
static int ensure_filter(const struct aeg_datapath *datapath, uint32_t ifindex)
{
	struct bpf_tc_hook hook = hook_of(ifindex);
	struct bpf_tc_opts found = filter_of(0), filter = filter_of(datapath->tc_fd);
	int err;

	if (datapath->tc_renewed && bpf_tc_query(&hook, &found) == 0)
		return 0;
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&hook, &filter);
}

/* The qdisc stays: others may use it by now. */
static void remove_filter(uint32_t ifindex)
{
	struct bpf_tc_hook hook = hook_of(ifindex);
	struct bpf_tc_opts filter = filter_of(0);

	(void)bpf_tc_detach(&hook, &filter);
}

/* ---- one interface ---- */

static int ensure(struct aeg_datapath *datapath, uint32_t ifindex)
{
	int err = datapath->tc_filters ? -EINVAL : ensure_link(datapath, ifindex);

	if (err != -EINVAL)
		return err;
	err = ensure_filter(datapath, ifindex);
	/* A kernel without tcx; asking it once is enough. */
	datapath->tc_filters |= !err;
	return err;
}

static void release(const struct aeg_datapath *datapath, uint32_t ifindex)
{
	AEG_AUTO_FREE char *path = aeg_pin_veth(datapath->pin_dir, ifindex);

	if (access(path, F_OK) == 0)
		(void)aeg_link_detach(path);
	else
		remove_filter(ifindex);
}

/* ---- the tables ---- */

struct wanted {
	const struct aeg_veth_row *rows;
	size_t n;
	AEG_VEC(uint32_t) gone;
	AEG_VEC(struct aeg_source) stale;
};

static const struct aeg_veth_row *row_of(const struct wanted *wanted, uint32_t ifindex)
{
	for (size_t i = 0; i < wanted->n; i++) {
		if (wanted->rows[i].ifindex == ifindex)
			return &wanted->rows[i];
	}
	return NULL;
}

static int note_gone(void *arg, const void *key, const void *value)
{
	struct wanted *wanted = arg;
	uint32_t ifindex;

	memcpy(&ifindex, key, sizeof(ifindex));
	if (!row_of(wanted, ifindex))
		*AEG_VEC_PUSH(wanted->gone) = ifindex;
	return 0;
}

static int note_stale(void *arg, const void *key, const void *value)
{
	struct wanted *wanted = arg;
	struct aeg_source source;
	const struct aeg_veth_row *row;

	memcpy(&source, key, sizeof(source));
	row = row_of(wanted, source.ifindex);
	for (size_t i = 0; row && i < row->nsources; i++) {
		if (memcmp(row->sources[i].bytes, source.addr, sizeof(source.addr)) == 0)
			return 0;
	}
	*AEG_VEC_PUSH(wanted->stale) = source;
	return 0;
}

static int remove_others(struct aeg_datapath *datapath, struct wanted *wanted)
{
	int veths = datapath->maps[AEG_MAP_VETHS], sources = datapath->maps[AEG_MAP_SOURCES];
	int err = aeg_map_each(veths, sizeof(uint32_t), sizeof(struct aeg_veth), note_gone, wanted);

	if (!err)
		err = aeg_map_each(sources, sizeof(struct aeg_source), sizeof(uint32_t), note_stale,
				   wanted);
	for (size_t i = 0; i < wanted->gone.n; i++) {
		release(datapath, wanted->gone.items[i]);
		(void)bpf_map_delete_elem(veths, &wanted->gone.items[i]);
	}
	for (size_t i = 0; i < wanted->stale.n; i++)
		(void)bpf_map_delete_elem(sources, &wanted->stale.items[i]);
	return err;
}

static int write_row(struct aeg_datapath *datapath, const struct aeg_veth_row *row)
{
	struct aeg_veth veth = {0};
	int err = 0;

	for (size_t i = 0; i < row->nsources && !err; i++) {
		struct aeg_source source = {.ifindex = row->ifindex};
		uint32_t value = 1;

		memcpy(source.addr, row->sources[i].bytes, sizeof(source.addr));
		err = aeg_map_put(datapath->maps[AEG_MAP_SOURCES], &source, &value);
	}
	if (err || (bpf_map_lookup_elem(datapath->maps[AEG_MAP_VETHS], &row->ifindex, &veth) == 0 &&
		    veth.cgroup == row->cgroup))
		return err;
	veth = (struct aeg_veth){.cgroup = row->cgroup};
	return aeg_map_put(datapath->maps[AEG_MAP_VETHS], &row->ifindex, &veth);
}

int aeg_datapath_set_veths(struct aeg_datapath *datapath, struct aeg_veth_row *rows, size_t n)
{
	struct wanted wanted = {.rows = rows, .n = n};
	int err = remove_others(datapath, &wanted);

	/* Whose an interface is, is known before its first frame is looked at. */
	datapath->tc_failures = 0;
	for (size_t i = 0; i < n; i++) {
		rows[i].err = datapath->tc_fd < 0 ? -EOPNOTSUPP : write_row(datapath, &rows[i]);
		if (!rows[i].err)
			rows[i].err = ensure(datapath, rows[i].ifindex);
		/* An interface may go while we look. */
		datapath->tc_failures += rows[i].err && rows[i].err != -ENODEV;
	}
	datapath->tc_renewed = true;
	AEG_VEC_DONE(wanted.gone);
	AEG_VEC_DONE(wanted.stale);
	return err;
}

/* ---- what is there ---- */

struct telling {
	const struct aeg_datapath *datapath;
	aeg_veth_fn *fn;
	void *arg;
};

static int tell_veth(void *arg, const void *key, const void *value)
{
	const struct telling *telling = arg;
	struct aeg_veth veth;
	uint32_t ifindex;

	memcpy(&ifindex, key, sizeof(ifindex));
	memcpy(&veth, value, sizeof(veth));
	telling->fn(telling->arg, ifindex, veth.cgroup, NULL);
	return 0;
}

static int tell_source(void *arg, const void *key, const void *value)
{
	const struct telling *telling = arg;
	struct aeg_source source;
	struct aeg_veth veth;
	struct aeg_addr addr;

	memcpy(&source, key, sizeof(source));
	memcpy(addr.bytes, source.addr, sizeof(addr.bytes));
	if (bpf_map_lookup_elem(telling->datapath->maps[AEG_MAP_VETHS], &source.ifindex, &veth) ==
	    0)
		telling->fn(telling->arg, source.ifindex, veth.cgroup, &addr);
	return 0;
}

int aeg_datapath_veths(struct aeg_datapath *datapath, aeg_veth_fn *fn, void *arg)
{
	struct telling telling = {.datapath = datapath, .fn = fn, .arg = arg};
	int err = aeg_map_each(datapath->maps[AEG_MAP_VETHS], sizeof(uint32_t),
			       sizeof(struct aeg_veth), tell_veth, &telling);

	return err
		       ?: aeg_map_each(datapath->maps[AEG_MAP_SOURCES], sizeof(struct aeg_source),
				       sizeof(uint32_t), tell_source, &telling);
}

/* ---- the end ---- */

static int remove_row(void *arg, const void *key, const void *value)
{
	uint32_t ifindex;

	memcpy(&ifindex, key, sizeof(ifindex));
	remove_filter(ifindex);
	return 0;
}

void aeg_tc_detach_filters(const char *pin_dir)
{
	AEG_AUTO_FREE char *path = aeg_pin_map(pin_dir, AEG_MAP_VETHS);
	AEG_AUTO_CLOSE int fd = bpf_obj_get(path);

	if (fd >= 0)
		(void)aeg_map_each(fd, sizeof(uint32_t), sizeof(struct aeg_veth), remove_row, NULL);
}
