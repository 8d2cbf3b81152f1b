/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A step into a pod's network namespace. setns() changes the calling thread only, so it is done in a
 * thread that ends with it: the daemon never finds itself elsewhere.
 */
#include "datapath/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#ifndef SO_NETNS_COOKIE /* 5.14; Debian 12's headers have it, older ones do not */
#define SO_NETNS_COOKIE 71
#endif

struct visit {
	int netns_fd;
	aeg_netns_fn *fn;
	void *arg;
	int result;
};

static void *visit_run(void *arg)
{
	struct visit *visit = arg;

	if (setns(visit->netns_fd, CLONE_NEWNET) < 0)
		visit->result = -errno;
	else
		visit->result = visit->fn(visit->arg);
	return NULL;
}

int aeg_netns_run(int netns_fd, aeg_netns_fn *fn, void *arg)
{
	struct visit visit = {.netns_fd = netns_fd, .fn = fn, .arg = arg};
	pthread_t thread;
	int err = pthread_create(&thread, NULL, visit_run, &visit);

	if (err)
		return -err;
	pthread_join(thread, NULL);
	return visit.result;
}

int aeg_netns_open(uint32_t pid, int *ret_fd)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("/proc/%u/ns/net", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int read_cookie(void *arg)
{
	AEG_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(uint64_t);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, arg, &len) < 0)
		return -errno;
	return 0;
}

int aeg_netns_cookie(uint32_t pid, uint64_t *ret)
{
	AEG_AUTO_CLOSE int fd = -1;
	int err = aeg_netns_open(pid, &fd);

	return err ? err : aeg_netns_run(fd, read_cookie, ret);
}
