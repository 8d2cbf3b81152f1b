/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The iterators over what is known of sockets, in seats and in storage. Their links are made once and live
 * as long as the daemon; each run is one read to the end.
 */
#include "datapath/internal.h"
#include <errno.h>

static int open_one(const struct aeg_datapath *datapath, const struct bpf_program *program,
		    enum aeg_map map, int *ret_fd)
{
	union bpf_iter_link_info info = {.map = {.map_fd = (uint32_t)datapath->maps[map]}};
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info,
			    .iter_info_len = sizeof(info));
	int fd = bpf_link_create(bpf_program__fd(program), 0, BPF_TRACE_ITER, &opts);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int aeg_iterator_open(const struct aeg_datapath *datapath, const struct bpf_program *seats,
		      const struct bpf_program *storage, struct aeg_iterator *ret)
{
	int err = open_one(datapath, seats, AEG_MAP_SEATS, &ret->seats_fd);

	return err ? err : open_one(datapath, storage, AEG_MAP_SOCKS, &ret->storage_fd);
}

void aeg_iterator_close(struct aeg_iterator *iterator)
{
	aeg_closep(&iterator->seats_fd);
	aeg_closep(&iterator->storage_fd);
}

static int run(int link_fd)
{
	AEG_AUTO_CLOSE int fd = bpf_iter_create(link_fd);
	char nothing[64];
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, nothing, sizeof(nothing))) != 0)
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
	return 0;
}

/* Seats first: who leaves one for storage meanwhile is met there. */
static int run_both(const struct aeg_iterator *iterator)
{
	int err = run(iterator->seats_fd);
	int also = run(iterator->storage_fd);

	return err ? err : also;
}

int aeg_datapath_revoke(struct aeg_datapath *datapath)
{
	return run_both(&datapath->revoke);
}

int aeg_datapath_renew(struct aeg_datapath *datapath)
{
	return run_both(&datapath->renew);
}
