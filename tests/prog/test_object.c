/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What must hold of the BPF object itself, so that it loads on kernels that are not at hand. */
#include "gen/aegress.skel.h"
#include "tests/prog/stage.h"
#include "tests/prog/tests.h"
#include <bpf/bpf.h>
#include <stdio.h>

#define NAME_MAX_LEN (BPF_OBJ_NAME_LEN - 1)
/* Of a million that the verifier accepts: a fifth, and more for programs that parse packets. */
#define VERIFIED_MAX 350000
#define VERIFIED_MAX_PACKETS 650000

/* 5.10 refuses an object with any atomic instruction but addition, even where it is never reached. */
static void check_atomics(const struct bpf_program *prog)
{
	const struct bpf_insn *insns = bpf_program__insns(prog);
	size_t n = bpf_program__insn_cnt(prog);

	for (size_t i = 0; i < n; i++) {
		bool atomic = BPF_CLASS(insns[i].code) == BPF_STX &&
			      BPF_MODE(insns[i].code) == BPF_ATOMIC;

		check_context("%s, instruction %zu", bpf_program__name(prog), i);
		CHECK(!atomic || insns[i].imm == BPF_ADD);
	}
	CHECK(n > 0);
}

static void only_old_atomics(void)
{
	struct aegress *skel = aegress__open();
	struct bpf_program *prog = NULL;

	if (!CHECK(skel))
		return;
	while ((prog = bpf_object__next_program(skel->obj, prog)))
		check_atomics(prog);
	aegress__destroy(skel);
}

/* Longer names are cut by the kernel, and bpftool shows what is left. */
static void short_names(void)
{
	struct aegress *skel = aegress__open();
	struct bpf_program *prog = NULL;
	struct bpf_map *map = NULL;

	if (!CHECK(skel))
		return;
	while ((prog = bpf_object__next_program(skel->obj, prog))) {
		check_context("program %s", bpf_program__name(prog));
		CHECK(strlen(bpf_program__name(prog)) <= NAME_MAX_LEN);
	}
	while ((map = bpf_object__next_map(skel->obj, map))) {
		check_context("map %s", bpf_map__name(map));
		CHECK(strlen(bpf_map__name(map)) <= NAME_MAX_LEN);
	}
	aegress__destroy(skel);
}

static void check_verified(const struct aeg_prog_stat *stat, bool *ret_known)
{
	AEG_AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(stat->id);
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	check_context("%s", stat->name);
	if (!CHECK_EQUAL(bpf_obj_get_info_by_fd(fd, &info, &len), 0) || !info.verified_insns)
		return;
	*ret_known = true;
	printf("# %s: %u instructions verified\n", stat->name, info.verified_insns);
	CHECK(info.verified_insns <
	      (strncmp(stat->name, "skb_", 4) == 0 ? VERIFIED_MAX_PACKETS : VERIFIED_MAX));
}

static void far_from_the_limit(void)
{
	const struct aeg_datapath_config config = stage_config();
	struct aeg_prog_stat stats[16];
	bool known = false;

	if (datapath_start(&config)) {
		size_t n = aeg_datapath_programs(datapath, stats, AEG_ARRAY_SIZE(stats));

		for (size_t i = 0; i < n; i++)
			check_verified(&stats[i], &known);
		if (!known)
			check_skip("the kernel does not tell (5.16)");
	}
	datapath_stop();
}

const struct test object_tests[] = {
	{"object: no atomic instruction that 5.10 does not know", only_old_atomics},
	{"object: names that the kernel does not cut", short_names},
	{"object: far from the verifier's limit", far_from_the_limit},
	{NULL, NULL},
};
