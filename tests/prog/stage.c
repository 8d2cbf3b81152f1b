/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Puts the stage up and takes it down; see stage.h. */
#include "tests/prog/stage.h"
#include "workload/cgroups.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* From linux/ipv6.h, which does not go together with netinet/in.h. */
struct in6_ifreq_uapi {
	struct in6_addr addr;
	uint32_t prefixlen;
	int ifindex;
};

struct stage stage = {.tcp = -1, .udp = -1};
static char home[256]; /* cgroup.procs that the tests came from */
static char mount_dir[64];

const char *const dest_names[DEST_MAX] = {"allowed", "denied", "audited", "free"};
const char *const form_names[FORM_MAX] = {"v4", "v6", "mapped"};

/* Parents first. */
static const char *const cgroups[] = {
	"", "managed", "managed/a", IN_A, "managed/b", IN_B, IN_STRAY, OUTSIDE,
};

/* ---- cgroups ---- */

static void cgroup_path(const char *cgroup, char ret[256])
{
	snprintf(ret, 256, "%s%s%s", stage.cgroup, *cgroup ? "/" : "", cgroup);
}

static void move_to(const char *procs)
{
	AEG_AUTO_CLOSE int fd = open(procs, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		err(1, "%s", procs);
}

void stage_enter(const char *cgroup)
{
	char path[256], procs[300];

	cgroup_path(cgroup, path);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	move_to(procs);
}

void stage_leave(void)
{
	move_to(home);
}

static void stat_cgroup(const char *cgroup, uint64_t *ret_id, uint32_t *ret_level)
{
	char path[256];

	cgroup_path(cgroup, path);
	if (aeg_cgroup_stat(path, ret_id, ret_level))
		errx(1, "%s: no cgroup", path);
}

uint64_t stage_cgroup(const char *cgroup)
{
	uint32_t level;
	uint64_t id;

	stat_cgroup(cgroup, &id, &level);
	return id;
}

uint32_t stage_level(const char *cgroup)
{
	uint32_t level;
	uint64_t id;

	stat_cgroup(cgroup, &id, &level);
	return level;
}

/* Where this process is in cgroup2: the line "0::/path" of /proc/self/cgroup. */
static void find_home(const char *mount)
{
	char line[200];
	FILE *file = fopen("/proc/self/cgroup", "re");

	if (!file)
		err(1, "/proc/self/cgroup");
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0)
			snprintf(home, sizeof(home), "%s%s/cgroup.procs", mount, line + 3);
	}
	fclose(file);
}

static void make_cgroups(void)
{
	AEG_AUTO_FREE char *mount = NULL;

	if (aeg_cgroup2_mount(&mount))
		errx(1, "cgroup2 is not mounted");
	find_home(mount);
	snprintf(stage.cgroup, sizeof(stage.cgroup), "%s/aegress-prog-%d", mount, (int)getpid());
	for (size_t i = 0; i < AEG_ARRAY_SIZE(cgroups); i++) {
		char path[256];

		cgroup_path(cgroups[i], path);
		if (mkdir(path, 0755) < 0)
			err(1, "%s", path);
	}
}

static void remove_cgroups(void)
{
	for (size_t i = AEG_ARRAY_SIZE(cgroups); i > 0; i--) {
		char path[256];

		cgroup_path(cgroups[i - 1], path);
		if (rmdir(path) < 0 && errno != ENOENT)
			warn("%s", path);
	}
}

/* ---- namespaces ---- */

static void lift_loopback(void)
{
	AEG_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		err(1, "lo");
}

static void add_addresses(void)
{
	AEG_AUTO_CLOSE int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (int dest = 0; dest < DEST_MAX; dest++) {
		struct in6_ifreq_uapi request = {.prefixlen = 128, .ifindex = 1};

		stage_key((enum dest)dest, FORM_V6, request.addr.s6_addr);
		if (fd < 0 || ioctl(fd, SIOCSIFADDR, &request) < 0)
			err(1, "address on lo");
	}
}

/* A dual-stack socket on every address. */
static int serve(int type, uint16_t port)
{
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0), off = 0;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		err(1, "server on port %d", port);
	if (type == SOCK_STREAM && listen(fd, 1024) < 0)
		err(1, "listen");
	return fd;
}

static void enter_namespaces(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
		err(1, "unshare");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", mount_dir, "bpf", 0, NULL) < 0)
		err(1, "mounting a bpffs on %s", mount_dir);
	snprintf(stage.pin_dir, sizeof(stage.pin_dir), "%s/aegress", mount_dir);
	lift_loopback();
	add_addresses();
	stage.tcp = serve(SOCK_STREAM, TCP_PORT);
	stage.udp = serve(SOCK_DGRAM, UDP_PORT);
}

/* ---- the whole ---- */

static volatile sig_atomic_t child;

static void on_signal(int signo)
{
	kill((pid_t)child, SIGKILL);
}

static pid_t start(int (*fn)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return pid;
	/* With the child go its mount namespace, the bpffs, the pins and the links. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter_namespaces();
	exit(fn());
}

int stage_run(int (*fn)(void))
{
	int status = 0;

	strcpy(mount_dir, "/tmp/aegress-prog-XXXXXX");
	if (!mkdtemp(mount_dir))
		err(1, "%s", mount_dir);
	make_cgroups();
	fflush(stdout);
	child = start(fn);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	while (waitpid((pid_t)child, &status, 0) < 0 && errno == EINTR)
		;
	remove_cgroups();
	rmdir(mount_dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* ---- addresses and sockets ---- */

/* 127.0.1.1 and up, fd00::1:1 and up, 198.0.1.1 and up. */
void stage_key(enum dest dest, enum form form, uint8_t ret[16])
{
	static const uint8_t v4[16] = {[10] = 0xff, 0xff, 127, 0, 1, 1};
	static const uint8_t v6[16] = {0xfd, [13] = 1, [15] = 1};

	memcpy(ret, form == FORM_V6 ? v6 : v4, 16);
	ret[15] = (uint8_t)(ret[15] + dest);
	if (form == FORM_FAR)
		ret[12] = 198;
}

socklen_t stage_addr(enum dest dest, enum form form, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	uint8_t key[16];

	memset(ret, 0, sizeof(*ret));
	stage_key(dest, form, key);
	if (form == FORM_V4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, key + 12, sizeof(in->sin_addr));
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, key, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

int stage_socket(enum form form, int type)
{
	int fd = socket(form == FORM_V4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

int stage_accept(void)
{
	int fd = accept4(stage.tcp, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		err(1, "accept");
	return fd;
}

int stage_listen(uint16_t *ret_port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 0) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		err(1, "listening");
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

int stage_connect(int fd, enum dest dest, enum form form, uint16_t port)
{
	struct sockaddr_storage addr;
	socklen_t len = stage_addr(dest, form, port, &addr);

	return connect(fd, (struct sockaddr *)&addr, len) < 0 ? errno : 0;
}

int stage_send(int fd, enum dest dest, enum form form, uint16_t port)
{
	struct sockaddr_storage addr;
	socklen_t len = stage_addr(dest, form, port, &addr);

	return sendto(fd, "x", 1, 0, (struct sockaddr *)&addr, len) < 0 ? errno : 0;
}
