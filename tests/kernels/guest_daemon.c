/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Starts the one daemon, as systemd would with Type=notify, and kills it as nobody should. */
#include "tests/kernels/guest.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define READY_MS 160000 /* emulated machines are slow */

static pid_t daemon_pid;

static int notify_socket(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "/run/notify"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	unlink(addr.sun_path);
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
	return fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -1 : fd;
}

/* NULL when the daemon said that it is ready, else what it did instead. */
static const char *await_ready(int notified)
{
	AEG_AUTO_CLOSE int pidfd = pidfd_open(daemon_pid, 0);
	struct pollfd fds[] = {{.fd = notified, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
	char text[512];

	for (;;) {
		ssize_t n;

		if (poll(fds, 2, READY_MS) <= 0)
			return "not in time";
		if (!(fds[0].revents & POLLIN))
			return "it ended; its message is on the console";
		n = recv(notified, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, "READY=1"))
			return NULL;
	}
}

bool guest_daemon_start(const char *phase, const char *config)
{
	AEG_AUTO_CLOSE int notified = notify_socket();

	if (notified < 0)
		return guest_say(phase, "socket of the daemon", strerror(errno));
	daemon_pid = fork();
	if (daemon_pid == 0) {
		execl("/bin/aegressd", "aegressd", "--config", config, NULL);
		_exit(127);
	}
	return guest_say(phase, "the daemon is ready", await_ready(notified));
}

void guest_daemon_kill(void)
{
	kill(daemon_pid, SIGKILL);
	waitpid(daemon_pid, NULL, 0);
}
