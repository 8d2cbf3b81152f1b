/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The machine around the checks: file systems, ports, modules, cgroups, addresses, servers, power. */
#include "tests/kernels/guest.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>

#define PODS GUEST_CGROUPS "/kubepods.slice"

static FILE *results;

/* ---- saying ------------------------------------------------------------------------------------ */

void guest_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(results, format, args);
	va_end(args);
}

bool guest_say(const char *phase, const char *name, const char *why)
{
	if (why)
		guest_note("FAIL %s: %s: %s\n", phase, name, why);
	else
		guest_note("ok %s: %s\n", phase, name);
	return !why;
}

bool guest_equal(const char *phase, const char *name, uint64_t got, uint64_t want)
{
	AEG_AUTO_FREE char *why = NULL;

	if (got != want)
		why = aeg_xasprintf("%llu, must be %llu", (unsigned long long)got,
				    (unsigned long long)want);
	return guest_say(phase, name, why);
}

bool guest_run(const char *phase, const char *name, const char *command)
{
	AEG_AUTO_FREE char *why = NULL;
	int status = system(command);

	if (status)
		why = aeg_xasprintf("'%s' failed, wait status %#x", command, (unsigned int)status);
	return guest_say(phase, name, why);
}

/* ---- boot -------------------------------------------------------------------------------------- */

static const struct {
	const char *type, *target;
} mounts[] = {
	{"devtmpfs", "/dev"},	    {"proc", "/proc"},	    {"sysfs", "/sys"},
	{"cgroup2", GUEST_CGROUPS}, {"bpf", "/sys/fs/bpf"}, {"tmpfs", "/run"},
};

static bool mount_all(void)
{
	for (size_t i = 0; i < AEG_ARRAY_SIZE(mounts); i++) {
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type, 0, NULL) < 0)
			return false;
	}
	return true;
}

/* What programs print goes to the console, what we say does not. */
static bool open_ports(void)
{
	struct termios raw;

	if (!freopen("/dev/ttyS0", "w", stdout) || !freopen("/dev/ttyS0", "w", stderr))
		return false;
	results = fopen(GUEST_RESULTS, "we");
	if (!results || tcgetattr(fileno(results), &raw) < 0)
		return false;
	cfmakeraw(&raw);
	tcsetattr(fileno(results), TCSANOW, &raw);
	setvbuf(results, NULL, _IOLBF, 0);
	return true;
}

bool guest_boot(void)
{
	return mount_all() && open_ports();
}

void guest_power_off(void)
{
	if (results)
		tcdrain(fileno(results));
	reboot(RB_POWER_OFF);
}

/* ---- set-up ------------------------------------------------------------------------------------ */

static const char *const cgroups[] = {
	PODS,
	PODS "/kubepods-podchat.slice",
	PODS "/kubepods-podchat.slice/c1",
	PODS "/kubepods-podnames.slice",
	PODS "/kubepods-podwatch.slice",
	PODS "/kubepods-podstranger.slice",
	GUEST_CGROUPS "/system.slice",
};

static bool insert_module(const char *name)
{
	AEG_AUTO_FREE char *path = aeg_xasprintf("/modules/%s", name);
	AEG_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
		return guest_say("machine", name, strerror(errno));
	return true;
}

/* Their names begin with their place in the order of loading. */
static bool insert_modules(void)
{
	struct dirent **files = NULL;
	int n = scandir("/modules", &files, NULL, alphasort);
	bool good = n > 0;

	for (int i = 0; i < n; i++) {
		if (files[i]->d_name[0] != '.')
			good = insert_module(files[i]->d_name) && good;
		free(files[i]);
	}
	free(files);
	return good;
}

bool guest_set_up(void)
{
	setenv("PATH", "/bin", 1);
	if (!insert_modules())
		return false;
	for (size_t i = 0; i < AEG_ARRAY_SIZE(cgroups); i++) {
		if (mkdir(cgroups[i], 0755) < 0)
			return guest_say("machine", cgroups[i], strerror(errno));
	}
	/* With its path: busybox's shell prefers its own, poorer ip. */
	return guest_run("machine", "addresses", "/bin/ip -batch /etc/network");
}

/* ---- servers ----------------------------------------------------------------------------------- */

/* On :: a socket serves IPv4 as well. */
static int bind_any(int type)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(GUEST_PORT)};
	int fd = socket(AF_INET6, type, 0);

	return fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ? -1 : fd;
}

static void echo(int fd)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0 && write(fd, bytes, (size_t)n) == n)
		;
	close(fd);
}

/* A connection each: one that its client gave up without a word would hold up the others. */
static void serve_tcp(int listener)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fork() == 0) {
			echo(fd);
			_exit(0);
		}
		close(fd);
	}
}

bool guest_serve(void)
{
	int tcp = bind_any(SOCK_STREAM), udp = bind_any(SOCK_DGRAM);

	if (tcp < 0 || udp < 0 || listen(tcp, 128) < 0)
		return guest_say("machine", "servers", strerror(errno));
	if (fork() == 0)
		serve_tcp(tcp);
	close(tcp);
	close(udp);
	return true;
}
