/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Workers: one socket for one attempt, closed before the answer, so that whoever asked finds every
 * event of it in the ring.
 */
#include "live_worker.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_SOCKET 1000 /* not an errno: the attempt was not made */
#define REFUSED 1001   /* nor could it be: no socket for this workload */
#define SERVED_FD 3

static socklen_t make_address(const struct attempt *attempt, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *in = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (attempt->inet6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(attempt->port);
		memcpy(&in6->sin6_addr, attempt->addr.bytes, 16);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(attempt->port);
	memcpy(&in->sin_addr, attempt->addr.bytes + 12, 4);
	return sizeof(*in);
}

static int make_socket(const struct attempt *attempt)
{
	struct linger reset = {.l_onoff = 1}; /* no TIME_WAIT: there are many of us */
	bool stream = attempt->proto == IPPROTO_TCP;
	int fd = socket(attempt->inet6 ? AF_INET6 : AF_INET,
			(stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, attempt->proto);

	if (fd >= 0 && stream)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd;
}

static int try_attempt(const struct attempt *attempt)
{
	struct sockaddr_storage address;
	socklen_t len = make_address(attempt, &address);
	AEG_AUTO_CLOSE int fd = make_socket(attempt);
	ssize_t result;

	if (fd < 0)
		return errno == EPERM ? REFUSED : NO_SOCKET;
	if (attempt->datagram)
		result = sendto(fd, "x", 1, 0, (struct sockaddr *)&address, len);
	else
		result = connect(fd, (struct sockaddr *)&address, len);
	return result < 0 ? errno : 0;
}

static void __attribute__((noreturn)) serve(int fd)
{
	struct attempt attempt;

	while (recv(fd, &attempt, sizeof(attempt), 0) == sizeof(attempt)) {
		int result = try_attempt(&attempt);

		if (send(fd, &result, sizeof(result), 0) != sizeof(result))
			break;
	}
	_exit(0);
}

/* From outside: the worker must not make a socket before it is where it belongs. */
static int move_into(const char *cgroup, pid_t pid)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/cgroup.procs", cgroup);
	AEG_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || dprintf(fd, "%d", pid) < 0)
		return -errno;
	return 0;
}

int worker_start(const char *cgroup, struct worker *ret)
{
	int ends[2], err;
	pid_t parent = getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	ret->pid = fork();
	if (ret->pid < 0) {
		err = -errno;
		close(ends[0]);
		close(ends[1]);
		return err;
	}
	if (ret->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		/* Nothing else of the parent's: other workers wait for the end of their files. */
		dup2(ends[1], SERVED_FD);
		close_range(SERVED_FD + 1, ~0u, 0);
		serve(SERVED_FD);
	}
	close(ends[1]);
	ret->fd = ends[0];
	err = move_into(cgroup, ret->pid);
	if (err)
		worker_stop(ret);
	return err;
}

int worker_try(const struct worker *worker, const struct attempt *attempt)
{
	int result;

	if (send(worker->fd, attempt, sizeof(*attempt), MSG_NOSIGNAL) != sizeof(*attempt) ||
	    recv(worker->fd, &result, sizeof(result), 0) != sizeof(result))
		return -EPIPE;
	if (result == REFUSED)
		return -EPERM;
	return result == NO_SOCKET ? -EPROTONOSUPPORT : result;
}

void worker_stop(struct worker *worker)
{
	if (worker->pid <= 0)
		return;
	close(worker->fd); /* its end of file */
	waitpid(worker->pid, NULL, 0);
	worker->pid = 0;
}
