/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The iterator over the storage of sockets. Its link is made once and lives as long as the daemon;
 * each run is one read to the end.
 */
#include "datapath/internal.h"
#include <errno.h>

int aeg_revoke_open(struct aeg_datapath *datapath, const struct bpf_program *program)
{
	union bpf_iter_link_info info = {.map = {
						 .map_fd = (uint32_t)datapath->maps[AEG_MAP_SOCKS],
					 }};
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info,
			    .iter_info_len = sizeof(info));
	int fd = bpf_link_create(bpf_program__fd(program), 0, BPF_TRACE_ITER, &opts);

	if (fd < 0)
		return fd;
	datapath->revoke_fd = fd;
	return 0;
}

int aeg_datapath_revoke(struct aeg_datapath *datapath)
{
	AEG_AUTO_CLOSE int fd = bpf_iter_create(datapath->revoke_fd);
	char nothing[64];
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, nothing, sizeof(nothing))) != 0)
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
	return 0;
}
