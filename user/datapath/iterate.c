/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Walks over what is known of sockets, in seats and in storage, by programs that do the same at each: over
 * the seats a program that is run again and again, over the storage an iterator, whose link is made once and
 * whose every run is one read to the end. Where the kernel lets nobody iterate over storage, another one
 * looks for it at the sockets that processes hold open.
 */
#include "datapath/internal.h"
#include "gen/aegress.skel.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>

static struct bpf_insn nothing[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
	{.code = BPF_JMP | BPF_EXIT},
};

/* Hardened kernels refuse it: its programs could write. */
static bool iterates_storage(void)
{
	int id = libbpf_find_vmlinux_btf_id("bpf_sk_storage_map", BPF_TRACE_ITER);
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_ITER,
			    .attach_btf_id = id > 0 ? (uint32_t)id : 0);
	AEG_AUTO_CLOSE int fd = -1;

	if (id > 0)
		fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "Dual BSD/GPL", nothing,
				   AEG_ARRAY_SIZE(nothing), &opts);
	return fd >= 0;
}

/* Since 5.17; where nobody sits, before 6.2, it may be missing. */
static bool walks_seats(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_loop, NULL) == 1;
}

void aeg_iterator_choose(const struct aegress *skel, const struct aeg_datapath_config *config)
{
	bool storage = !config->storage_closed && iterates_storage(), seats = walks_seats();

	bpf_program__set_autoload(skel->progs.revoke, storage);
	bpf_program__set_autoload(skel->progs.renew, storage);
	bpf_program__set_autoload(skel->progs.revoke_files, !storage);
	bpf_program__set_autoload(skel->progs.renew_files, !storage);
	bpf_program__set_autoload(skel->progs.revoke_seats, seats);
	bpf_program__set_autoload(skel->progs.renew_seats, seats);
}

static int open_link(const struct bpf_program *program, union bpf_iter_link_info *info, int *ret_fd)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = info,
			    .iter_info_len = info ? sizeof(*info) : 0);
	int fd = bpf_link_create(bpf_program__fd(program), 0, BPF_TRACE_ITER, &opts);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static int open_seats(const struct bpf_program *program, int *ret_fd)
{
	if (bpf_program__fd(program) < 0) /* not loaded */
		return 0;
	*ret_fd = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0);
	return *ret_fd < 0 ? -errno : 0;
}

int aeg_iterator_open(const struct aeg_datapath *datapath, const struct aeg_walkers *walkers,
		      struct aeg_iterator *ret)
{
	union bpf_iter_link_info info = {
		.map = {.map_fd = (uint32_t)datapath->maps[AEG_MAP_SOCKS]},
	};
	int err = open_seats(walkers->seats, &ret->seats_fd);

	if (err)
		return err;
	ret->partial = bpf_program__fd(walkers->storage) < 0;
	return ret->partial ? open_link(walkers->files, NULL, &ret->storage_fd)
			    : open_link(walkers->storage, &info, &ret->storage_fd);
}

void aeg_iterator_close(struct aeg_iterator *iterator)
{
	aeg_closep(&iterator->seats_fd);
	aeg_closep(&iterator->storage_fd);
}

static int run_storage(int link_fd)
{
	AEG_AUTO_CLOSE int fd = bpf_iter_create(link_fd);
	char text[64];
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, text, sizeof(text))) != 0)
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
	return 0;
}

static int run_seats(int prog_fd)
{
	char frame[ETH_HLEN] = {0};
	struct __sk_buff skb = {0};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
			    .data_size_in = sizeof(frame), .ctx_in = &skb,
			    .ctx_size_in = sizeof(skb), .repeat = 1);
	int err = 0;

	if (prog_fd < 0)
		return 0;
	for (; skb.mark < AEG_SEATS && !err; skb.mark += AEG_SEATS_RUN)
		err = bpf_prog_test_run_opts(prog_fd, &opts);
	return err;
}

/* Seats first: who leaves one for storage meanwhile is met there. */
static int run_both(const struct aeg_iterator *iterator)
{
	int err = run_seats(iterator->seats_fd);
	int also = run_storage(iterator->storage_fd);

	return err ? err : also;
}

int aeg_datapath_revoke(struct aeg_datapath *datapath)
{
	__atomic_add_fetch(&datapath->ctl->walk, 1, __ATOMIC_SEQ_CST);
	return run_both(&datapath->revoke);
}

int aeg_datapath_revoke_rest(struct aeg_datapath *datapath)
{
	uint32_t former = datapath->ctl->walk;
	int err = aeg_slots_grace(datapath);

	/* A walk of its own: it meets also who read the former's number before the tables of then. */
	if (!err)
		err = aeg_datapath_revoke(datapath);
	if (!err && datapath->revoke.partial)
		__atomic_store_n(&datapath->ctl->walked, former, __ATOMIC_RELEASE);
	return err;
}

bool aeg_datapath_storage_closed(const struct aeg_datapath *datapath)
{
	return datapath->revoke.partial;
}

int aeg_datapath_renew(struct aeg_datapath *datapath)
{
	return run_both(&datapath->renew);
}
