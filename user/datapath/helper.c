/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A process of its own for what needs the privileges that the daemon gives up: entering the network
 * namespaces of pods. It reads requests of one fixed form from a socket pair, nothing else, and ends
 * with the daemon.
 */
#include "datapath/internal.h"
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define ANSWER_TIME 1 /* s; a request takes 0.2 ms */

/* setns(); another user's /proc/PID/ns; SOCK_DESTROY; cgroups by id */
#define KEEP                                                                                       \
	((1ull << CAP_SYS_ADMIN) | (1ull << CAP_SYS_PTRACE) | (1ull << CAP_NET_ADMIN) |            \
	 (1ull << CAP_DAC_READ_SEARCH))

struct request {
	uint64_t number; /* the answer has the same: one may come when nobody waits any more */
	enum aeg_errand errand;
	uint64_t cgroup;
	struct aeg_event event;
};

static int keep_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(KEEP >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static struct aeg_errand_answer serve_one(const struct aeg_datapath *datapath,
					  const struct request *request)
{
	struct aeg_errand_answer answer = {.number = request->number, .result = -EINVAL};

	if (request->errand == AEG_ERRAND_KILL)
		answer.result = aeg_kill_here(datapath, &request->event);
	else if (request->errand == AEG_ERRAND_HOME)
		answer.result = aeg_home_cookie(datapath, request->cgroup, &answer.cookie);
	else if (request->errand == AEG_ERRAND_LINKS)
		answer.result = aeg_links_find(datapath, request->cgroup, &answer.links);
	else if (request->errand == AEG_ERRAND_SWEEP)
		answer.result = aeg_sweep_here(datapath, request->cgroup, &answer.ended);
	return answer;
}

static void serve(const struct aeg_datapath *datapath, int fd)
{
	struct request request;

	while (recv(fd, &request, sizeof(request), 0) == sizeof(request)) {
		struct aeg_errand_answer answer = serve_one(datapath, &request);

		if (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
	}
}

/* Everything but stderr, the socket and the cgroup goes. */
static void close_others(int fd, int cgroup_fd)
{
	for (int other = 3; other < 1024; other++) {
		if (other != fd && other != cgroup_fd)
			close(other);
	}
}

static void run(const struct aeg_datapath *datapath, int fd)
{
	sigset_t all;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "aegressd-netns");
	close_others(fd, datapath->cgroup_fd);
	/* The daemon blocks signals to read them; here they do what they always do. */
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGINT, SIG_IGN); /* of a terminal: the daemon ends first */
	if (keep_capabilities() == 0)
		serve(datapath, fd);
	_exit(0);
}

int aeg_datapath_delegate(struct aeg_datapath *datapath)
{
	struct timeval patience = {.tv_sec = ANSWER_TIME};
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		run(datapath, fds[1]);
	close(fds[1]);
	if (pid < 0 ||
	    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0) {
		int err = -errno;

		close(fds[0]);
		return err;
	}
	datapath->helper_fd = fds[0];
	return 0;
}

/* Answers that came too late for those who waited for them are thrown away. */
static int receive(int fd, uint64_t number, struct aeg_errand_answer *ret)
{
	ssize_t len;

	do {
		len = recv(fd, ret, sizeof(*ret), 0);
		if (len != sizeof(*ret))
			return len < 0 ? -errno : -EPIPE;
	} while (ret->number != number);
	return ret->result;
}

int aeg_errand(struct aeg_datapath *datapath, enum aeg_errand errand, uint64_t cgroup,
	       const struct aeg_event *event, struct aeg_errand_answer *ret)
{
	struct request request = {
		.number = ++datapath->errands, .errand = errand, .cgroup = cgroup};

	if (event)
		request.event = *event;
	if (send(datapath->helper_fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
		return -errno;
	return receive(datapath->helper_fd, request.number, ret);
}
