// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Scratch under fire: sockets of a cgroup talk to each other over loopback while programs at both
 * hooks hold scratch for long. The control takes the CPU's first slot without claiming it and must be
 * disturbed, or nothing was tested. Needs root and cgroup2.
 * Usage: claims OBJECT [RUNS]
 */
#include "tests/parsers/claims.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 3
#define SCRATCH_CPU 4
#define PATIENCE 60 /* s for one measurement */

static volatile struct claims *claims;
static char directory[512];

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(bool holds, const char *what)
{
	if (!holds)
		fail(what);
}

/* ---- traffic ---- */

static int connected(int *ret_other)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	socklen_t len = sizeof(addr);

	if (listener < 0 || client < 0)
		fail("socket");
	must(bind(listener, (struct sockaddr *)&addr, len) == 0, "bind");
	must(listen(listener, 1) == 0, "listen");
	must(getsockname(listener, (struct sockaddr *)&addr, &len) == 0, "getsockname");
	must(connect(client, (struct sockaddr *)&addr, len) == 0, "connect");
	*ret_other = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (*ret_other < 0)
		fail("accept");
	must(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0, "nodelay");
	return client;
}

static _Noreturn void talk(void)
{
	static char bytes[4096];
	unsigned int n = 0;
	int other, client = connected(&other);

	if (fork() == 0) {
		while (recv(other, bytes, sizeof(bytes), 0) > 0)
			if (++n % 3 == 0)
				send(other, bytes, 100, MSG_DONTWAIT);
		_exit(0);
	}
	while (send(client, bytes, 1 + (n = n * 31 + 7) % 4000, 0) > 0)
		while (recv(client, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
	_exit(0);
}

/* A process group in the cgroup that talks until it is killed. */
static pid_t traffic_start(void)
{
	pid_t leader = fork();
	char path[sizeof(directory) + 16];
	int file;

	must(leader >= 0, "fork");
	if (leader) {
		setpgid(leader, leader); /* whoever of the two comes first */
		return leader;
	}
	setpgid(0, 0);
	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	file = open(path, O_WRONLY | O_CLOEXEC);
	must(file >= 0 && write(file, "0", 1) == 1, path);
	close(file);
	for (int i = 1; i < PAIRS; i++)
		if (fork() == 0)
			talk();
	talk();
}

static void traffic_stop(pid_t leader)
{
	must(kill(-leader, SIGKILL) == 0, "kill");
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* ---- measuring ---- */

/* Until `enough` runs, or a disturbed one where that is what is looked for. */
static void measure(bool claim, unsigned long long enough)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	time_t end = time(NULL) + PATIENCE;
	pid_t leader;

	claims->claim = claim;
	claims->runs = claims->corrupted = claims->refused = 0;
	leader = traffic_start();
	while (claims->runs < enough && (claim || !claims->corrupted) && time(NULL) < end)
		nanosleep(&pause, NULL);
	traffic_stop(leader);
	printf("%s: %llu runs, %llu disturbed, %llu found no slot\n", claim ? "claimed" : "control",
	       (unsigned long long)claims->runs, (unsigned long long)claims->corrupted,
	       (unsigned long long)claims->refused);
}

/* ---- */

static void directory_make(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *mount;

	must(mounts != NULL, "mounts");
	while ((mount = getmntent(mounts)) != NULL)
		if (strcmp(mount->mnt_type, "cgroup2") == 0)
			break;
	must(mount != NULL, "cgroup2");
	snprintf(directory, sizeof(directory), "%s/aegress-claims-%d", mount->mnt_dir, getpid());
	endmntent(mounts);
	must(mkdir(directory, 0755) == 0, directory);
}

/* The last killed process leaves the cgroup a little after it was waited for. */
static void directory_remove(void)
{
	const struct timespec pause = {.tv_nsec = 10000000};

	for (int i = 0; i < 500 && rmdir(directory) && errno == EBUSY; i++)
		nanosleep(&pause, NULL);
}

static void attach(struct bpf_object *object)
{
	int cgroup = open(directory, O_RDONLY | O_CLOEXEC);
	struct bpf_program *program;

	must(cgroup >= 0, directory);
	bpf_object__for_each_program(program, object) must(
		bpf_prog_attach(bpf_program__fd(program), cgroup,
				bpf_program__expected_attach_type(program), BPF_F_ALLOW_MULTI) == 0,
		"attach");
	close(cgroup);
}

static struct bpf_object *load(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	void *memory;

	must(object != NULL, path);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "scratches"),
				 (__u32)libbpf_num_possible_cpus() * SCRATCH_CPU);
	must(bpf_object__load(object) == 0, "load");
	memory = mmap(NULL, sizeof(*claims), PROT_READ | PROT_WRITE, MAP_SHARED,
		      bpf_object__find_map_fd_by_name(object, "claims"), 0);
	must(memory != MAP_FAILED, "mmap");
	claims = memory;
	return object;
}

int main(int argc, char **argv)
{
	unsigned long long runs = argc > 2 ? strtoull(argv[2], NULL, 0) : 200000;
	struct bpf_object *object;
	bool disturbed, failed;

	must(argc > 1, "usage: claims OBJECT [RUNS]");
	setvbuf(stdout, NULL, _IOLBF, 0);
	object = load(argv[1]);
	directory_make();
	attach(object);
	measure(false, 5 * runs);
	disturbed = claims->corrupted > 0;
	measure(true, runs);
	failed = claims->corrupted || claims->runs == 0;
	directory_remove();
	bpf_object__close(object);
	if (!disturbed)
		printf("skip: no run was interrupted on this machine\n");
	printf("%d passed, %d failed, %d skipped\n", !failed && disturbed, failed,
	       !failed && !disturbed);
	return failed;
}
