/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Opens and closes the kernel side: loads the programs onto new or pinned maps, maps the control
 * element and the rings. Attaches nothing. */
#include "datapath/internal.h"
#include "gen/aegress.skel.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/vfs.h>

const char *const aeg_map_names[AEG_MAP_MAX] = {
	[AEG_MAP_CTL] = "ctl",
	[AEG_MAP_GENS] = "gens",
	[AEG_MAP_LENGTHS] = "lengths",
	[AEG_MAP_IDENTS] = "idents",
	[AEG_MAP_ADDRS] = "addrs",
	[AEG_MAP_CELLS] = "cells",
	[AEG_MAP_NAMES] = "names",
	[AEG_MAP_NODES] = "nodes",
	[AEG_MAP_RESOLVERS] = "resolvers",
	[AEG_MAP_SEARCHES] = "searches",
	[AEG_MAP_SOCKS] = "socks",
	[AEG_MAP_SEATS] = "seats",
	[AEG_MAP_HELLOS] = "hellos",
	[AEG_MAP_ASKS] = "asks",
	[AEG_MAP_TALKS] = "talks",
	[AEG_MAP_LEARNED] = "learned",
	[AEG_MAP_SHARES] = "shares",
	[AEG_MAP_SPOKEN] = "spoken",
	[AEG_MAP_HOMES] = "homes",
	[AEG_MAP_ASKERS] = "askers",
	[AEG_MAP_VETHS] = "veths",
	[AEG_MAP_SOURCES] = "sources",
	[AEG_MAP_EVENTS] = "events",
	[AEG_MAP_DENIALS] = "denials",
	[AEG_MAP_TOTALS] = "totals",
	[AEG_MAP_COUNTS] = "counts",
	[AEG_MAP_ERRORS] = "errors",
	[AEG_MAP_DNS_RESULTS] = "dns_results",
	[AEG_MAP_LEARNINGS] = "learnings",
	[AEG_MAP_HELLO_RESULTS] = "hello_results",
	[AEG_MAP_FRAMES] = "frames",
	[AEG_MAP_LABELS] = "labels",
};

const char *const aeg_prog_names[AEG_PROG_MAX] = {
	[AEG_PROG_SOCK_CREATE] = "sock_create", [AEG_PROG_SOCK_RELEASE] = "sock_release",
	[AEG_PROG_SOCK_OPS] = "sock_ops",	[AEG_PROG_CONNECT4] = "connect4",
	[AEG_PROG_CONNECT6] = "connect6",	[AEG_PROG_SENDMSG4] = "sendmsg4",
	[AEG_PROG_SENDMSG6] = "sendmsg6",	[AEG_PROG_SKB_INGRESS] = "skb_ingress",
	[AEG_PROG_SKB_EGRESS] = "skb_egress",
};

static int fail(struct aeg_buf *error, int err, const char *what)
{
	const char *libbpf = aeg_chatter_first();

	aeg_buf_printf(error, "%s: %s%s%s", what, strerror(-err), *libbpf ? "; libbpf: " : "",
		       libbpf);
	return err;
}

static int open_cgroup(const char *path, int *ret_fd, struct aeg_buf *error)
{
	AEG_AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0) {
		int err = -errno;

		aeg_buf_printf(error, "cgroup directory '%s': %s", path, strerror(-err));
		return err;
	}
	if ((unsigned long)fs.f_type != CGROUP2_SUPER_MAGIC) {
		aeg_buf_printf(error,
			       "'%s' is not a cgroup2 directory; give the mount point of "
			       "cgroup2 or a directory below it",
			       path);
		return -EINVAL;
	}
	*ret_fd = AEG_TAKE_FD(fd);
	return 0;
}

/* ---- maps: sized by the configuration when new, as they are when pinned ---- */

static bool sized_by_config(enum aeg_map map)
{
	return map == AEG_MAP_EVENTS || map == AEG_MAP_DENIALS || map == AEG_MAP_COUNTS;
}

