/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The iterators over the storage of sockets. Their links are made once and live as long as the daemon;
 * each run is one read to the end.
 */
#include "datapath/internal.h"
#include <errno.h>

int aeg_iterator_open(const struct aeg_datapath *datapath, const struct bpf_program *program,
		      int *ret_fd)
{
	union bpf_iter_link_info info = {.map = {
						 .map_fd = (uint32_t)datapath->maps[AEG_MAP_SOCKS],
					 }};
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info,
			    .iter_info_len = sizeof(info));
	int fd = bpf_link_create(bpf_program__fd(program), 0, BPF_TRACE_ITER, &opts);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
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

int aeg_datapath_revoke(struct aeg_datapath *datapath)
{
	return run(datapath->revoke_fd);
}

int aeg_datapath_renew(struct aeg_datapath *datapath)
{
	return run(datapath->renew_fd);
}
