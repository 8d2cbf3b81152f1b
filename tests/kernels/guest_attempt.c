/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One socket's attempt from inside a cgroup, and whether it ended as it must. */
#include "tests/kernels/guest.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ATTEMPT_S 10

int guest_enter(const char *cgroup)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf(GUEST_CGROUPS "/%s/cgroup.procs", cgroup);
	AEG_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0", 1) != 1 ? -1 : 0;
}

static socklen_t address(const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(GUEST_PORT);
		return sizeof(*v6);
	}
	inet_pton(AF_INET, text, &v4->sin_addr);
	v4->sin_family = AF_INET;
	v4->sin_port = htons(GUEST_PORT);
	return sizeof(*v4);
}

static int send_and_read(int fd)
{
	char bytes[GUEST_TALK_BYTES] = {0};

	if (send(fd, bytes, sizeof(bytes), 0) != GUEST_TALK_BYTES)
		return -1;
	return recv(fd, bytes, sizeof(bytes), MSG_WAITALL) == GUEST_TALK_BYTES ? 0 : -1;
}

/* Returns 0 or the errno. */
int guest_act_here(const struct guest_attempt *attempt)
{
	struct sockaddr_storage addr = {0};
	socklen_t len = address(attempt->addr, &addr);
	AEG_AUTO_CLOSE int fd = socket(addr.ss_family, attempt->type, 0);
	ssize_t done;

	if (fd < 0)
		return errno;
	if (attempt->action == GUEST_SENDTO)
		done = sendto(fd, "ping", 4, 0, (struct sockaddr *)&addr, len);
	else
		done = connect(fd, (struct sockaddr *)&addr, len);
	if (done >= 0 && attempt->action == GUEST_TALK)
		done = send_and_read(fd);
	return done < 0 ? errno : 0;
}

int guest_in(const char *cgroup, int (*fn)(const void *arg), const void *arg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(ATTEMPT_S);
		if (guest_enter(cgroup) < 0)
			abort();
		_exit(fn(arg));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int act(const void *arg)
{
	return guest_act_here(arg);
}

int guest_act(const struct guest_attempt *attempt)
{
	return guest_in(attempt->cgroup, act, attempt);
}

bool guest_attempt(const char *phase, const struct guest_attempt *attempt, int denied)
{
	uint32_t index = aeg_total_index(attempt->verdict, attempt->reason, attempt->hook);
	int want = attempt->verdict == AEG_VERDICT_DENIED ? denied : 0;
	uint64_t counted = attempt->verdict == AEG_VERDICT_NONE ? 0 : 1;
	uint64_t before = guest_element("totals", index);
	AEG_AUTO_FREE char *why = NULL;
	int got = guest_act(attempt);
	uint64_t after = guest_element("totals", index);

	if (got != want)
		why = aeg_xasprintf("errno %d, must be %d", got, want);
	else if (after - before != counted)
		why = aeg_xasprintf("its counter went from %llu to %llu",
				    (unsigned long long)before, (unsigned long long)after);
	return guest_say(phase, attempt->name, why);
}