static int check_pinned(const struct bpf_map *map, const struct bpf_map_info *info,
			enum aeg_map which, struct aeg_buf *error)
{
	if (info->type == bpf_map__type(map) && info->key_size == bpf_map__key_size(map) &&
	    info->value_size == bpf_map__value_size(map) &&
	    info->map_flags == bpf_map__map_flags(map) &&
	    (sized_by_config(which) || info->max_entries == bpf_map__max_entries(map)))
		return 0;
	aeg_buf_printf(error,
		       "the pinned map '%s' has another layout; end its enforcement with "
		       "'aegressd --cleanup', then start again",
		       aeg_map_names[which]);
	return -EPROTO;
}

/* Points the map at its pin, and takes the pinned one's size over. */
static int prepare_map(struct bpf_map *map, enum aeg_map which, const char *path,
		       struct aeg_buf *error)
{
	AEG_AUTO_CLOSE int fd = bpf_obj_get(path);
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	int err = bpf_map__set_pin_path(map, path);

	if (err || fd == -ENOENT)
		return err;
	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (!err)
		err = check_pinned(map, &info, which, error);
	return err ? err : bpf_map__set_max_entries(map, info.max_entries);
}

/* Not pinned: nothing stays in them. */
static int size_by_cpus(struct bpf_map *map, uint32_t elements)
{
	int cpus = libbpf_num_possible_cpus();

	return cpus < 0 ? cpus : bpf_map__set_max_entries(map, (uint32_t)cpus * elements);
}

static int prepare_maps(struct aegress *skel, const struct aeg_datapath_config *config,
			struct aeg_buf *error)
{
	int err = bpf_map__set_max_entries(skel->maps.events, (uint32_t)config->ring_bytes);

	if (!err)
		err = bpf_map__set_max_entries(skel->maps.denials, (uint32_t)config->ring_bytes);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.counts, (uint32_t)config->counts_max);
	if (!err)
		err = size_by_cpus(skel->maps.scratches, AEG_SCRATCH_CPU);
	if (!err)
		err = size_by_cpus(skel->maps.recents, AEG_RECENT_CPU);
	for (int i = 0; i < AEG_MAP_MAX && !err; i++) {
		AEG_AUTO_FREE char *path = aeg_pin_map(config->pin_dir, (enum aeg_map)i);
		struct bpf_map *map = bpf_object__find_map_by_name(skel->obj, aeg_map_names[i]);

		err = map ? prepare_map(map, (enum aeg_map)i, path, error) : -ENOENT;
	}
	return err;
}

static void destroy_skeleton(struct aegress **skel)
{
	aegress__destroy(*skel);
}

/* -1 stays -1: a program that was not loaded. */
static int keep_fd(int fd, int *ret)
{
	if (fd < 0)
		return 0;
	*ret = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return *ret < 0 ? -errno : 0;
}

static int keep_fds(struct aeg_datapath *datapath, const struct aegress *skel)
{
	int err = keep_fd(bpf_program__fd(skel->progs.veth_ingress), &datapath->tc_fd);

	for (int i = 0; i < AEG_MAP_MAX && !err; i++)
		err = keep_fd(
			bpf_map__fd(bpf_object__find_map_by_name(skel->obj, aeg_map_names[i])),
			&datapath->maps[i]);
	for (int i = 0; i < AEG_PROG_MAX && !err; i++)
		err = keep_fd(bpf_program__fd(bpf_object__find_program_by_name(skel->obj,
									       aeg_prog_names[i])),
			      &datapath->progs[i]);
	return err;
}

/* Makes and pins the storage of sockets alone, in the process that it is called in. */
static int make_storage(void *arg)
{
	const struct aeg_datapath_config *config = arg;
	AEG_CLEANUP(destroy_skeleton) struct aegress *skel = aegress__open();
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf error = {0};
	struct bpf_program *prog = NULL;
	struct bpf_map *map = NULL;
	int err;

	if (!skel)
		return -errno;
	while ((prog = bpf_object__next_program(skel->obj, prog)))
		bpf_program__set_autoload(prog, false);
	err = prepare_maps(skel, config, &error);
	while (!err && (map = bpf_object__next_map(skel->obj, map)))
		err = bpf_map__set_autocreate(map, bpf_map__type(map) == BPF_MAP_TYPE_SK_STORAGE);
	return err ? err : aegress__load(skel);
}

