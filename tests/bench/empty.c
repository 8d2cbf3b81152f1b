// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Attaches programs that do nothing but say yes to the given hooks of a cgroup: what remains is the
 * price of the hooks themselves, the floor of any enforcement by them. The links live as long as
 * this process, which lives until its standard input ends.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "empty: %s: %s\n", what, strerror(errno));
	exit(1);
}

static enum bpf_attach_type hook_parse(const char *name)
{
	for (int type = 0; libbpf_bpf_attach_type_str((enum bpf_attach_type)type); type++)
		if (strcmp(libbpf_bpf_attach_type_str((enum bpf_attach_type)type), name) == 0)
			return (enum bpf_attach_type)type;
	errno = EINVAL;
	die(name);
}

static enum bpf_prog_type hook_prog_type(enum bpf_attach_type hook)
{
	switch (hook) {
	case BPF_CGROUP_INET_SOCK_CREATE:
	case BPF_CGROUP_INET_SOCK_RELEASE:
		return BPF_PROG_TYPE_CGROUP_SOCK;
	case BPF_CGROUP_SOCK_OPS:
		return BPF_PROG_TYPE_SOCK_OPS;
	case BPF_CGROUP_INET_INGRESS:
	case BPF_CGROUP_INET_EGRESS:
		return BPF_PROG_TYPE_CGROUP_SKB;
	default:
		return BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	}
}

static int program_load(enum bpf_attach_type hook)
{
	static const struct bpf_insn yes[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct bpf_prog_load_opts opts = {.sz = sizeof(opts), .expected_attach_type = hook};
	int fd = bpf_prog_load(hook_prog_type(hook), "bench_empty", "GPL", yes,
			       sizeof(yes) / sizeof(*yes), &opts);

	if (fd < 0)
		die(libbpf_bpf_attach_type_str(hook));
	return fd;
}

static void hook_attach(int cgroup, const char *name)
{
	enum bpf_attach_type hook = hook_parse(name);

	/* The link's descriptor stays open on purpose: it is what keeps the program attached. */
	if (bpf_link_create(program_load(hook), cgroup, hook, NULL) < 0)
		die(name);
}

int main(int argc, char **argv)
{
	int cgroup;
	char end;

	if (argc < 3) {
		fputs("usage: empty CGROUP HOOK…   (as `bpftool cgroup show` names them)\n",
		      stderr);
		return 2;
	}
	cgroup = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup < 0)
		die(argv[1]);
	for (int i = 2; i < argc; i++)
		hook_attach(cgroup, argv[i]);
	puts("attached");
	fflush(stdout);
	while (read(STDIN_FILENO, &end, 1) > 0)
		;
	return 0;
}
