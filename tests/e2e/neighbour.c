/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A CNI's program at the host's end of a veth, which counts frames and lets all of them go on:
 * neighbour IF first|last|clsact. Answers each line of its standard input with its count, and goes when
 * that ends; exit 3: a kernel without tcx. Assembled by hand, so that it needs no compiler where it runs.
 */
#include "base/mem.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

/* Newer than Debian 12's headers: linux/bpf.h of 6.6. */
#define TCX_INGRESS 46
#define BEFORE_OTHERS (1u << 3)
#define AFTER_OTHERS (1u << 4)

#define NEXT (-1) /* TCX_NEXT and TC_ACT_UNSPEC */
#define PRIORITY 7

static int counting_program(int map)
{
	/* NOLINTBEGIN(misc-redundant-expression): parts of an opcode that are zero */
	const struct bpf_insn insns[] = {
		{.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4},
		{.code = BPF_LD | BPF_DW | BPF_IMM,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = map},
		{0}, /* the upper half of the descriptor */
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 2},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1},
		{.code = BPF_STX | BPF_ATOMIC | BPF_DW,
		 .dst_reg = BPF_REG_0,
		 .src_reg = BPF_REG_1,
		 .imm = BPF_ADD},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = NEXT},
		{.code = BPF_JMP | BPF_EXIT},
	};
	/* NOLINTEND(misc-redundant-expression) */
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "neighbour", "GPL", insns,
			       AEG_ARRAY_SIZE(insns), NULL);

	if (fd < 0)
		err(1, "program");
	return fd;
}

static void attach_tcx(int prog, unsigned int ifindex, bool first)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = first ? BEFORE_OTHERS : AFTER_OTHERS);
	/* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): the header is older */
	const enum bpf_attach_type type = TCX_INGRESS;

	if (bpf_link_create(prog, (int)ifindex, type, &opts) < 0)
		err(errno == EINVAL ? 3 : 1, "tcx");
}

static void attach_clsact(int prog, unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog, .handle = 1, .priority = PRIORITY);
	int code = bpf_tc_hook_create(&hook);

	if (code && code != -EEXIST)
		errx(1, "clsact: %d", code);
	if (bpf_tc_attach(&hook, &opts))
		err(1, "filter");
}

static void attach(int prog, const char *name, const char *place)
{
	unsigned int ifindex = if_nametoindex(name);

	if (!ifindex)
		err(1, "%s", name);
	if (aeg_streq(place, "clsact"))
		attach_clsact(prog, ifindex);
	else
		attach_tcx(prog, ifindex, aeg_streq(place, "first"));
}

int main(int argc, char **argv)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "neighbour", sizeof(uint32_t),
				 sizeof(uint64_t), 1, NULL);
	const uint32_t zero = 0;
	uint64_t count = 0;
	char line[16];

	if (argc != 3) {
		fputs("usage: neighbour IF first|last|clsact\n", stderr);
		return 2;
	}
	if (map < 0)
		err(1, "map");
	attach(counting_program(map), argv[1], argv[2]);
	puts("0"); /* it stands */
	fflush(stdout);
	while (read(0, line, sizeof(line)) > 0) {
		if (bpf_map_lookup_elem(map, &zero, &count) < 0)
			err(1, "count");
		printf("%" PRIu64 "\n", count);
		fflush(stdout);
	}
	return 0;
}