static int open_iterators(struct aeg_datapath *datapath, const struct aegress *skel)
{
	const struct aeg_walkers revoke = {skel->progs.revoke_seats, skel->progs.revoke,
					   skel->progs.revoke_files};
	const struct aeg_walkers renew = {skel->progs.renew_seats, skel->progs.renew,
					  skel->progs.renew_files};
	int err = aeg_iterator_open(datapath, &revoke, &datapath->revoke);

	return err ? err : aeg_iterator_open(datapath, &renew, &datapath->renew);
}

/*
 * libbpf pins new maps and reuses pinned ones while it loads. RLIMIT_MEMLOCK, which kernels before
 * 5.11 charge maps to, is raised by libbpf. All that is needed afterwards are descriptors: the
 * object, its types and its instructions would be megabytes for the daemon's whole life.
 */
static int load(struct aeg_datapath *datapath, const struct aeg_datapath_config *config,
		struct aeg_buf *error)
{
	AEG_CLEANUP(destroy_skeleton) struct aegress *skel = NULL;
	int err;

	aeg_chatter_start();
	/* Where that is not allowed it is made below, with everything else, and charged to the daemon. */
	if (datapath->fresh)
		(void)aeg_memory_uncharged(make_storage, (void *)config);
	skel = aegress__open();
	if (!skel)
		return fail(error, -errno, "reading the BPF object");
	bpf_program__set_autoload(skel->progs.sock_ops, config->sockops);
	bpf_program__set_autoload(skel->progs.veth_ingress, config->tc);
	aeg_iterator_choose(skel, config);
	err = prepare_maps(skel, config, error);
	if (err)
		return aeg_buf_text(error)[0] ? err : fail(error, err, "preparing the maps");
	err = aegress__load(skel);
	if (err)
		return fail(error, err, "loading the BPF programs (AEGRESS_BPF_LOG=1 shows why)");
	err = keep_fds(datapath, skel);
	if (err)
		return err;
	err = open_iterators(datapath, skel);
	return err ? fail(error, err, "opening the iterators over sockets") : 0;
}

/* ---- control element and rings ---- */

/* Once: pinned maps are full of hashes made with it. */
static int make_seed(struct aeg_ctl *ctl)
{
	uint64_t random[2];

	if (ctl->seed_factor)
		return 0;
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	ctl->seed_basis = random[0];
	ctl->seed_factor = random[1] | 1;
	ctl->ttl_min = AEG_TTL_MIN;
	ctl->share = AEG_SHARE_DEFAULT;
	return 0;
}

static int map_control(struct aeg_datapath *datapath)
{
	void *ctl = mmap(NULL, sizeof(struct aeg_ctl), PROT_READ | PROT_WRITE, MAP_SHARED,
			 datapath->maps[AEG_MAP_CTL], 0);

	if (ctl == MAP_FAILED)
		return -errno;
	datapath->ctl = ctl;
	datapath->ctl->abi = AEG_ABI;
	return make_seed(datapath->ctl);
}

static int open_ring(struct aeg_datapath *datapath, enum aeg_ring_kind kind, enum aeg_map map)
{
	struct epoll_event interest = {.events = EPOLLIN};
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(datapath->maps[map], &info, &len);

	if (!err)
		err = aeg_ring_open(datapath->maps[map], info.max_entries, &datapath->rings[kind]);
	if (err)
		return err;
	if (epoll_ctl(datapath->epoll_fd, EPOLL_CTL_ADD, datapath->maps[map], &interest) < 0)
		return -errno;
	return 0;
}

static int open_rings(struct aeg_datapath *datapath)
{
	int err;

	datapath->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (datapath->epoll_fd < 0)
		return -errno;
	err = open_ring(datapath, AEG_RING_DENIALS, AEG_MAP_DENIALS);
	if (!err)
		err = open_ring(datapath, AEG_RING_EVENTS, AEG_MAP_EVENTS);
	if (!err)
		datapath->ctl->wake_bytes = (uint32_t)(datapath->rings[AEG_RING_EVENTS].size / 4);
	return err;
}

/* ---- the whole ---- */

static struct aeg_datapath *datapath_new(const char *pin_dir)
{
	struct aeg_datapath *datapath = aeg_xcalloc(1, sizeof(*datapath));

	datapath->pin_dir = aeg_xstrdup(pin_dir);
	datapath->lock_fd = datapath->cgroup_fd = -1;
	datapath->epoll_fd = datapath->helper_fd = datapath->tc_fd = -1;
	datapath->listeners.prog = AEG_PROG_SKB_INGRESS;
	datapath->watched.prog = AEG_PROG_SKB_EGRESS;
	datapath->revoke = datapath->renew = (struct aeg_iterator){-1, -1, false};
	for (int i = 0; i < AEG_MAP_MAX; i++)
		datapath->maps[i] = -1;
	for (int i = 0; i < AEG_PROG_MAX; i++)
		datapath->progs[i] = datapath->links[i] = -1;
	for (int slot = 0; slot < AEG_SLOTS; slot++) {
		for (int i = 0; i < AEG_TABLE_MAX; i++)
			datapath->slots[slot].tables[i].fd = -1;
	}
	return datapath;
}

void aeg_datapath_close(struct aeg_datapath *datapath)
{
	if (!datapath)
		return;
	for (int i = 0; i < AEG_RING_MAX; i++)
		aeg_ring_close(&datapath->rings[i]);
	for (int i = 0; i < AEG_SLOTS; i++)
		aeg_slot_done(&datapath->slots[i]);
	for (int i = 0; i < AEG_PROG_MAX; i++) {
		aeg_closep(&datapath->links[i]);
		aeg_closep(&datapath->progs[i]);
	}
	for (int i = 0; i < AEG_MAP_MAX; i++)
		aeg_closep(&datapath->maps[i]);
	aeg_closep(&datapath->tc_fd);
	aeg_iterator_close(&datapath->revoke);
	aeg_iterator_close(&datapath->renew);
	aeg_places_done(&datapath->listeners);
	aeg_places_done(&datapath->watched);
	if (datapath->ctl)
		munmap(datapath->ctl, sizeof(*datapath->ctl));
	aeg_closep(&datapath->epoll_fd);
	aeg_closep(&datapath->helper_fd); /* it ends */
	aeg_closep(&datapath->cgroup_fd);
	/* The helper may not have closed its copy yet, and the lock goes with the last one. */
	if (datapath->lock_fd >= 0)
		(void)flock(datapath->lock_fd, LOCK_UN);
	aeg_closep(&datapath->lock_fd);
	free(datapath->pin_dir);
	free(datapath);
}

/* What the generation in force needed; the next one decides anew. */
static bool was_strict(const struct aeg_datapath *datapath)
{
	AEG_AUTO_FREE char *link = aeg_pin_link(datapath->pin_dir, AEG_PROG_SOCK_CREATE);

	return access(link, F_OK) == 0;
}

static int open_all(struct aeg_datapath *datapath, const struct aeg_datapath_config *config,
		    struct aeg_buf *error)
{
	int err = open_cgroup(config->cgroup_root, &datapath->cgroup_fd, error);

	if (!err)
		err = aeg_pins_lock(config->pin_dir, &datapath->lock_fd, error);
	if (!err)
		err = aeg_pins_check(config->pin_dir, &datapath->adopted, error);
	datapath->fresh = !err && !datapath->adopted;
	datapath->strict = was_strict(datapath);
	if (!err)
		err = load(datapath, config, error);
	if (!err)
		err = map_control(datapath);
	if (!err)
		err = aeg_slots_adopt(datapath);
	if (!err)
		err = open_rings(datapath);
	return err;
}

int aeg_datapath_open(const struct aeg_datapath_config *config, struct aeg_datapath **ret,
		      struct aeg_buf *error)
{
	struct aeg_datapath *datapath = datapath_new(config->pin_dir);
	int err = open_all(datapath, config, error);

	if (err) {
		/* Maps are pinned as they are made; nobody uses those of a first start that fails. */
		if (datapath->lock_fd >= 0 && datapath->fresh)
			(void)aeg_pins_remove(config->pin_dir, NULL);
		if (!aeg_buf_text(error)[0])
			fail(error, err, "opening the data path");
		aeg_datapath_close(datapath);
		return err;
	}
	*ret = datapath;
	return 0;
}

bool aeg_datapath_adopted(const struct aeg_datapath *datapath)
{
	return datapath->adopted;
}
